use std::time::Duration;

use adhoc_core::{Check, Context, Error, Result, WaitConfig, wait_for};
use futures_util::future::try_join_all;

use crate::config::HealthConfig;
use crate::http;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until every path of `url` answers with a status from 200 to 399.
///
/// # Errors
///
/// [`Error::Timeout`] with what was answered last.
pub(super) async fn url_answers(cx: &Context, health: &HealthConfig, url: &str) -> Result<()> {
    let client = http::client()?;
    let paths = health.paths.iter().map(|path| path_answers(cx, &client, format!("{url}{path}"), health.timeout));
    try_join_all(paths).await.map(drop)
}

async fn path_answers(cx: &Context, client: &reqwest::Client, address: String, timeout: Duration) -> Result<()> {
    let config = WaitConfig::new(address.clone()).with_timeout(timeout);
    let probe = || async { Ok(Some(ask(client, &address).await)) };
    wait_for(cx, &config, probe, &answers_well).await.map(drop)
}

/// The status, or why there is none.
async fn ask(client: &reqwest::Client, address: &str) -> std::result::Result<u16, String> {
    match client.get(address).timeout(PATIENCE).send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(http::failure(error)),
    }
}

fn answers_well(observed: Option<&std::result::Result<u16, String>>) -> Check {
    match observed {
        Some(Ok(200..=399)) => Check::Ready,
        Some(Ok(status)) => Check::NotYet(format!("it answers with status {status}")),
        Some(Err(reason)) => Check::NotYet(reason.clone()),
        None => Check::NotYet("it was not asked".to_owned()),
    }
}

/// The error of an environment whose URL does not answer, with where to look.
pub(super) fn unwell(error: Error, environment: &str) -> Error {
    error.with_hint(format!(
        "`adhoc logs gunicorn {environment}` may tell why, [health] in adhoc.toml says what is asked; then run the same command again"
    ))
}
