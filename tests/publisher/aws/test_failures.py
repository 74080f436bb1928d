"""What every code and every exception of AWS's means: named as itself, with its own advice, and never called a bug."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from publisher.aws.failures import FAILURES, failure
from publisher.errors import Misconfigured, StoreFailed
from publisher.lake import glue, s3_files
from publisher.store.s3_requests import SERVICE
from tests.conftest import PROJECT

# Of S3's list: what answers requests that the publisher never sends, such as those that make or configure a bucket.
NEVER_ANSWERED = {
    "AmbiguousGrantByEmailAddress",
    "BucketAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "BucketNotEmpty",
    "CrossLocationLoggingProhibited",
    "IllegalVersioningConfigurationException",
    "IncorrectNumberOfFilesInPostRequest",
    "InlineDataTooLarge",
    "InvalidLocationConstraint",
    "InvalidPolicyDocument",
    "InvalidTargetBucketForLogging",
    "MalformedPOSTRequest",
    "MaxPostPreDataLengthExceededError",
    "NoLoggingStatusForKey",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchVersion",
    "RequestIsNotMultiPartContent",
    "RequestTorrentOfBucketError",
    "TooManyBuckets",
    "UnresolvableGrantByEmailAddress",
    "UserKeyMustBeSpecified",
}
# And what is translated before it is a failure: an absence, a condition that is not met, other bytes than were sent.
TRANSLATED = {"NoSuchKey", "NoSuchBucket", "PreconditionFailed", "BadDigest", "InvalidDigest"}


def codes_of_s3() -> list[str]:
    model = botocore.session.get_session().get_service_model("s3")
    shape: Any = model.shape_for("Error")
    listed = re.findall(r"<i>Code:</i>\s*([A-Za-z.]{2,})", shape.members["Code"].documentation)
    assert len(set(listed)) > 70
    return sorted(set(listed))


def kinds(above: type[Exception]) -> Iterator[type[Exception]]:
    for kind in above.__subclasses__():
        if kind.__module__.startswith("botocore"):
            yield kind
            yield from kinds(kind)


def answer(
    code: str, operation: str = "PutObject", status: int = 400, retries: int = 0, message: str = ""
) -> ClientError:
    told: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": retries, "HTTPHeaders": {}},
    }
    return ClientError(told, operation)


@pytest.mark.parametrize("code", codes_of_s3())
def test_each_code_of_s3_s_list_has_its_own_advice(code: str) -> None:
    found = failure(answer(code, message="of a secret"), SERVICE, "writing x")
    assert f": {code}" in found.message
    assert "secret" not in found.message + found.hint
    assert found.hint
    assert "Retries are spent" not in found.hint
    is_told_as_it_is = found.hint.startswith("Look up")
    assert is_told_as_it_is == (code in NEVER_ANSWERED | TRANSLATED - {"NoSuchBucket"})
    if is_told_as_it_is:
        assert "(PutObject, HTTP 400)" in found.message


@pytest.mark.parametrize("kind", sorted(set(kinds(BotoCoreError)), key=str))
def test_each_exception_of_botocore_is_named_as_itself(kind: type[Exception]) -> None:
    assert issubclass(kind, FAILURES)
    error = kind.__new__(kind)
    found = failure(error, SERVICE, "writing x")
    assert f": {kind.__name__}" in found.message
    assert found.hint
    is_a_connection = issubclass(
        kind, (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
    )
    assert ("Retries are spent" in found.hint) <= is_a_connection
    if re.match("Invalid|Unknown|Unsupported|NoRegion|NoCred|Profile|Config|SSO|Login", kind.__name__) and not re.match(
        "InvalidExpression|UnknownService|UnknownClientMethod|UnsupportedS3Control|UnsupportedServiceProtocols",
        kind.__name__,
    ):
        assert isinstance(found, Misconfigured)


def test_what_is_no_failure_of_botocore_s_is_about_its_models_alone() -> None:
    found = {kind for _, kind in inspect.getmembers(exceptions, inspect.isclass) if issubclass(kind, Exception)}
    ours = {kind for kind in found if kind.__module__.startswith("botocore") and not issubclass(kind, Warning)}
    others = {kind.__name__ for kind in ours if not issubclass(kind, FAILURES)}
    assert others == {"MissingServiceIdError", "UndefinedModelAttributeError"}


def test_a_code_that_nobody_mapped_is_told_as_it_is_with_its_request() -> None:
    found = failure(answer("BrandNewCode", "CopyObject", 418), SERVICE, "copying a to b", " in bucket c")
    assert found.message == "The store failed while copying a to b in bucket c: BrandNewCode (CopyObject, HTTP 418)."
    assert found.hint == "Look up what BrandNewCode means in the documentation of S3, or of this store."
    assert type(found) is StoreFailed

    class BrandNewError(BotoCoreError):
        pass

    assert ": BrandNewError." in failure(BrandNewError(), SERVICE, "reading x").message


@pytest.mark.parametrize(("retries", "is_told"), [(0, False), (4, True)])
def test_retries_are_spent_only_where_some_were_made(retries: int, is_told: bool) -> None:
    found = failure(answer("InternalError", status=500, retries=retries), SERVICE, "writing x")
    assert ("Retries are spent" in found.hint) == is_told
    assert "network" in found.hint


@pytest.mark.parametrize("message", ["Signature expired: 1 is now earlier than 2", "Signature not yet current: 1"])
def test_a_clock_is_not_called_a_missing_right(message: str) -> None:
    found = failure(answer("InvalidSignatureException", "GetTable", message=message), glue._SERVICE, "looking at a.b")
    assert "clock" in found.hint


@pytest.mark.parametrize(
    ("message", "told", "advice"),
    [
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObject on y",
            ", s3:PutObject.",
            "s3:PutObject",
        ),
        ("User x is not authorized to perform: kms:GenerateDataKey on z", ", kms:GenerateDataKey.", "optional-kms"),
        ("not authorized, with an explicit deny in a resource-based policy", "a resource-based policy.", "whatever is"),
        ("not authorized, with an explicit deny in a service control policy", "a service control policy.", "whatever"),
        ("Access Denied because object protected by object lock.", ", the object is locked.", "Object Lock"),
        ("User arn:aws:iam::1:role/object-lock-retention may not", ".", "s3:PutObject"),
        ("52998224725 kms s3:", ".", "s3:PutObject"),
    ],
)
def test_a_denial_names_the_action_and_the_kind_of_policy_and_quotes_nothing_else(
    message: str, told: str, advice: str
) -> None:
    found = failure(answer("AccessDenied", status=403, message=message), SERVICE, "writing x")
    assert re.fullmatch(r"The store failed while writing x: AccessDenied.*", found.message)
    assert found.message.endswith(told)
    assert advice in found.hint
    assert not re.search("arn:|52998224725", found.message + found.hint)
    assert found.is_denied


POLICIES = PROJECT / "deploy" / "policies"


def granted(*names: str) -> set[str]:
    statements = [found for name in names for found in json.loads((POLICIES / name).read_text())["Statement"]]
    return {action for found in statements for action in found["Action"]}


def rights_of(*services: Any) -> set[str]:
    texts = " ".join(text for service in services for text in service.rights.values())
    return set(re.findall(r"(?:s3|glue):[A-Za-z]+", texts))


def test_hints_name_the_rights_that_the_policies_grant() -> None:
    of_s3 = {
        action for action in granted("ci-role.json", "consumer.json", "optional-prune.json") if action[:3] == "s3:"
    }
    assert rights_of(SERVICE) == of_s3
    of_lake = granted("ci-role.json", "optional-tag-snapshot.json")
    assert rights_of(s3_files._SERVICE) == {"s3:GetObject", "s3:ListBucket", "s3:PutObject"} <= of_lake
    assert rights_of(glue._SERVICE) <= of_lake
    assert "glue:UpdateTable" in rights_of(glue._SERVICE)


def test_every_request_that_is_sent_has_its_rights() -> None:
    sent = set()
    for path in (PROJECT / "publisher").rglob("*.py"):
        called = re.findall(r"client\.(\w+)\(\s*\*?\*?(?:Bucket|Database)", path.read_text())
        called += re.findall(r'get_paginator\("(\w+)"\)', path.read_text())
        sent |= {"".join(map(str.capitalize, name.split("_"))).replace("V2", "V2") for name in called}
    assert len(sent) > 12
    assert sent <= {*SERVICE.rights, *s3_files._SERVICE.rights, *glue._SERVICE.rights}


def test_a_file_of_the_policies_that_a_hint_names_is_there() -> None:
    assert list(Path(POLICIES).glob("optional-kms-*.json"))
