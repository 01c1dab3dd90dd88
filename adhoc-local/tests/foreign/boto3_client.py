"""The whole life of an update, as boto3 sees it. Prints one JSON object."""

import json
import sys
import time

import boto3

endpoint = sys.argv[1]
session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
ecs = session.client("ecs", endpoint_url=endpoint)
logs = session.client("logs", endpoint_url=endpoint)
ec2 = session.client("ec2", endpoint_url=endpoint)
cluster = "alpha-cluster"
waiter = {"Delay": 1, "MaxAttempts": 30}

account = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
database = session.client("rds", endpoint_url=endpoint).describe_db_instances(DBInstanceIdentifier="dev-rds")
subnets = ec2.describe_subnets(
    Filters=[{"Name": "tag:env", "Values": ["dev"]}, {"Name": "tag:Name", "Values": ["*private*"]}]
)["Subnets"]
groups = ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": ["dev-ecs-sg"]}])["SecurityGroups"]
instances = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["dev-bastion"]}])["Reservations"]


def register(family, tag):
    """Clone the newest revision with another image tag."""
    definition = ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
    for name in (
        "taskDefinitionArn revision status requiresAttributes compatibilities registeredAt registeredBy".split()
    ):
        definition.pop(name)
    container = definition["containerDefinitions"][0]
    container["image"] = container["image"].rsplit(":", 1)[0] + ":" + tag
    return ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]


migrate = register("alpha-migrate", "v7")
run = ecs.run_task(
    cluster=cluster,
    taskDefinition=migrate,
    launchType="FARGATE",
    networkConfiguration={
        "awsvpcConfiguration": {
            "subnets": [subnet["SubnetId"] for subnet in subnets],
            "securityGroups": [group["GroupId"] for group in groups],
        }
    },
)
arn = run["tasks"][0]["taskArn"]
ecs.get_waiter("tasks_stopped").wait(cluster=cluster, tasks=[arn], WaiterConfig=waiter)
task = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]
stream = "migrate/migrate/" + arn.rsplit("/", 1)[1]
deadline = time.time() + 10
lines = []
while not (lines and "Applied all" in lines[-1]) and time.time() < deadline:
    events = logs.get_log_events(logGroupName="/ecs/alpha/migrate", logStreamName=stream, startFromHead=True)
    lines = [event["message"] for event in events["events"]]

gunicorn = register("alpha-gunicorn", "v7")
update = ecs.update_service(cluster=cluster, service="alpha-gunicorn", taskDefinition=gunicorn, desiredCount=1)
ecs.get_waiter("services_stable").wait(cluster=cluster, services=["alpha-gunicorn"], WaiterConfig=waiter)
service = ecs.describe_services(cluster=cluster, services=["alpha-gunicorn"])["services"][0]
deployments = ecs.list_service_deployments(cluster=cluster, service="alpha-gunicorn")["serviceDeployments"]
error = None
try:
    ecs.describe_services(cluster="nope", services=["x"])
except ecs.exceptions.ClusterNotFoundException as caught:
    error = str(caught)

print(
    json.dumps(
        {
            "version": boto3.__version__,
            "account": account,
            "database": database["DBInstances"][0]["Endpoint"]["Port"],
            "subnets": len(subnets),
            "bastions": len(instances[0]["Instances"]),
            "exit_code": task["containers"][0]["exitCode"],
            "stopped_after_start": task["stoppedAt"] > task["startedAt"],
            "lines": lines,
            "running": service["runningCount"],
            "definition": service["taskDefinition"],
            "same_deployment": service["deployments"][0]["id"] == update["service"]["deployments"][0]["id"],
            "statuses": [deployment["status"] for deployment in deployments],
            "error": error,
        }
    )
)
