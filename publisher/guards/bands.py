"""The band below each limit: what passes, and is said, because it came near."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from publisher.guards.active import usual_count
from publisher.guards.ids import MAX_PERCENT_LIKE_DOCUMENTS
from publisher.guards.limits import Limits
from publisher.guards.names import IDS_LOOK_LIKE_DOCUMENTS, TOO_FEW_IDS, TOO_MANY_IDS, TOO_MANY_REMOVED, UNUSUAL_COUNT
from publisher.values import Changes, Encoded, Lookalikes

# Whoever is told at four fifths of the way has days to look, where something drifts.
_NEAR = 0.8
# Among fewer, a handful that look so by chance would be a share that is worth nothing.
_FEWEST_LOOKALIKES = 100


def near_limits(
    encoded: Encoded, active_ids: int | None, changes: Changes | None, counts: Sequence[int], limits: Limits
) -> tuple[str, ...]:
    """Returns what is not refused, and went more than four fifths of the way to it; one text each.

    Args:
        encoded: The new file.
        active_ids: How many ids the active file has; None when there is none, or it cannot be told.
        changes: What the new file changes; None when there is nothing that can be compared.
        counts: How many ids the last promoted files had.
        limits: What the guards allow.
    """
    ids = encoded.total_ids
    ways = []
    if limits.max_ids is not None:
        ways.append((TOO_MANY_IDS, ids / limits.max_ids, f"{ids:,} ids; at most {limits.max_ids:,} are allowed"))
    if active_ids and limits.min_percent_of_active > 0:
        share, least = ids * 100 / active_ids, limits.min_percent_of_active
        way = (100 - share) / (100 - least) if least < 100 else 0.0
        ways.append((TOO_FEW_IDS, way, f"{share:.1f} % of active's ids; at least {least:g} % are required"))
    if changes and changes.active_ids and limits.max_percent_removed > 0:
        share, most = changes.ids_removed * 100 / changes.active_ids, limits.max_percent_removed
        # Where everything is allowed there is no limit to come near.
        way = share / most if most < 100 else 0.0
        ways.append((TOO_MANY_REMOVED, way, f"{share:.1f} % of active's ids removed; at most {most:g} % are allowed"))
    if limits.max_deviation is not None and (usual := usual_count(counts)):
        share = abs(ids - usual) * 100 / usual
        text = f"{share:.1f} % from the usual {usual:,.0f} ids; at most {limits.max_deviation:g} % are allowed"
        ways.append((UNUSUAL_COUNT, share / limits.max_deviation, text))
    return tuple(f"near {name}: {text}" for name, way, text in ways if _NEAR <= way <= 1)


def near_documents(lookalikes: Iterable[Lookalikes]) -> tuple[str, ...]:
    """Returns which shapes of ids look like documents nearly as often as is refused; one text each.

    Args:
        lookalikes: How many ids look like documents, for each shape of them.
    """
    return tuple(
        f"near {IDS_LOOK_LIKE_DOCUMENTS}: {found.documents * 100 / found.ids:.1f} % of {found.ids:,} ids that are "
        f"{found.shape} are valid CPFs; at most {MAX_PERCENT_LIKE_DOCUMENTS} % are allowed"
        for found in lookalikes
        if found.ids >= _FEWEST_LOOKALIKES
        and _NEAR <= found.documents * 100 / found.ids / MAX_PERCENT_LIKE_DOCUMENTS <= 1
    )
