//! The clockwork: moves every task to its next state when its time has come.

use super::{
    World,
    task_model::{Action, Condition, ContainerState, Fate, LogTarget, Phase, Task},
};
use crate::Timing;

/// A container to start as a child process.
pub(crate) struct Launch {
    pub(crate) task: String,
    pub(crate) container: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log: Option<LogTarget>,
}

/// What the clockwork wants done outside of its lock.
pub(crate) enum Effect {
    Start(Launch),
    /// SIGTERM, and SIGKILL after so many milliseconds.
    Terminate {
        task: String,
        container: String,
        grace_ms: u64,
    },
}

impl Task {
    /// Begins to stop; does nothing if it already does.
    pub(super) fn begin_stop(&mut self, code: &str, reason: impl Into<String>, timing: &Timing, now: u64) {
        if self.is_leaving() {
            return;
        }
        self.stopping_at = Some(now);
        self.stop_code = Some(code.to_owned());
        self.stopped_reason = Some(reason.into());
        let started = self.containers.iter().any(|container| container.state != ContainerState::Waiting);
        (self.phase, self.next_at) = if started {
            (Phase::Deactivating, Some(now + timing.deactivating_ms))
        } else {
            (Phase::Deprovisioning, Some(now + timing.deprovisioning_ms))
        };
    }

    fn advance(&mut self, timing: &Timing, now: u64, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Provisioning => self.enter(Phase::Pending, now, timing.pending_ms),
            Phase::Pending => self.leave_pending(timing, now, effects),
            Phase::Activating => {
                self.phase = Phase::Running;
                self.next_at = None;
                self.run(now);
            }
            Phase::Running => self.next_at = None,
            Phase::Deactivating => {
                self.enter(Phase::Stopping, now, timing.stopping_ms);
                self.terminate(timing, effects);
            }
            Phase::Stopping => {
                // A process takes the time it takes; its exit wakes this task again.
                self.next_at = None;
                if self.containers.iter().all(|container| container.state != ContainerState::Running) {
                    self.execution_stopped_at = Some(now);
                    self.enter(Phase::Deprovisioning, now, timing.deprovisioning_ms);
                }
            }
            Phase::Deprovisioning => {
                self.phase = Phase::Stopped;
                self.next_at = None;
                self.stopped_at = Some(now);
                self.execution_stopped_at.get_or_insert(now);
            }
            Phase::Stopped => self.next_at = None,
        }
    }

    fn enter(&mut self, phase: Phase, now: u64, for_ms: u64) {
        self.phase = phase;
        self.next_at = Some(now + for_ms);
    }

    fn run(&mut self, now: u64) {
        self.started_at.get_or_insert(now);
        if let Fate::StopAfter { after_ms, .. } = &self.fate {
            self.stop_at = Some(now + after_ms);
        }
    }

    fn leave_pending(&mut self, timing: &Timing, now: u64, effects: &mut Vec<Effect>) {
        self.pull_started_at = Some(now.saturating_sub(timing.pending_ms));
        match self.fate.clone() {
            Fate::Hang => {
                self.pull_started_at = None;
                self.next_at = None;
            }
            Fate::FailToStart(reason) => {
                for container in &mut self.containers {
                    container.reason = reason.starts_with("Cannot").then(|| reason.clone());
                }
                self.begin_stop("TaskFailedToStart", reason, timing, now);
            }
            Fate::Run | Fate::StopAfter { .. } => {
                self.pull_stopped_at = Some(now);
                self.enter(Phase::Activating, now, timing.activating_ms);
                self.start_ready(effects);
            }
        }
    }

    fn is_ready(&self, at: usize) -> bool {
        self.containers[at].depends_on.iter().all(|(name, condition)| {
            self.containers.iter().find(|other| other.name == *name).is_none_or(|other| match condition {
                Condition::Start => other.state != ContainerState::Waiting,
                Condition::Complete => other.state == ContainerState::Exited,
                Condition::Success => other.exit_code == Some(0),
            })
        })
    }

    /// Starts the containers whose dependencies are met, until none is left that can.
    fn start_ready(&mut self, effects: &mut Vec<Effect>) {
        loop {
            let ready = |at: &usize| self.containers[*at].state == ContainerState::Waiting && self.is_ready(*at);
            let Some(at) = (0..self.containers.len()).find(ready) else { return };
            let container = &mut self.containers[at];
            container.state = ContainerState::Running;
            container.runtime_id = Some(format!("{}-{}", self.id, 527_074_092_u64 + at as u64));
            match container.action.clone() {
                Action::Process(command) => effects.push(Effect::Start(Launch {
                    task: self.id.clone(),
                    container: container.name.clone(),
                    command,
                    environment: container.environment.clone(),
                    log: container.log.clone(),
                })),
                Action::Idle => {}
                Action::ExitZero => {
                    container.state = ContainerState::Exited;
                    container.exit_code = Some(0);
                }
            }
        }
    }

    fn terminate(&mut self, timing: &Timing, effects: &mut Vec<Effect>) {
        for container in self.containers.iter_mut().filter(|container| container.state == ContainerState::Running) {
            container.terminating = true;
            if matches!(container.action, Action::Process(_)) {
                effects.push(Effect::Terminate {
                    task: self.id.clone(),
                    container: container.name.clone(),
                    grace_ms: timing.stop_grace_ms.saturating_mul(container.stop_timeout_s) / 30,
                });
            } else {
                container.state = ContainerState::Exited;
                container.exit_code = Some(137);
            }
        }
    }

    /// Draws the conclusions from what its containers did.
    fn settle(&mut self, timing: &Timing, now: u64, effects: &mut Vec<Effect>) {
        if self.is_leaving() || !matches!(self.phase, Phase::Activating | Phase::Running) {
            return;
        }
        self.start_ready(effects);
        let over =
            |container: &super::task_model::Container| container.essential && container.state == ContainerState::Exited;
        if self.containers.iter().any(over) {
            // A task with nothing but finished work was running, however briefly.
            self.started_at.get_or_insert(now);
            self.begin_stop("EssentialContainerExited", "Essential container in task exited", timing, now);
        } else if self.is_stuck() {
            self.begin_stop(
                "TaskFailedToStart",
                "Task failed to start: a dependency did not complete successfully",
                timing,
                now,
            );
        } else if self.stop_at.is_some_and(|at| at <= now) {
            let code = if let Fate::StopAfter { code, .. } = &self.fate { code.clone() } else { String::new() };
            let reason = match code.as_str() {
                "SpotInterruption" => "Your Spot Task was interrupted.",
                "TerminationNotice" => "Task stopped because its host is being retired.",
                _ => "Task stopped by AWS.",
            };
            self.begin_stop(&code, reason, timing, now);
        }
    }

    /// Whether a container waits for the success of one that failed.
    fn is_stuck(&self) -> bool {
        self.containers.iter().filter(|container| container.state == ContainerState::Waiting).any(|container| {
            container.depends_on.iter().any(|(name, condition)| {
                let failed = |other: &super::task_model::Container| {
                    other.name == *name && other.state == ContainerState::Exited && other.exit_code != Some(0)
                };
                *condition == Condition::Success && self.containers.iter().any(failed)
            })
        })
    }

    fn wakes_at(&self) -> Option<u64> {
        let stop = self.stop_at.filter(|_| !self.is_leaving());
        [self.next_at, stop].into_iter().flatten().min()
    }
}

