"""The names of the guards, as they stand in exit messages, in the metadata and after `--overrule`."""

from __future__ import annotations

NO_IDS = "no_ids"
IDS_LOOK_LIKE_DOCUMENTS = "ids_look_like_documents"
BAD_IDS = "bad_ids"
NOT_ASCENDING = "not_ascending"
SUMMARY_DIFFERS = "summary_differs"
DBT_NOT_SUCCESSFUL = "dbt_not_successful"
OLDER_PARTITION = "older_partition"
FILES_CHANGED = "files_changed"
TOO_MANY_IDS = "too_many_ids"
TOO_FEW_IDS = "too_few_ids"
TOO_MANY_REMOVED = "too_many_removed"
UNUSUAL_COUNT = "unusual_count"
ACTIVE_DIFFERS = "active_differs"
HOLD = "hold"
SUPPRESSED_IDS = "suppressed_ids"
SUPPRESSION_SHRANK = "suppression_shrank"
STALE = "stale"

ALL = (
    DBT_NOT_SUCCESSFUL, HOLD, ACTIVE_DIFFERS, OLDER_PARTITION, BAD_IDS, NOT_ASCENDING, NO_IDS, IDS_LOOK_LIKE_DOCUMENTS,
    SUMMARY_DIFFERS, FILES_CHANGED, TOO_MANY_IDS, TOO_FEW_IDS, TOO_MANY_REMOVED,
    UNUSUAL_COUNT, SUPPRESSED_IDS, SUPPRESSION_SHRANK,
)  # fmt: skip

# What readers and monitors are refused by; a publish knows nothing of it.
OF_READERS = (STALE,)

# Without the first two a file would not be one id a line in ascending order, which is what consumers read it as.
# Whoever wants a suppressed id published takes it off the list, where that is seen.
OVERRULABLE = tuple(name for name in ALL if name not in (BAD_IDS, NOT_ASCENDING, SUPPRESSED_IDS))
