"""Stands between callers and AWS as IAM does, and tells what a policy document has that nobody needed."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tests.conftest import PROJECT
from tests.glue.catalog import ACCOUNT, REGION
from tests.glue.conftest import ROLE, GlueLake
from tests.glue.policies import Need, Policy, S3Request, call_needs
from tests.glue.standin import Call
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import Exchange

POLICIES = PROJECT / "deploy" / "policies"
READY_FILE = "_SUCCESS"
NAMESPACE = "MatchedIds"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:matched-ids"
# Why a statement is needed that no call here shows.
METASTORE = "Spark's metastore is the catalog on AWS; the client for that is not published, so here a mirror answers"
# A look at the bucket itself takes the right to list all of it: there is no prefix that a condition could ask for. It
# stays refused; the publisher looks only to tell a missing bucket from a missing object, and does without. Likewise
# consumers see no records of runs, and their `status` and `verify` say so, or do without.
REFUSED_ON_PURPOSE = r"HEAD /[^/?]+|GET /[^/?]+/?\?.*prefix=ids%2Fruns%2F.*"

_SCHEMA_FOLDER = re.compile(r"tables/matched_[0-9]+(?=/|$)")


@dataclass
class Watch:
    """Stands between the callers and S3 as IAM does: notes what each request needs, and refuses what is not allowed.

    Attributes:
        asked: Caller and permission, of all calls.
        refused: What was refused.
        unknown: Requests that nobody knows the permissions of.
    """

    policies: dict[str, Policy]
    callers: dict[str, str]
    schema_folder: str
    is_on: bool = False
    asked: dict[tuple[str, Need], None] = field(default_factory=dict)
    refused: dict[tuple[str, Need], str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allow(self, caller: str, needs: Sequence[Need], what: str) -> bool:
        """Notes what a call needs, and tells whether it may have it."""
        with self._lock:
            self.asked.update(dict.fromkeys((caller, need) for need in needs))
            lacking = [need for need in needs if not self.policies[caller].allows(need)]
            self.refused.update({(caller, need): what for need in lacking})
        return not lacking

    def note(self, call: Call, schema: str) -> None:
        """Notes what a call to Glue, STS or Lake Formation needs, which the stand-in has answered already."""
        try:
            needs = call_needs(call, ACCOUNT, REGION, schema)
        except ValueError as error:
            self.unknown.append(str(error))
        else:
            self.allow(call.caller, needs, f"{call.operation} {call.resource or call.session or ''}")

    def needs(self, caller: str) -> list[Need]:
        """Returns all that a caller needed, and got."""
        return [need for of, need in self.asked if of == caller and (of, need) not in self.refused]

    def by_mirror(self, caller: str, needs: Sequence[Need]) -> bool:
        """Tells whether it is the stand-in's Hive metastore that makes, or looks for, the folder of a database.

        On AWS nobody does: dbt-glue creates the database in the catalog, and a catalog makes no folders. It can be one
        of an earlier test's databases, which is dropped, files and all, when the metastore is next brought up to date.
        """
        keys = [dict(need.context).get("s3:prefix", need.resource.partition("/")[2]).rstrip("/") for need in needs]
        return (
            caller == "glue"
            and bool(keys)
            and all(f"{self.schema_folder}/".startswith(f"{key}/") or self._is_of_another_schema(key) for key in keys)
        )

    def _is_of_another_schema(self, key: str) -> bool:
        found = _SCHEMA_FOLDER.match(key)
        return found is not None and found[0] != self.schema_folder.rstrip("/")

    def __call__(self, exchange: Exchange) -> None:
        if not self.is_on:
            fault_proxy.forwards(exchange)
            return
        head = exchange.request
        key = head.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
        target = head.head.split(b" ", 2)[1].decode()
        request = S3Request(self.callers.get(key, "nobody"), head.method, target, head.headers)
        what = f"{request.method} {target}"
        try:
            needs = request.needs(exchange.receive() if request.method == "POST" else b"")
        except ValueError as error:
            self.unknown.append(str(error))
            needs = []
        if self.by_mirror(request.caller, needs):
            fault_proxy.forwards(exchange)
            return
        is_allowed = self.allow(request.caller, needs, what)
        answer = exchange.forward() if is_allowed else None
        if answer is not None and answer.status == 404:
            is_allowed = self.allow(request.caller, request.needs_to_hear_of_absence(), f"{what} is not there")
        if answer is not None and is_allowed:
            exchange.answer(answer.head + answer.body)
        else:
            exchange.refuse("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>")


def unused(policy: Policy, needs: Sequence[Need]) -> dict[str, str]:
    """Returns the statements, by their Sid, with an action that nobody took."""
    return {
        statement.sid: action
        for statement in policy.statements
        for action in statement.actions
        if not any(need.action == action and statement.allows(need) for need in needs)
    }


def spare(policy: Policy, needs: Sequence[Need], unseen: Collection[str]) -> set[tuple[str, str]]:
    """Returns what could be taken away from a policy that allows all that was needed: Sid and thing.

    Args:
        policy: What a caller may do.
        needs: What it needed.
        unseen: The statements that no call here shows.
    """
    assert needs
    assert all(policy.allows(need) for need in needs)
    return {
        (sid, thing)
        for sid, thing, weaker in policy.weaker()
        if sid not in unseen and all(weaker.allows(need) for need in needs)
    }


def values(lake: GlueLake, publish_bucket: str) -> dict[str, str]:
    return {
        "partition": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "glue_role": ROLE.rpartition("/")[2],
        "raw_bucket": lake.bucket.name,
        "raw_prefix": f"{lake.raw}/",
        "raw_schema": lake.raw,
        "cpfs_table": "cpfs",
        "records_table": "records",
        "suppressed_table": "suppressed",
        "lake_bucket": lake.bucket.name,
        "lake_prefix": "tables/",
        "schema": lake.schema,
        "publish_bucket": publish_bucket,
        "publish_prefix": "ids/",
        "ready_file": READY_FILE,
        "metrics_namespace": NAMESPACE,
        "topic_arn": TOPIC,
    }
