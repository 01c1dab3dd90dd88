use std::sync::Arc;

use adhoc_core::{Context, EnvironmentName, FixedResponse, Result, Summary};
use adhoc_ecs::aws::AwsListenerRules;
use adhoc_ecs::{MaintenancePage, maintenance_off, maintenance_on};
use aws_config::SdkConfig;

use super::Session;
use crate::args::MaintenanceCommand;
use crate::reporters::count;

/// `adhoc maintenance`.
pub(super) async fn switch(command: &MaintenanceCommand, session: &Session) -> Summary {
    let (name, environment, done) = match command {
        MaintenanceCommand::On(args) => ("maintenance on", &args.environment, on(&args.environment, session).await),
        MaintenanceCommand::Off(args) => ("maintenance off", &args.environment, off(&args.environment, session).await),
    };
    let mut summary = Summary::new(name).with_environment(environment.as_str());
    match done {
        Ok(sentence) => summary.result = Some(sentence.into()),
        Err(error) => summary = summary.with_error(&error),
    }
    summary
}

async fn on(environment: &EnvironmentName, session: &Session) -> Result<String> {
    let (cx, page) = (&session.cx, session.config.maintenance.page()?);
    let (rules, place) = (AwsListenerRules::on_aws(&session.sdk), session.environment(environment));
    let report = cx.step("maintenance on", maintenance_on(cx, &session.ecs, &rules, &place, &page)).await?;
    let hosts: Vec<String> = report.hosts.into_iter().collect();
    let since = if report.made == 0 { "already answers" } else { "now answers" };
    let (hosts, status) = (hosts.join(", "), page.status);
    Ok(format!(
        "{hosts} {since} with status {status} and the maintenance page; `adhoc maintenance off {environment}` ends it"
    ))
}

async fn off(environment: &EnvironmentName, session: &Session) -> Result<String> {
    Ok(match remove(&session.cx, &session.sdk, environment).await? {
        0 => format!("{environment} had no maintenance page"),
        removed => format!("{environment} is reached again: {} removed", count(removed, "rule")),
    })
}

/// Takes the maintenance page of an environment away, which may be gone already, and gives the number of rules that were removed.
///
/// # Errors
///
/// Those of [`maintenance_off`].
pub(in crate::commands) async fn remove(cx: &Context, sdk: &SdkConfig, environment: &EnvironmentName) -> Result<usize> {
    let rules = AwsListenerRules::on_aws(sdk);
    cx.step("maintenance off", maintenance_off(cx, &rules, environment)).await
}

/// The maintenance page for the time of an update.
///
/// # Errors
///
/// [`adhoc_core::Error::Invalid`] if the page of the configuration cannot be used.
pub(super) fn during_update(environment: &EnvironmentName, session: &Session) -> Result<Arc<MaintenancePage>> {
    let page: FixedResponse = session.config.maintenance.page()?;
    let rules = Arc::new(AwsListenerRules::on_aws(&session.sdk));
    Ok(Arc::new(MaintenancePage::new(session.ecs.clone(), rules, session.environment(environment), page)))
}
