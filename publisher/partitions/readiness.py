"""Whether a partition's load is over: by a file in its folder, and by when it was registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.errors import SourceNotReady
from publisher.lake.glue import GluePartition
from publisher.partitions.rule import NAMES_SHOWN, Values, partition_name
from publisher.store.protocol import Store

# So many partitions are asked whether they are ready; a wrong --ready-file would otherwise ask for all of them.
_MOST_LOOKS = 50


@dataclass
class Readiness:
    """Which partitions are ready.

    Attributes:
        file: The name of an object that a partition's folder must hold; None for no such condition.
        after: So long ago a partition must have been registered; None for no such condition.
        columns: The columns of a partition's values.
        table: The table, for messages.
        open_store: Returns a bucket of the store, by its name.
        now: The present moment.
        lacks: What those that were looked at lack.
    """

    file: str | None
    after: timedelta | None
    columns: Values
    table: str
    open_store: Callable[[str], Store]
    now: datetime
    lacks: dict[Values, str] = field(default_factory=dict)

    def is_ready(self, values: Values, parts: Sequence[GluePartition]) -> bool:
        """Tells whether all parts of a partition are ready.

        Raises:
            SourceNotReady: So many are not that something else must be wrong.
        """
        if values in self.lacks:
            return False
        if len(self.lacks) >= _MOST_LOOKS:
            raise SourceNotReady(
                f"None of the newest {_MOST_LOOKS} partitions of {self.table} is ready: {self.named()}.",
                "Wait for the load; if it is complete, check --ready-file and --ready-after.",
            )
        why = next(filter(None, map(self._lack, parts)), None)
        if why:
            self.lacks[values] = why
        return why is None

    def named(self) -> str:
        """Returns the first of those that are not ready, with why."""
        shown = [f"{name} ({why})" for name, why in self.not_ready()[:NAMES_SHOWN]]
        return ", ".join(shown) + (", …" if len(self.lacks) > NAMES_SHOWN else "")

    def not_ready(self) -> tuple[tuple[str, str], ...]:
        """Returns the names of those that are not ready, each with why."""
        return tuple((partition_name(self.columns, values), why) for values, why in self.lacks.items())

    def _lack(self, part: GluePartition) -> str | None:
        """Returns what a partition lacks to be ready."""
        wait, file = self.after, self.file
        if wait is not None:
            if part.created is None:
                return "it is not known when it was registered"
            age = self.now - part.created
            if age < wait:
                return f"registered {max(int(age.total_seconds()), 0)} s ago"
        if file is not None:
            place = re.fullmatch(r"s3[an]?://([^/]+)/*(.*?)/*", part.location or "")
            if place is None:
                return "its location is not in S3"
            bucket, prefix = place[1], f"{place[2]}/" if place[2] else ""
            if self.open_store(bucket).head(f"{prefix}{file}") is None:
                return f"no {file} in its location"
        return None
