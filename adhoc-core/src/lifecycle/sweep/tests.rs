use proptest::prelude::*;

use super::super::ServiceCounts;
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    "2026-03-10T12:00:00Z".parse().expect("a moment")
}

fn hours(number: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_hours(number)
}

fn name(name: &str) -> EnvironmentName {
    name.parse().expect("valid")
}

/// A live environment that was made a hundred hours ago and expires in so many.
fn live(environment: &str, expires_in: i64) -> EnvironmentRecord {
    let mut record = EnvironmentRecord::new(name(environment), EnvironmentState::Live);
    (record.tracked, record.workspace) = (true, Some(true));
    record.cluster = Some(format!("{environment}-cluster"));
    record.created_at = Some(hours(-100));
    record.expires_at = Some(hours(expires_in));
    record.services = Some(ServiceCounts { services: 5, desired: 5, running: 5, pending: 0 });
    record
}

fn unending(environment: &str) -> EnvironmentRecord {
    let mut record = live(environment, 0);
    record.expires_at = None;
    record
}

fn policy() -> SweepPolicy {
    SweepPolicy::new(now())
}

fn only(record: EnvironmentRecord, policy: &SweepPolicy) -> (SweepAction, String) {
    // Another environment, so that the account is not empty.
    let name = record.name.clone();
    let decisions = decide(&[record, live("other", 1000)], policy);
    let decision = decisions.into_iter().find(|decision| decision.environment == name).expect("one");
    (decision.action, decision.reason)
}

fn changed(record: EnvironmentRecord, change: impl FnOnce(&mut EnvironmentRecord)) -> EnvironmentRecord {
    let mut record = record;
    change(&mut record);
    record
}

#[test]
fn what_has_ended_is_destroyed() {
    let unwarned = only(live("a", -3), &policy());
    assert_eq!(unwarned, (SweepAction::Destroy, "expired 3 hours ago; its owner was not warned".to_owned()));
    let warned = changed(live("a", -3), |it| it.warned_at = Some(hours(-20)));
    assert_eq!(only(warned, &policy()).1, "expired 3 hours ago");
    let stopped = changed(live("a", 0), |it| it.state = EnvironmentState::Stopped);
    assert_eq!(only(stopped, &policy()).0, SweepAction::Destroy, "at the very moment");
    let old = policy().with_max_age(Some(HOUR * 96));
    assert_eq!(only(unending("a"), &old).1, "is 4 days old, and may be 4 days; its owner was not warned");
    assert_eq!(only(live("a", 500), &old).0, SweepAction::Destroy, "nobody may outlive the greatest age");
}

#[test]
fn what_has_no_end_is_left() {
    assert_eq!(only(unending("a"), &policy()), (SweepAction::Leave, "has no expiry".to_owned()));
    let by_hand = changed(unending("a"), |it| (it.tracked, it.created_at) = (false, None));
    let old = policy().with_max_age(Some(HOUR));
    assert_eq!(only(by_hand, &old).1, "has no tags of adhoc, and so no end");
    let ageless = changed(unending("a"), |it| it.created_at = None);
    assert_eq!(only(ageless, &old).1, "has no expiry, and does not say how old it is");
}

#[test]
fn an_owner_is_warned_once_for_each_end() {
    assert_eq!(only(live("a", 25), &policy()), (SweepAction::Leave, "ends in 25 hours".to_owned()));
    assert_eq!(only(live("a", 24), &policy()), (SweepAction::Warn, "ends in 24 hours".to_owned()));
    let warned = |ago: i64| changed(live("a", 10), |it| it.warned_at = Some(hours(-ago)));
    assert_eq!(only(warned(5), &policy()).1, "ends in 10 hours, and its owner has been warned");
    let long = policy().with_warning(HOUR * 72);
    assert_eq!(only(warned(40), &long).0, SweepAction::Leave, "told of this end already");
    assert_eq!(only(warned(90), &long).0, SweepAction::Warn, "that was of another end");
    assert_eq!(only(warned(20), &policy()).0, SweepAction::Leave, "not more often than daily");
    let old = policy().with_max_age(Some(HOUR * 110));
    assert_eq!(only(unending("a"), &old), (SweepAction::Warn, "ends in 10 hours".to_owned()));
}

#[test]
fn a_warning_says_what_can_be_done() {
    let message = |record: EnvironmentRecord, policy: &SweepPolicy| {
        let decision = decide(std::slice::from_ref(&record), policy).remove(0);
        Warning::new(&record, &decision, now()).map(|warning| warning.message)
    };
    assert_eq!(
        message(live("a", 10), &policy()).as_deref(),
        Some("a is swept away in 10 hours, at 2026-03-10 22:00 UTC: `adhoc extend a` gives it longer")
    );
    let old = policy().with_max_age(Some(HOUR * 110));
    let text = message(live("a", 500), &old).expect("a warning");
    assert!(text.ends_with("`adhoc extend a --keep REASON` keeps it"), "{text}");
    assert_eq!(message(live("a", -1), &policy()), None, "it is too late");
}

