"""Documents as lists really have them: what is refused, what is told, and what matches. None of them is ever shown."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import GuardRefusal
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.settings import PublishSettings
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Ended, Lake
from tests.e2e.test_duckdb import compiled, on_duckdb

NEWEST = "ano_mes_dia=20251022"
MASKED_ONE = "123.456.789-09"
WIDE = "".join(chr(0xFF10 + int(digit)) for digit in CPF_OTHER)
OF_EACH_KIND = [
    None, None, "", " \t\u00a0", MASKED_ONE, "123.456.789\u201309", "510 877 278 55", f" {CPF_TWO}", WIDE,
    "12345678000195", "12.345.678/0001-95", "5299822472", "x2998224725", "52998224726", "11111111111", CPF_ONE,
]  # fmt: skip
COUNTED = (
    "Table A has 16 documents; 13 of them (81.25 %) malformed, which match nothing: 2 null, 2 blank, 2 with 14 digits"
    " (CNPJ), 1 of another length, 2 with dots and dashes, 2 with spaces, 1 with full-width or other non-ASCII digits,"
    " 1 with other characters; well formed, but no CPF as they are issued: 1 with all digits equal, 1 with wrong check"
    " digits. 4 would be mended by normalize_documents: true."
)


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Lake]:
    lake = on_duckdb(tmp_path, tmp_path)
    yield lake
    assert lake.leaked_documents() == 0


@pytest.fixture(params=["duckdb", "local"])
def any_lake(request: pytest.FixtureRequest) -> Lake:
    """A lake of one of the two targets, whose folders are told by the settings."""
    if request.param == "duckdb":
        return request.getfixturevalue("duck")
    lake: Lake = request.getfixturevalue("lake")
    lake.settings.update(MATCHED_IDS_CPFS_PATH=str(lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(lake.records))
    return lake


def warnings(ended: Ended) -> list[str]:
    told = (line.partition("[WARNING]: ")[2] for line in ended.output.splitlines())
    return [line for line in told if line.startswith(("Table A", "Partition"))]


def content(lake: Lake, bucket: Bucket) -> bytes:
    publish(PublishSettings(bucket.destination, target_path=lake.target_path, limits=NO_LIMITS), bucket.store)
    return gzip.decompress(bucket.get("active/latest.txt.gz")[0])


def refusal(lake: Lake, bucket: Bucket) -> GuardRefusal:
    with pytest.raises(GuardRefusal) as refused:
        content(lake, bucket)
    assert not [text for text in (CPF_ONE, CPF_TWO) if text in refused.value.message + refused.value.hint]
    return refused.value


def test_malformed_documents_are_counted_by_kind_and_fail_the_build(any_lake: Lake) -> None:
    any_lake.write_cpfs(OF_EACH_KIND)
    any_lake.write_records(NEWEST, [("a", "000" + CPF_ONE)])
    ended = any_lake.build("--select", "stg_cpfs")
    assert not ended.success
    (warning,) = warnings(ended)
    assert warning.startswith(COUNTED)
    assert "Got 13 results" in ended.output


def test_a_few_malformed_documents_warn_and_a_blank_one_fails(duck: Lake) -> None:
    valid = [CPF_ONE] * 199
    duck.write_records(NEWEST, [("a", "000" + CPF_ONE)])
    for documents, ends in (
        ([*valid, CPF_TWO], "PASS"),
        ([*valid, "52998224726"], "PASS"),  # wrong check digits are told, and no reason to warn
        ([*valid, None], "WARN 1"),
        ([*valid, MASKED_ONE, MASKED_ONE], "WARN 2"),
        ([*valid, "\u3000"], "FAIL 1"),
        ([*valid, MASKED_ONE, MASKED_ONE, None], "FAIL 3"),
    ):
        duck.write_cpfs(documents)
        ended = duck.build("--select", "stg_cpfs")
        assert f"{ends} assert_cpfs_are_well_formed" in ended.output
        assert ended.success is not ends.startswith("FAIL")
        assert len(warnings(ended)) == (CPF_TWO not in documents)
    assert duck.build("--select", "stg_cpfs", variables={"max_malformed_percent": 0.4}).success is False


def test_a_document_without_a_digit_matches_nothing(duck: Lake, bucket: Bucket) -> None:
    duck.write_cpfs([CPF_ONE, None, "n/a é"])
    rows = [("a", "000" + CPF_ONE), ("bare", "000"), ("blank", "000 "), ("text", "000n/a é"), ("none", "")]
    duck.write_records(NEWEST, rows)
    for prefix in ("000", ""):
        built = duck.build(variables={"max_malformed_percent": 100, "document_prefix": prefix})
        assert built.success, built.output
        if prefix:
            assert content(duck, bucket) == b"a"
        else:
            assert "0 begin" not in refusal(duck, bucket).message  # everything begins with an empty prefix


def test_normalized_documents_match_whatever_stands_between_their_digits(any_lake: Lake, bucket: Bucket) -> None:
    # Columns of any name on the way: a reserved word, spaces and accents, a dash.
    names = {"cpfs_document_column": "nº do documento", "records_document_column": "order", "records_id_column": "id-é"}
    (any_lake.records / NEWEST).mkdir(parents=True)
    any_lake.cpfs.mkdir()
    masked = pa.table({names["cpfs_document_column"]: [MASKED_ONE, CPF_TWO]})
    pq.write_table(masked, any_lake.cpfs / "a.parquet")
    documents = ["000" + CPF_ONE, "000.510.877.278/55 ", "000" + CPF_OTHER, "000", None]
    columns = {"order": documents, "id-é": ["a", "b", "c", "d", "e"], "id": ["wrong"] * 5, "documento": ["wrong"] * 5}
    pq.write_table(pa.table(columns), any_lake.records / NEWEST / "a.parquet")
    wanted = {**names, "normalize_documents": True, "document_prefix": "00-0", "max_null_documents_percent": "20"}
    built = any_lake.build(variables=wanted)
    assert built.success, built.output
    assert content(any_lake, bucket) == b"a\nb"
    assert "regexp_replace" in built.compiled
    built = any_lake.build("--select", "stg_cpfs", "stg_records", "int_matched_ids", variables=names)
    assert "regexp_replace" not in built.compiled  # off, it leaves no trace


def test_a_setting_that_cannot_be_meant_is_refused(duck: Lake) -> None:
    duck.write_cpfs([CPF_ONE])
    duck.write_records(NEWEST, [("a", "000" + CPF_ONE)])
    given = dict(duck.settings)
    normalizing = {"MATCHED_IDS_NORMALIZE_DOCUMENTS": "true"}
    for settings, words in (  # by the environment, which dbt does not parse everything anew for
        ({"MATCHED_IDS_NORMALIZE_DOCUMENTS": "yes"}, 'normalize_documents is "yes". Set it to true or false'),
        ({**normalizing, "MATCHED_IDS_DOCUMENT_PREFIX": "BR000"}, 'of which "000" would be left'),
        ({**normalizing, "MATCHED_IDS_DOCUMENT_PREFIX": "--"}, 'of which "" would be left'),
        ({"MATCHED_IDS_DOCUMENT_PREFIX": "0'||'"}, "The setting document_prefix is"),
        ({"MATCHED_IDS_DOCUMENT_LENGTH": "eleven"}, 'document_length is "eleven". Set it to a number of digits'),
        (
            {"MATCHED_IDS_MAX_MALFORMED_PERCENT": "1%"},
            "max_malformed_percent must be a percentage, a number from 0",
        ),
        (
            {"MATCHED_IDS_MAX_MALFORMED_PERCENT": "101"},
            "max_malformed_percent must be a percentage, a number from 0",
        ),
        ({"MATCHED_IDS_MAX_NULL_DOCUMENTS_PERCENT": "x"}, "max_null_documents_percent must be a percentage"),
        ({"MATCHED_IDS_RECORDS_ID_COLUMN": " "}, "The setting records_id_column names no column: it is blank"),
        ({"MATCHED_IDS_CPFS_DOCUMENT_COLUMN": 'a" as documento --'}, "which has a quote, a backtick"),
        ({"MATCHED_IDS_RECORDS_ID_COLUMN": "a`b"}, "which has a quote, a backtick"),
        ({"MATCHED_IDS_RECORDS_ID_COLUMN": "a\\b"}, "which has a quote, a backtick"),
        ({"MATCHED_IDS_RECORDS_ID_COLUMN": "a;b"}, "which has a quote, a backtick"),
        ({"MATCHED_IDS_RECORDS_DOCUMENT_COLUMN": "a\nb"}, "which has a quote, a backtick"),
    ):
        duck.settings.clear()
        duck.settings.update(given, **settings)
        ended = duck.build()
        assert not ended.success, words
        assert words in ended.output
    duck.settings.clear()
    duck.settings.update(given)
    assert "is null. Leave it out, or give it a value" in duck.build(variables={"records_id_column": None}).output


def test_a_few_records_without_a_document_warn_and_more_fail_the_build(any_lake: Lake) -> None:
    any_lake.write_cpfs([CPF_ONE])
    any_lake.write_records(NEWEST, [(f"{number:04}", "000" + CPF_ONE) for number in range(990)])
    any_lake.write_records(NEWEST, [(f"{number:04}", None) for number in range(2000, 2010)])
    ended = any_lake.build("--select", "stg_records")
    assert ended.success, ended.output
    assert "WARN 10 assert_records_have_documents" in ended.output
    (warning,) = warnings(ended)
    assert warning.startswith("Partition 20251022 of table B has 1,000 records, 10 of them (1.00 %) without a document")
    for file in (any_lake.records / NEWEST).iterdir():  # then the engine is asked
        pq.write_table(pq.read_table(file, partitioning=None), file, write_statistics=False)
    assert warnings(any_lake.build("--select", "stg_records")) == [warning]
    any_lake.write_records(NEWEST, [("3000", None)])
    ended = any_lake.build("--select", "stg_records")
    assert not ended.success
    assert "FAIL 11 assert_records_have_documents" in ended.output


def test_documents_that_are_all_there_are_not_read_to_be_counted(any_lake: Lake) -> None:
    any_lake.write_cpfs([CPF_ONE])
    file = any_lake.write_records(NEWEST, [(f"{number:04}", f"000{number:011}") for number in range(1000)])
    bytes_of_file = bytearray(file.read_bytes())
    chunk = pq.ParquetFile(file).metadata.row_group(0).column(1)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    bytes_of_file[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    file.write_bytes(bytes_of_file)
    with pytest.raises(OSError, match=r"Couldn't deserialize|Corrupt|Invalid"):
        pq.read_table(file, columns=["documento"])
    ended = any_lake.build("--select", "stg_records")
    assert ended.success, ended.output
    assert "PASS assert_records_have_documents" in ended.output


def test_the_publisher_says_which_side_is_at_fault(duck: Lake, bucket: Bucket) -> None:
    def told(variables: dict[str, object]) -> str:
        built = duck.build(variables=variables)
        assert built.success, built.output
        refused = refusal(duck, bucket)
        assert refused.guard == "no_ids"
        return f"{refused.message} {refused.hint}"

    duck.write_cpfs([*[CPF_ONE] * 199, None])
    duck.write_records(NEWEST, [("a", "000" + CPF_ONE), ("b", "000" + CPF_TWO), ("c", CPF_ONE)])
    wrong_prefix = told({"document_prefix": "001"})
    assert "Table A has 200 documents, 199 of them usable; the partition has 3 records" in wrong_prefix
    assert "of 3 looked at, 0 begin with the prefix. The prefix is the likeliest cause" in wrong_prefix
    (duck.records / "ano_mes_dia=20251023").mkdir()
    duck.write_records("ano_mes_dia=20251023", [])
    assert "the partition has 0 records. The partition is empty" in told({})
    duck.write_cpfs([])
    without_cpfs = told({"pinned_partition": "20251022"})
    assert "Table A has 0 documents, 0 of them usable" in without_cpfs
    assert "of 3 looked at, 2 begin with the prefix. Table A is empty" in without_cpfs


@pytest.mark.parametrize("prefix", ["000", "9", ""])
def test_documents_are_not_published_as_ids(prefix: str, duck: Lake, bucket: Bucket) -> None:
    duck.write_cpfs([CPF_ONE, CPF_TWO])
    duck.write_records(NEWEST, [("a", prefix + CPF_ONE), ("b", prefix + CPF_TWO)])
    duck.settings["MATCHED_IDS_DOCUMENT_PREFIX"] = prefix
    built = duck.build(variables={"records_id_column": "documento"})
    assert built.success, built.output
    refused = refusal(duck, bucket)
    assert (refused.guard, refused.exit_code) == ("ids_look_like_documents", 3)
    assert bucket.data_keys() == []


def test_a_compiled_test_that_counted_nothing_would_not_pass(duck: Lake) -> None:
    duck.write_cpfs([CPF_ONE])
    duck.write_records(NEWEST, [("a", "000" + CPF_ONE)])
    assert duck.dbt("compile").success
    sql = compiled(duck, "assert_cpfs_are_well_formed")
    assert re.search(r"1 as malformed_documents,\s+0 as allowed_documents", sql)
