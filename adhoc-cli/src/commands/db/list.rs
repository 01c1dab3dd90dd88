use std::collections::{BTreeMap, BTreeSet};

use adhoc_core::{Database, EnvironmentName, Error, Result};
use adhoc_db::DatabaseAdmin;
use adhoc_ecs::{Ecs, Environment};
use futures_util::future::join_all;

use super::Surroundings;
use crate::aws;
use crate::reporters::{DatabaseKind, DatabaseRow, DatabaseTable};

/// `adhoc db list`.
pub(super) async fn list(at: &Surroundings<'_>) -> Result<DatabaseTable> {
    let databases = at.open().await?;
    let work = async { tokio::try_join!(databases.admin.list(), databases.admin.limits()) };
    let (found, limits) = at.cx.step("list", work).await?;
    let gone = gone(at, &found).await;
    Ok(DatabaseTable {
        server: format!("{}:{}", databases.admin.server().host(), databases.admin.server().port()),
        connections: limits.connections,
        max_connections: limits.max_connections,
        at: at.cx.clock().now(),
        databases: found.iter().map(|database| row(database, &gone)).collect(),
    })
}

fn row(database: &Database, gone: &BTreeMap<String, bool>) -> DatabaseRow {
    let marker = database.marker.as_ref();
    let environment = marker.and_then(|marker| marker.environment.clone());
    DatabaseRow {
        name: database.name.clone(),
        role: database.owner.clone(),
        kind: match (&environment, marker) {
            (Some(_), _) => DatabaseKind::Environment,
            (None, Some(_)) => DatabaseKind::Template,
            (None, None) => DatabaseKind::Foreign,
        },
        owner: marker.and_then(|marker| marker.creator.clone()),
        created_at: marker.map(|marker| marker.created_at),
        expires_at: marker.and_then(|marker| marker.expires_at),
        size_bytes: database.size_bytes,
        connections: database.connections,
        connection_limit: database.connection_limit,
        sessions: database.sessions,
        last_activity: database.last_activity,
        orphaned: match &environment {
            Some(environment) => gone.get(environment).copied(),
            None => Some(false),
        },
        environment,
    }
}

/// Whether each environment's cluster is gone. Without AWS there is no answer, and a hint says so.
async fn gone(at: &Surroundings<'_>, databases: &[Database]) -> BTreeMap<String, bool> {
    let markers = databases.iter().filter_map(|database| database.marker.as_ref());
    let names: BTreeSet<&str> = markers.filter_map(|marker| marker.environment.as_deref()).collect();
    if names.is_empty() {
        return BTreeMap::new();
    }
    match look_up(at, &names).await {
        Ok(gone) => gone,
        Err(error) => {
            at.cx.hint(format!("which environments still exist could not be found out: {}", error.chain().join(": ")));
            BTreeMap::new()
        }
    }
}

async fn look_up(at: &Surroundings<'_>, names: &BTreeSet<&str>) -> Result<BTreeMap<String, bool>> {
    let sdk = aws::sdk_config(at.global, at.config).await?;
    let ecs = &Ecs::on_aws(&sdk);
    let answers = join_all(names.iter().map(|name| async move {
        let Ok(valid) = name.parse::<EnvironmentName>() else { return Ok(((*name).to_owned(), true)) };
        let environment = Environment::new(valid, at.config.conventions.clone());
        match ecs.services.list(&environment.cluster()).await {
            Ok(_) => Ok(((*name).to_owned(), false)),
            Err(Error::NotFound(_)) => Ok(((*name).to_owned(), true)),
            Err(error) => Err(error),
        }
    }));
    answers.await.into_iter().collect()
}
