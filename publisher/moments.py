"""Moments as texts: ISO 8601, as records and dbt write them."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(moment: datetime) -> str:
    """Returns a moment as records write it: UTC, ISO 8601, with microseconds."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_iso(text: object) -> datetime | None:
    """Reads a moment; None where it is none, or does not say in which time zone."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))  # Python 3.10 does not know the Z
    except ValueError:
        return None
    return moment if moment.tzinfo else None
