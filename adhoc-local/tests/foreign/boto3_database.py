"""The way to a database behind a bastion, as boto3 sees it. Prints one JSON object."""

import json
import sys

import boto3

endpoint, folder = sys.argv[1:]
session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


def client(name):
    return session.client(name, endpoint_url=endpoint)


def refusal(exception, call, **arguments):
    """The code of the refusal, which must be of the class that the client has for it."""
    try:
        call(**arguments)
    except exception as caught:
        return caught.response["Error"]["Code"]
    return None


secrets, ssm, connect = client("secretsmanager"), client("ssm"), client("ec2-instance-connect")

database = client("rds").describe_db_instances(DBInstanceIdentifier="dev-rds")["DBInstances"][0]
master = json.loads(secrets.get_secret_value(SecretId=database["MasterUserSecret"]["SecretArn"])["SecretString"])

tags = [{"Key": "adhoc:environment", "Value": "alpha"}]
created = secrets.create_secret(Name="alpha/db", SecretString="one", Tags=tags)
put = secrets.put_secret_value(SecretId=created["ARN"], SecretString="two")
described = secrets.describe_secret(SecretId="alpha/db")
labels = described["VersionIdsToStages"]
secrets.create_secret(Name="beta/db", SecretBinary=b"\x00\xff")
pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
tagged = secrets.list_secrets(Filters=[{"Key": "tag-key", "Values": ["adhoc:"]}])["SecretList"]
secrets.delete_secret(SecretId="alpha/db")
invalid = secrets.exceptions.InvalidRequestException
deleted = [
    refusal(invalid, secrets.get_secret_value, SecretId="alpha/db"),
    refusal(invalid, secrets.create_secret, Name="alpha/db", SecretString="x"),
]
secrets.restore_secret(SecretId="alpha/db")
restored = secrets.get_secret_value(SecretId="alpha/db")["SecretString"]
secrets.delete_secret(SecretId="alpha/db", ForceDeleteWithoutRecovery=True)
deleted.append(refusal(secrets.exceptions.ResourceNotFoundException, secrets.describe_secret, SecretId="alpha/db"))

wanted = [{"Name": "tag:Name", "Values": ["dev-bastion"]}, {"Name": "instance-state-name", "Values": ["running"]}]
bastion = client("ec2").describe_instances(Filters=wanted)["Reservations"][0]["Instances"][0]
key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFPVbUjzZWBzp2eZzQ1TEpYSGXRDbbYNrfbbMkpcPsQN boto3"
target = {"InstanceId": bastion["InstanceId"], "AvailabilityZone": bastion["Placement"]["AvailabilityZone"]}
pushed = connect.send_ssh_public_key(InstanceOSUser="ec2-user", SSHPublicKey=key, **target)
with open(folder + "/ec2-user") as file:
    lines = file.read().splitlines()

started = ssm.start_session(
    Target=bastion["InstanceId"],
    DocumentName="AWS-StartPortForwardingSessionToRemoteHost",
    Parameters={"host": [database["Endpoint"]["Address"]], "portNumber": [str(database["Endpoint"]["Port"])]},
)
ended = ssm.terminate_session(SessionId=started["SessionId"])

print(
    json.dumps(
        {
            "endpoint": database["Endpoint"],
            "master": master,
            "labels": [labels[created["VersionId"]], labels[put["VersionId"]]],
            "tags": described["Tags"],
            "pages": [[entry["Name"] for entry in page["SecretList"]] for page in pages],
            "tagged": [entry["Name"] for entry in tagged],
            "binary": secrets.get_secret_value(SecretId="beta/db")["SecretBinary"].hex(),
            "deleted": deleted,
            "restored": restored,
            "address": bastion["PublicIpAddress"],
            "pushed": pushed["Success"] and lines == [key],
            "no_instance": refusal(
                connect.exceptions.EC2InstanceNotFoundException,
                connect.send_ssh_public_key,
                InstanceId="i-0123456789abcdef0",
                InstanceOSUser="ec2-user",
                SSHPublicKey=key,
            ),
            "stream": started["StreamUrl"].split("?")[0].rsplit("/", 1)[1] == started["SessionId"],
            "token": bool(started["TokenValue"]),
            "ended": ended["SessionId"] == started["SessionId"],
            "not_connected": refusal(ssm.exceptions.TargetNotConnected, ssm.start_session, Target="i-0123456789abcdef0"),
            "no_document": refusal(
                ssm.exceptions.InvalidDocument, ssm.start_session, Target=bastion["InstanceId"], DocumentName="Mine"
            ),
        }
    )
)