#[test]
fn what_is_spared_says_why() {
    let protected = changed(live("a", -3), |it| it.protected = true);
    assert_eq!(only(protected, &policy()).1, "protected: never destroyed");
    assert_eq!(only(live("a", -3), &policy().with_protected([name("a")])).1, "protected: never destroyed");
    assert_eq!(only(live("a", -3), &policy().with_keep([name("a")])).1, "kept: named with --keep");
    let kept = changed(live("a", -3), |it| it.keep = Some("demo for the board".to_owned()));
    assert_eq!(only(kept, &policy()).1, "kept: demo for the board");
    for (state, reason) in [
        (EnvironmentState::Untracked, "nobody's: it has no tags of adhoc; not touched"),
        (EnvironmentState::Configured, "has only a var file"),
        (EnvironmentState::Unknown, "could not be read whole; not touched"),
    ] {
        let record = changed(live("a", -3), |it| it.state = state);
        assert_eq!(only(record, &policy()), (SweepAction::Leave, reason.to_owned()));
    }
}

#[test]
fn without_a_workspace_nothing_is_destroyed() {
    let by = |workspace| only(changed(live("a", -3), |it| it.workspace = workspace), &policy());
    assert_eq!((by(Some(false)).0, by(None).0), (SweepAction::Leave, SweepAction::Leave));
    assert!(by(Some(false)).1.ends_with("; but it has no workspace here: whoever made it has to destroy it"));
    assert!(by(None).1.ends_with("; but its workspace could not be read"));
}

#[test]
fn the_half_made_is_destroyed_once_it_is_forgotten() {
    let idle = Some(ServiceCounts { services: 1, ..ServiceCounts::default() });
    let half = |change: fn(&mut EnvironmentRecord)| {
        changed(unending("a"), |it| {
            (it.state, it.unfinished, it.services) = (EnvironmentState::HalfMade, Some(Unfinished::Create), idle);
            change(it);
        })
    };
    let forgotten = only(half(|_| ()), &policy());
    assert_eq!(forgotten.0, SweepAction::Destroy);
    assert_eq!(forgotten.1, "half-made for 4 days, with no expiry, and nothing in it runs");
    assert_eq!(only(half(|it| it.created_at = Some(hours(-23))), &policy()).1, "half-made, but not for long enough");
    let by_hand = "half-made: `adhoc create a` completes it, `adhoc destroy a` removes it";
    assert_eq!(only(half(|it| it.services = live("a", 0).services), &policy()).1, by_hand, "something runs in it");
    assert_eq!(only(half(|it| it.services = None), &policy()).1, by_hand, "something may run in it");
    assert_eq!(only(half(|it| it.created_at = None), &policy()).1, by_hand);
    assert_eq!(only(half(|it| it.expires_at = Some(hours(5))), &policy()).1, by_hand, "it was promised until then");
    assert_eq!(only(half(|it| it.expires_at = Some(hours(-5))), &policy()).0, SweepAction::Destroy);
    let dying = half(|it| (it.unfinished, it.expires_at) = (Some(Unfinished::Destroy), Some(hours(50))));
    assert_eq!(only(dying, &policy()).1, "its destroy was begun and has not ended");
    let torn = only(half(|it| (it.cluster, it.expires_at) = (None, Some(hours(-5)))), &policy());
    assert_eq!(torn.0, SweepAction::Leave, "a wrong region looks like this, too");
    assert!(torn.1.contains("`adhoc destroy a`"), "{}", torn.1);
}

#[test]
fn remains_are_removed() {
    let ghost = EnvironmentRecord::new(name("a"), EnvironmentState::GhostWorkspace);
    assert_eq!(only(ghost, &policy()).0, SweepAction::DeleteWorkspace);
    let orphan = |created: i64, expires: Option<i64>| {
        changed(EnvironmentRecord::new(name("a"), EnvironmentState::OrphanDatabase), |it| {
            (it.created_at, it.expires_at) = (Some(hours(created)), expires.map(hours));
        })
    };
    assert_eq!(only(orphan(-24, None), &policy()).0, SweepAction::DropDatabase);
    assert_eq!(only(orphan(-23, None), &policy()).0, SweepAction::Leave);
    assert_eq!(only(orphan(-2, Some(-1)), &policy()), (SweepAction::DropDatabase, "expired 1 hour ago".to_owned()));
    assert_eq!(only(orphan(-99, Some(3)), &policy()).1, "its database is all there is, and expires in 3 hours");
    let alone = decide(&[orphan(-99, Some(-9))], &policy());
    assert_eq!(alone[0].action, SweepAction::Leave, "an empty account may be the wrong one");
}

