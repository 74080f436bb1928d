"""The policies in deploy/policies allow all that a full run asks for, and nothing that it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.conftest import Bucket
from tests.glue.conftest import CPF_ONE, CPF_TWO, GlueLake, GlueStore, fill, new_lake
from tests.glue.policies import Need, Policy, Statement, fill_in, placeholders
from tests.glue.standin import StandIn
from tests.glue.watch import (
    METASTORE,
    NAMESPACE,
    POLICIES,
    READY_FILE,
    REFUSED_ON_PURPOSE,
    TOPIC,
    Watch,
    spare,
    unused,
    values,
)  # fmt: skip
from tests.publisher.crash import fault_proxy

DOCUMENTS = {
    "glue": ("glue-role.json",),
    "ci": (
        "ci-role.json", "optional-ready-file.json", "optional-metrics.json", "optional-notices.json",
        "optional-tag-snapshot.json",
    ),
    "consumer": ("consumer.json",),
}  # fmt: skip
TRUST = "glue-role-trust.json"
# Of a deployment from the template; tests/deploy holds them to what it makes, test_job the job's role to what it needs.
OF_THE_TEMPLATE = ("glue-job-role.json", "operator.json", "scheduler-role.json")
TRUSTS = {TRUST, "ci-role-trust.json", "scheduler-role-trust.json"}
OPTIONAL = (
    "acl-and-tags", "kms-lake", "kms-notices", "kms-read", "kms-write", "lake-formation", "prune", "prune-holding",
    "report",
    "suppression",
)  # fmt: skip
ACTIVE = "ids/active/latest.txt.gz"

# Statements that AWS needs though no call here shows it, and why.
UNSEEN = {
    "glue": {
        "ListAndPrunePartitionsOfRawTables": METASTORE,
        "UseSchemaOfModels": METASTORE,
        "SparkLooksForThemWhenItStarts": METASTORE,
        "TidyUpAfterFailedWrites": "S3FileIO and Iceberg remove what a write or a commit that failed has left",
        "WriteLogsOfSessions": "the Glue service writes them, with the session's role",
    },
    "ci": {
        "ReplaceSessionsThatDiedAndEndOnInterrupt": "dbt-glue's _recreate_session deletes, its cancel lists statements",
        "ThrowAwayUploadsThatFailed": "the publisher, of a file of more than 5 GiB",
    },
    "consumer": {},
}
# Where IAM knows no resource.
ANY_RESOURCE = {
    "FirstBuildGrantsTheSchemaToTheGlueRole": "Lake Formation's actions have no resources, nor has GetCallerIdentity",
    "AskLakeFormationForAccessToData": "Lake Formation's actions have no resources",
    "SendMetricsOfOneNamespace": "PutMetricData has no resources; a condition names the namespace",
}


@dataclass(frozen=True)
class Command:
    """A command that is over."""

    name: str
    expected: int
    code: int
    output: str


class FullRun:
    """Runs commands, and watches what they ask for; what a test prepares in between is not watched."""

    def __init__(self, lake: GlueLake, watch: Watch, bucket: str) -> None:
        self.watch = watch
        self.commands: list[Command] = []
        self.seen: list[tuple[list[str], list[str]]] = []
        self._lake = lake
        self._to = f"s3://{bucket}/ids"

    def run(self, caller: str, program: str, *arguments: str, expected: int = 0) -> None:
        endpoint = self._lake.store.ci if caller == "ci" else self._lake.store.consumer
        environment = {
            **self._lake.environment(),
            "AWS_ACCESS_KEY_ID": endpoint.access_key,
            "AWS_SECRET_ACCESS_KEY": endpoint.secret_key,
            "PUBLISHER_TO": self._to,
            "PUBLISHER_READY_FILE": READY_FILE,
        }
        if caller == "ci":
            environment |= {"PUBLISHER_METRICS_NAMESPACE": NAMESPACE, "PUBLISHER_NOTIFY": TOPIC}
        first = len(self._lake.stand_in.calls)
        self.watch.is_on = True
        ended = {"dbt": forked.dbt, "publisher": forked.publisher}[program].run(arguments, environment)
        self.watch.is_on = False
        output = ended.stdout + ended.stderr
        self._lake.printed.append(output)
        self.commands.append(Command(" ".join([program, *arguments]), expected, ended.returncode, output))
        for call in self._lake.stand_in.calls[first:]:
            self.watch.note(call, self._lake.schema)

    def tagged(self, ids: list[str]) -> None:
        """Notes what Spark, whose tables these are, reads of the tagged state, and what it is to read."""
        query = f"select id from {self._lake.schema}.int_matched_ids version as of 'published' order by id"
        self.seen.append(([row[0] for row in self._lake.stand_in.rows(query)], ids))


@dataclass(frozen=True)
class Ran:
    """The full run, and what it asked for."""

    policies: dict[str, Policy]
    values: dict[str, str]
    watch: Watch
    commands: list[Command]
    seen: list[tuple[list[str], list[str]]]


@pytest.fixture(scope="module")
def ran(
    session_stand_in: StandIn, glue_store: GlueStore, glue_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("policies")
    session_stand_in.reset()
    with new_lake(session_stand_in, glue_store, glue_bucket, folder) as lake:
        fill(lake)
        lake.settings["MATCHED_IDS_GLUE_TAGS"] = "team=data"
        publish = Bucket(glue_store.ci, "policies-published")
        publish.client.create_bucket(Bucket=publish.name)
        given = values(lake, publish.name)
        policies = {
            caller: Policy.load([POLICIES / name for name in names], given) for caller, names in DOCUMENTS.items()
        }
        full = FullRun(lake, Watch(policies, glue_store.callers, f"tables/{lake.schema}"), publish.name)
        glue_store.proxy.inject(full.watch)
        try:
            run_everything(full, lake, publish, folder)
        finally:
            glue_store.proxy.inject(fault_proxy.forwards, lambda _: False)
        yield Ran(policies, given, full.watch, full.commands, full.seen)


def run_everything(full: FullRun, lake: GlueLake, publish: Bucket, folder: Path) -> None:
    def ready(day: str) -> None:
        key = f"{lake.raw}/records/ano_mes_dia={day}/{READY_FILE}"
        lake.bucket.client.put_object(Bucket=lake.bucket.name, Key=key, Body=b"")

    target = str(folder / "latest.txt.gz")
    full.run("consumer", "publisher", "status", expected=5)
    ready("20251021")
    full.run("ci", "publisher", "latest-partition", "--newer-than-active")
    ready("20251022")
    full.run("ci", "dbt", "build", "--target", "glue")
    full.run("ci", "publisher", "doctor")
    full.run("ci", "publisher", "publish", "--tag-snapshot")
    full.run("consumer", "publisher", "pull", target)
    lake.add_day("20251023", [(name, CPF_ONE) for name in "abcd"] + [("e", CPF_TWO)])
    ready("20251023")
    full.run("ci", "publisher", "latest-partition", "--newer-than-active")
    full.run("ci", "dbt", "build", "--target", "glue", "--exclude-resource-type", "unit_test")
    full.tagged(["a", "b", "c"])  # built, and not published
    full.run("ci", "publisher", "publish", "--tag-snapshot")
    full.tagged(["a", "b", "c", "d", "e"])
    full.run("ci", "publisher", "latest-partition", "--newer-than-active", expected=8)
    for caller in ("ci", "consumer"):
        for command in ("status", "verify"):
            full.run(caller, "publisher", command)
    full.run("ci", "publisher", "history")
    full.run("ci", "publisher", "hold", "--reason", "a look at it")
    full.run("consumer", "publisher", "status")
    full.run("ci", "publisher", "release")
    full.run("ci", "publisher", "rollback")
    full.tagged(["a", "b", "c"])
    full.run("consumer", "publisher", "pull", target, "--accept-rollback")
    full.run("ci", "publisher", "release")
    for table in ("int_matched_ids", "int_matched_ids_summary"):
        gone = f"iceberg:s3://{lake.bucket.name}/tables/{lake.schema}/{table}/metadata/gone.metadata.json"
        full.run("ci", "publisher", "publish", "--table", gone, expected=5)


def test_every_command_ends_as_it_should(ran: Ran) -> None:
    wrong = [f"{one.name}: {one.code}\n{one.output}" for one in ran.commands if one.code != one.expected]
    assert not wrong, "\n".join(wrong)
    assert not [one.output for one in ran.commands if "could not be sent" in one.output]


def test_the_tag_is_of_what_is_published(ran: Ran) -> None:
    assert [seen for seen, _ in ran.seen] == [ids for _, ids in ran.seen]
    assert len(ran.seen) == 3


def test_everything_that_is_asked_for_is_allowed(ran: Ran) -> None:
    assert not ran.watch.unknown
    refused = {f"{caller}: {need}": what for (caller, need), what in ran.watch.refused.items()}
    assert {key: what for key, what in refused.items() if not re.fullmatch(REFUSED_ON_PURPOSE, what)} == {}
    assert {caller for caller, _ in ran.watch.refused} == {"ci", "consumer"}  # and their commands ended well
    assert {caller for caller, _ in ran.watch.asked} == set(DOCUMENTS)


@pytest.mark.parametrize("caller", DOCUMENTS)
def test_every_action_is_used(ran: Ran, caller: str) -> None:
    found = unused(ran.policies[caller], ran.watch.needs(caller))
    assert set(found) == set(UNSEEN[caller]), found


@pytest.mark.parametrize("caller", DOCUMENTS)
def test_nothing_can_be_taken_away(ran: Ran, caller: str) -> None:
    """No action, no resource and no prefix, of any statement."""
    assert spare(ran.policies[caller], ran.watch.needs(caller), UNSEEN[caller]) == set()


@pytest.mark.parametrize(
    ("caller", "action", "resource", "prefix"),
    [
        ("ci", "s3:DeleteObject", f"arn:aws:s3:::policies-published/{ACTIVE}", None),
        ("ci", "s3:DeleteObject", "arn:aws:s3:::policies-published/ids/stage/stage_20261123_000548.txt.gz", None),
        ("ci", "s3:GetObject", "arn:aws:s3:::glue-lakes/{raw_prefix}cpfs/a.parquet", None),
        ("ci", "s3:PutObject", "arn:aws:s3:::glue-lakes/tables/{schema}/int_matched_ids/data/a.parquet", None),
        ("ci", "s3:ListBucket", "arn:aws:s3:::policies-published", ""),
        ("ci", "sns:Publish", "arn:aws:sns:us-east-1:123456789012:another", None),
        ("ci", "cloudwatch:PutMetricData", "*", None),
        ("ci", "glue:UpdateTable", "arn:aws:glue:us-east-1:123456789012:table/{schema}/int_matched_ids_summary", None),
        ("ci", "s3:PutObject", "arn:aws:s3:::glue-lakes/tables/{schema}/int_matched_ids_summary/metadata/1.json", None),
        ("ci", "glue:RunStatement", "arn:aws:glue:us-east-1:123456789012:session/somebody-else", None),
        ("glue", "s3:PutObject", "arn:aws:s3:::glue-lakes/{raw_prefix}cpfs/a.parquet", None),
        ("glue", "s3:GetObject", f"arn:aws:s3:::policies-published/{ACTIVE}", None),
        ("glue", "glue:UpdateTable", "arn:aws:glue:us-east-1:123456789012:table/{raw_schema}/records", None),
        ("glue", "s3:ListBucket", "arn:aws:s3:::glue-lakes", "other/"),
        ("consumer", "s3:PutObject", f"arn:aws:s3:::policies-published/{ACTIVE}", None),
        ("consumer", "s3:GetObject", "arn:aws:s3:::policies-published/ids/stage/stage_20261123_000548.txt.gz", None),
        ("consumer", "s3:ListBucket", "arn:aws:s3:::policies-published", "ids/"),
    ],
)
def test_what_must_not_be_allowed(ran: Ran, caller: str, action: str, resource: str, prefix: str | None) -> None:
    context = () if prefix is None else (("s3:prefix", prefix),)
    assert not ran.policies[caller].allows(Need(action, resource.format(**ran.values), context))


# Of the documents themselves; these need no Spark.


def documents() -> dict[str, dict[str, Any]]:
    return {path.name: json.loads(path.read_text()) for path in sorted(POLICIES.glob("*.json"))}


def test_the_documents_are_those_that_are_tested() -> None:
    run = {name for names in DOCUMENTS.values() for name in names}
    others = {*TRUSTS, *OF_THE_TEMPLATE, *(f"optional-{name}.json" for name in OPTIONAL)}
    assert set(documents()) == run | others


@pytest.mark.parametrize("name", sorted(set(documents()) - TRUSTS))
def test_a_document_is_well_formed_and_narrow(name: str) -> None:
    document = documents()[name]
    assert set(document) == {"Version", "Statement"}
    assert document["Version"] == "2012-10-17"
    statements = [Statement.parse(one) for one in document["Statement"]]
    sids = [statement.sid for statement in statements]
    assert len(set(sids)) == len(sids)
    for statement in statements:
        assert re.fullmatch(r"[A-Za-z0-9]+", statement.sid)  # IAM allows nothing else
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in statement.actions)
        if "*" in statement.resources:
            assert statement.sid in ANY_RESOURCE
        else:
            assert all(re.match(r"arn:\$\{partition\}:|\$\{\w+_arn\}$", resource) for resource in statement.resources)
        if "s3:ListBucket" in statement.actions:
            assert [condition.key for condition in statement.conditions] == ["s3:prefix"]


def test_a_managed_policy_has_room_for_each_document() -> None:
    longest = dict.fromkeys(placeholders("".join(map(json.dumps, documents().values()))), "x" * 32)
    for name, document in documents().items():
        room = 10240 if name == "glue-job-role.json" else 6144  # that one is a role's inline policy
        assert len(re.sub(r"\s", "", fill_in(json.dumps(document), longest))) <= room, name


def test_only_glue_of_this_account_becomes_the_glue_role() -> None:
    (statement,) = documents()[TRUST]["Statement"]
    assert statement["Principal"] == {"Service": "glue.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "${account}"}}


def test_every_placeholder_is_documented() -> None:
    documented = re.findall(r"^\| `\$\{(\w+)\}` \|", (POLICIES / "README.md").read_text(), re.MULTILINE)
    assert set(documented) == placeholders("".join(map(json.dumps, documents().values())))
    assert len(set(documented)) == len(documented)


def test_every_document_is_named_in_the_readme() -> None:
    text = (POLICIES / "README.md").read_text()
    assert [name for name in documents() if f"`{name}`" not in text] == []


LISTS = {
    "Sid": "Lists",
    "Effect": "Allow",
    "Action": "s3:ListBucket",
    "Resource": "arn:aws:s3:::b?cket",
    "Condition": {"StringLike": {"s3:prefix": ["a/*", "b"]}},
}


@pytest.mark.parametrize(
    ("resource", "prefix", "is_allowed"),
    [
        ("arn:aws:s3:::bucket", "a/", True),
        ("arn:aws:s3:::bucket", "a/b/c", True),
        ("arn:aws:s3:::bucket", "b", True),
        ("arn:aws:s3:::bucket", "b/", False),
        ("arn:aws:s3:::bucket", "a", False),
        ("arn:aws:s3:::bucket", None, False),
        ("arn:aws:s3:::bcket", "b", False),
        ("arn:aws:s3:::bucket/b", "b", False),
    ],
)
def test_a_statement_is_understood_as_iam_does(resource: str, prefix: str | None, is_allowed: bool) -> None:
    context = () if prefix is None else (("s3:prefix", prefix),)
    assert Statement.parse(LISTS).allows(Need("s3:ListBucket", resource, context)) == is_allowed
    assert not Statement.parse(LISTS).allows(Need("s3:GetObject", resource, context))


@pytest.mark.parametrize(
    "more", [{"Effect": "Deny"}, {"NotResource": "x"}, {"Condition": {"StringNotLike": {"s3:prefix": "a"}}}]
)
def test_what_is_not_understood_is_not_passed_over(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not known here"):
        Statement.parse({**LISTS, **more})
