mod hands;

use adhoc_core::{
    Context, EnvironmentName, EnvironmentRecord, Error, Result, Summary, SweepAction, SweepDecision, SweepPolicy,
    Warning, decide,
};

use self::hands::{Hands, SessionHands};
use super::gather::{Gathered, gather};
use super::{Session, summary};
use crate::args::SweepArgs;
use crate::commands::PATIENT;
use crate::reporters::{SweepRow, SweepTable};

/// `adhoc sweep`.
pub(in crate::commands) async fn sweep(args: &SweepArgs, session: &Session) -> Summary {
    let (gathered, policy) = match look(args, session).await {
        Ok(found) => found,
        Err(error) => return Summary::new("sweep").with_error(&error),
    };
    let decisions = decide(&gathered.environments, &policy);
    let (rows, failure) = if args.apply {
        // Terraform saves its state before it ends: a second Ctrl-C must not end us before that.
        PATIENT.store(true, std::sync::atomic::Ordering::Relaxed);
        let hands = SessionHands::new(session);
        let carried_out = carry_out(&session.cx, &hands, &gathered.environments, &decisions).await;
        hands.close().await;
        carried_out
    } else {
        (decisions.iter().map(SweepRow::planned).collect(), None)
    };
    let table = SweepTable { sweep: rows, applied: args.apply, at: policy.now, unreadable: gathered.unreadable };
    let mut summary = summary("sweep", Ok(table));
    if let Some(error) = failure {
        summary = summary.with_error(&error);
    } else if !args.apply && decisions.iter().any(|decision| decision.action != SweepAction::Leave) {
        summary.hint = Some("`adhoc sweep --apply` does it".to_owned());
    }
    summary
}

/// Without the clusters nothing can be said of anything.
async fn look(args: &SweepArgs, session: &Session) -> Result<(Gathered, SweepPolicy)> {
    let mut gathered = gather(session).await?;
    if let Some(error) = gathered.without_clusters.take() {
        return Err(error);
    }
    let lifecycle = &session.config.lifecycle;
    let protected: Result<Vec<EnvironmentName>> = lifecycle.protected.iter().map(|name| name.parse()).collect();
    let policy = SweepPolicy::new(session.cx.clock().now())
        .with_grace(lifecycle.grace)
        .with_warning(lifecycle.warn_before)
        .with_max_age(lifecycle.max_age)
        .with_keep(args.keep.iter().cloned())
        .with_protected(protected?)
        .with_limit(args.limit.and_then(|limit| usize::try_from(limit).ok()));
    Ok((gathered, policy))
}

/// Does what was decided, one after the other. What fails does not hold up the rest; the first error is the sweep's.
async fn carry_out(
    cx: &Context,
    hands: &dyn Hands,
    records: &[EnvironmentRecord],
    decisions: &[SweepDecision],
) -> (Vec<SweepRow>, Option<Error>) {
    let (mut rows, mut failure) = (Vec::new(), None);
    for decision in decisions {
        let record = records.iter().find(|record| record.name == decision.environment);
        let (Some(record), true) = (record, decision.action != SweepAction::Leave) else {
            rows.push(SweepRow::planned(decision));
            continue;
        };
        let done = match cx.ensure_not_cancelled() {
            Ok(()) => perform(cx, hands, record, decision).await,
            Err(error) => Err(error),
        };
        rows.push(SweepRow::ended(decision, done.as_ref().err()));
        failure = failure.or(done.err());
    }
    (rows, failure)
}

async fn perform(cx: &Context, hands: &dyn Hands, record: &EnvironmentRecord, decision: &SweepDecision) -> Result<()> {
    match decision.action {
        SweepAction::Destroy => hands.destroy(&record.name, &decision.reason).await,
        SweepAction::DropDatabase => match &record.database {
            Some(database) => hands.drop_database(&record.name, database).await,
            None => Ok(()),
        },
        SweepAction::DeleteWorkspace => hands.delete_workspace(&record.name).await,
        SweepAction::Warn => match Warning::new(record, decision, cx.clock().now()) {
            Some(warning) => hands.warn(&warning).await,
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use adhoc_core::{DatabaseRecord, EnvironmentState, NullSink, SystemClock, async_trait};

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<String>>);

    impl Recorded {
        fn did(&self, what: String) -> Result<()> {
            let failed = what.contains("stuck");
            self.0.lock().expect("not poisoned").push(what);
            if failed { Err(Error::terraform("destroy", "stuck", "is stuck")) } else { Ok(()) }
        }
    }

    #[async_trait]
    impl Hands for Recorded {
        async fn destroy(&self, environment: &EnvironmentName, why: &str) -> Result<()> {
            self.did(format!("destroy {environment}: {why}"))
        }

        async fn drop_database(&self, _: &EnvironmentName, database: &DatabaseRecord) -> Result<()> {
            self.did(format!("drop {}", database.name))
        }

        async fn delete_workspace(&self, environment: &EnvironmentName) -> Result<()> {
            self.did(format!("delete {environment}"))
        }

        async fn warn(&self, warning: &Warning) -> Result<()> {
            self.did(format!("warn of {}", warning.environment))
        }
    }

    fn record(
        name: &str,
        state: EnvironmentState,
        expires_in_hours: i64,
        now: adhoc_core::Timestamp,
    ) -> EnvironmentRecord {
        let mut record = EnvironmentRecord::new(name.parse().expect("valid"), state);
        record.expires_at = Some(now + jiff::SignedDuration::from_hours(expires_in_hours));
        (record.tracked, record.workspace) = (true, Some(true));
        record
    }

    #[tokio::test]
    async fn what_fails_does_not_hold_up_the_rest() {
        let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(NullSink));
        let now = cx.clock().now();
        let mut live = record("alpha", EnvironmentState::Live, 100, now);
        live.cluster = Some("alpha-cluster".to_owned());
        let records = [
            live,
            record("old", EnvironmentState::Live, -1, now),
            record("stuck", EnvironmentState::Live, -9, now),
            record("soon", EnvironmentState::Live, 9, now),
            record("ghost", EnvironmentState::GhostWorkspace, -1, now),
        ];
        let decisions = decide(&records, &SweepPolicy::new(now));
        let hands = Recorded::default();
        let (rows, failure) = carry_out(&cx, &hands, &records, &decisions).await;
        let did = hands.0.into_inner().expect("not poisoned");
        assert!(did[0].starts_with("destroy stuck: expired 9 hours ago"), "{did:?}");
        assert_eq!(did[2..], ["delete ghost", "warn of soon"]);
        assert_eq!(failure.expect("stuck").to_string(), "destroy stuck: is stuck");
        let done: Vec<Option<bool>> = rows.iter().map(|row| row.done).collect();
        assert_eq!(done, [Some(false), Some(true), Some(true), Some(true), None]);
    }

    #[tokio::test]
    async fn after_an_interrupt_nothing_more_is_begun() {
        let cx = Context::new(Arc::new(SystemClock::new()), Arc::new(NullSink));
        let records = [record("old", EnvironmentState::Live, -1, cx.clock().now())];
        let decisions = decide(&records, &SweepPolicy::new(cx.clock().now()));
        cx.cancellation().cancel();
        let hands = Recorded::default();
        let (rows, failure) = carry_out(&cx, &hands, &records, &decisions).await;
        assert!(hands.0.into_inner().expect("not poisoned").is_empty());
        assert!(matches!(failure, Some(Error::Cancelled(_))) && rows[0].done == Some(false));
    }
}
