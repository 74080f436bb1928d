"""Who must not be published is not, and where that cannot be made sure of, nobody is."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import PublisherError
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.settings import PublishSettings
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Ended, Lake, copy_of_project
from tests.e2e.test_duckdb import compiled, on_duckdb, result_of
from tests.publisher.cli.test_cli import run

NEWEST = "ano_mes_dia=20251022"
ROWS = [
    ("a", "000" + CPF_ONE), ("b", "000" + CPF_TWO), ("c", "000" + CPF_ONE),
    ("both", "000" + CPF_ONE), ("both", "000" + CPF_TWO),
    ("c", "000" + CPF_OTHER),
]  # fmt: skip


def settings(by: str, folder: Path) -> dict[str, str]:
    return {"MATCHED_IDS_SUPPRESSED_BY": by, "MATCHED_IDS_SUPPRESSED_PATH": str(folder / "suppressed")}


def write_list(lake: Lake, name: str = "a", **columns: Any) -> None:
    folder = lake.folder / "suppressed"
    folder.mkdir(exist_ok=True)
    arrays = {
        key: value if isinstance(value, pa.Array) else pa.array(value, pa.string()) for key, value in columns.items()
    }
    pq.write_table(pa.table(arrays), folder / f"{name}.parquet")


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Lake]:
    lake = on_duckdb(tmp_path, tmp_path)
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    lake.write_records(NEWEST, ROWS)
    yield lake
    assert lake.leaked_documents() == 0


@pytest.fixture(params=["duckdb", "local"])
def any_lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A lake of one of the two targets, whose folders are told by the settings."""
    if request.param == "duckdb":
        return request.getfixturevalue("duck")
    lake: Lake = request.getfixturevalue("lake")
    lake.settings.update(
        MATCHED_IDS_CPFS_PATH=str(lake.cpfs),
        MATCHED_IDS_RECORDS_PATH=str(lake.records),
        MATCHED_IDS_SUPPRESSED_SCHEMA=lake.raw_schema,
    )
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    lake.write_records(NEWEST, ROWS)
    return lake


def published(lake: Lake, bucket: Bucket, **changes: Any) -> tuple[list[bytes], dict[str, str]]:
    publish(
        PublishSettings(bucket.destination, target_path=lake.target_path, limits=NO_LIMITS, **changes), bucket.store
    )
    body, texts = bucket.get("active/latest.txt.gz")
    return gzip.decompress(body).split(b"\n"), texts


def built(lake: Lake, **variables: Any) -> Ended:
    ended = lake.build(variables=variables)
    assert ended.success, ended.output
    return ended


def test_what_the_list_names_is_left_out_and_counted(any_lake: Lake, bucket: Bucket) -> None:
    # An id goes with each of its documents, those included that nobody looks for: c has one of CPF_OTHER.
    any_lake.settings.update(settings("documents_and_ids", any_lake.folder))
    write_list(any_lake, documento=[CPF_OTHER, CPF_TWO, None, None], id=[None, None, "a", "nowhere"])
    any_lake.write_records(NEWEST, [("d", "000" + CPF_ONE)])
    built(any_lake)
    ids, texts = published(any_lake, bucket)
    assert ids == [b"d"]
    assert (texts["suppression_entries"], texts["withheld_ids"]) == ("4", "4")
    (key,) = filter(re.compile("_published.json$").search, bucket.keys())
    record = json.loads(bucket.get(key)[0])
    assert (record["suppression_entries"], record["withheld_ids"]) == (4, 4)

    # It is told to whoever asks, and to CloudWatch.
    told = json.loads(run(bucket, "status", "--json").stdout)
    assert (told["suppression_entries"], told["withheld_ids"]) == (4, 4)
    shown = run(bucket, "status").stdout
    assert "1 ids of partition 20251022 are active, 4 withheld by the suppression list, promoted" in shown
    again = ("publish", "--target-path", str(any_lake.target_path), "--min-percent-of-active", "0")
    measured = run(bucket, *again, "--metrics-namespace", "Tests", "--metrics-to", "stdout", "--json")
    assert measured.returncode == 0, measured.stderr
    assert json.loads(measured.stderr.splitlines()[-1])["IdsWithheld"] == 4


