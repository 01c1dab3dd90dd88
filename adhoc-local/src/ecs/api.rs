//! From an operation's name to the function that serves it.

use super::World;
use crate::{error::ApiError, fault::Faults};
use serde_json::Value;
use std::sync::Mutex;

impl World {
    pub(crate) fn call(
        &mut self,
        operation: &str,
        input: &Value,
        faults: &Mutex<Faults>,
        now: u64,
    ) -> Result<Value, ApiError> {
        match operation {
            "CreateCluster" => self.create_cluster(input),
            "DeleteCluster" => self.delete_cluster(input),
            "UpdateCluster" | "UpdateClusterSettings" => self.update_cluster(input),
            "DescribeClusters" => self.describe_clusters(input),
            "ListClusters" => self.list_clusters(input),
            "PutClusterCapacityProviders" => self.put_capacity_providers(input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags(input),
            "RegisterTaskDefinition" => self.register_task_definition(input, now),
            "DescribeTaskDefinition" => self.describe_task_definition(input),
            "ListTaskDefinitions" => self.list_task_definitions(input),
            "ListTaskDefinitionFamilies" => self.list_families(input),
            "DeregisterTaskDefinition" => self.deregister_task_definition(input, now),
            "DeleteTaskDefinitions" => self.delete_task_definitions(input, now),
            "RunTask" => self.run_task(input, now),
            "DescribeTasks" => self.describe_tasks(input, faults),
            "StopTask" => self.stop_task(input, now),
            "ListTasks" => self.list_tasks(input),
            "ExecuteCommand" => self.execute_command(input),
            "CreateService" => self.create_service(input, now),
            "DescribeServices" => self.describe_services(input),
            "UpdateService" => self.update_service(input, now),
            "DeleteService" => self.delete_service(input, now),
            "ListServices" => self.list_services(input),
            "ListServiceDeployments" => self.list_service_deployments(input),
            "DescribeServiceDeployments" => self.describe_service_deployments(input),
            "DescribeServiceRevisions" => self.describe_service_revisions(input),
            "StopServiceDeployment" => self.stop_service_deployment(input, now),
            _ => Err(ApiError::unknown_operation()),
        }
    }
}
