"""What a Glue job is told by its arguments."""

from __future__ import annotations

import pytest

from publisher.errors import UsageError
from publisher.glue_job.arguments import known_settings, parse, variables

KNOWN = known_settings()
REQUIRED = ["--MATCHED_IDS_GLUE_LOCATION", "s3://lake/models", "--PUBLISHER_TO=s3://bucket/ids"]
# As Glue starts the script: its own arguments before and between ours.
OF_GLUE = [
    "--enable-glue-datacatalog",
    "true",
    "--JOB_NAME",
    "daily",
    "--JOB_RUN_ID",
    "jr_1",
    "--conf",
    "a=1 --conf b=2",
]


def test_settings_become_variables_and_what_is_glue_s_is_left_to_it() -> None:
    given = parse([*OF_GLUE, *REQUIRED, "--MATCHED_IDS_RECORDS_SCHEMA", "raw"], KNOWN)
    assert given.settings == {
        "MATCHED_IDS_GLUE_LOCATION": "s3://lake/models",
        "PUBLISHER_TO": "s3://bucket/ids",
        "MATCHED_IDS_RECORDS_SCHEMA": "raw",
        "PUBLISHER_CI_RUN": "daily/jr_1",  # so that a record of the run leads to its log
    }
    assert (given.only_when_new, given.publish) == (False, [])


def test_what_one_run_is_told_becomes_options_of_this_run() -> None:
    told = [
        "--ONLY_WHEN_NEW",
        "True",
        "--DRY_RUN",
        "true",
        "--OVERRULE",
        "too_few_ids,older_partition",
        "--REASON",
        "as told",
    ]
    given = parse([*REQUIRED, *told], KNOWN)
    assert given.only_when_new
    assert given.publish == [
        "--overrule", "too_few_ids", "--overrule", "older_partition", "--reason", "as told", "--dry-run",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (REQUIRED[:2], "no argument --PUBLISHER_TO"),
        (REQUIRED[2:], "no argument --MATCHED_IDS_GLUE_LOCATION"),
        ([*REQUIRED, "--PUBLISHER_MAX_AGES", "1d"], "--PUBLISHER_MAX_AGES has no effect"),
        ([*REQUIRED, "--MATCHED_IDS_DUCKDB_MEMORY", "8GB"], "--MATCHED_IDS_DUCKDB_MEMORY has no effect"),
        # Which would publish another table than the one that was built.
        ([*REQUIRED, "--PUBLISHER_TABLE", "glue:a.b"], "--PUBLISHER_TABLE has no effect"),
        ([*REQUIRED, "--DRY_RUN", "ture"], "--DRY_RUN is neither true nor false"),
        ([*REQUIRED, "--REASON"], "--REASON has no value"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse(given, KNOWN)


def test_who_is_told_is_known_whatever_is_wrong_with_the_rest() -> None:
    told = ["--PUBLISHER_NOTIFY", "https://hook.example", "--PUBLISHER_MAX_AGES", "1d", "--REASON"]
    assert variables([*REQUIRED, *told], KNOWN)["PUBLISHER_NOTIFY"] == "https://hook.example"


def test_what_is_given_as_a_value_is_no_setting() -> None:
    reason = ["--REASON", "--PUBLISHER_TO=s3://another", "--MATCHED_IDS_RECORDS_SCHEMA", "raw"]
    found = variables([*REQUIRED, *reason], KNOWN)
    assert (found["PUBLISHER_TO"], found["MATCHED_IDS_RECORDS_SCHEMA"]) == ("s3://bucket/ids", "raw")
    assert parse([*REQUIRED, *reason], KNOWN).publish == ["--reason", "--PUBLISHER_TO=s3://another"]
