use adhoc_core::{Error, ImageReference, Images, RegistryImage, Result, async_trait};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_types::SdkConfig;
use serde_json::Value;

use super::in_region;
use crate::aws::error::from_sdk;

/// The two forms of a list of images, one for each platform.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// Images in private registries of ECR, in any region and account that may be read.
#[derive(Clone)]
pub struct AwsImages {
    config: SdkConfig,
}

/// A repository, as the name of an image in ECR says.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    account: &'a str,
    region: &'a str,
    repository: &'a str,
}

impl AwsImages {
    /// With the credentials and endpoint of `config`; each image names its region.
    #[must_use]
    pub fn on_aws(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    async fn architectures(&self, client: &Client, place: &Place<'_>, digest: &str) -> Result<Vec<String>> {
        let request = client.batch_get_image().registry_id(place.account).repository_name(place.repository);
        let request = request.image_ids(ImageIdentifier::builder().image_digest(digest).build());
        let reply = INDEXES.iter().fold(request, |request, index| request.accepted_media_types(*index)).send().await;
        let reply = reply.map_err(|error| from_sdk("BatchGetImage", place.repository, &error))?;
        let manifest = reply.images().first().and_then(|image| image.image_manifest());
        Ok(manifest.map(platforms).unwrap_or_default())
    }
}

/// Where an image is, if it is in ECR. See
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>.
fn place(image: &ImageReference) -> Option<Place<'_>> {
    let registry = image.registry()?;
    let parts: Vec<&str> = registry.split('.').collect();
    let (account, region) = match parts.as_slice() {
        [account, "dkr", "ecr" | "ecr-fips", region, "amazonaws", ..] => (*account, *region),
        [account, "dkr-ecr" | "dkr-ecr-fips", region, "on", ..] => (*account, *region),
        _ => return None,
    };
    let repository = image.repository().strip_prefix(registry)?.strip_prefix('/')?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then_some(Place { account, region, repository })
}

/// The architectures of an index, as ECS calls them. What is no image, such as an attestation, has `unknown`.
fn platforms(manifest: &str) -> Vec<String> {
    let Ok(index) = serde_json::from_str::<Value>(manifest) else { return Vec::new() };
    let manifests = index.get("manifests").and_then(Value::as_array).into_iter().flatten();
    let architectures = manifests.filter_map(|one| one.get("platform")?.get("architecture")?.as_str());
    let mut names: Vec<String> = architectures
        .filter(|architecture| *architecture != "unknown")
        .map(|architecture| match architecture {
            "amd64" => "X86_64".to_owned(),
            "arm64" => "ARM64".to_owned(),
            other => other.to_owned(),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[async_trait]
impl Images for AwsImages {
    fn serves(&self, image: &ImageReference) -> bool {
        place(image).is_some()
    }

    async fn describe(&self, image: &ImageReference) -> Result<RegistryImage> {
        let place = place(image)
            .ok_or_else(|| Error::invalid("DescribeImages", image.to_string(), "is in no private registry of ECR"))?;
        let client = Client::new(&in_region(&self.config, Some(place.region)));
        let id = match image.digest() {
            Some(digest) => ImageIdentifier::builder().image_digest(digest),
            None => ImageIdentifier::builder().image_tag(image.tag().unwrap_or("latest")),
        };
        let request = client.describe_images().registry_id(place.account).repository_name(place.repository);
        let reply = request.image_ids(id.build()).send().await;
        let reply = reply.map_err(|error| from_sdk("DescribeImages", &image.to_string(), &error))?;
        let found = reply.image_details().first();
        let found = found.ok_or_else(|| Error::not_found("DescribeImages", image.to_string(), "is not there"))?;
        let digest = found.image_digest().unwrap_or_default();
        let is_index = found.image_manifest_media_type().is_some_and(|kind| INDEXES.contains(&kind));
        let architectures = match is_index {
            // That the image is there is what counts; its platforms are worth one try.
            true => self.architectures(&client, &place, digest).await.unwrap_or_default(),
            false => Vec::new(),
        };
        Ok(RegistryImage::new(digest).with_architectures(architectures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_says_where_it_is() {
        let of = |text: &str| {
            let image: ImageReference = text.parse().expect(text);
            place(&image).map(|it| format!("{} {} {}", it.account, it.region, it.repository))
        };
        let expected = Some("123456789012 eu-west-1 team/backend".to_owned());
        assert_eq!(of("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/backend:v1"), expected);
        assert_eq!(of("123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com/team/backend"), expected);
        assert_eq!(of("123456789012.dkr-ecr.eu-west-1.on.aws/team/backend:v1"), expected);
        for other in ["redis:7", "public.ecr.aws/docker/library/redis:7", "ghcr.io/a/b", "1.dkr.ecr.x.amazonaws.com/b"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn platforms_are_named_as_ecs_does() {
        let index = r#"{"manifests": [{"platform": {"architecture": "arm64", "os": "linux"}},
            {"platform": {"architecture": "amd64", "os": "linux"}}, {"platform": {"architecture": "unknown"}}, {}]}"#;
        assert_eq!(platforms(index), ["ARM64", "X86_64"]);
        assert!(platforms("not JSON").is_empty());
    }
}
