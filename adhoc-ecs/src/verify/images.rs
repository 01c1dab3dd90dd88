use std::collections::BTreeMap;

use adhoc_core::{Error, ImageReference, Outcome, RegistryImage};

use super::definitions::Family;
use super::{Finding, in_order};
use crate::account::Account;
use crate::usage::architecture;

/// Every image is in its registry, for the architecture that the tasks want. Each is asked for once.
pub(super) async fn images(account: &Account, families: &[Family]) -> Vec<Finding> {
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for family in families {
        let wants = architecture(&family.definition).unwrap_or("X86_64");
        for image in &family.images {
            let architectures = wanted.entry(image).or_default();
            if !architectures.contains(&wants) {
                architectures.push(wants);
            }
        }
    }
    in_order(wanted.into_iter().map(|(image, wants)| image_of(account, image, wants))).await
}

async fn image_of(account: &Account, image: &str, wants: Vec<&str>) -> Finding {
    let reference: ImageReference = match image.parse() {
        Ok(reference) => reference,
        Err(error) => return Finding::failed("image", image, Outcome::Usage, error.to_string()),
    };
    let subject = short(&reference);
    if !account.images.serves(&reference) {
        let registry = reference.registry().unwrap_or("docker.io");
        return Finding::skipped("image", image, format!("{registry} is no registry of ECR"));
    }
    match account.images.describe(&reference).await {
        Ok(found) => judge(subject, &found, &wants),
        Err(Error::NotFound(detail)) => {
            // ECR tells a missing repository from a missing image.
            let hint = "push it, or name another one with `--tag` or `--image`";
            Finding::failed("image", subject, Outcome::NotFound, detail.reason.clone()).with_hint(hint)
        }
        Err(error) => Finding::of_error("image", subject, "ecr", &error),
    }
}

fn judge(subject: String, found: &RegistryImage, wants: &[&str]) -> Finding {
    let has = &found.architectures;
    match wants.iter().find(|wanted| !has.is_empty() && !has.iter().any(|one| one == *wanted)) {
        Some(wanted) => {
            let reason = format!("is for {}, but the tasks run on {wanted}", has.join(" and "));
            Finding::failed("image", subject, Outcome::TaskNotStarted, reason)
                .with_hint(format!("build it for {wanted}, or set `cpu_architecture` of the environment"))
        }
        None => Finding::ok("image", subject, digest(&found.digest)),
    }
}

/// The image without its registry.
fn short(image: &ImageReference) -> String {
    let text = image.to_string();
    let prefix = image.registry().map(|registry| format!("{registry}/")).unwrap_or_default();
    text.strip_prefix(&prefix).unwrap_or(&text).to_owned()
}

/// A digest in as many digits as tell images apart.
fn digest(digest: &str) -> String {
    digest.get(..19).unwrap_or(digest).to_owned()
}
