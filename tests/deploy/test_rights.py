"""Who may do what in a deployment: the roles, the bucket's policy, and who may become what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from publisher.store.keys import Destination
from tests.conftest import PROJECT
from tests.deploy.conftest import EVERYTHING, GITHUB, JOB, KEY
from tests.deploy.stack import ACCOUNT, REGION, Stack
from tests.glue.policies import fill_in

POLICIES = PROJECT / "deploy" / "policies"
# Each document, and the statements of a document that are there on demand.
OF_ROLES = {
    "JobRole": [
        "glue-job-role.json",
        "optional-kms-write.json",
        "optional-kms-lake.json",
        "optional-lake-formation.json",
        "optional-suppression.json",
    ],
    "SchedulerRole": ["scheduler-role.json"],
    "CiRole": ["ci-role.json"],
    "SessionRole": [
        "glue-role.json",
        "optional-kms-write.json",
        "optional-kms-lake.json",
        "optional-lake-formation.json",
        "optional-suppression.json",
    ],
}
OF_MANAGED = {
    "ConsumerPolicy": ["consumer.json", "optional-kms-read.json"],
    "OperatorPolicy": ["operator.json", "optional-kms-write.json"],
    "PublisherPolicy": [
        "optional-metrics.json", "optional-notices.json", "optional-kms-notices.json", "optional-kms-write.json",
        "optional-ready-file.json", "optional-kms-lake.json", "optional-lake-formation.json",
        "optional-suppression.json",
    ],
}  # fmt: skip
TRUSTS = {
    "JobRole": "glue-role-trust.json",
    "SchedulerRole": "scheduler-role-trust.json",
    "CiRole": "ci-role-trust.json",
    "SessionRole": "glue-role-trust.json",
}
# Where IAM knows no resource, and what stands for a resource of the policy itself.
ANY_RESOURCE = {
    "SendMetricsOfOneNamespace", "FirstBuildGrantsTheSchemaToTheGlueRole", "AskLakeFormationForAccessToData",
    "TheAccountAdministersTheKey", "AlarmsAndEventsAreSentToTheTopic",
}  # fmt: skip
ANY_ACTION = {"TheAccountAdministersTheKey", "TlsOnly"}
ON_CALL = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_OnCall_0123456789abcdef"


def values(stack: Stack) -> dict[str, str]:
    """Returns what stands for the placeholders of deploy/policies, by the template's parameters."""
    given = stack.parameters
    own_key = stack.resolve({"Fn::GetAtt": ["OwnKey", "Arn"]})
    return {
        "partition": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "glue_role": stack.resolve({"Ref": "SessionRole"}),
        "job": "matched-ids",
        "kms_key_arn": own_key,
        "lake_key_arn": given["LakeKeyArn"],
        "topic_arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:matched-ids",
        "metrics_namespace": given["MetricsNamespace"],
        "raw_bucket": given["RawBucket"],
        "raw_prefix": given["RawPrefix"],
        "raw_schema": given["RawSchema"],
        "cpfs_table": given["CpfsTable"],
        "records_table": given["RecordsTable"],
        "suppressed_table": given["SuppressedTable"],
        "lake_bucket": given["LakeBucket"],
        "lake_prefix": given["LakePrefix"],
        "schema": given["Schema"],
        "publish_bucket": given["PublishBucket"],
        "publish_prefix": given["PublishPrefix"],
        "package_bucket": given["PackageBucket"],
        "package_prefix": f"{given['PackagePrefix']}/",
        "ready_file": given["ReadyFile"],
        "github_repository": given["GitHubRepository"],
        "github_subject": given["GitHubSubject"],
    }


def document(name: str, stack: Stack) -> dict[str, Any]:
    return json.loads(fill_in((POLICIES / name).read_text(), values(stack)))


def statements(*names: str, stack: Stack) -> list[Any]:
    return [one for name in names for one in document(name, stack)["Statement"]]


