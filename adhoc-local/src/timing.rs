//! How long things take.

use serde::Deserialize;

/// How long each transition takes, in milliseconds.
///
/// In a scenario file either a name (`timing = "instant"`) or a table; members left out of the table are those of
/// [`Timing::brisk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawTiming")]
#[non_exhaustive]
pub struct Timing {
    /// PROVISIONING to PENDING.
    pub provisioning_ms: u64,
    /// PENDING to ACTIVATING, when the containers start.
    pub pending_ms: u64,
    /// ACTIVATING to RUNNING.
    pub activating_ms: u64,
    /// DEACTIVATING to STOPPING, when the containers get SIGTERM.
    pub deactivating_ms: u64,
    /// STOPPING to DEPROVISIONING, once the containers are gone.
    pub stopping_ms: u64,
    /// DEPROVISIONING to STOPPED.
    pub deprovisioning_ms: u64,
    /// How often a service's scheduler looks at its tasks.
    pub deployment_tick_ms: u64,
    /// How long a task with a real process must stay RUNNING before its deployment counts it as started.
    pub steady_ms: u64,
    /// From SIGTERM to SIGKILL for a `stopTimeout` of 30 s; other values scale with it.
    pub stop_grace_ms: u64,
    /// From a line being written to its being readable.
    pub log_delay_ms: u64,
    /// How long a stopped task stays visible.
    pub stopped_retention_ms: u64,
    /// How long an SSH key that EC2 Instance Connect pushed lets in; a minute in every preset, as in AWS.
    pub pushed_key_ms: u64,
}

impl Timing {
    /// About 5 ms for each transition: for tests.
    #[must_use]
    pub fn instant() -> Self {
        Self {
            provisioning_ms: 5,
            pending_ms: 5,
            activating_ms: 5,
            deactivating_ms: 5,
            stopping_ms: 5,
            deprovisioning_ms: 5,
            deployment_tick_ms: 10,
            steady_ms: 200,
            stop_grace_ms: 500,
            log_delay_ms: 0,
            stopped_retention_ms: 3_600_000,
            pushed_key_ms: 60_000,
        }
    }

    /// An update of a service takes one to two seconds. The default.
    #[must_use]
    pub fn brisk() -> Self {
        Self {
            provisioning_ms: 120,
            pending_ms: 180,
            activating_ms: 80,
            deactivating_ms: 60,
            stopping_ms: 60,
            deprovisioning_ms: 80,
            deployment_tick_ms: 100,
            steady_ms: 500,
            stop_grace_ms: 2_000,
            log_delay_ms: 50,
            stopped_retention_ms: 3_600_000,
            pushed_key_ms: 60_000,
        }
    }

    /// The proportions of Fargate: a task needs half a minute to run and about as long to stop.
    #[must_use]
    pub fn realistic() -> Self {
        Self {
            provisioning_ms: 12_000,
            pending_ms: 15_000,
            activating_ms: 3_000,
            deactivating_ms: 5_000,
            stopping_ms: 2_000,
            deprovisioning_ms: 12_000,
            deployment_tick_ms: 5_000,
            steady_ms: 10_000,
            stop_grace_ms: 30_000,
            log_delay_ms: 3_000,
            stopped_retention_ms: 3_600_000,
            pushed_key_ms: 60_000,
        }
    }

    /// How long a stopped task stays visible, in milliseconds.
    #[must_use]
    pub fn with_stopped_retention_ms(mut self, ms: u64) -> Self {
        self.stopped_retention_ms = ms;
        self
    }

    /// How long a written line takes to become readable, in milliseconds.
    #[must_use]
    pub fn with_log_delay_ms(mut self, ms: u64) -> Self {
        self.log_delay_ms = ms;
        self
    }

    /// How long a task must stay RUNNING to count as started, in milliseconds.
    #[must_use]
    pub fn with_steady_ms(mut self, ms: u64) -> Self {
        self.steady_ms = ms;
        self
    }

    /// From SIGTERM to SIGKILL for a `stopTimeout` of 30 s, in milliseconds.
    #[must_use]
    pub fn with_stop_grace_ms(mut self, ms: u64) -> Self {
        self.stop_grace_ms = ms;
        self
    }

    /// How long a pushed SSH key lets in, in milliseconds.
    #[must_use]
    pub fn with_pushed_key_ms(mut self, ms: u64) -> Self {
        self.pushed_key_ms = ms;
        self
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::brisk()
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected \"instant\", \"brisk\", \"realistic\" or a table of times in milliseconds")]
enum RawTiming {
    Preset(String),
    Table(TimingTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimingTable {
    preset: Option<String>,
    provisioning_ms: Option<u64>,
    pending_ms: Option<u64>,
    activating_ms: Option<u64>,
    deactivating_ms: Option<u64>,
    stopping_ms: Option<u64>,
    deprovisioning_ms: Option<u64>,
    deployment_tick_ms: Option<u64>,
    steady_ms: Option<u64>,
    stop_grace_ms: Option<u64>,
    log_delay_ms: Option<u64>,
    stopped_retention_ms: Option<u64>,
    pushed_key_ms: Option<u64>,
}

fn preset(name: &str) -> Result<Timing, String> {
    match name {
        "instant" => Ok(Timing::instant()),
        "brisk" => Ok(Timing::brisk()),
        "realistic" => Ok(Timing::realistic()),
        other => Err(format!("unknown timing `{other}`, expected `instant`, `brisk` or `realistic`")),
    }
}

impl TryFrom<RawTiming> for Timing {
    type Error = String;

    fn try_from(raw: RawTiming) -> Result<Self, String> {
        let table = match raw {
            RawTiming::Preset(name) => return preset(&name),
            RawTiming::Table(table) => table,
        };
        let base = table.preset.as_deref().map_or(Ok(Self::brisk()), preset)?;
        Ok(Self {
            provisioning_ms: table.provisioning_ms.unwrap_or(base.provisioning_ms),
            pending_ms: table.pending_ms.unwrap_or(base.pending_ms),
            activating_ms: table.activating_ms.unwrap_or(base.activating_ms),
            deactivating_ms: table.deactivating_ms.unwrap_or(base.deactivating_ms),
            stopping_ms: table.stopping_ms.unwrap_or(base.stopping_ms),
            deprovisioning_ms: table.deprovisioning_ms.unwrap_or(base.deprovisioning_ms),
            deployment_tick_ms: table.deployment_tick_ms.unwrap_or(base.deployment_tick_ms).max(1),
            steady_ms: table.steady_ms.unwrap_or(base.steady_ms),
            stop_grace_ms: table.stop_grace_ms.unwrap_or(base.stop_grace_ms),
            log_delay_ms: table.log_delay_ms.unwrap_or(base.log_delay_ms),
            stopped_retention_ms: table.stopped_retention_ms.unwrap_or(base.stopped_retention_ms),
            pushed_key_ms: table.pushed_key_ms.unwrap_or(base.pushed_key_ms),
        })
    }
}
