"""Artifacts as dbt writes them are tested end to end (tests/e2e); here is what can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import PublisherError, SourceNotReady, UsageError
from publisher.table.dbt_artifacts import read_build
from publisher.values import TableRef


def model(name: str, **config: Any) -> dict[str, Any]:
    config = {"file_format": "parquet", "location_root": "/lake/tables", **config}
    return {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "schema": "matched_ids",
        "config": config,
        "depends_on": {"nodes": []},
    }


def test_node(on: str) -> dict[str, Any]:
    return {"resource_type": "test", "name": "t", "config": {}, "depends_on": {"nodes": [f"model.p.{on}"]}}


test_node.__test__ = False  # type: ignore[attr-defined]  # a maker of nodes, not a test


def write(folder: Path, statuses: dict[str, str] | None = None, **changes: Any) -> Path:
    nodes = {
        "model.p.int_matched_ids": model("int_matched_ids", **changes.get("config", {})),
        "model.p.int_matched_ids_summary": model("int_matched_ids_summary", **changes.get("config", {})),
        "model.p.other": model("other"),
        "test.p.unique_id.1234": test_node("int_matched_ids"),
        "test.p.of_other.1234": test_node("other"),
    }
    manifest = {"metadata": {"invocation_id": "one", "adapter_type": changes.get("adapter", "spark")}, "nodes": nodes}
    good = {name: "pass" if name.startswith("test") else "success" for name in nodes}
    results = [
        {"unique_id": name, "status": status} for name, status in (good if statuses is None else statuses).items()
    ]
    run = {"metadata": {"invocation_id": "one"}, "args": {"which": "build"}, "results": results}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "run_results.json").write_text(json.dumps(run))
    return folder


def test_a_model_whose_name_two_packages_have_is_not_guessed(tmp_path: Path) -> None:
    write(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["nodes"]["model.shop.int_matched_ids"] = model("int_matched_ids")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"has 2 models int_matched_ids: model\.p\.int_matched_ids, model\.shop\."):
        read_build(tmp_path, "int_matched_ids", "id")


def test_the_table_is_found_where_the_manifest_says(tmp_path: Path) -> None:
    build = read_build(write(tmp_path), "int_matched_ids", "id")
    assert build.table == TableRef("parquet", "/lake/tables/int_matched_ids", "id")
    assert build.summary.location == "/lake/tables/int_matched_ids_summary"
    assert (build.invocation_id, build.command, build.failures, build.untested) == ("one", "build", (), ())


@pytest.mark.parametrize(
    ("changes", "kind", "location"),
    [
        ({"adapter": "glue"}, "glue", "matched_ids.int_matched_ids"),
        ({"adapter": "glue", "config": {"location_root": None}}, "glue", "matched_ids.int_matched_ids"),
        (
            {"adapter": "duckdb", "config": {"materialized": "parquet_file"}},
            "parquet",
            "/lake/tables/int_matched_ids.parquet",
        ),
        ({"config": {"file_format": "iceberg"}}, "iceberg", "/lake/tables/int_matched_ids"),
        ({"config": {"location_root": "s3a://lake/tables/"}}, "parquet", "s3://lake/tables/int_matched_ids"),
        ({"config": {"location_root": "file:///lake/tables"}}, "parquet", "/lake/tables/int_matched_ids"),
    ],
)
def test_each_adapter_says_where_its_tables_are(
    changes: dict[str, Any], kind: str, location: str, tmp_path: Path
) -> None:
    assert read_build(write(tmp_path, **changes), "int_matched_ids", "id").table == TableRef(kind, location, "id")


@pytest.mark.parametrize("status", ["error", "fail", "runtime error", "partial success", "something new"])
def test_every_status_but_success_is_a_failure(status: str, tmp_path: Path) -> None:
    statuses = {
        "model.p.int_matched_ids": "success",
        "model.p.int_matched_ids_summary": "success",
        "test.p.unique_id.1234": status,
    }
    assert read_build(write(tmp_path, statuses), "int_matched_ids", "id").failures == (f"unique_id ({status})",)


def test_what_dbt_skipped_is_counted(tmp_path: Path) -> None:
    statuses = {"model.p.other": "error", "model.p.int_matched_ids": "skipped", "test.p.unique_id.1234": "skipped"}
    build = read_build(write(tmp_path, statuses), "int_matched_ids", "id")
    assert (build.failures, build.skipped) == (("other (error)",), 2)


def test_a_warning_is_no_failure(tmp_path: Path) -> None:
    statuses = {"model.p.int_matched_ids": "success", "model.p.int_matched_ids_summary": "success"}
    build = read_build(write(tmp_path, {**statuses, "test.p.unique_id.1234": "warn"}), "int_matched_ids", "id")
    assert (build.failures, build.untested) == ((), ())


def test_what_was_not_run_is_named(tmp_path: Path) -> None:
    statuses = {"model.p.int_matched_ids": "success", "model.p.other": "success"}
    build = read_build(write(tmp_path, statuses), "int_matched_ids", "id")
    assert build.untested == ("int_matched_ids_summary", "unique_id")


def test_models_that_the_tables_are_built_from_must_have_run_too(tmp_path: Path) -> None:
    """A staging view holds what was chosen when it was built; an ephemeral model is none that runs."""
    folder = write(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["nodes"] |= {
        "model.p.staging": model("staging", materialized="view"),
        "model.p.ephemeral": {
            **model("ephemeral", materialized="ephemeral"),
            "depends_on": {"nodes": ["model.p.staging", "source.p.raw"]},
        },
    }
    manifest["nodes"]["model.p.int_matched_ids"]["depends_on"]["nodes"] = ["model.p.ephemeral"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert read_build(folder, "int_matched_ids", "id").untested == ("staging",)


@pytest.mark.parametrize("name", ["manifest.json", "run_results.json"])
@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"metadata": {}}', '"text"'])
def test_a_missing_or_broken_artifact_is_named(name: str, content: str | None, tmp_path: Path) -> None:
    path = write(tmp_path) / name
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(SourceNotReady, match=name) as raised:
        read_build(tmp_path, "int_matched_ids", "id")
    assert "dbt build" in raised.value.hint


def test_artifacts_of_two_invocations_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path) / "run_results.json"
    path.write_text(path.read_text().replace('"one"', '"two"'))
    with pytest.raises(SourceNotReady, match="two dbt invocations"):
        read_build(tmp_path, "int_matched_ids", "id")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"adapter": "snowflake"}, "is parquet made by the dbt adapter snowflake"),
        ({"adapter": "duckdb", "config": {"materialized": "external"}}, "is external made by the dbt adapter duckdb"),
        (
            {"adapter": "duckdb", "config": {"materialized": "parquet_file", "location_root": "x"}},
            "neither an absolute",
        ),
        ({"config": {"file_format": "orc"}}, "is orc made by"),
        ({"config": {"location_root": None}}, "no location_root"),
        ({"config": {"location_root": "hdfs://lake/tables"}}, "begins with hdfs:"),
        ({"config": {"location_root": "tables"}}, "neither an absolute path nor in S3"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_can(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        read_build(write(tmp_path, **changes), "int_matched_ids", "id")
    assert raised.value.hint


def test_an_unknown_model_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model ids"):
        read_build(write(tmp_path), "ids", "id")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yields the path of each value within a document."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*path, number))


GONE = object()


def damaged_everywhere(whole: Any, other: object, *below: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yields a document once for each of its values below some place, with the value's path: it is another, or gone."""
    part = whole
    for step in below:
        part = part[step]
    for path in places(part):
        damaged = json.loads(json.dumps(whole))
        parent = damaged
        for step in (*below, *path[:-1]):
            parent = parent[step]
        if other is GONE:
            del parent[path[-1]]
        else:
            parent[path[-1]] = other
        yield path, damaged


@pytest.mark.parametrize("name", ["manifest.json", "run_results.json"])
@pytest.mark.parametrize(
    "other", [GONE, None, 7, True, "x", "", [], ["x"], {}, {"x": 1}, [[[]]]], ids=lambda value: repr(value)[:12]
)
def test_whatever_is_damaged_in_an_artifact_is_told_and_no_bug(name: str, other: Any, tmp_path: Path) -> None:
    whole = json.loads((write(tmp_path) / name).read_text())
    codes = set()
    for _, damaged in damaged_everywhere(whole, other):
        (tmp_path / name).write_text(json.dumps(damaged))
        try:
            read_build(tmp_path, "int_matched_ids", "id")
        except PublisherError as error:
            codes.add(error.exit_code)
            assert error.hint
    assert 5 in codes
    assert codes <= {2, 5}  # 2: such as a model that is not there


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b"7", b'{"metadata": 1, "nodes": 2}']
)
def test_what_is_no_artifact_at_all_is_told(content: bytes, tmp_path: Path) -> None:
    (write(tmp_path) / "manifest.json").write_bytes(content)
    with pytest.raises(SourceNotReady):
        read_build(tmp_path, "int_matched_ids", "id")
