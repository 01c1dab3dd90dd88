//! Test doubles for pipelines that should run without AWS: a manual clock, a recording sink, hand-written fakes that keep
//! state, and mockall mocks for what no fake will do.
//!
//! Use a fake where the pipeline should just work, and a mock where one call must fail in one way.

mod clock;
mod clusters;
mod fakes;
mod listener_rules;
mod sink;
mod workspaces;

pub use clock::ManualClock;
pub use clusters::FakeClusters;
pub use fakes::{FakeLogs, FakeNetwork, FakeServices, FakeTaskDefinitions, FakeTasks};
pub use listener_rules::FakeListenerRules;
pub use sink::RecordingSink;
pub use workspaces::FakeWorkspaces;

pub use crate::account::{MockDependencies, MockImages, MockQuotas, MockRoutes};
pub use crate::cluster::MockClusters;
pub use crate::database::MockDatabaseAdmin;
pub use crate::exec::MockExecSessions;
pub use crate::infrastructure::MockWorkspaces;
pub use crate::listener_rule::MockListenerRules;
pub use crate::logs::MockLogSource;
pub use crate::network::MockNetwork;
pub use crate::service::MockServices;
pub use crate::task::MockTasks;
pub use crate::task_definition::MockTaskDefinitions;
pub use crate::tunnel::MockTunnel;
