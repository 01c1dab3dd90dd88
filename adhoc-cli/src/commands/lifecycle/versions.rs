//! The version of each component, in the tags of the cluster.

use std::collections::BTreeSet;

use adhoc_core::{EnvironmentName, EnvironmentTags, ImageReference, Outcome, Result, Summary, TagKey, Tags};

use super::Session;

/// Notes which version of a component an environment has now, after a command that succeeded. That it cannot be noted is no
/// reason to fail, since the images tell as well.
pub(in crate::commands) async fn note_versions(
    session: &Session,
    environment: &EnvironmentName,
    component: &str,
    summary: &Summary,
) {
    if summary.outcome != Outcome::Succeeded || summary.services.is_empty() {
        return;
    }
    if let Err(error) = note(session, environment, component, summary).await {
        let key = TagKey::of_component(component);
        session.cx.hint(format!("the tag {key} could not be written: {}", error.chain().join(": ")));
    }
}

async fn note(session: &Session, environment: &EnvironmentName, component: &str, summary: &Summary) -> Result<()> {
    let cluster = session.config.conventions.cluster(environment);
    let known = session.clusters.describe(&cluster).await?.tags;
    let key = TagKey::of_component(component);
    match version(summary) {
        Some(version) if known.get(&key) == Some(&version) => Ok(()),
        Some(version) => session.clusters.tag(&cluster, &Tags::from([(key, version)])).await,
        // Several at once, as after going back to revisions of different releases: let the images tell.
        None if known.contains_key(&key) => session.clusters.untag(&cluster, &[key]).await,
        None => Ok(()),
    }
}

/// The one version that all revisions in use have.
fn version(summary: &Summary) -> Option<String> {
    let images = summary.task_definitions.iter().map(|used| used.image.parse::<ImageReference>().ok());
    let versions: BTreeSet<Option<String>> =
        images.map(|image| image.as_ref().and_then(EnvironmentTags::version)).collect();
    let [version] = versions.into_iter().collect::<Vec<_>>().try_into().ok()?;
    version.map(|version: String| TagKey::value(&version))
}
