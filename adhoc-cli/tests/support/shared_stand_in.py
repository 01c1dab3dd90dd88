"""What `shared` makes and environments need, made in a second instead of the two minutes for which the provider waits.

Load balancer, database and NAT gateway take the provider that long whatever the account says. Where they are not what a test
is about, this makes the network, the load balancer with its listener and the namespace on moto, under the names and tags of
the configuration, and writes the outputs of the configuration into its state. Arguments: bucket, zone, certificate.
"""

import json
import sys

import boto3

bucket, zone, certificate = sys.argv[1:]
ec2, elb, s3 = boto3.client("ec2"), boto3.client("elbv2"), boto3.client("s3")


def tagged(kind: str, name: str) -> list:
    tags = [{"Key": "Name", "Value": name}, {"Key": "env", "Value": "dev"}]
    return [{"ResourceType": kind, "Tags": tags}]


vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", "dev"))["Vpc"]["VpcId"]
subnets = {}
for number, kind in enumerate(("private", "public")):
    subnets[kind] = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number * 10 + index}.0/24",
            AvailabilityZone=f"us-east-1{letter}",
            TagSpecifications=tagged("subnet", f"dev-{kind}-{letter}"),
        )["Subnet"]["SubnetId"]
        for index, letter in enumerate("ab")
    ]
group = ec2.create_security_group(
    GroupName="dev-ecs-sg", Description="tasks", VpcId=vpc, TagSpecifications=tagged("security-group", "dev-ecs-sg")
)["GroupId"]
balancer = elb.create_load_balancer(Name="dev-alb", Subnets=subnets["public"], SecurityGroups=[group])["LoadBalancers"][0]
listener = elb.create_listener(
    LoadBalancerArn=balancer["LoadBalancerArn"],
    Protocol="HTTPS",
    Port=443,
    Certificates=[{"CertificateArn": certificate}],
    DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}],
)["Listeners"][0]["ListenerArn"]
discovery = boto3.client("servicediscovery")
discovery.create_private_dns_namespace(Name="ad-hoc", Vpc=vpc)
namespace = discovery.list_namespaces()["Namespaces"][0]["Id"]
role = "arn:aws:iam::123456789012:role/ublog/ublog-dev-{}"

outputs = {
    "project": "ublog",
    "environment": "dev",
    "region": "us-east-1",
    "domain": "dev.example.com",
    "zone_id": zone,
    "public": True,
    "vpc_id": vpc,
    "private_subnet_ids": subnets["private"],
    "public_subnet_ids": subnets["public"],
    "alb_arn": balancer["LoadBalancerArn"],
    "alb_arn_suffix": balancer["LoadBalancerArn"].split("loadbalancer/", 1)[1],
    "alb_dns_name": balancer["DNSName"],
    "alb_zone_id": balancer["CanonicalHostedZoneId"],
    "https_listener_arn": listener,
    "app_security_group_id": group,
    "app_ports": [8000, 3000],
    "namespace_id": namespace,
    "namespace_name": "ad-hoc",
    "database_host": "dev-rds.example.internal",
    "database_port": 5432,
    "execution_role_arn": role.format("execution"),
    "task_role_arn": role.format("task"),
}


def type_of(value):
    if isinstance(value, list):
        return ["tuple", [type_of(item) for item in value]]
    return {str: "string", bool: "bool", int: "number"}[type(value)]


state = {
    "version": 4,
    "terraform_version": "1.10.0",
    "serial": 1,
    "lineage": "stand-in",
    "outputs": {name: {"value": value, "type": type_of(value)} for name, value in outputs.items()},
    "resources": [],
    "check_results": None,
}
s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key="env:/dev/shared/terraform.tfstate", Body=json.dumps(state))
