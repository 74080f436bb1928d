"""Tells others of a publish, however it ends: what is known of it while it runs, and what is sent when it is over.

Light to import: what makes and sends is imported where somebody asked to be told.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from publisher.cli import log
from publisher.cli.streams import say
from publisher.errors import PublisherError, UsageError

if TYPE_CHECKING:
    from publisher.publish import Published
    from publisher.records.memory import Memory
    from publisher.rollback import RolledBack
    from publisher.source import Source
    from publisher.store.keys import Destination
    from publisher.telemetry.channels import Target, Webhook
    from publisher.telemetry.metrics import Metric
    from publisher.telemetry.run import Run
    from publisher.telemetry.sending import Delivery
    from publisher.values import StoredObject

CLOUDWATCH, STDOUT = "cloudwatch", "stdout"
# Whoever waits for the publish waits for this, too; of what is left after a signal, this is half.
SECONDS, SECONDS_OF_AN_INTERRUPTED = 8.0, 4.0
_SIGNALS = {130: "Ctrl-C", 143: "SIGTERM"}


@dataclass
class Telling:
    """Who is to be told, and what is known so far.

    Attributes:
        namespace: Of the metrics; None for none.
        metrics_to: Where they go, `cloudwatch` or `stdout`.
        targets: Of the notices.
        promotion_targets: Of those that tell of each file that became active.
        openlineage_url: Of the lineage's endpoint; None for none.
        is_begun: Whether it is known what runs; without that there is nothing to tell of.
        is_dry_run: Whether nothing is to be written, and so nobody to be told.
        to: The destination as it was given.
        run_id: As in the records.
        step: The step that is under way.
        source: The table, as soon as it is open.
        memory: What was promoted last, likewise.
        published: What was done.
    """

    namespace: str | None = None
    metrics_to: str = CLOUDWATCH
    targets: tuple[Target, ...] = ()
    promotion_targets: tuple[Target, ...] = ()
    openlineage_url: str | None = None
    is_begun: bool = False
    is_dry_run: bool = False
    to: str | None = None
    run_id: str | None = None
    step: str | None = None
    source: Source | None = None
    memory: Memory | None = None
    published: Published | None = None
    _begun_at: float = field(default_factory=time.perf_counter)
    _is_told: bool = False
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, to: str | None, *, is_dry_run: bool) -> None:
        """Is told that a publish runs."""
        self.is_begun, self.to, self.is_dry_run = True, to, is_dry_run

    def fresh(self) -> Telling:
        """Returns one that tells the same people, and knows nothing yet: for the next of several lists."""
        return Telling(
            namespace=self.namespace,
            metrics_to=self.metrics_to,
            targets=self.targets,
            promotion_targets=self.promotion_targets,
            openlineage_url=self.openlineage_url,
        )

    @property
    def is_wanted(self) -> bool:
        """Whether there is somebody to tell, and something."""
        has_channel = bool(self.namespace or self.targets or self.promotion_targets or self.openlineage_url)
        return self.is_begun and has_channel and not self.is_dry_run

    @contextmanager
    def once(self) -> Iterator[bool]:
        """Tells the first who asks that it is the first; the others wait until that one is done."""
        with self._one_at_a_time:
            is_first, self._is_told = not self._is_told, True
            yield is_first

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return time.perf_counter() - self._begun_at


def tell(telling: Telling, exit_code: int, error: PublisherError | None, *, as_json: bool) -> None:
    """Tells others how a publish ended, within a few seconds; raises nothing, and changes no exit code.

    Args:
        telling: Whom, and what is known.
        exit_code: What the process ends with.
        error: Why it is not 0; None where a signal ended it.
        as_json: Whether stdout is one object, beside which nothing is printed there.
    """
    if not telling.is_wanted:
        return
    try:
        with telling.once() as is_first:
            if is_first:
                is_interrupted = telling.published is None and error is None
                deliveries = _deliveries(telling, _run(telling, exit_code, error), as_json=as_json)
                _deliver(deliveries, SECONDS_OF_AN_INTERRUPTED if is_interrupted else SECONDS)
    except (KeyboardInterrupt, SystemExit):
        pass  # what the publish ends with is settled
    except Exception as failure:  # noqa: BLE001 -- nothing that is told is worth a publish; its text may hold data
        log.warn(f"others could not be told: {type(failure).__name__}")


def tell_of_rollback(telling: Telling, destination: Destination, done: RolledBack) -> None:
    """Tells those who are told of each promotion of one by a rollback; raises nothing, and changes no exit code."""
    if not telling.promotion_targets:
        return
    try:
        from publisher.telemetry import notices, sending

        now = done.active
        promoted = notices.Promoted(destination, now.etag, now.bytes, now.metadata, done.previous)
        notice = notices.of_promotion(promoted, datetime.now(timezone.utc))
        _deliver(sending.notice_to_all(telling.promotion_targets, notice), SECONDS)
    except Exception as failure:  # noqa: BLE001 -- as in `tell`
        log.warn(f"others could not be told: {type(failure).__name__}")


def tell_age(
    telling: Telling, destination: Destination, active: StoredObject | None, now: datetime, *, as_json: bool
) -> None:
    """Tells how old active is; a failure to is one warning.

    Args:
        telling: In which namespace.
        destination: Of what.
        active: None where nothing is, or where it is not what was promoted last: then no age is told.
        now: The clock.
        as_json: As in `tell`.
    """
    from publisher.telemetry import metrics

    told = metrics.of_active(active, now)
    if told:
        _deliver(_metrics(telling, told, _name(destination), now, as_json=as_json), SECONDS)


def require_namespace(telling: Telling) -> None:
    """Returns where metrics have a namespace.

    Raises:
        UsageError: They have none.
    """
    if telling.namespace is None:
        raise UsageError(
            "--metrics was given, and no namespace.", "Give --metrics-namespace (PUBLISHER_METRICS_NAMESPACE) with it."
        )


def _run(telling: Telling, exit_code: int, error: PublisherError | None) -> Run:
    from publisher.records.actor import Actor
    from publisher.records.record import FAILED, INTERRUPTED, PUBLISHED, REFUSED
    from publisher.telemetry.run import Run

    destination = _destination(telling)
    run = Run(
        destination=_name(destination) if destination else None,
        outcome=PUBLISHED,
        ended_at=datetime.now(timezone.utc),
        seconds=telling.seconds,
        exit_code=exit_code,
        step=telling.step,
        run_id=telling.run_id,
        ci_run=Actor.current().ci_run,
        source=telling.source,
        memory=telling.memory,
        published=telling.published,
    )
    if telling.published is not None:
        return run
    if error is None:
        return run.ended(
            INTERRUPTED,
            f"The publish was ended by {_SIGNALS.get(exit_code, 'a signal')}; active is the old file or the new one, "
            "whole.",
            "See `publisher status`, and run it again. A scheduler's time-out does this: compare it with the seconds.",
        )
    outcome = REFUSED if error.guard else FAILED
    return run.ended(outcome, error.message, error.hint, type(error).__name__, error.guard)


def _deliveries(telling: Telling, run: Run, *, as_json: bool) -> list[Delivery]:
    from publisher.telemetry import lineage, metrics, notices, sending

    deliveries = []
    if telling.namespace and run.destination:
        deliveries += _metrics(telling, metrics.of_run(run), run.destination, run.ended_at, as_json=as_json)
    notice = notices.of_run(run) if telling.targets else None
    if notice is not None:
        deliveries += sending.notice_to_all(telling.targets, notice)
    destination, endpoint = _destination(telling), _endpoint(telling)
    if destination is not None and telling.promotion_targets and (done := run.published) is not None:
        promoted = notices.Promoted(
            destination, done.etag, done.encoded.bytes, done.metadata, done.previous, run.run_id
        )
        deliveries += sending.notice_to_all(telling.promotion_targets, notices.of_promotion(promoted, run.ended_at))
    if destination is not None and endpoint is not None:
        event = lineage.of_run(run, destination, os.environ.get("OPENLINEAGE_NAMESPACE", "matched-ids"))
        if event is not None:
            deliveries.append(sending.lineage_to(endpoint, event, os.environ.get("OPENLINEAGE_API_KEY")))
    return deliveries


def _metrics(
    telling: Telling, told: Sequence[Metric], destination: str, now: datetime, *, as_json: bool
) -> list[Delivery]:
    from publisher.telemetry import metrics, sending

    namespace = telling.namespace or ""
    if telling.metrics_to == STDOUT:
        say(metrics.to_emf(told, namespace, destination, now), is_error=as_json)
        return []
    return [sending.metrics_to_cloudwatch(namespace, metrics.to_metric_data(told, destination, now))]


def _endpoint(telling: Telling) -> Webhook | None:
    """Returns where events go, by the variables that OpenLineage's own client knows."""
    from urllib.parse import urljoin

    from publisher.telemetry.channels import Webhook

    if telling.openlineage_url is None or os.environ.get("OPENLINEAGE_DISABLED", "").lower().strip() == "true":
        return None
    return Webhook(urljoin(telling.openlineage_url, os.environ.get("OPENLINEAGE_ENDPOINT", "api/v1/lineage")))


def _deliver(deliveries: Sequence[Delivery], seconds: float) -> None:
    from publisher.telemetry.sending import deliver

    for warning in deliver(deliveries, seconds):
        log.warn(warning)


def _destination(telling: Telling) -> Destination | None:
    from publisher.store.keys import Destination

    try:
        return Destination.parse(telling.to or "")
    except UsageError:
        return None


def _name(destination: Destination) -> str:
    return destination.url(destination.prefix).rstrip("/")
