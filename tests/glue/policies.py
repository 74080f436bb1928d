"""IAM policy documents: whether they allow what a request takes, and what a request takes.

As much of IAM's language as the documents in deploy/policies use; anything else in one is an error, not passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import unescape

from tests.glue.standin import Call

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
# What a request may have in its query without being another operation.
_OF_READING = {"x-id", "partNumber"}
_OF_LISTING = {
    "list-type", "prefix", "delimiter", "encoding-type", "max-keys", "start-after", "continuation-token", "fetch-owner",
}  # fmt: skip


@dataclass(frozen=True)
class Need:
    """A permission that AWS looks for before it answers a request.

    Attributes:
        context: What conditions can ask for, by key.
    """

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join([self.action, self.resource, *(f"{key}={value}" for key, value in self.context)])


@dataclass(frozen=True)
class Condition:
    """A condition on one key; any of the values will do."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        if self.key not in context:
            return False
        value = context[self.key]
        if self.operator == "StringEquals":
            return value in self.values
        return any(is_like(value, pattern) for pattern in self.values)


@dataclass(frozen=True)
class Statement:
    """An Allow statement."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Statement:
        """Reads one, of which it must understand everything.

        Raises:
            ValueError: It has an element or an operator that is not known here.
        """
        unknown = document.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
        if unknown or document["Effect"] != "Allow":
            raise ValueError(f"{document['Sid']} has {sorted(unknown) or document['Effect']}, which is not known here")
        conditions = []
        for operator, asked in document.get("Condition", {}).items():
            if operator not in ("StringEquals", "StringLike"):
                raise ValueError(f"{document['Sid']} has the operator {operator}, which is not known here")
            conditions += [Condition(operator, key, _texts(values)) for key, values in asked.items()]
        return cls(document["Sid"], _texts(document["Action"]), _texts(document["Resource"]), tuple(conditions))

    def allows(self, need: Need) -> bool:
        return (
            need.action in self.actions
            and any(is_like(need.resource, pattern) for pattern in self.resources)
            and all(condition.holds(dict(need.context)) for condition in self.conditions)
        )

    def weaker(self) -> Iterator[tuple[str, Statement]]:
        """Yields it without one action, one resource or one value of a condition, and which."""
        for action in self.actions:
            yield action, replace(self, actions=_without(self.actions, action))
        for resource in self.resources:
            yield resource, replace(self, resources=_without(self.resources, resource))
        for number, condition in enumerate(self.conditions):
            for value in condition.values:
                changed = list(self.conditions)
                changed[number] = replace(condition, values=_without(condition.values, value))
                yield f"{condition.key} {value}", replace(self, conditions=tuple(changed))


@dataclass(frozen=True)
class Policy:
    """What one caller may do: one document, or several."""

    statements: tuple[Statement, ...]

    @classmethod
    def load(cls, paths: Iterable[Path], values: Mapping[str, str]) -> Policy:
        """Reads documents, with their placeholders filled in.

        Raises:
            KeyError: There is no value for a placeholder.
            ValueError: There is more in one than is known here.
        """
        documents = [json.loads(fill_in(path.read_text(), values)) for path in paths]
        return cls(tuple(Statement.parse(one) for document in documents for one in document["Statement"]))

    def allows(self, need: Need) -> bool:
        return any(statement.allows(need) for statement in self.statements)

    def weaker(self) -> Iterator[tuple[str, str, Policy]]:
        """Yields it without one thing that it grants: the statement's Sid, the thing, and the rest.

        The catalog goes from all statements at once: other things in it are out of reach without it, so that every
        statement about such things names it, to be complete by itself.
        """
        for number, statement in enumerate(self.statements):
            for thing, changed in statement.weaker():
                rest = [*self.statements[:number], changed, *self.statements[number + 1 :]]
                if thing.endswith(":catalog"):
                    rest = [replace(one, resources=_without(one.resources, thing)) for one in rest]
                yield statement.sid, thing, Policy(tuple(rest))


def placeholders(text: str) -> set[str]:
    return set(_PLACEHOLDER.findall(text))


def fill_in(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)


def is_like(value: str, pattern: str) -> bool:
    """Compares as IAM does, where * is anything and ? is one character."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _texts(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _without(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(one for one in values if one != value)


