"""How the newest partition is chosen: the rule on lists of names, then the macro on real catalogs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pyarrow.parquet as pq
import pytest

from tests.conftest import PROJECT
from tests.e2e.conftest import CPF_ONE, Ended, Lake

MACRO = "{{ latest_partition(source('lake', 'records')) | tojson }}"


def test_the_rule_is_there_for_any_list_of_names(lake: Lake) -> None:
    """The rule itself is tested where it takes no dbt, tests/publisher/partitions/test_latest_partition.py."""
    names = ["ANO_MES_DIA=2025-10-22 00%3A00%3A00/regiao=sul", "ANO_MES_DIA=2025-10-21 00%3A00%3A00/regiao=norte"]
    names += ["ano_mes_dia=2025-10-22 00%3A00%3A00/regiao=norte", "ano_mes_dia=%2541/regiao=sul"]
    call = f"newest_partition({names!r}, ['ano_mes_dia'], 'raw.records')"
    ended = lake.dbt("compile", "--inline", "{{ " + call + " | tojson }}")
    assert ended.success, ended.output
    assert json.loads(ended.compiled) == {
        "level_values": ["2025-10-22 00:00:00"],
        "previous_level_values": ["2025-10-21 00:00:00"],
        "considered": 2,
        "ignored": [{"name": "ano_mes_dia=%2541/regiao=sul", "why": "not as partition_value_pattern"}],
        "date_kind": "days",
        "date_digits": "20251022",
    }


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["20251022", "2025-10-23"], "written in 2 forms in ano_mes_dia: 1 like 20251022, 1 like 2025-10-23."),
        (["20250230"], "look like dates and are none: 1 of 1, such as 20250230."),
        (["20251022", "%27"], "unsafe inside SQL"),
    ],
)
def test_a_choice_that_cannot_be_made_is_a_clear_error(lake: Lake, names: list[str], words: str) -> None:
    listed = [f"ano_mes_dia={name}" for name in names]
    ended = lake.dbt("compile", "--inline", f"{{{{ newest_partition({listed!r}, ['ano_mes_dia'], 'raw.records') }}}}")
    assert not ended.success
    assert words in ended.output


def test_on_a_real_table(small_lake: Lake) -> None:
    assert small_lake.register().success
    ended = small_lake.dbt("compile", "--inline", MACRO)
    assert json.loads(ended.compiled) == {
        "name": "20251022",
        "predicate": "ano_mes_dia = '20251022'",
        "level_values": ["20251022"],
        "columns": ["ano_mes_dia"],
    }
    assert "is read at 20251022 (2 considered, next newest 20251021)" in ended.output


def test_a_new_partition_is_seen_after_registering_again_and_a_dropped_one_is_not(small_lake: Lake) -> None:
    small_lake.register()
    newer = small_lake.write_records("ano_mes_dia=20251023", [("d", "000" + CPF_ONE)])
    assert "20251022" in small_lake.dbt("compile", "--inline", MACRO).compiled
    assert "3 partitions" in small_lake.register().output
    assert "20251023" in small_lake.dbt("compile", "--inline", MACRO).compiled
    newer.unlink()
    newer.parent.rmdir()
    assert "2 partitions" in small_lake.register().output
    assert "20251022" in small_lake.dbt("compile", "--inline", MACRO).compiled


def test_several_levels_on_a_real_table(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE])
    for partition in ("ano=2025/mes=9/dia=30", "ano=2025/mes=10/dia=02", "ano=__HIVE_DEFAULT_PARTITION__/mes=1/dia=1"):
        lake.write_records(partition, [("a", "000" + CPF_ONE)])
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "ano, mes, dia"
    lake.register()
    ended = lake.dbt("compile", "--inline", MACRO)
    assert json.loads(ended.compiled) == {
        "name": "ano=2025/mes=10/dia=02",
        "predicate": "ano = '2025' and mes = '10' and dia = '02'",
        "level_values": ["2025", "10", "02"],
        "columns": ["ano", "mes", "dia"],
    }
    told = (
        "2 considered, next newest ano=2025/mes=9/dia=30, 1 ignored: ano=__HIVE_DEFAULT_PARTITION__/mes=1/dia=1 (null)"
    )
    assert told in ended.output


def test_it_is_resolved_once_per_invocation(small_lake: Lake) -> None:
    small_lake.register()
    ended = small_lake.dbt("compile", "--inline", f"{MACRO} {MACRO}")
    assert ended.compiled.count("20251022") == 6
    assert ended.output.count("is read at") == 1
    assert ended.output.count("show partitions") <= 1


def test_a_pin_is_taken_without_a_look_at_the_catalog(small_lake: Lake) -> None:
    for pin in ("20251021", 20251021):  # YAML makes a number of it
        ended = small_lake.dbt("compile", "--inline", MACRO, variables={"pinned_partition": pin})
        assert json.loads(ended.compiled) == {
            "name": "20251021",
            "predicate": "ano_mes_dia = '20251021'",
            "level_values": ["20251021"],
            "columns": ["ano_mes_dia"],
        }
    levels = {"pinned_partition": "mes=10/ano=2025", "partition_columns": "ano,mes"}
    ended = small_lake.dbt("compile", "--inline", MACRO, variables=levels)
    assert json.loads(ended.compiled)["predicate"] == "ano = '2025' and mes = '10'"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"pinned_partition": "2025' or 'x"}, "unsafe inside SQL"),
        ({"pinned_partition": "20251022", "partition_columns": "ano,mes"}, "does not name exactly"),
        ({"pinned_partition": "dia=1"}, "does not name exactly"),
        ({"partition_columns": "ano; drop table x"}, "is not a column name"),
        ({"partition_columns": " , "}, "no partition column is set"),
        ({"pinned_partition": " "}, "is blank: a failed command substitution?"),
        ({"pinned_partition": 0}, "Quote it"),
        ({"pined_partition": "20251022"}, "There is no var pined_partition: did you mean pinned_partition?"),
        ({"records_path": None}, "The var records_path is null"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_clear_error(lake: Lake, variables: dict[str, str], words: str) -> None:
    ended = lake.dbt("compile", "--inline", MACRO, variables=variables)
    assert not ended.success
    assert words in ended.output


def test_a_newest_partition_that_is_too_old_or_ahead_stops_the_run(lake: Lake) -> None:
    def choose(**settings: str) -> Ended:
        lake.settings.update({f"MATCHED_IDS_{name.upper()}": value for name, value in settings.items()})
        ended = lake.dbt("compile", "--inline", MACRO)
        for name in settings:
            del lake.settings[f"MATCHED_IDS_{name.upper()}"]
        return ended

    lake.write_cpfs([CPF_ONE])
    day = datetime.now(timezone.utc) - timedelta(days=3)
    lake.write_records(f"ano_mes_dia={day:%Y%m%d}", [("a", "000" + CPF_ONE)])
    lake.register()
    for limit in ("3", "10", ""):
        assert choose(max_partition_age_days=limit).success
    # YAML makes a number of it.
    assert lake.dbt("compile", "--inline", MACRO, variables={"max_partition_age_days": 3}).success
    ended = lake.dbt("compile", "--inline", MACRO, variables={"max_partition_age_days": 2})
    assert not ended.success
    assert "3 days old; max_partition_age_days allows 2" in ended.output
    assert choose(max_partition_age_days="2", pinned_partition=f"{day:%Y%m%d}").success
    assert "must be a whole number" in choose(max_partition_age_days="two").output
    # A sentinel, whether or not an age is asked for.
    lake.write_records("ano_mes_dia=99991231", [("a", "000" + CPF_ONE)])
    lake.register()
    for limit in ("", "3"):
        ended = choose(max_partition_age_days=limit)
        assert not ended.success
        assert "days ahead of today" in ended.output
        assert "A sentinel that is always there is left out by partition_value_pattern" in ended.output
    assert choose(partition_value_pattern="^20[0-9]{6}$").success
    assert choose(pinned_partition="99991231").success


def test_the_environment_can_neither_pin_nothing_nor_ask_for_the_age_of_a_number(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE])
    lake.write_records("ano_mes_dia=7", [("a", "000" + CPF_ONE)])
    lake.register()
    ended = lake.dbt("compile", "--inline", MACRO, variables={"max_partition_age_days": 2})
    assert "does not begin with a date" in ended.output
    lake.settings["MATCHED_IDS_PINNED_PARTITION"] = ""
    ended = lake.dbt("compile", "--inline", MACRO)
    assert not ended.success
    assert "The setting pinned_partition (MATCHED_IDS_PINNED_PARTITION) is blank" in ended.output


def test_a_missing_table_says_how_to_register_it(lake: Lake) -> None:
    ended = lake.dbt("compile", "--inline", MACRO)
    assert not ended.success
    assert f"the table {lake.raw_schema}.records does not exist" in ended.output
    assert "set MATCHED_IDS_CPFS_PATH and MATCHED_IDS_RECORDS_PATH" in ended.output


def test_a_table_without_partitions_is_a_clear_error(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE])
    lake.write_records("", [("a", "000" + CPF_ONE)])
    lake.settings["MATCHED_IDS_RECORDS_TABLE"] = "cpfs"
    lake.dbt("run-operation", "register_parquet_folder", "--args", json.dumps(
        {"schema": lake.raw_schema, "table": "cpfs", "path": str(lake.cpfs), "partitioned": False}))  # fmt: skip
    ended = lake.dbt("compile", "--inline", MACRO)
    assert not ended.success
    assert "partition" in ended.output


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({"cpfs": "/nowhere", "records": "/nowhere"}, "/nowhere"),
        ({"cpfs": "/it's", "records": "/x"}, "has a quote"),
    ],
)
def test_folders_that_cannot_be_registered(lake: Lake, places: dict[str, str], words: str) -> None:
    ended = lake.dbt("run-operation", "register_raw_tables", "--args", json.dumps(places))
    assert not ended.success
    assert words in ended.output


def test_a_folder_without_partitions_is_not_registered(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE])
    lake.write_records("", [("a", "000" + CPF_ONE)])
    ended = lake.register()
    assert not ended.success
    assert f"{lake.records} has no partitions" in ended.output


def test_a_relative_folder_starts_at_the_project(lake: Lake) -> None:
    places = json.dumps({"cpfs": "macros", "records": "macros"})
    ended = lake.dbt("run-operation", "register_raw_tables", "--args", places)
    assert not ended.success  # there is no Parquet in it; but there it was looked for
    assert f"{PROJECT}/macros/" in ended.output


def test_an_unknown_setting_is_a_clear_error(lake: Lake) -> None:
    ended = lake.dbt("compile", "--inline", "{{ setting('no_such_thing') }}")
    assert "there is no setting 'no_such_thing'" in ended.output


def test_registering_again_sees_other_columns_and_another_folder(small_lake: Lake) -> None:
    assert small_lake.register().success
    for file in small_lake.records.glob("*/*"):
        pq.write_table(pq.read_table(file).rename_columns(["conta", "documento"]), file)
    small_lake.settings["MATCHED_IDS_RECORDS_ID_COLUMN"] = "conta"
    assert small_lake.register().success
    assert small_lake.dbt("run").success
    moved = small_lake.records.rename(small_lake.folder / "moved")
    places = json.dumps({"cpfs": str(small_lake.cpfs), "records": str(moved)})
    assert small_lake.dbt("run-operation", "register_raw_tables", "--args", places).success
    assert small_lake.dbt("run").success
