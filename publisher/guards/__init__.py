"""What may stop a publication. Each guard is one function that returns, or raises with its name.

A guard sees values, never a store or a file, and imports nothing but those and errors. `names` lists them, `enforcer`
lets pass what a person overruled; the guards themselves stand by what they look at: `build` (dbt's word, the summary
row, the table's files), `ids`, `active` (what is replaced, and the hold), `suppression` (what must not be published);
`bands` tells what came near a limit. To add one: write the function, give it a name in `names`, name it here, and call
it where what it needs is known; docs/guards.md describes it (a test compares).
"""

from publisher.guards.active import (
    hold_text,
    is_older,
    partition_key,
    require_enough,
    require_few_removed,
    require_fresh,
    require_known_active,
    require_no_hold,
    require_not_older,
    require_usual_count,
    set_back_from,
)
from publisher.guards.bands import near_documents, near_limits
from publisher.guards.build import (
    require_built_by,
    require_dbt_success,
    require_equal_summary,
    require_same_invocation,
    require_summary_after,
    require_unchanged_files,
)
from publisher.guards.enforcer import Enforcer
from publisher.guards.ids import (
    require_ascending,
    require_at_most,
    require_good_ids,
    require_ids,
    require_ids_unlike_documents,
)
from publisher.guards.limits import NO_LIMITS, Limits
from publisher.guards.names import (
    ACTIVE_DIFFERS,
    ALL,
    BAD_IDS,
    DBT_NOT_SUCCESSFUL,
    FILES_CHANGED,
    HOLD,
    IDS_LOOK_LIKE_DOCUMENTS,
    NO_IDS,
    NOT_ASCENDING,
    OF_READERS,
    OLDER_PARTITION,
    OVERRULABLE,
    STALE,
    SUMMARY_DIFFERS,
    SUPPRESSED_IDS,
    SUPPRESSION_SHRANK,
    TOO_FEW_IDS,
    TOO_MANY_IDS,
    TOO_MANY_REMOVED,
    UNUSUAL_COUNT,
)
from publisher.guards.suppression import require_none_suppressed, require_suppression_kept, require_suppression_told

__all__ = [
    "ACTIVE_DIFFERS",
    "ALL",
    "BAD_IDS",
    "DBT_NOT_SUCCESSFUL",
    "FILES_CHANGED",
    "HOLD",
    "IDS_LOOK_LIKE_DOCUMENTS",
    "NOT_ASCENDING",
    "NO_IDS",
    "NO_LIMITS",
    "OF_READERS",
    "OLDER_PARTITION",
    "OVERRULABLE",
    "STALE",
    "SUMMARY_DIFFERS",
    "SUPPRESSED_IDS",
    "SUPPRESSION_SHRANK",
    "TOO_FEW_IDS",
    "TOO_MANY_IDS",
    "TOO_MANY_REMOVED",
    "UNUSUAL_COUNT",
    "Enforcer",
    "Limits",
    "hold_text",
    "is_older",
    "near_documents",
    "near_limits",
    "partition_key",
    "require_ascending",
    "require_at_most",
    "require_built_by",
    "require_dbt_success",
    "require_enough",
    "require_equal_summary",
    "require_few_removed",
    "require_fresh",
    "require_good_ids",
    "require_ids",
    "require_ids_unlike_documents",
    "require_known_active",
    "require_no_hold",
    "require_none_suppressed",
    "require_not_older",
    "require_same_invocation",
    "require_summary_after",
    "require_suppression_kept",
    "require_suppression_told",
    "require_unchanged_files",
    "require_usual_count",
    "set_back_from",
]
