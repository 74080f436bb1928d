"""The template is what its tool writes, takes what it should, and makes what moto can make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from deploy import write_template
from publisher.store.keys import Destination
from tests import empty_moto
from tests.conftest import PROJECT
from tests.deploy.conftest import EVERYTHING, GITHUB, JOB, KEY, REQUIRED
from tests.deploy.stack import REGION, TEMPLATE, Rejected, Stack, load


def test_the_template_is_what_is_written() -> None:
    assert TEMPLATE.read_text() == write_template.written(TEMPLATE.read_text()), "make docs"


def test_the_tool_finds_what_it_writes() -> None:
    """Each policy of a role, and each setting: a marker that is misspelt would be passed over."""
    text = TEMPLATE.read_text()
    markers = [line.strip() for line in text.splitlines() if line.strip().startswith(("# <", "# </"))]
    assert len(markers) > 40
    for begin, end in zip(markers[::2], markers[1::2], strict=True):
        assert end == f"# </{begin.removeprefix('# <')}"
    emptied = write_template.written(text.replace("glue:StartJobRun", "glue:StopJobRun"))
    assert emptied == text


def test_every_setting_is_a_parameter_but_those_of_a_single_run_or_another_target() -> None:
    parameters = load()["Parameters"]
    assert {one.parameter for one in write_template.settings()} <= parameters.keys()
    arguments = Stack({**JOB, "PartitionColumns": "ano,mes,dia"}).resources["Job"]["DefaultArguments"]
    assert arguments["--MATCHED_IDS_PARTITION_COLUMNS"] == "ano,mes,dia"
    assert "--MATCHED_IDS_DOCUMENT_PREFIX" not in arguments  # left to the default of that release


def test_every_parameter_is_in_a_group_and_used() -> None:
    template = load()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    body = json.dumps([template["Conditions"], template["Resources"], template["Rules"]])
    assert [name for name in shown if f'"{name}"' not in body and f"${{{name}}}" not in body] == []


def test_every_parameter_is_told_with_its_default() -> None:
    guide = (PROJECT / "docs" / "deploy.md").read_text()
    told = dict(re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`|required)? ?\|", guide, re.MULTILINE))
    settings = {one.parameter for one in write_template.settings()}
    declared = {name: str(one.get("Default", "")) for name, one in load()["Parameters"].items() if name not in settings}
    assert told == declared
    required = re.findall(r"^\| `(\w+)` \| required \|", guide, re.MULTILINE)
    assert sorted(required) == sorted(REQUIRED)


@pytest.mark.parametrize("given", [JOB, GITHUB, EVERYTHING], ids=["job", "github", "everything"])
def test_nothing_refers_to_what_is_not_made(given: dict[str, str]) -> None:
    stack = Stack(given)
    assert stack.resources
    made = stack.without_conditions()
    assert all(stack.resolve(one["Value"]) for one in made["Outputs"].values())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (REQUIRED, "Give PackageBucket for a Glue job, or GitHubRepository"),
        ({"PackageBucket": "packages", "PublishBucket": "published", "LakeBucket": "lake"}, "RawBucket is missing"),
        ({**JOB, "PublishPrefix": "team/ids"}, "PublishPrefix"),
        ({**JOB, "PublishPrefix": "/team/"}, "PublishPrefix"),
        ({**JOB, "PublishPrefix": "*/"}, "PublishPrefix"),
        ({**JOB, "LakePrefix": ""}, "LakePrefix"),
        ({**JOB, "RawSchema": "*"}, "RawSchema"),
        ({**JOB, "PackagePrefix": "matched-ids/"}, "PackagePrefix"),
        ({**JOB, "KeepDays": "30"}, "KeepDays"),
        ({**JOB, "MaxHoursWithoutPublication": "169"}, "MaxHoursWithoutPublication"),
        ({**JOB, "EncryptBucket": "true", "Key": "none"}, "EncryptBucket needs a Key"),
        ({**JOB, "MetricsNamespace": "AWS/Glue*"}, "MetricsNamespace"),
        ({**JOB, "OperatorRoleArn": "*"}, "OperatorRoleArn"),
        ({**GITHUB, "GitHubRepository": "owner/*"}, "GitHubRepository"),
        ({**GITHUB, "GitHubSubject": "*"}, "GitHubSubject"),
        ({**GITHUB, "GitHubSubject": "pull_request"}, "GitHubSubject"),
        ({**GITHUB, "GitHubSubject": "ref:refs/heads/*"}, "GitHubSubject"),
    ],
)
def test_what_would_not_do_is_refused_before_anything_is_made(given: dict[str, str], why: str) -> None:
    with pytest.raises(Rejected, match=why.replace("(", r"\(")):
        Stack(given)


@dataclass(frozen=True)
class Deployed:
    """What moto made of a stack."""

    stack: Stack
    outputs: dict[str, str]


@pytest.fixture(scope="module", params=[JOB, EVERYTHING], ids=["job", "everything"])
def deployed(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    stack = Stack(request.param)
    with (
        pytest.MonkeyPatch.context() as patch,
        empty_moto.running(),
        pytest.warns(UserWarning, match="not supported by moto"),
    ):
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        cloudformation = boto3.client("cloudformation", REGION)
        # Conditions are decided here, because moto leaves a null where AWS::NoValue is in a list.
        body = json.dumps(stack.without_conditions())
        cloudformation.create_stack(StackName=stack.name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
        (made,) = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
        assert made["StackStatus"] == "CREATE_COMPLETE"
        yield Deployed(stack, {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]})


def test_the_bucket_is_encrypted_as_was_asked(deployed: Deployed) -> None:
    answer = boto3.client("s3", REGION).get_bucket_encryption(Bucket=deployed.stack.parameters["PublishBucket"])
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    found = rule["ApplyServerSideEncryptionByDefault"]
    if deployed.stack.parameters["EncryptBucket"] == "true":
        assert (found["SSEAlgorithm"], found["KMSMasterKeyID"]) == ("aws:kms", deployed.outputs["KeyArn"])
        (asked,) = deployed.stack.resources["Bucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert asked["BucketKeyEnabled"]  # moto drops it
    else:
        assert found["SSEAlgorithm"] == "AES256"


def test_the_topic_is_encrypted_with_a_key_that_rotates(deployed: Deployed) -> None:
    topic = boto3.client("sns", REGION).get_topic_attributes(TopicArn=deployed.outputs["TopicArn"])["Attributes"]
    assert topic["KmsMasterKeyId"] == deployed.outputs["KeyArn"]
    kms = boto3.client("kms", REGION)
    assert kms.get_key_rotation_status(KeyId=deployed.outputs["KeyArn"])["KeyRotationEnabled"]


def test_the_roles_and_what_is_attached_to_them(deployed: Deployed) -> None:
    iam = boto3.client("iam", REGION)
    roles: list[Any] = iam.list_roles()["Roles"]
    of_resource = {role["RoleName"].split("-")[2]: role["RoleName"] for role in roles}
    github = {"CiRole", "SessionRole"} if deployed.stack.parameters["GitHubRepository"] else set()
    assert set(of_resource) == {"JobRole", "SchedulerRole"} | github
    publishers = {
        name: role for name, role in deployed.stack.of_type("AWS::IAM::Role").items() if name in ("JobRole", "CiRole")
    }
    attached = [role["ManagedPolicyArns"] for role in publishers.values()]  # moto drops them
    assert attached == [[deployed.stack.resolve({"Ref": "PublisherPolicy"})]] * len(publishers)
    managed = {policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]}
    assert {"matched-ids-consumer", "matched-ids-operator"} < managed


def test_the_logs_end_and_a_bad_end_is_told(deployed: Deployed) -> None:
    groups = boto3.client("logs", REGION).describe_log_groups()["logGroups"]
    assert {(group["logGroupName"], int(group["retentionInDays"])) for group in groups} == {
        ("/aws-glue/jobs/matched-ids/output", 90),
        ("/aws-glue/jobs/matched-ids/error", 90),
    }
    (target,) = boto3.client("events", REGION).list_targets_by_rule(Rule="matched-ids-job")["Targets"]
    assert target["Arn"] == deployed.outputs["TopicArn"]


# What moto 5.2 passes over, or drops, as it does: by the resolved template.


@pytest.mark.parametrize("prefix", ["", "team/ids/"])
def test_the_bucket_keeps_what_is_needed_and_nothing_for_ever(prefix: str) -> None:
    bucket = Stack({**JOB, "PublishPrefix": prefix}).resources["Bucket"]
    assert bucket["BucketName"] == "published"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    assert rules["incomplete-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": "30"}
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules.values() if "ExpirationInDays" in rule}
    destination = Destination("published", prefix)
    assert expiring == {destination.stage_prefix.removesuffix("stage_"): "400", destination.runs_prefix: "400"}
    for kept in (destination.active_key, destination.hold_key):
        assert not kept.startswith(tuple(expiring))


def test_whoever_is_named_is_subscribed() -> None:
    assert not Stack(JOB).of_type("AWS::SNS::Subscription")
    subscription = Stack({**JOB, "Email": "on-call@example.org"}).resources["EmailSubscription"]
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.org")


def test_a_bucket_that_exists_is_left_alone() -> None:
    stack = Stack({**JOB, "CreateBucket": "false"})
    assert not stack.of_type("AWS::S3::Bucket")
    assert not stack.of_type("AWS::S3::BucketPolicy")


def test_a_key_can_be_given_or_left_out() -> None:
    given = Stack({**JOB, "Key": KEY, "EncryptBucket": "true"})
    assert not given.of_type("AWS::KMS::Key")
    assert given.resources["Topic"]["KmsMasterKeyId"] == KEY
    assert given.resources["Job"]["DefaultArguments"]["--PUBLISHER_SSE_KMS_KEY_ID"] == KEY
    without = Stack({**JOB, "Key": "none"})
    assert "KmsMasterKeyId" not in without.resources["Topic"]


def test_what_is_not_to_be_lost_stays_when_the_stack_goes() -> None:
    resources = load()["Resources"]
    kept = {name for name, one in resources.items() if one.get("DeletionPolicy") == "Retain"}
    assert kept == {"Bucket", "OwnKey", "GitHubProvider"}
    assert all(resources[name]["UpdateReplacePolicy"] == "Retain" for name in kept)


def test_what_is_told_of_retention_is_what_the_template_does(job: Stack) -> None:
    told = dict(re.findall(r"^\| (.*?)[,|].*\| (\d+) \|$", (PROJECT / "docs/privacy.md").read_text(), re.MULTILINE))
    rules = {rule["Id"]: rule for rule in job.resources["Bucket"]["LifecycleConfiguration"]["Rules"]}
    assert {name: rule["Status"] for name, rule in rules.items() if rule["Status"] != "Enabled"} == {}
    logs = {str(group["RetentionInDays"]) for group in job.of_type("AWS::Logs::LogGroup").values()}
    assert {name.strip(): days for name, days in told.items()} == {
        "staged files": str(rules["staged-files"]["ExpirationInDays"]),
        "records of runs": str(rules["records-of-runs"]["ExpirationInDays"]),
        "what was replaced or deleted": str(rules["old-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"]),
        "parts of uploads that broke off": str(
            rules["incomplete-uploads"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        ),
        "logs of the job": "".join(logs),
    }
    assert (rules["staged-files"]["Prefix"], rules["records-of-runs"]["Prefix"]) == ("stage/", "runs/")
    assert {"Prefix"}.isdisjoint(rules["old-versions"])  # of active, too
