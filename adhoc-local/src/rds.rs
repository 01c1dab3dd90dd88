//! RDS: the query protocol.

use crate::{
    error::ApiError,
    form::filters,
    secrets,
    topology::{Database, Topology},
    xml::{leaf, node},
};
use axum::http::StatusCode;
use serde_json::Value;

/// Answers with the elements inside of the result.
pub(crate) fn rds(
    topology: &Topology,
    region: &str,
    account: &str,
    operation: &str,
    form: &Value,
) -> Result<String, ApiError> {
    if operation != "DescribeDBInstances" {
        return Err(invalid_action(operation));
    }
    let wanted = form.get("DBInstanceIdentifier").and_then(Value::as_str);
    let short = wanted.map(|id| id.rsplit(':').next().unwrap_or(id));
    let filters = filters_by_identifier(form)?;
    let named = topology.database.as_ref().filter(|database| short.is_none_or(|wanted| wanted == database.id));
    if let (Some(wanted), None) = (wanted, named) {
        let message = format!("DBInstance {wanted} not found.");
        return Err(ApiError::new("DBInstanceNotFound", message).with_status(StatusCode::NOT_FOUND));
    }
    let found = named.filter(|database| filters.iter().all(|filter| filter.admits(&[database.id.as_str()])));
    let instances: String = found
        .into_iter()
        .map(|database| node("DBInstance", &instance(database, &topology.shared, region, account)))
        .collect();
    Ok(node("DBInstances", &instances))
}

/// RDS writes its filters as `Filters.Filter.N.Name` and `Filters.Filter.N.Values.Value.M`.
fn filters_by_identifier(form: &Value) -> Result<Vec<crate::form::Filter>, ApiError> {
    let renamed = form.as_object().into_iter().flatten().map(|(name, value)| {
        (name.replacen("Filters.Filter.", "Filter.", 1).replace(".Values.Value.", ".Value."), value.clone())
    });
    let filters = filters(&Value::Object(renamed.collect()));
    match filters.iter().find(|filter| filter.name != "db-instance-id") {
        Some(other) => Err(ApiError::new("InvalidParameterValue", format!("Unrecognized filter name: {}", other.name))),
        None => Ok(filters),
    }
}

fn instance(database: &Database, shared: &str, region: &str, account: &str) -> String {
    let id = &database.id;
    let endpoint = leaf("Address", &database.address) + &leaf("Port", &database.port.to_string());
    let secret = secrets::seeded_arn(region, account, &database.secret_name());
    let tag = |key: &str, value: &str| node("Tag", &(leaf("Key", key) + &leaf("Value", value)));
    leaf("DBInstanceIdentifier", id)
        + &leaf("DBInstanceClass", "db.t4g.micro")
        + &leaf("Engine", "postgres")
        + &leaf("EngineVersion", "16.4")
        + &leaf("DBInstanceStatus", "available")
        + &leaf("MasterUsername", "postgres")
        + &node("Endpoint", &endpoint)
        + &leaf("AllocatedStorage", "20")
        + &leaf("IAMDatabaseAuthenticationEnabled", "true")
        + &leaf("DBInstanceArn", &format!("arn:aws:rds:{region}:{account}:db:{id}"))
        + &node("MasterUserSecret", &(leaf("SecretArn", &secret) + &leaf("SecretStatus", "active")))
        + &node("TagList", &(tag("env", shared) + &tag("Name", id)))
}

pub(crate) fn invalid_action(operation: &str) -> ApiError {
    ApiError::new("InvalidAction", format!("Could not find operation {operation}"))
}
