//! ECR: repositories and the images in them.

use crate::{
    error::ApiError,
    json::{Members, listing, page},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a request sees of the registry.
pub(crate) struct Registry<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    /// Tags by repository, where the scenario lists them.
    pub(crate) images: &'a BTreeMap<String, Vec<String>>,
}

/// The digest that an image reference comes to.
pub(crate) fn digest_of(image: &str) -> String {
    if let Some((_, digest)) = image.split_once('@') {
        return digest.to_owned();
    }
    let name_at = image.rfind('/').map_or(0, |slash| slash + 1);
    let (path, tag) = match image[name_at..].find(':') {
        Some(colon) => (&image[..name_at + colon], &image[name_at + colon + 1..]),
        None => (image, "latest"),
    };
    // A first segment with a dot or a port is the registry.
    let repository = match path.split_once('/') {
        Some((registry, rest)) if registry.contains(['.', ':']) => rest,
        _ => path,
    };
    digest(repository, tag)
}

/// A digest that belongs to a tag, and only to it.
fn digest(repository: &str, tag: &str) -> String {
    let text = format!("{repository}:{tag}");
    let part = |seed: u64| {
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    format!("sha256:{:016x}{:016x}{:016x}{:016x}", part(1), part(2), part(3), part(4))
}

impl Registry<'_> {
    pub(crate) fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "DescribeRepositories" => self.repositories(input),
            "DescribeImages" => self.images(input),
            _ => Err(ApiError::unknown_operation()),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = ["backend", "frontend"].map(str::to_owned).to_vec();
        names.extend(self.images.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        names
    }

    fn known(&self, name: &str) -> Result<(), ApiError> {
        if self.names().iter().any(|known| known == name) {
            return Ok(());
        }
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{}'", self.account);
        Err(ApiError::new("RepositoryNotFoundException", message))
    }

    fn repositories(&self, input: &Value) -> Result<Value, ApiError> {
        let asked = input.texts("repositoryNames");
        asked.iter().try_for_each(|name| self.known(name))?;
        let names = if asked.is_empty() { self.names() } else { asked };
        let repository = |name: &String| {
            json!({
                "repositoryArn": format!("arn:aws:ecr:{}:{}:repository/{name}", self.region, self.account),
                "registryId": self.account,
                "repositoryName": name,
                "repositoryUri": format!("{}.dkr.ecr.{}.amazonaws.com/{name}", self.account, self.region),
                "createdAt": 0.0,
                "imageTagMutability": "IMMUTABLE",
                "imageScanningConfiguration": {"scanOnPush": true},
            })
        };
        let all: Vec<Value> = names.iter().map(repository).collect();
        let (items, next) = page(&all, input, 100)?;
        Ok(listing("repositories", items, next))
    }

    fn images(&self, input: &Value) -> Result<Value, ApiError> {
        let repository = input.text("repositoryName").unwrap_or_default();
        self.known(repository)?;
        let listed = self.images.get(repository);
        let asked = input.list("imageIds");
        let mut tags = Vec::new();
        for id in asked {
            let known = listed.map_or(&[][..], Vec::as_slice);
            let by_digest =
                || known.iter().find(|tag| id.text("imageDigest") == Some(&digest(repository, tag))).cloned();
            let tag = id.text("imageTag").map(str::to_owned).or_else(by_digest);
            match tag.filter(|tag| listed.is_none_or(|tags| tags.contains(tag))) {
                Some(tag) => tags.push(tag),
                None => {
                    let message = format!(
                        "The image with imageId {id} does not exist within the repository with name '{repository}' in \
                         the registry with id '{}'",
                        self.account
                    );
                    return Err(ApiError::new("ImageNotFoundException", message));
                }
            }
        }
        if asked.is_empty() {
            tags = listed.cloned().unwrap_or_default();
        }
        let image = |tag: &String| {
            json!({
                "registryId": self.account,
                "repositoryName": repository,
                "imageDigest": digest(repository, tag),
                "imageTags": [tag],
                "imageSizeInBytes": 104_857_600,
                "imagePushedAt": 0.0,
                "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
            })
        };
        let all: Vec<Value> = tags.iter().map(image).collect();
        let (items, next) = page(&all, input, 100)?;
        Ok(listing("imageDetails", items, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_digest_that_the_registry_tells() {
        let of = |image| digest_of(image);
        assert_eq!(of("1.dkr.ecr.r.amazonaws.com/team/backend:v1"), digest("team/backend", "v1"));
        assert_eq!(of("localhost:5000/backend"), digest("backend", "latest"));
        assert_eq!(of("redis:7"), digest("redis", "7"));
        assert_eq!(of("backend:v1@sha256:abc"), "sha256:abc");
        assert_ne!(of("backend:v1"), of("backend:v2"));
    }
}
