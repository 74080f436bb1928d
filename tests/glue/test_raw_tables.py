"""What a catalog tells of raw tables on the target `glue`: the same rule, in the same words, before Spark is paid."""

from __future__ import annotations

import pytest

from tests.glue.catalog import parquet_table
from tests.glue.conftest import CPF_ONE, GlueLake

CPF_OF_ZEROS = "00000010006"


def change(lake: GlueLake, table: str, columns: list[list[str]] | None = None, **parameters: str) -> None:
    """Changes what the catalog says of a table, as a crawler would that saw other files."""
    found = lake.glue.get_table(DatabaseName=lake.raw, Name=table)["Table"]
    keys = [[key["Name"], key["Type"]] for key in found["PartitionKeys"]]
    known = [[column["Name"], column["Type"]] for column in found["StorageDescriptor"]["Columns"]]
    location = found["StorageDescriptor"]["Location"]
    given = parquet_table(table, {"location": location, "columns": columns or known, "partition_keys": keys})
    given["Parameters"].update({name.replace("_", "."): value for name, value in parameters.items()})
    lake.glue.update_table(DatabaseName=lake.raw, TableInput=given)


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        ("records", [["id", "double"], ["documento", "string"]], "the id, is double in the catalog: only texts and"),
        ("records", [["id", "string"], ["documento", "bigint"]], "is an integer (bigint) in the catalog: no prefix of"),
        ("cpfs", [["documento", "char(11)"]], "the document of table A, is char(11) in the catalog"),
    ],
)
def test_the_catalog_s_types_are_held_to_the_rule_without_a_session(
    table: str, columns: list[list[str]], words: str, glue_lake: GlueLake
) -> None:
    change(glue_lake, table, columns)
    glue_lake.stand_in.reset()
    ended = glue_lake.dbt("compile", "--target", "glue", "--select", "stg_cpfs" if table == "cpfs" else "stg_records")
    assert not ended.success
    assert words in ended.output
    if table == "cpfs":  # table B's partitions are listed in a session
        assert not [call for call in glue_lake.stand_in.calls if call.operation == "CreateSession"]


def test_a_table_with_partition_projection_is_refused_by_name(glue_lake: GlueLake) -> None:
    change(glue_lake, "records", projection_enabled="true")
    glue_lake.stand_in.reset()
    ended = glue_lake.dbt("compile", "--target", "glue", "--select", "stg_records")
    assert not ended.success
    assert f"{glue_lake.raw}.records has partition projection (projection.enabled)" in ended.output
    assert not [call for call in glue_lake.stand_in.calls if call.operation == "CreateSession"]


def test_numbers_in_table_a_get_their_zeros_back(empty_glue_lake: GlueLake) -> None:
    lake = empty_glue_lake
    lake.register_cpfs([CPF_ONE])
    lake.register_records({"20251022": [("a", CPF_ONE), ("z", CPF_OF_ZEROS), ("x", "00000000001")]})
    lake.stand_in.run_python(
        f"""spark.sql('''
            create table {lake.raw}.numbers using parquet location 's3://{lake.bucket.name}/{lake.raw}/numbers/' as
            select cast(documento as bigint) as documento
            from values ('{CPF_ONE}'), ('{CPF_OF_ZEROS}') as given(documento)
        ''')""",
        conf=lake.conf,
    )
    lake.settings["MATCHED_IDS_CPFS_TABLE"] = "numbers"
    ended = lake.build_only("+int_matched_ids", "assert_cpfs_are_well_formed")
    assert ended.success, ended.output
    assert lake.stand_in.rows(f"select id from {lake.schema}.int_matched_ids") == [["a"], ["z"]]
