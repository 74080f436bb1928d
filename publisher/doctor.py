"""Tries everything that a publish will need, on scratch keys, before the first real run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from publisher import guards
from publisher.errors import PublisherError, StoreFailed
from publisher.lake.access import LakeAccess
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed, Store
from publisher.store.trials import Trials, Unfit
from publisher.table.dbt_artifacts import read_build
from publisher.table.summary import read_summary
from publisher.table.table import open_table
from publisher.values import Build

_OTHER_STORE = "Use a store that honours S3's conditions; see docs/guarantees.md."


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        fix: What to do; None when it passed.
        exit_code: What a publish would end with; 0 when it passed.
    """

    name: str
    detail: str
    fix: str | None = None
    exit_code: int = 0

    @property
    def passed(self) -> bool:
        """Whether it works."""
        return self.fix is None


def examine(
    store: Store,
    destination: Destination,
    target_path: Path | None,
    model: str,
    now: Callable[[], datetime],
    lake: LakeAccess | None = None,
    *,
    id_column: str = "id",
    exposure: str | None = None,
) -> Iterator[Check]:
    """Tries one thing after the other; what does not pass stops none of the others.

    Args:
        store: The bucket.
        destination: Where in it; scratch objects are written below `doctor/`, and removed.
        target_path: dbt's folder of artifacts; None to leave dbt out.
        model: The model to publish.
        now: The local clock.
        lake: What reads the tables.
        id_column: The model's column of ids.
        exposure: As in `PublishSettings`.

    Yields:
        The result of each try.
    """
    for name, attempt in Trials(store, destination, now).all():
        yield _tried(name, attempt)
    if target_path is not None:
        build = partial(read_build, target_path, model, id_column, exposure)
        yield _tried("dbt's artifacts and tables", lambda: _source(build, lake or LakeAccess()))


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, attempt())
    except PublisherError as error:
        return Check(name, error.message, error.hint, error.exit_code)
    except Unfit as error:
        return Check(name, f"The store does not do what S3 does: {error}.", _OTHER_STORE, StoreFailed.exit_code)
    except (PreconditionFailed, LookupError):
        return Check(name, "It could not be tried.", "Mend what failed above.", StoreFailed.exit_code)


def _source(read: Callable[[], Build], lake: LakeAccess) -> str:
    build = read()
    guards.require_dbt_success(build)
    guards.require_same_invocation(build, read_summary(build.summary, lake))
    return f"{open_table(build.table, lake).rows:,} ids, built by invocation {build.invocation_id}"
