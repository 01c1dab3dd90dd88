use adhoc_core::{EnvironmentTags, ImageChange, ImageReference, Result, Service};
use adhoc_ecs::{UpdateReport, UpdateRequest};

use super::Place;
use crate::args::CreateArgs;
use crate::reporters::ComponentReport;

/// What a component of an environment that is made runs afterwards.
pub(super) struct Release {
    pub(super) component: String,
    /// The image to deploy; none if there is no release yet.
    pub(super) image: Option<ImageChange>,
    pub(super) version: Option<String>,
}

impl Release {
    pub(super) fn report(&self) -> ComponentReport {
        ComponentReport { component: self.component.clone(), version: self.version.clone() }
    }
}

/// The releases of all components: those that were asked for, else what runs already, else what the infrastructure names.
pub(super) async fn choose(place: &Place<'_>, args: &CreateArgs) -> Result<Vec<Release>> {
    let conventions = &place.environment.conventions;
    for asked in args.tag.iter().filter_map(|release| release.component.as_ref()) {
        conventions.component(asked)?;
    }
    let mut releases = Vec::new();
    for (name, component) in &conventions.components {
        let names: Vec<_> = component.services.iter().map(|role| place.environment.service(role)).collect();
        let services = match names.is_empty() {
            true => Vec::new(),
            false => place.ecs().services.describe(&place.environment.cluster(), &names).await?,
        };
        let asked = args.tag.iter().rev().find(|release| release.component.as_ref().is_none_or(|asked| asked == name));
        let role = component.services.first();
        let running = match role.and_then(|role| services.iter().find(|it| it.name == place.environment.service(role)))
        {
            Some(service) => image_of(place, service, role.map(String::as_str).unwrap_or_default()).await?,
            None => None,
        };
        let image = match (asked, running) {
            (Some(asked), _) => Some(ImageChange::Tag(asked.tag.clone())),
            (None, Some(image)) if !is_placeholder(place, &image) => Some(ImageChange::Reference(image)),
            _ => None,
        };
        let version = image.as_ref().and_then(version);
        releases.push(Release { component: name.clone(), image, version });
    }
    Ok(releases)
}

/// The image of the revision that a service is told to run.
async fn image_of(place: &Place<'_>, service: &Service, role: &str) -> Result<Option<ImageReference>> {
    let definition = place.ecs().task_definitions.describe(service.task_definition.as_str()).await?;
    Ok(definition.image(&place.environment.container(role)).and_then(|image| image.parse().ok()))
}

fn is_placeholder(place: &Place<'_>, image: &ImageReference) -> bool {
    image.digest().is_none() && image.tag() == Some(place.environment.conventions.placeholder_tag.as_str())
}

fn version(image: &ImageChange) -> Option<String> {
    match image {
        ImageChange::Tag(tag) => Some(tag.to_string()),
        ImageChange::Reference(image) => EnvironmentTags::version(image),
        _ => None,
    }
}

/// Deploys one release, as `adhoc update` does.
pub(super) async fn deploy(place: &Place<'_>, args: &CreateArgs, component: &str, image: ImageChange) -> UpdateReport {
    let request = UpdateRequest::new(place.environment.clone(), component, image).with_timeout(args.timeout);
    adhoc_ecs::update(place.site.cx, place.ecs(), &request).await
}
