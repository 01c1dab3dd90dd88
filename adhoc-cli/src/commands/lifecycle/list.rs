use std::path::Path;

use adhoc_core::{EnvironmentName, EnvironmentRecord, Error, Money, Result, Summary};

use super::gather::{Gathered, gather};
use super::{Session, summary};
use crate::args::ListArgs;
use crate::commands::inspection::daily_costs;
use crate::reporters::EnvironmentTable;

/// `adhoc list`.
pub(in crate::commands) async fn list(args: &ListArgs, session: &Session) -> Summary {
    let mut table = match gather(session).await.and_then(|gathered| table(session, gathered)) {
        Ok(table) => table,
        Err(error) => return Summary::new("list").with_error(&error),
    };
    add_costs(session, &mut table.environments).await;
    let files = [(&args.markdown, table.markdown()), (&args.html, table.page())];
    let files = files.iter().filter_map(|(file, text)| Some((file.as_ref()?, text)));
    let written: Result<()> = files.into_iter().try_for_each(|(file, text)| write(file, text));
    let summary = summary("list", Ok(table));
    match written {
        Ok(()) => summary,
        Err(error) => summary.with_error(&error),
    }
}

/// Says what every environment with services costs. What cannot be found out costs its cell, a faulty table of prices all of
/// them and a hint.
async fn add_costs(session: &Session, environments: &mut [EnvironmentRecord]) {
    let mut running: Vec<&mut EnvironmentRecord> =
        environments.iter_mut().filter(|record| record.services.is_some()).collect();
    let names: Vec<EnvironmentName> = running.iter().map(|record| record.name.clone()).collect();
    match daily_costs(session, &names.iter().collect::<Vec<_>>()).await {
        Ok(costs) => {
            for (record, cost) in running.iter_mut().zip(costs) {
                record.cost_cents_per_day = cost.map(cents);
            }
        }
        Err(error) => session.cx.hint(format!("costs are not known: {}", error.chain().join(": "))),
    }
}

/// The amount in cents, rounded to the nearest.
fn cents(amount: Money) -> u64 {
    amount.share(1, 10_000).micros()
}

/// The table, unless there is nothing that could be read.
fn table(session: &Session, gathered: Gathered) -> Result<EnvironmentTable> {
    let Gathered { environments, unreadable, without_clusters } = gathered;
    if let Some(error) = without_clusters {
        if environments.is_empty() {
            return Err(error);
        }
        session.cx.hint(format!("the clusters could not be read: {}", error.chain().join(": ")));
    }
    Ok(EnvironmentTable {
        project: session.config.project.name.clone(),
        region: session.sdk.region().map(ToString::to_string),
        at: session.cx.clock().now(),
        environments,
        unreadable,
    })
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text)
        .map_err(|error| Error::invalid("", file.display().to_string(), "cannot be written").with_source(error))
}