def test_dbt_s_own_tests_pass_with_a_list_and_without_one_there_is_no_trace_of_it(duck: Lake, bucket: Bucket) -> None:
    built(duck)
    assert "suppress" not in compiled(duck, "int_matched_ids")
    ids, texts = published(duck, bucket)
    assert (ids, texts.get("suppression_entries")) == ([b"a", b"b", b"both", b"c"], None)
    duck.settings.update(settings("documents_and_ids", duck.folder))
    write_list(duck, documento=[CPF_OTHER, CPF_TWO], id=[None, "a"])
    ended = duck.dbt("build")
    assert ended.success, ended.output
    for name in ("int_matched_ids_suppressed_by_documents_and_by_ids", "int_matched_ids_leaves_out_what_is_suppressed"):
        assert re.search(f"PASS .*test_{name}", ended.output)


def refusal(lake: Lake, bucket: Bucket, **changes: Any) -> PublisherError:
    """Publishes, which must fail and leave active as it is, and returns the error."""
    before = bucket.get("active/latest.txt.gz")
    with pytest.raises(PublisherError) as raised:
        published(lake, bucket, **changes)
    assert bucket.get("active/latest.txt.gz") == before
    return raised.value


def build_list(lake: Lake) -> Ended:
    return lake.build("--select", "+int_matched_ids_suppressed", "--indirect-selection", "buildable")


def test_a_list_that_would_suppress_nothing_fails_the_build(duck: Lake) -> None:
    bad = [CPF_ONE, None, " ", "000" + CPF_TWO, "510.877.278-55", "12345678900"]
    masked = {"MATCHED_IDS_NORMALIZE_DOCUMENTS": "true"}
    for by, columns, more, words in (
        (
            "documents",
            {"documento": bad},
            {},
            "The suppression list has 6 entries; 5 of them would suppress nothing: 1 null, 1 with a blank document, 1 "
            "with the prefix of table B, 1 with a document that is not 11 digits, 1 with wrong check digits.",
        ),
        ("documents", {"documento": ["510.877.278-55"]}, masked, None),
        ("documents", {"documento": pa.array([51087727855])}, {}, None),
        ("documents", {"documento": []}, {}, "The suppression list is empty"),
        ("ids", {"id": ["a", None, "", "b "]}, {}, "1 null, 2 with a blank id, or one with blanks around it"),
        ("ids", {"id": pa.array([1])}, {}, "a number has lost its leading zeros"),
    ):
        write_list(duck, **columns)
        duck.settings.update({"MATCHED_IDS_NORMALIZE_DOCUMENTS": "false", **settings(by, duck.folder), **more})
        ended = build_list(duck)
        assert ended.success is (words is None), ended.output
        assert words is None or words in ended.output
    write_list(duck, id=[])
    duck.settings["MATCHED_IDS_SUPPRESSED_MAY_BE_EMPTY"] = "true"
    assert build_list(duck).success


def test_a_list_that_is_not_there_is_an_error_and_never_nothing(duck: Lake) -> None:
    given = {
        **settings("documents", duck.folder),
        "MATCHED_IDS_SUPPRESSED_SCHEMA": duck.raw_schema,
        "MATCHED_IDS_SUPPRESSED_TABLE": "suppressed",
    }
    for changes, words in (
        ({}, "/suppressed"),  # the folder, by its name
        ({"MATCHED_IDS_SUPPRESSED_PATH": ""}, "Set MATCHED_IDS_SUPPRESSED_PATH"),
        ({"MATCHED_IDS_SUPPRESSED_BY": ""}, "nothing would be suppressed"),
        ({"MATCHED_IDS_SUPPRESSED_BY": "cpfs"}, 'suppressed_by is "cpfs"'),
        ({"MATCHED_IDS_SUPPRESSED_TABLE": "cpfs"}, "is said to be the suppression list and also cpfs"),
    ):
        duck.settings.update({**given, **changes})
        ended = build_list(duck)
        assert not ended.success
        assert words in ended.output


