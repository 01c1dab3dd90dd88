//! What the parts of a running server share.

use crate::{
    Call, Scenario,
    clock::{now_ms, sleep_ms},
    ecs::{Effect, World},
    fault::Faults,
    keys::Keys,
    limits::Buckets,
    logs::LogStore,
    process::{self, Processes},
    secrets::Secrets,
    ssm::Sessions,
    sts::Roles,
    sync::lock,
    topology::Topology,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many calls are remembered, at most.
const CALLS: usize = 100_000;

pub(crate) struct Shared {
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) topology: Topology,
    pub(crate) world: Mutex<World>,
    pub(crate) logs: LogStore,
    pub(crate) log_delay_ms: u64,
    pub(crate) secrets: Arc<Mutex<Secrets>>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) sessions: Mutex<Sessions>,
    pub(crate) roles: Mutex<Roles>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) buckets: Option<Mutex<Buckets>>,
    pub(crate) calls: Mutex<VecDeque<Call>>,
    pub(crate) processes: Processes,
    /// Tells the clockwork that something changed.
    pub(crate) wake: Notify,
    pub(crate) stop: CancellationToken,
}

impl Shared {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let topology = Topology::new(scenario);
        let secrets = Arc::new(Mutex::new(Secrets::new(scenario, topology.database.as_ref())));
        let mut faults = Faults::default();
        scenario.faults.iter().cloned().for_each(|fault| faults.add(fault));
        let shared = Self {
            region: scenario.region.clone(),
            account: scenario.account_id.clone(),
            world: Mutex::new(World::new(scenario, topology.clone(), Arc::clone(&secrets))),
            topology,
            logs: LogStore::default(),
            log_delay_ms: scenario.timing.log_delay_ms,
            secrets,
            keys: Arc::new(Keys::new(scenario)),
            sessions: Mutex::default(),
            roles: Mutex::default(),
            faults: Mutex::new(faults),
            buckets: scenario.limits.real.then(|| Mutex::new(Buckets::default())),
            calls: Mutex::new(VecDeque::new()),
            processes: Processes::default(),
            wake: Notify::new(),
            stop: CancellationToken::new(),
        };
        for spec in &scenario.environments {
            lock(&shared.world).create_environment(spec, &shared.logs, now_ms());
        }
        shared
    }

    pub(crate) fn record(&self, call: Call) {
        let mut calls = lock(&self.calls);
        if calls.len() == CALLS {
            calls.pop_front();
        }
        calls.push_back(call);
    }
}

/// Keeps the simulation going until the server stops.
pub(crate) async fn clockwork(shared: Arc<Shared>) {
    loop {
        let now = now_ms();
        let (effects, next) = lock(&shared.world).step(now);
        for effect in effects {
            match effect {
                Effect::Start(launch) => process::start(&shared, launch),
                Effect::Terminate { task, container, grace_ms } => {
                    process::terminate(&shared, task, container, grace_ms);
                }
            }
        }
        let nap = next.map_or(60_000, |at| at.saturating_sub(now_ms()));
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.wake.notified() => {}
            () = sleep_ms(nap) => {}
        }
    }
}