#[test]
fn no_more_are_destroyed_than_the_limit_the_longest_expired_first() {
    let records = [live("a", -1), live("b", -50), live("c", -9), live("d", 50)];
    let decisions = decide(&records, &policy().with_limit(Some(2)));
    let told: Vec<(&str, SweepAction)> =
        decisions.iter().map(|decision| (decision.environment.as_str(), decision.action)).collect();
    let expected = [SweepAction::Destroy, SweepAction::Destroy, SweepAction::Leave, SweepAction::Leave];
    assert_eq!(told, ["b", "c", "a", "d"].into_iter().zip(expected).collect::<Vec<_>>());
    assert!(decisions[2].reason.ends_with("; left for the next run"), "{}", decisions[2].reason);
}

const STATES: [EnvironmentState; 8] = [
    EnvironmentState::Live,
    EnvironmentState::Stopped,
    EnvironmentState::HalfMade,
    EnvironmentState::GhostWorkspace,
    EnvironmentState::OrphanDatabase,
    EnvironmentState::Untracked,
    EnvironmentState::Configured,
    EnvironmentState::Unknown,
];

prop_compose! {
    fn any_record()(
        number in 0_u32..40,
        state in prop::sample::select(STATES.to_vec()),
        created in prop::option::of(-2000_i64..1),
        expires in prop::option::of(-500_i64..500),
        warned in prop::option::of(-500_i64..1),
        keep in prop::option::of(Just("reason".to_owned())),
        flags in any::<(bool, bool, bool)>(),
        unfinished in prop::option::of(prop::sample::select(vec![Unfinished::Create, Unfinished::Destroy])),
        (running, workspace) in (prop::option::of(0_u32..3), prop::option::of(any::<bool>())),
    ) -> EnvironmentRecord {
        let mut record = EnvironmentRecord::new(name(&format!("e{number}")), state);
        (record.created_at, record.expires_at) = (created.map(hours), expires.map(hours));
        (record.warned_at, record.keep, record.unfinished) = (warned.map(hours), keep, unfinished);
        (record.protected, record.tracked) = (flags.0, flags.1);
        record.workspace = workspace;
        record.cluster = flags.2.then(|| "cluster".to_owned());
        record.services = running.map(|running| ServiceCounts { services: 1, desired: 1, running, pending: 0 });
        record
    }
}

proptest! {
    #[test]
    fn nothing_is_destroyed_that_somebody_wants(
        records in prop::collection::vec(any_record(), 0..12),
        limit in prop::option::of(0_usize..4),
        max_age in prop::option::of(1_u32..2000),
        named in (0_u32..40, 0_u32..40),
    ) {
        let (kept, protected) = (name(&format!("e{}", named.0)), name(&format!("e{}", named.1)));
        let policy = policy()
            .with_limit(limit)
            .with_max_age(max_age.map(|age| HOUR * age))
            .with_keep([kept.clone()])
            .with_protected([protected.clone()]);
        let mut records = records;
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records.dedup_by(|a, b| a.name == b.name);
        let decisions = decide(&records, &policy);
        prop_assert_eq!(decisions.len(), records.len());
        let mut destroyed = 0;
        for record in &records {
            let decision = decisions.iter().find(|decision| decision.environment == record.name).expect("one each");
            destroyed += usize::from(decision.action == SweepAction::Destroy);
            let spared = record.protected || record.keep.is_some() || record.name == kept || record.name == protected;
            let unknown = matches!(
                record.state,
                EnvironmentState::Untracked | EnvironmentState::Configured | EnvironmentState::Unknown
            );
            if spared || unknown {
                prop_assert_eq!(decision.action, SweepAction::Leave, "{:?}", record);
            }
            if record.workspace != Some(true) {
                prop_assert_ne!(decision.action, SweepAction::Destroy, "{:?}", record);
            }
            let promised = record.expires_at.is_some_and(|at| at > now()) && max_age.is_none();
            if promised && record.unfinished != Some(Unfinished::Destroy) {
                prop_assert_ne!(decision.action, SweepAction::Destroy, "{:?}", record);
            }
            prop_assert!(!decision.reason.is_empty() && !decision.reason.ends_with('.'));
        }
        prop_assert!(destroyed <= limit.unwrap_or(usize::MAX));
    }
}
