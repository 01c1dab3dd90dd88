//! The calls of ECS and the simulation behind them.

mod api;
mod breaker;
mod capacity;
mod clusters;
mod definitions;
mod deployments;
mod engine;
mod plan;
mod render;
mod rollout;
mod run_task;
mod seed;
mod service_model;
mod services;
mod succession;
mod tags;
mod task_model;
mod tasks;
mod world;

pub(crate) use engine::{Effect, Launch};
pub(crate) use task_model::LogTarget;
pub(crate) use world::World;