@dataclass(frozen=True)
class S3Request:
    """A request to S3, with the bucket in the path.

    Attributes:
        caller: The name of the access key's owner.
        headers: Their names are in lower case.
    """

    caller: str
    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def bucket(self) -> str:
        return unquote(urlsplit(self.target).path).strip("/").partition("/")[0]

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.target).path).removeprefix("/").partition("/")[2]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def needs(self, body: bytes = b"") -> list[Need]:
        """Returns what AWS looks for before it acts, by its list of permissions for S3's operations.

        Args:
            body: Of the request, where it names objects to delete.

        Raises:
            ValueError: It is a request of a kind that is not known here.
        """
        bucket, key, query = self.bucket, self.key, self.query
        if not key:
            if self.method == "POST" and "delete" in query:
                named = [unescape(name.decode()) for name in re.findall(rb"<Key>(.*?)</Key>", body, re.DOTALL)]
                return [Need("s3:DeleteObject", s3_arn(bucket, name)) for name in named]
            if self.method == "HEAD" or (self.method == "GET" and query.keys() <= _OF_LISTING):
                context = (("s3:prefix", query["prefix"]),) if "prefix" in query else ()
                return [Need("s3:ListBucket", s3_arn(bucket), context)]
        elif self.method in ("GET", "HEAD") and query.keys() <= _OF_READING:
            return [Need("s3:GetObject", s3_arn(bucket, key))]
        elif self.method == "DELETE":
            action = "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
            return [Need(action, s3_arn(bucket, key))]
        elif self.method == "PUT" or (self.method == "POST" and query.keys() & {"uploads", "uploadId"}):
            needs = [Need("s3:PutObject", s3_arn(bucket, key))]
            if "if-match" in self.headers:  # the condition would else tell what the caller may not read
                needs.append(Need("s3:GetObject", s3_arn(bucket, key)))
            if "x-amz-copy-source" in self.headers:
                of_bucket, _, of_key = unquote(self.headers["x-amz-copy-source"]).lstrip("/").partition("/")
                needs.append(Need("s3:GetObject", s3_arn(of_bucket, of_key)))
            return needs
        raise ValueError(f"{self.method} {self.target} is not known here")

    def needs_to_hear_of_absence(self) -> list[Need]:
        """Returns what AWS looks for before it says that an object is not there, and not that it is forbidden.

        The key is the prefix then, though nothing is listed: without that, no condition on the prefix would be met.
        """
        if self.method in ("GET", "HEAD") and self.key:
            return [Need("s3:ListBucket", s3_arn(self.bucket), (("s3:prefix", self.key),))]
        return []


def s3_arn(bucket: str, key: str = "") -> str:
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"


# On what AWS looks for an action: on the thing itself and on all that it is in.
_ON_TABLE = ("GetTable", "CreateTable", "UpdateTable", "DeleteTable", "GetPartitions", "GetPartition")
_ON_DATABASE = ("GetDatabase", "CreateDatabase", "UpdateDatabase", "DeleteDatabase")
_ON_SESSION = ("CreateSession", "GetSession", "StopSession", "DeleteSession", "RunStatement", "GetStatement")


def call_needs(call: Call, account: str, region: str, schema: str) -> list[Need]:
    """Returns what AWS looks for before it answers a call to Glue, STS, Lake Formation, CloudWatch or SNS.

    Args:
        call: The call.
        account: The account.
        region: The region.
        schema: The database that dbt looks for in the list of all; the list shows what may be seen.

    Raises:
        ValueError: It is a call of a kind that is not known here.
    """
    action = f"{call.service}:{call.operation}"
    glue = f"arn:aws:glue:{region}:{account}"
    if call.service in ("sts", "lakeformation"):
        return [Need(action, "*")]
    if call.service == "cloudwatch":
        return [Need(action, "*", (("cloudwatch:namespace", call.given["Namespace"]),))]
    if call.service == "sns":
        return [Need(action, call.given["TopicArn"])]
    database = call.database or ""
    things: list[str] = []
    others: list[Need] = []
    if call.operation in _ON_TABLE:
        things = ["catalog", f"database/{database}", f"table/{database}/{call.table}"]
    elif call.operation == "GetTables":
        things = ["catalog", f"database/{database}", f"table/{database}/any"]
    elif call.operation in _ON_DATABASE:
        things = ["catalog", f"database/{database}"]
    elif call.operation == "GetDatabases":
        things = ["catalog", f"database/{schema}"]
    elif call.operation in _ON_SESSION:
        things = [f"session/{call.session}"]
        if call.operation == "CreateSession":
            others.append(Need("iam:PassRole", call.given["Role"], (("iam:PassedToService", "glue.amazonaws.com"),)))
            if call.given.get("Tags"):
                others.append(Need("glue:TagResource", f"{glue}:{things[0]}"))
    else:
        raise ValueError(f"{action} is not known here")
    return [*(Need(action, f"{glue}:{thing}") for thing in things), *others]
