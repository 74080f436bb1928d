"""Where in the store things are: the bucket, the prefix, and the keys below it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone

from publisher.errors import UsageError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# The characters that need no escaping in a copy's source and are safe in every client.
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/=-]*")
# What the publisher has below a destination, where no other destination may begin.
_OWN = frozenset({"active", "stage", "runs", "report", "doctor", "hold.json"})
TIMESTAMP = "%Y%m%d_%H%M%S"


@dataclass(frozen=True)
class Destination:
    """A bucket and a prefix, which is empty or ends with a slash."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Destination:
        """Reads `s3://bucket[/prefix]`.

        Raises:
            UsageError: It is anything else.
        """
        hint = "Give --to (or PUBLISHER_TO) as s3://bucket or s3://bucket/prefix."
        if not url.startswith("s3://"):
            raise UsageError(f"The destination {url!r} does not begin with s3://.", hint)
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise UsageError(f"The destination {url!r} does not name a valid bucket.", hint)
        prefix = prefix.strip("/")
        if not _PREFIX.fullmatch(prefix) or "//" in prefix or {".", ".."} & set(prefix.split("/")):
            raise UsageError(f"The prefix of the destination {url!r} is not usable as a key.", hint)
        return cls(bucket, f"{prefix}/" if prefix else "")

    def below(self, key: str) -> Destination:
        """Returns the destination below this one that a key names; this one where the key is empty.

        Raises:
            UsageError: It cannot be part of a key, or is where this one's own files are.
        """
        found = Destination.parse(self.url(f"{self.prefix}{key.strip('/')}"))
        if found.is_within_files_of(self):
            raise UsageError(
                f"The key {key!r} is where {self.url(self.prefix)} has files of its own.",
                f"Choose another than {', '.join(sorted(_OWN))}.",
            )
        return found

    def is_within_files_of(self, other: Destination) -> bool:
        """Whether this one begins in a folder in which another keeps its files."""
        begins = self.bucket == other.bucket and self.prefix.startswith(other.prefix)
        return begins and self.prefix.removeprefix(other.prefix).partition("/")[0] in _OWN

    @property
    def active_key(self) -> str:
        """The key that downstream services read."""
        return f"{self.prefix}active/latest.txt.gz"

    @property
    def hold_key(self) -> str:
        """The key of the object that stops every publish while it is there."""
        return f"{self.prefix}hold.json"

    @property
    def stage_prefix(self) -> str:
        """What the keys of all staged files begin with."""
        return f"{self.prefix}stage/stage_"

    def is_staged_file(self, key: str) -> bool:
        """Whether a key is one of a staged file of this destination."""
        return key.startswith(self.stage_prefix) and key.endswith(".txt.gz")

    @staticmethod
    def failure_key(staged_key: str) -> str:
        """The key of the note that tells why a staged file was not promoted."""
        return f"{staged_key.removesuffix('.txt.gz')}.failure.json"

    @property
    def runs_prefix(self) -> str:
        """What the keys of all records of runs begin with."""
        return f"{self.prefix}runs/"

    @property
    def report_key(self) -> str:
        """The key of the page for people that `report --publish-report` writes."""
        return f"{self.prefix}report/report.html"

    @property
    def scratch_prefix(self) -> str:
        """What the keys that `doctor` tries things on begin with."""
        return f"{self.prefix}doctor/"

    def stage_key(self, timestamp: str) -> str:
        """Returns the key of the file staged at `timestamp` (UTC, YYYYMMDD_HHMMSS)."""
        return f"{self.stage_prefix}{timestamp}.txt.gz"

    def key(self, text: str) -> str:
        """Returns a key from what a person writes: the key, or the URL that commands print."""
        return text.removeprefix(f"s3://{self.bucket}/")

    def url(self, key: str) -> str:
        """Returns a key as a person writes it."""
        return f"s3://{self.bucket}/{key}"


def timestamp(now: datetime) -> str:
    """Returns a moment as keys and metadata write it: UTC, YYYYMMDD_HHMMSS."""
    return now.astimezone(timezone.utc).strftime(TIMESTAMP)


def staged_at(destination: Destination, key: str) -> datetime | None:
    """Returns when a file was staged, by its key or that of its note; None for another key."""
    name = key.removeprefix(destination.stage_prefix).removesuffix(".txt.gz").removesuffix(".failure.json")
    try:
        return datetime.strptime(name, TIMESTAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
