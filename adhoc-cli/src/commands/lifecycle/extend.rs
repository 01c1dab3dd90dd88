use std::time::Duration;

use adhoc_core::{
    Cluster, EnvironmentName, EnvironmentTags, Error, Result, Summary, TagKey, Tags, Unfinished, extended_until,
    roughly,
};

use super::{Session, ensure_not_shared, summary};
use crate::args::ExtendArgs;
use crate::reporters::Extension;

/// How long an environment lives on where neither the command nor the configuration says.
const DEFAULT_TTL: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// `adhoc extend`.
pub(in crate::commands) async fn extend(args: &ExtendArgs, session: &Session) -> Summary {
    let extended = session.cx.step("extend", change(args, session)).await;
    summary("extend", extended).with_environment(args.environment.as_str())
}

async fn change(args: &ExtendArgs, session: &Session) -> Result<Extension> {
    let environment = &args.environment;
    ensure_not_shared(session, environment)?;
    let cluster = session.clusters.describe(&session.config.conventions.cluster(environment)).await;
    let cluster = cluster.map_err(|error| missing(environment, error))?;
    ensure_ours(environment, &cluster)?;
    let tags = EnvironmentTags::read(&cluster.tags);
    if tags.unfinished == Some(Unfinished::Destroy) {
        session.cx.hint(format!("{environment} is being destroyed, or was begun to be: that is not undone by this"));
    }
    let key = |key: TagKey| key.as_str().to_owned();
    if args.no_keep {
        session.clusters.untag(&cluster.name, &[key(TagKey::Keep)]).await?;
        let message = match tags.expires_at {
            Some(_) => format!("{environment} may be swept away again once it has expired"),
            None => format!("{environment} may be swept away again; it has no expiry"),
        };
        return Ok(extension(environment, &tags, None, message));
    }
    if let Some(reason) = &args.keep {
        let kept = kept(reason)?;
        session.clusters.tag(&cluster.name, &kept).await?;
        let keep = kept.into_values().next();
        return Ok(extension(environment, &tags, keep, format!("{environment} is kept from being swept away")));
    }
    prolong(args, session, &cluster, &tags).await
}

async fn prolong(args: &ExtendArgs, session: &Session, cluster: &Cluster, tags: &EnvironmentTags) -> Result<Extension> {
    let (environment, lifecycle) = (&args.environment, &session.config.lifecycle);
    let now = session.cx.clock().now();
    let ttl = args.ttl.or(lifecycle.ttl).unwrap_or(DEFAULT_TTL);
    let until = extended_until(environment, tags, now, ttl, lifecycle.max_age)?;
    let mut longer = EnvironmentTags::default();
    longer.expires_at = Some(until);
    session.clusters.tag(&cluster.name, &longer.write()).await?;
    // Its owner is to be warned of this end, too.
    session.clusters.untag(&cluster.name, &[TagKey::WarnedAt.as_str().to_owned()]).await?;
    let message = format!("{environment} lives for another {}", roughly(ttl));
    let mut extension = extension(environment, tags, tags.keep.clone(), message);
    extension.expires_at = Some(until);
    Ok(extension)
}

/// The tag that keeps an environment, for this reason.
fn kept(reason: &str) -> Result<Tags> {
    let mut tags = EnvironmentTags::default();
    tags.keep = Some(reason.to_owned());
    let written = tags.write();
    match EnvironmentTags::read(&written).keep {
        Some(_) => Ok(written),
        None => Err(Error::invalid("", format!("--keep {reason:?}"), "is no reason")
            .with_hint("say why, as `--keep 'demo on Friday'`; `--no-keep` takes it back")),
    }
}

fn extension(
    environment: &EnvironmentName,
    tags: &EnvironmentTags,
    keep: Option<String>,
    message: String,
) -> Extension {
    Extension {
        environment: environment.to_string(),
        extended: message,
        expires_at: tags.expires_at,
        expired_at_before: tags.expires_at,
        keep,
    }
}

fn missing(environment: &EnvironmentName, error: Error) -> Error {
    match error {
        Error::NotFound(_) => Error::not_found("", format!("environment {environment}"), "has no cluster")
            .with_hint("`adhoc list` shows what there is; check the region and the account, too"),
        other => other,
    }
}

/// What nobody here has made must not get an expiry, after which it would be destroyed.
fn ensure_ours(environment: &EnvironmentName, cluster: &Cluster) -> Result<()> {
    match EnvironmentTags::is_ours(&cluster.tags) {
        true => Ok(()),
        false => {
            let reason = format!("its cluster lacks the tag {}", TagKey::CreatedAt.as_str());
            Err(Error::invalid("", format!("environment {environment}"), reason)
                .with_hint(format!("`adhoc create {environment}` writes it, if the environment is yours")))
        }
    }
}