def test_integers_are_suppressed_by_what_they_are_published_as(duck: Lake, bucket: Bucket) -> None:
    for file in (duck.records / NEWEST).iterdir():
        file.unlink()
    duck.write_records(NEWEST, [(7, "000" + CPF_ONE), (12, "000" + CPF_ONE)], pa.int64())
    duck.settings.update(settings("ids", duck.folder))
    write_list(duck, id=["007"])
    ended = duck.build()
    assert not ended.success
    assert "1 with an id that is no integer" in ended.output
    write_list(duck, id=["7"])
    built(duck)
    assert published(duck, bucket)[0] == [b"12"]


def with_the_join_taken_out(lake: Lake) -> None:
    """The project, in whose model the anti join was lost: dbt's own tests find nothing wrong."""
    project = copy_of_project(lake.folder)
    model = project / "models/intermediate/int_matched_ids.sql"
    model.write_text(model.read_text().replace("from {{ 'publishable_ids' if suppressed_by() else", "from {{"))
    lake.settings["DBT_PROJECT_DIR"] = str(project)
    built(lake)


def with_the_model_built_alone(lake: Lake) -> None:
    assert lake.build("--select", "int_matched_ids", "int_matched_ids_summary").success


def without_the_setting(lake: Lake) -> None:
    for name in settings("", lake.folder):
        del lake.settings[name]
    built(lake)


def suppressed_of(lake: Lake) -> Path:
    return result_of(lake).with_name("int_matched_ids_suppressed.parquet")


@pytest.fixture
def held_to_a_list(duck: Lake, bucket: Bucket) -> Lake:
    """A lake whose file was published without three ids."""
    duck.settings.update(settings("documents", duck.folder))
    write_list(duck, documento=[CPF_TWO, CPF_OTHER, CPF_OTHER])
    built(duck)
    assert published(duck, bucket)[0] == [b"a"]
    return duck


@pytest.mark.parametrize(
    ("spoil", "guard", "words"),
    [
        (with_the_join_taken_out, "suppressed_ids", "has 3 of the 3 ids that must not be published"),
        (with_the_model_built_alone, "dbt_not_successful", "did not run"),
        (without_the_setting, "suppression_shrank", "held to a suppression list of 3 entries, and this table to none"),
    ],
)
def test_a_build_that_lost_the_list_is_refused(
    spoil: Callable[[Lake], None], guard: str, words: str, held_to_a_list: Lake, bucket: Bucket
) -> None:
    spoil(held_to_a_list)
    error = refusal(held_to_a_list, bucket, overrule=frozenset({"suppressed_ids"}))  # which no one overrules
    assert error.guard == guard
    assert words in error.message
    if guard == "suppression_shrank":
        overruled = {"overrule": frozenset({"suppression_shrank"}), "reason": "no list any more"}
        assert published(held_to_a_list, bucket, **overruled)[1]["overruled"] == "suppression_shrank"


def test_a_rollback_to_before_the_list_is_warned_about(duck: Lake, bucket: Bucket) -> None:
    built(duck)
    published(duck, bucket)
    duck.settings.update(settings("ids", duck.folder))
    write_list(duck, id=["a"])
    built(duck)
    assert published(duck, bucket)[0] == [b"b", b"both", b"c"]
    warned: list[str] = []
    rollback(bucket.store, bucket.destination, warn=warned.append)
    assert any("was held to 0 entries of the suppression list, what it replaces to 1" in text for text in warned)


def test_a_table_of_suppressed_ids_that_is_not_whole_is_refused(held_to_a_list: Lake, bucket: Bucket) -> None:
    table = pq.read_table(suppressed_of(held_to_a_list))
    no_id = pa.table({"id": pa.array([None], pa.string()), "is_withheld": [True]})
    for other, words in (
        (table.slice(0, 1), "has 1 rows, and by the summary row 3"),
        (table.sort_by([("id", "descending")]), "is not in strictly ascending order"),
        (no_id, "has 1 null"),
    ):
        pq.write_table(other, suppressed_of(held_to_a_list))
        error = refusal(held_to_a_list, bucket)
        assert error.guard == "suppressed_ids"
        assert words in error.message
    suppressed_of(held_to_a_list).unlink()
    assert "does not exist" in refusal(held_to_a_list, bucket).message
