//! Infrastructure in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{
    AppliedPlan, Context, DestroyedWorkspace, EnvironmentName, Error, Event, InfrastructurePlan, Outputs, PlanPurpose,
    PlanRequest, ResourceAction, ResourceChange, ResourcePhase, Result, Workspaces,
};

/// Workspaces in memory: an apply makes the resources that the configuration names, and gives its outputs.
#[derive(Debug, Default)]
pub struct FakeWorkspaces {
    resources: Vec<String>,
    outputs: Outputs,
    applied: Mutex<BTreeMap<EnvironmentName, Vec<String>>>,
}

impl FakeWorkspaces {
    /// A configuration with these resources, by address.
    #[must_use]
    pub fn new(resources: &[&str]) -> Self {
        Self { resources: resources.iter().map(|address| (*address).to_owned()).collect(), ..Self::default() }
    }

    /// Gives every environment these outputs.
    #[must_use]
    pub fn with_outputs(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    /// The resources that an environment has; none without a workspace.
    pub fn resources(&self, environment: &EnvironmentName) -> Option<Vec<String>> {
        self.lock().get(environment).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<EnvironmentName, Vec<String>>> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Workspaces for FakeWorkspaces {
    async fn list(&self, _: &Context) -> Result<Vec<EnvironmentName>> {
        Ok(self.lock().keys().cloned().collect())
    }

    async fn plan(&self, cx: &Context, request: &PlanRequest) -> Result<InfrastructurePlan> {
        let there = self.resources(&request.environment).unwrap_or_default();
        let (wanted, action) = match request.destroy {
            true => (&there, ResourceAction::Delete),
            false => (&self.resources, ResourceAction::Create),
        };
        let mut plan = InfrastructurePlan::new(&request.environment);
        let changing = wanted.iter().filter(|address| request.destroy || !there.contains(address));
        plan.changes = changing
            .map(|address| ResourceChange::new(address, address.split('.').next().unwrap_or_default(), action))
            .collect();
        let count = u64::try_from(plan.changes.len()).unwrap_or(u64::MAX);
        match request.destroy {
            true => plan.counts.destroy = count,
            false => plan.counts.add = count,
        }
        plan.destroy = request.destroy;
        plan.has_changes = !plan.changes.is_empty();
        cx.step_to_its_end("plan", std::future::ready(Ok(()))).await?;
        plan.reference = (request.purpose != PlanPurpose::Look).then(|| "in memory".to_owned());
        cx.emit(Event::InfrastructurePlan(Box::new(plan.clone())));
        Ok(plan)
    }

    async fn apply(&self, cx: &Context, plan: &InfrastructurePlan) -> Result<AppliedPlan> {
        let environment: EnvironmentName = plan.environment.parse()?;
        if plan.reference.is_none() {
            return Err(Error::invalid("apply", environment.as_str(), "the plan was not kept"));
        }
        cx.step_to_its_end("apply", std::future::ready(Ok(()))).await?;
        for ResourceChange { address, action, .. } in &plan.changes {
            for phase in [ResourcePhase::Started, ResourcePhase::Finished] {
                cx.emit(Event::ResourceProgress { address: address.clone(), action: *action, phase, elapsed_ms: 0 });
            }
        }
        let resources = if plan.destroy { Vec::new() } else { self.resources.clone() };
        self.lock().insert(environment.clone(), resources);
        Ok(AppliedPlan::new(&environment, plan.counts))
    }

    async fn outputs(&self, _: &Context, environment: &EnvironmentName) -> Result<Outputs> {
        let applied = self.resources(environment).is_some_and(|resources| !resources.is_empty());
        Ok(if applied { self.outputs.clone() } else { Outputs::new() })
    }

    async fn destroy(&self, _: &Context, environment: &EnvironmentName) -> Result<DestroyedWorkspace> {
        let removed = self.lock().remove(environment);
        let destroyed = removed.as_ref().map_or(0, Vec::len);
        Ok(DestroyedWorkspace::new(environment, removed.is_some(), u64::try_from(destroyed).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::ManualClock;
    use crate::{ChangeCounts, NullSink};

    #[tokio::test]
    async fn an_environment_is_made_and_goes() {
        let cx = Context::new(Arc::new(ManualClock::new()), Arc::new(NullSink));
        let alpha: EnvironmentName = "alpha".parse().expect("valid");
        let workspaces = FakeWorkspaces::new(&["aws_ecs_cluster.this"]);
        let plan = workspaces.plan(&cx, &PlanRequest::new(alpha.clone(), PlanPurpose::Apply)).await.expect("a plan");
        assert_eq!(plan.counts, ChangeCounts { add: 1, ..ChangeCounts::default() });
        workspaces.apply(&cx, &plan).await.expect("applied");
        assert_eq!(workspaces.list(&cx).await.expect("a list"), std::slice::from_ref(&alpha));
        assert_eq!(workspaces.destroy(&cx, &alpha).await.expect("gone").destroyed, 1);
        assert!(!workspaces.destroy(&cx, &alpha).await.expect("still gone").existed);
    }
}