@pytest.mark.parametrize("role", OF_ROLES)
def test_a_role_has_the_documents_that_are_proven_and_no_other(everything: Stack, role: str) -> None:
    properties = everything.resources[role]
    found = [one for policy in properties["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    shared = [
        "optional-kms-write.json",
        "optional-kms-lake.json",
        "optional-lake-formation.json",
        "optional-suppression.json",
    ]
    own = OF_ROLES[role] if role == "SessionRole" else [name for name in OF_ROLES[role] if name not in shared]
    assert found == statements(*own, stack=everything)
    assert properties["AssumeRolePolicyDocument"] == document(TRUSTS[role], everything)
    of_publishers = [everything.resolve({"Ref": "PublisherPolicy"})] if role in ("JobRole", "CiRole") else None
    assert properties.get("ManagedPolicyArns") == of_publishers


@pytest.mark.parametrize("policy", OF_MANAGED)
def test_a_managed_policy_is_the_documents_that_are_proven(everything: Stack, policy: str) -> None:
    assert everything.resources[policy]["PolicyDocument"]["Statement"] == statements(
        *OF_MANAGED[policy], stack=everything
    )


def test_what_was_not_asked_for_is_not_allowed(job: Stack) -> None:
    sids = {one["Sid"] for one in job.resources["PublisherPolicy"]["PolicyDocument"]["Statement"]}
    assert sids == {"SendMetricsOfOneNamespace", "SendNotices", "EncryptNoticesThroughSns"}
    assert len(job.resources["JobRole"]["Policies"]) == 1


def test_a_statement_of_one_name_is_one_statement() -> None:
    """So what a full run proves of one document holds for the others that have it."""
    of_sid: dict[str, Any] = {}
    for path in sorted(POLICIES.glob("*.json")):
        for one in json.loads(path.read_text())["Statement"]:
            assert of_sid.setdefault(one["Sid"], one) == one, (path.name, one["Sid"])


def all_statements(stack: Stack) -> Iterator[dict[str, Any]]:
    """Yields each statement of each policy, wherever in the template."""

    def within(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if "Effect" in value:
                yield value
            else:
                for one in value.values():
                    yield from within(one)
        elif isinstance(value, list):
            for one in value:
                yield from within(one)

    yield from within(stack.resources)


def test_nothing_is_allowed_on_everything_where_a_name_can_stand(everything: Stack) -> None:
    found = list(all_statements(everything))
    assert len(found) > 60
    for one in found:
        actions, resources = (
            [one[key]] if isinstance(one.get(key), str) else one.get(key, []) for key in ("Action", "Resource")
        )
        assert one["Sid"] in ANY_RESOURCE or "*" not in resources, one["Sid"]
        assert one["Sid"] in ANY_ACTION or not any("*" in action for action in actions), one["Sid"]
        assert one["Effect"] == "Deny" or one.get("Principal") != "*", one["Sid"]
    metrics = next(one for one in found if one["Sid"] == "SendMetricsOfOneNamespace")
    assert metrics["Condition"] == {"StringEquals": {"cloudwatch:namespace": ["MatchedIds"]}}


def test_long_names_leave_room_in_what_iam_takes() -> None:
    """IAM counts without white space: 10,240 for all inline policies of a role, 6,144 for a managed one."""
    bucket, prefix = "b" * 63, "p" * 40 + "/"
    longest = {
        "PublishBucket": bucket, "PublishPrefix": prefix, "RawBucket": bucket, "RawPrefix": prefix,
        "LakeBucket": bucket, "LakePrefix": prefix, "PackageBucket": bucket, "PackagePrefix": prefix[:-1],
        "RawSchema": "s" * 40, "Schema": "s" * 40, "CpfsTable": "t" * 40, "RecordsTable": "t" * 40,
        "SuppressedTable": "t" * 40,
    }  # fmt: skip
    stack = Stack({**EVERYTHING, **longest}, name="n" * 40)
    for name, role in stack.of_type("AWS::IAM::Role").items():
        assert sum(_size(policy["PolicyDocument"]) for policy in role["Policies"]) <= 10240, name
    for name, policy in stack.of_type("AWS::IAM::ManagedPolicy").items():
        assert _size(policy["PolicyDocument"]) <= 6144, name
    assert _size(stack.resources["BucketPolicy"]["PolicyDocument"]) <= 20480


def _size(policy: Any) -> int:
    return len(re.sub(r"\s", "", json.dumps(policy)))


# The bucket's policy.


def denied(stack: Stack, principal: str, action: str, key: str = "", **context: str) -> set[str]:
    """Returns the statements by which the bucket refuses a request, by their names.

    Raises:
        ValueError: A condition is not known here.
    """
    resource = f"arn:aws:s3:::{stack.parameters['PublishBucket']}" + (f"/{key}" if key else "")
    asked = {
        "aws:PrincipalArn": principal,
        "aws:SecureTransport": "true",
        **{k.replace("__", ":").replace("_", "-"): v for k, v in context.items()},
    }
    found = set()
    for one in stack.resources["BucketPolicy"]["PolicyDocument"]["Statement"]:
        assert (one["Effect"], one["Principal"]) == ("Deny", "*")
        actions, resources = (
            [one[name]] if isinstance(one[name], str) else one[name] for name in ("Action", "Resource")
        )
        if (
            any(fnmatchcase(action, pattern) for pattern in actions)
            and any(fnmatchcase(resource, pattern) for pattern in resources)
            and all(_holds(operator, asked, wanted) for operator, wanted in one["Condition"].items())
        ):
            found.add(one["Sid"])
    return found


def _holds(operator: str, asked: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    for key, value in wanted.items():
        if operator == "Bool":
            is_so = asked.get(key) == value
        elif operator == "Null":
            is_so = (key not in asked) == (value == "true")
        elif operator == "ArnNotLike":
            is_so = not any(fnmatchcase(asked[key], pattern) for pattern in value)
        else:
            raise ValueError(f"{operator} is not known here")
        if not is_so:
            return False
    return True


def role_arn(stack: Stack, role: str) -> str:
    return str(stack.resolve({"Fn::GetAtt": [role, "Arn"]}))


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"])
def test_active_is_written_by_its_publishers_alone(everything: Stack, action: str) -> None:
    destination = Destination("published", "team/ids/")
    written = (
        destination.active_key,
        destination.stage_key("20251022_040000"),
        destination.hold_key,
        destination.runs_prefix,
    )
    for key in written:
        for publisher in (role_arn(everything, "JobRole"), role_arn(everything, "CiRole"), ON_CALL):
            assert "OnlyPublishersWrite" not in denied(everything, publisher, action, key)
        for other in (
            role_arn(everything, "SessionRole"),
            f"arn:aws:iam::{ACCOUNT}:user/admin",
            ON_CALL.replace("OnCall", "Dev"),
        ):
            assert "OnlyPublishersWrite" in denied(everything, other, action, key)
    assert denied(everything, f"arn:aws:iam::{ACCOUNT}:user/admin", "s3:GetObject", destination.active_key) == set()
    table = "matched-ids/matched_ids/int_matched_ids/data/a.parquet"  # the lake, in the same bucket
    assert denied(everything, role_arn(everything, "SessionRole"), action, table) == set()


@pytest.mark.parametrize(("given", "roles"), [(JOB, ["JobRole"]), (GITHUB, ["CiRole"])], ids=["job", "github"])
def test_who_is_not_there_is_not_let_in(given: dict[str, str], roles: list[str]) -> None:
    stack = Stack(given)
    (only,) = (
        one
        for one in stack.resources["BucketPolicy"]["PolicyDocument"]["Statement"]
        if one["Sid"] == "OnlyPublishersWrite"
    )
    assert only["Condition"]["ArnNotLike"]["aws:PrincipalArn"] == [role_arn(stack, role) for role in roles]


def test_nothing_passes_without_tls(job: Stack) -> None:
    publisher = role_arn(job, "JobRole")
    for action, key in (
        ("s3:GetObject", "active/latest.txt.gz"),
        ("s3:PutObject", "stage/stage_1.txt.gz"),
        ("s3:ListBucket", ""),
    ):
        assert denied(job, publisher, action, key, aws__SecureTransport="false") == {"TlsOnly"}
        assert denied(job, publisher, action, key) == set()


def test_writes_without_a_condition_are_refused_on_demand(job: Stack, everything: Stack) -> None:
    """By the header's presence; the parts of an upload have none, their completion does."""
    key, publisher = "team/ids/active/latest.txt.gz", role_arn(everything, "JobRole")
    creates = {"s3__ObjectCreationOperation": "true"}
    assert denied(everything, publisher, "s3:PutObject", key, **creates) == {"OnlyUnderACondition"}
    assert denied(everything, publisher, "s3:PutObject", key, s3__if_match='"abc"', **creates) == set()
    assert denied(everything, publisher, "s3:PutObject", key, s3__if_none_match="*", **creates) == set()
    assert denied(everything, publisher, "s3:PutObject", key, s3__ObjectCreationOperation="false") == set()
    assert denied(everything, publisher, "s3:PutObject", "team/ids/runs/2025/10/22/a.json", **creates) == set()
    assert denied(job, role_arn(job, "JobRole"), "s3:PutObject", "active/latest.txt.gz", **creates) == set()


# Who may become what.


def test_workflows_of_one_branch_of_one_repository_become_the_ci_role(everything: Stack) -> None:
    (trust,) = everything.resources["CiRole"]["AssumeRolePolicyDocument"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": "repo:owner/repository:ref:refs/heads/main",
        }
    }
    provider = everything.resources["GitHubProvider"]
    assert provider["Url"] == f"https://{issuer}"
    assert provider["ClientIdList"] == ["sts.amazonaws.com"]
    # An identity provider's ARN is its address.
    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}


def test_a_provider_that_is_there_is_used() -> None:
    stack = Stack({**GITHUB, "CreateGitHubProvider": "false", "GitHubSubject": "environment:production"})
    assert not stack.of_type("AWS::IAM::OIDCProvider")
    (trust,) = stack.resources["CiRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert "repo:owner/repository:environment:production" in json.dumps(trust)
    assert not Stack(JOB).of_type("AWS::IAM::OIDCProvider")


def test_the_lakes_key_is_used_through_s3_alone(everything: Stack) -> None:
    found = [one for one in all_statements(everything) if KEY in one.get("Resource", [])]
    assert len(found) == 2  # of the publishers, and of the sessions
    for one in found:
        assert one["Condition"] == {"StringEquals": {"kms:ViaService": [f"s3.{REGION}.amazonaws.com"]}}