impl World {
    /// Moves everything whose time has come. Returns what to do outside, and when to look again.
    pub(crate) fn step(&mut self, now: u64) -> (Vec<Effect>, Option<u64>) {
        let mut effects = Vec::new();
        self.step_services(now);
        let timing = self.timing;
        for task in self.tasks.values_mut() {
            while task.next_at.is_some_and(|at| at <= now) {
                task.advance(&timing, now, &mut effects);
            }
            task.settle(&timing, now, &mut effects);
        }
        self.forget_stopped(now);
        let tasks = self.tasks.values().filter_map(Task::wakes_at);
        let services = self.services.values().filter_map(|service| service.next_tick);
        (effects, tasks.chain(services).min())
    }

    fn forget_stopped(&mut self, now: u64) {
        let keep_ms = self.timing.stopped_retention_ms;
        let task_ids = &mut self.task_ids;
        self.tasks.retain(|_, task| {
            let keep = task.stopped_at.is_none_or(|at| at + keep_ms > now);
            if !keep {
                task_ids.remove(&task.id);
            }
            keep
        });
    }

    /// A child process is gone.
    pub(crate) fn container_exited(&mut self, task: &str, container: &str, exit_code: i64, now: u64) {
        let Some(container) = self.container_mut(task, container) else { return };
        container.state = ContainerState::Exited;
        // In a container the command is process 1, which ignores SIGTERM unless it handles it, and then gets SIGKILL.
        let ignored = container.terminating && exit_code == 128 + 15;
        container.exit_code = Some(if ignored { 137 } else { exit_code });
        if let Some(task) = self.task_mut(task)
            && task.phase == Phase::Stopping
        {
            task.next_at = Some(now);
        }
    }

    /// A child process could not be started.
    pub(crate) fn container_failed(
        &mut self,
        task: &str,
        container: &str,
        task_reason: &str,
        container_reason: &str,
        now: u64,
    ) {
        let timing = self.timing;
        if let Some(container) = self.container_mut(task, container) {
            container.state = ContainerState::Waiting;
            container.runtime_id = None;
            container.reason = Some(container_reason.to_owned());
        }
        if let Some(task) = self.task_mut(task) {
            task.begin_stop("TaskFailedToStart", task_reason, &timing, now);
        }
    }
}
