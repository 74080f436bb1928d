"""A deployment of everything, and one of what is there by default."""

from __future__ import annotations

import pytest

from tests.deploy.stack import ACCOUNT, REGION, Stack

REQUIRED = {"PublishBucket": "published", "RawBucket": "raw-data", "LakeBucket": "lake"}
JOB = {**REQUIRED, "PackageBucket": "packages"}
GITHUB = {**REQUIRED, "GitHubRepository": "owner/repository"}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
EVERYTHING = {
    **JOB,
    **GITHUB,
    "PublishPrefix": "team/ids/",
    "RawPrefix": "raw/",
    "LakeBucket": "published",
    "LakeKeyArn": KEY,
    "LakeFormation": "true",
    "EncryptBucket": "true",
    "RequireConditions": "true",
    "OperatorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_OnCall_*",
    "Email": "on-call@example.org",
    "ReadyFile": "_SUCCESS",
    "SuppressedBy": "documents",
}


@pytest.fixture(scope="session")
def job() -> Stack:
    """The Glue job, and else the defaults."""
    return Stack(JOB)


@pytest.fixture(scope="session")
def everything() -> Stack:
    """All that can be asked for."""
    return Stack(EVERYTHING)
