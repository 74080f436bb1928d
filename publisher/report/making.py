"""Makes the page of a destination, and publishes it where that was asked for."""

from __future__ import annotations

from datetime import datetime

from publisher.report.figures import Figures, read_figures
from publisher.report.page import to_html
from publisher.store.keys import Destination
from publisher.store.protocol import Store


def make_report(
    store: Store, destination: Destination, limit: int, since: datetime | None = None, now: datetime | None = None
) -> tuple[Figures, bytes]:
    """Reads the records and makes the page.

    Args:
        store: The bucket.
        destination: Where in it.
        limit: How many runs at most.
        since: Only those from then on; None for no bound.
        now: The moment of the page; None for now.

    Returns:
        What it shows, and the page itself, UTF-8.

    Raises:
        StoreFailed: The store failed, or the records may not be seen.
    """
    figures = read_figures(store, destination, limit, since, now)
    return figures, to_html(figures).encode("utf-8", "replace")


def put_report(store: Store, destination: Destination, page: bytes) -> str:
    """Writes the page into the bucket, in the place of an older one, and returns its key.

    Raises:
        StoreFailed: The store failed.
    """
    store.put(destination.report_key, page, "text/html; charset=utf-8")
    return destination.report_key
