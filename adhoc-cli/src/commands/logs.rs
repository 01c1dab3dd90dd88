use adhoc_core::{Error, Outcome, Summary, Timestamp};
use adhoc_ecs::{ServiceLogs, service_logs};

use super::Session;
use crate::args::LogsArgs;

/// `adhoc logs`.
pub(super) async fn logs(args: &LogsArgs, session: &Session) -> Summary {
    let environment = session.environment(&args.environment);
    let since = session.cx.clock().now().checked_sub(args.since).unwrap_or(Timestamp::UNIX_EPOCH);
    let family = environment.conventions.family(&args.environment, &args.service);
    let what = ServiceLogs::new(environment.cluster(), environment.service(&args.service), since)
        .or_family(family)
        .with_follow(args.follow);
    let summary = Summary::new("logs").with_environment(args.environment.as_str());
    match service_logs(&session.cx, &session.ecs, &what).await {
        Ok(0) => {
            session.cx.hint(format!("{} wrote nothing since {since:.0}", what.service));
            summary
        }
        Ok(_) => summary,
        // Following has no other end.
        Err(Error::Cancelled(_)) if args.follow => summary.with_outcome(Outcome::Interrupted),
        Err(error) => summary.with_error(&error),
    }
}
