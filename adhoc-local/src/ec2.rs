//! EC2: subnets, security groups and instances of the shared network.

use crate::{
    error::ApiError,
    form::{Filter, filters, numbered},
    topology::{Instance, Subnet, Topology},
    xml::{items, leaf, node},
};
use serde_json::Value;

/// What a request sees.
pub(crate) struct Ec2<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
}

/// A resource's filterable attributes and its XML.
struct Resource {
    id: String,
    attributes: Vec<(&'static str, String)>,
    tags: Vec<(&'static str, String)>,
    xml: String,
}

impl Resource {
    /// Whether it passes the filter; `None` if the filter is none of this kind of resource.
    fn passes(&self, filter: &Filter) -> Option<bool> {
        if let Some(key) = filter.name.strip_prefix("tag:") {
            let values: Vec<&str> =
                self.tags.iter().filter(|(name, _)| *name == key).map(|(_, v)| v.as_str()).collect();
            return Some(filter.admits(&values));
        }
        if filter.name == "tag-key" {
            let keys: Vec<&str> = self.tags.iter().map(|(name, _)| *name).collect();
            return Some(filter.admits(&keys));
        }
        let (_, value) = self.attributes.iter().find(|(name, _)| *name == filter.name)?;
        Some(filter.admits(&[value]))
    }
}

fn tag_set(tags: &[(&'static str, String)]) -> String {
    items("tagSet", tags.iter().map(|(key, value)| leaf("key", key) + &leaf("value", value)))
}

fn choose(all: Vec<Resource>, form: &Value, ids: &str, code: &str) -> Result<Vec<Resource>, ApiError> {
    let wanted = numbered(form, ids);
    if let Some(missing) = wanted.iter().find(|id| !all.iter().any(|resource| resource.id == **id)) {
        return Err(ApiError::new(code, format!("The ID '{missing}' does not exist")));
    }
    let filters = filters(form);
    let mut chosen = Vec::new();
    for resource in all {
        let mut passes = wanted.is_empty() || wanted.contains(&resource.id);
        for filter in &filters {
            let Some(admitted) = resource.passes(filter) else {
                return Err(ApiError::new("InvalidParameterValue", format!("The filter '{}' is invalid", filter.name)));
            };
            passes &= admitted;
        }
        if passes {
            chosen.push(resource);
        }
    }
    Ok(chosen)
}

impl Ec2<'_> {
    /// Answers with the elements inside of the response.
    pub(crate) fn call(&self, operation: &str, form: &Value) -> Result<String, ApiError> {
        match operation {
            "DescribeSubnets" => {
                let all = self.topology.subnets.iter().map(|subnet| self.subnet(subnet)).collect();
                let chosen = choose(all, form, "SubnetId", "InvalidSubnetID.NotFound")?;
                Ok(items("subnetSet", chosen.into_iter().map(|resource| resource.xml)))
            }
            "DescribeSecurityGroups" => {
                let all = self.topology.groups.iter().map(|(id, name)| self.group(id, name)).collect();
                let chosen = choose(all, form, "GroupId", "InvalidGroup.NotFound")?;
                Ok(items("securityGroupInfo", chosen.into_iter().map(|resource| resource.xml)))
            }
            "DescribeInstances" => {
                let all = self.topology.bastion.iter().map(|instance| self.instance(instance)).collect();
                let chosen = choose(all, form, "InstanceId", "InvalidInstanceID.NotFound")?;
                let reservation = |resource: Resource| {
                    leaf("reservationId", "r-0ba5710000000001")
                        + &leaf("ownerId", self.account)
                        + "<groupSet/>"
                        + &items("instancesSet", [resource.xml])
                };
                Ok(items("reservationSet", chosen.into_iter().map(reservation)))
            }
            _ => Err(ApiError::new(
                "InvalidAction",
                format!("The action {operation} is not valid for this web service."),
            )),
        }
    }

    fn tags(&self, name: &str) -> Vec<(&'static str, String)> {
        vec![("env", self.topology.shared.clone()), ("Name", name.to_owned())]
    }

    fn subnet(&self, subnet: &Subnet) -> Resource {
        let tags = self.tags(&subnet.name);
        let arn = format!("arn:aws:ec2:{}:{}:subnet/{}", self.region, self.account, subnet.id);
        let xml = leaf("subnetId", &subnet.id)
            + &leaf("subnetArn", &arn)
            + &leaf("state", "available")
            + &leaf("ownerId", self.account)
            + &leaf("vpcId", &self.topology.vpc)
            + &leaf("cidrBlock", &subnet.cidr)
            + &leaf("availableIpAddressCount", "251")
            + &leaf("availabilityZone", &subnet.zone)
            + &leaf("defaultForAz", "false")
            + &leaf("mapPublicIpOnLaunch", if subnet.public { "true" } else { "false" })
            + &tag_set(&tags);
        let attributes = vec![
            ("subnet-id", subnet.id.clone()),
            ("vpc-id", self.topology.vpc.clone()),
            ("availability-zone", subnet.zone.clone()),
            ("cidr-block", subnet.cidr.clone()),
            ("state", "available".to_owned()),
            ("map-public-ip-on-launch", subnet.public.to_string()),
        ];
        Resource { id: subnet.id.clone(), attributes, tags, xml }
    }

    fn group(&self, id: &str, name: &str) -> Resource {
        let tags = self.tags(name);
        let xml = leaf("ownerId", self.account)
            + &leaf("groupId", id)
            + &leaf("groupName", name)
            + &leaf("groupDescription", "Tasks of every environment")
            + &leaf("vpcId", &self.topology.vpc)
            + "<ipPermissions/><ipPermissionsEgress/>"
            + &tag_set(&tags);
        let attributes =
            vec![("group-id", id.to_owned()), ("group-name", name.to_owned()), ("vpc-id", self.topology.vpc.clone())];
        Resource { id: id.to_owned(), attributes, tags, xml }
    }

    fn instance(&self, instance: &Instance) -> Resource {
        let tags = self.tags(&instance.name);
        let public = instance.address.map(|address| address.to_string());
        let xml = leaf("instanceId", &instance.id)
            + &leaf("imageId", "ami-0ba5710000000001")
            + &node("instanceState", &(leaf("code", "16") + &leaf("name", "running")))
            + &leaf("privateDnsName", "ip-10-0-101-10.ec2.internal")
            + &leaf("dnsName", if public.is_some() { "bastion.localhost" } else { "" })
            + &leaf("instanceType", "t4g.nano")
            + &leaf("launchTime", "2026-01-01T00:00:00.000Z")
            + &node("placement", &(leaf("availabilityZone", &instance.zone) + &leaf("tenancy", "default")))
            + &leaf("subnetId", &instance.subnet)
            + &leaf("vpcId", &self.topology.vpc)
            + &leaf("privateIpAddress", "10.0.101.10")
            + &public.as_ref().map(|address| leaf("ipAddress", address)).unwrap_or_default()
            + &tag_set(&tags);
        let attributes = vec![
            ("instance-id", instance.id.clone()),
            ("instance-state-name", "running".to_owned()),
            ("instance-state-code", "16".to_owned()),
            ("availability-zone", instance.zone.clone()),
            ("vpc-id", self.topology.vpc.clone()),
            ("subnet-id", instance.subnet.clone()),
            ("private-ip-address", "10.0.101.10".to_owned()),
            ("ip-address", public.unwrap_or_default()),
        ];
        Resource { id: instance.id.clone(), attributes, tags, xml }
    }
}
