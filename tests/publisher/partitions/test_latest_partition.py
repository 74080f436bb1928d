"""The newest partition found without Spark: the rule is the dbt macro's, and a narrowed listing never changes it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from dbt.context.base import generate_base_context
from dbt_common.clients.jinja import get_environment
from dbt_common.exceptions.macros import MacroReturn
from hypothesis import assume, example, given
from hypothesis import strategies as st
from moto.glue.exceptions import InvalidInputException, InvalidStateException
from moto.glue.utils import PartitionFilter

from publisher import latest_partition as module
from publisher.cli import cli
from publisher.errors import GuardRefusal, NothingNew, SourceNotReady, UsageError
from publisher.lake.glue import ExpressionRefused, GlueCatalog, GluePartition, GlueTable
from publisher.latest_partition import Latest, Wanted, latest_partition
from publisher.partitions import limits, listing, rule
from publisher.partitions.rule import column_list, partition_name, pin
from publisher.store.keys import Destination
from tests.conftest import PROJECT
from tests.memory_store import MemoryStore

NOW = datetime(2025, 10, 22, 12, tzinfo=timezone.utc)
DESTINATION = Destination("bucket")
DEFAULT = "__HIVE_DEFAULT_PARTITION__"
YMD = ("ano", "mes", "dia")


# The macro, rendered by dbt's own Jinja without a project, an adapter or Spark.


class MacroRefused(Exception):
    """What raise_compiler_error says."""


def _refuse(message: str) -> None:
    raise MacroRefused(message)


class Macros:
    """The project's macros that choose a partition, as Python functions."""

    FOLDERS = ("partitions", "settings")

    def __init__(self) -> None:
        files = [file for folder in self.FOLDERS for file in (PROJECT / "macros" / folder).rglob("*.sql")]
        source = "".join(file.read_text() for file in files)
        self._settings: dict[str, Any] = {}
        self._context: dict[str, Any] = generate_base_context({})
        self._context |= {
            "var": lambda name, default: self._settings.get(name, default),
            "env_var": lambda _name, default: default,
            "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
            "run_started_at": NOW,
        }
        names = re.findall(r"macro (\w+)\(", source)
        self._context["matched_ids"] = SimpleNamespace(**{name: partial(self._call, name) for name in names})
        self._template = get_environment().from_string(source)
        self._load()

    def _load(self) -> None:
        self._module = self._template.make_module(self._context)

    def _call(self, name: str, *arguments: Any, **named: Any) -> Any:
        try:
            return getattr(self._module, f"dbt_macro__{name}")(*arguments, **named)
        except MacroReturn as returned:
            return returned.value

    def newest(self, names: list[str], columns: tuple[str, ...], settings: Mapping[str, Any]) -> tuple[str, str | None]:
        """Returns what the macro latest_partition does between its listing and its answer, and the next newest."""
        self._settings = {"partition_columns": ",".join(columns), **settings}
        relation = SimpleNamespace(render=lambda: "raw.records")
        listed = self._call("partition_column_list", None)
        newest = self._call("newest_partition", names, listed, relation)
        self._call("require_near_partition", newest, relation)
        one, previous = newest["level_values"], newest["previous_level_values"]
        named = [self._call("partition_struct", listed, values)["name"] for values in (one, previous) if values]
        return named[0], named[1] if previous else None

    def name(self, names: list[str], columns: tuple[str, ...], settings: Mapping[str, Any]) -> str:
        """Returns the newest alone."""
        return self.newest(names, columns, settings)[0]

    def pinned(self, pinned: Any, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._call("pinned_partition_values", pinned, list(columns)))

    def number(self, name: str, value: Any, **options: Any) -> Any:
        self._settings = {name: value}
        return self._call("number_setting", name, **options)

    def check_vars(self, given: Mapping[str, Any], project: str = "matched_ids") -> None:
        self._context |= {"execute": True, "project_name": project, "invocation_args_dict": {"vars": given}}
        self._load()
        self._call("check_vars")

    def setting(self, name: str, **settings: Any) -> Any:
        self._settings = settings
        return self._call("setting", name)


MACROS = Macros()


def hive_name(keys: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Writes a partition as Hive and Spark do."""

    def escaped(text: str) -> str:
        return re.sub(r"[\x00-\x1f\x7f\"#%'*/:=?\\{\[\]^]", lambda found: f"%{ord(found[0]):02X}", text)

    return "/".join(f"{key}={escaped(value)}" for key, value in zip(keys, values, strict=True))


# A catalog in memory, whose Expression is what moto makes of it.


@dataclass
class Catalog:
    """Partitions by their values."""

    keys: tuple[str, ...]
    partitions_by_values: dict[tuple[str, ...], GluePartition]
    kinds: tuple[str, ...] = ()
    kind: str = "parquet"
    requests: int = 0
    asked: list[str | None] = field(default_factory=list)
    takes_expressions: bool = True
    is_projected: bool = False

    def table(self, database: str = "raw", name: str = "records") -> GlueTable:
        kinds = self.kinds or ("string",) * len(self.keys)
        keys = tuple(zip(self.keys, kinds, strict=True))
        return GlueTable(database, name, self.kind, None, None, keys, is_projected=self.is_projected)

    def partitions(self, database: str, name: str, expression: str | None = None) -> Iterator[GluePartition]:
        assert (database, name) == ("raw", "records")
        self.asked.append(expression)
        if expression is not None and not self.takes_expressions:
            raise ExpressionRefused(expression)
        columns = [{"Name": name, "Type": kind} for name, kind in self.table().partition_columns]
        chosen = PartitionFilter(expression, SimpleNamespace(versions={"1": {"PartitionKeys": columns}}))
        for values, partition in self.partitions_by_values.items():
            # Java's idea of an integer, where moto has Python's, to which "20251022 " is one.
            if expression and columns[0]["Type"] == "int" and not re.fullmatch("[+-]?[0-9]+", values[0]):
                raise ExpressionRefused(expression)
            try:
                is_chosen = chosen(SimpleNamespace(partition_input={"Values": values}))
            except (InvalidInputException, InvalidStateException) as error:
                raise ExpressionRefused(expression) from error
            if is_chosen:
                yield partition


def catalog(*values: str | tuple[str, ...], keys: tuple[str, ...] = ("ano_mes_dia",), **options: Any) -> Catalog:
    several = [(value,) if isinstance(value, str) else value for value in values]
    found = {
        each: GluePartition(each, f"s3://lake/records/{hive_name(keys, each)}", NOW - timedelta(hours=1))
        for each in several
    }
    return Catalog(keys, found, **options)


def find(
    of: Catalog, open_store: Callable[[str], MemoryStore] = lambda _bucket: MemoryStore(), **wanted: Any
) -> Latest:
    columns, now = wanted.pop("columns", of.keys), wanted.pop("now", NOW)
    return latest_partition(
        Wanted("raw", "records", columns=columns, **wanted), cast("GlueCatalog", of), open_store, now
    )


def active_from(partition: str | None) -> MemoryStore:
    store = MemoryStore()
    put(store, DESTINATION.active_key, {"source_partition": partition} if partition else {})
    return store


def put(store: MemoryStore, key: str, texts: Mapping[str, str] | None = None) -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    store.create(key, io.BytesIO(), nothing, texts or {})


# The rule.


@dataclass(frozen=True)
class Case:
    """Partitions, which of them is chosen and which is next, or in words of both the rule and the macro, why none."""

    partitions: tuple[tuple[str, ...], ...]
    chosen: str | None
    previous: str | None = None
    words: str = ""
    keys: tuple[str, ...] = ("ano_mes_dia",)
    columns: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def one(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


def with_age(limit: str) -> tuple[tuple[str, str], ...]:
    return (("max_partition_age_days", limit),)


FORMS_DIFFER = "Which is the newest cannot be told"
NO_DATE = "look like dates and are none"
NOT_BY_TIME = "do not sort by time, because the day or the month comes first"
FINEST_FIRST = "go from the finest to the coarsest"
AHEAD = "days ahead of today, 2025-10-22 (UTC); max_partition_days_ahead allows 1"

CASES = [
    Case(one("20251021", "20251022", "20250930"), "20251022", "20251021"),
    Case(one("9", "10"), "10", "9"),
    Case(one("2025-09-30", "2025-10-01"), "2025-10-01", "2025-09-30"),
    Case(one("2025-10-22 00:00:00"), "2025-10-22 00:00:00"),
    Case(one(DEFAULT, "null", "", "_backup", "teste", "20251022"), "20251022"),
    Case(one("٢٠٢٥", "20251022"), "20251022"),
    Case(one("20251022", "99991231"), "20251022", settings=(("partition_value_pattern", "^20[0-9]{6}$"),)),
    Case(one("v1", "20251022"), "v1", settings=(("partition_value_pattern", "^v[0-9]$"),)),
    Case(one("a=2", "a=1"), "a=2", "a=1", settings=(("partition_value_pattern", "^a"),)),
    Case(one("%2541"), "%2541", settings=(("partition_value_pattern", "^%"),)),
    Case(
        (("2025", "9", "30"), ("2025", "10", "2"), ("2024", "12", "31")),
        "ano=2025/mes=10/dia=2",
        "ano=2025/mes=9/dia=30",
        keys=YMD,
    ),
    Case(
        (("2025", "09", "30"), ("2025", "10", "02"), (DEFAULT, "1", "1")),
        "ano=2025/mes=10/dia=02",
        "ano=2025/mes=09/dia=30",
        keys=YMD,
    ),
    Case(
        (("sul", "20251022"), ("norte", "20251023")), "20251023", "20251022", keys=("regiao", "dia"), columns=("dia",)
    ),
    Case(one("20251022"), "20251022", keys=("Ano_Mes_Dia",), columns=("ANO_mes_dia",)),
    Case((), None, words="no usable partition (none is"),
    Case(
        one(DEFAULT, "x", ""),
        None,
        words=f"3 ignored: ano_mes_dia={DEFAULT} (null), ano_mes_dia=x (not as partition_value_pattern), ano_mes_dia= ",
    ),
    Case(one("7", "07"), None, words="two newest partitions that differ only in leading zeros: 7 and 07"),
    Case(one("7", "07", "8"), "8", "7"),
    Case(one("20251022"), None, words="is not partitioned by mes; its partition columns are ano_m", columns=("mes",)),
    *(Case(one("20251022", f"1{bad}"), None, words="unsafe inside SQL") for bad in "'\"`;\\\n\x00\x1f\x7f"),
    # Several forms.
    Case(
        one("20251020", "20251022", "2025-10-23"),
        None,
        words="written in 2 forms in ano_mes_dia: 2 like 20251020, 1 like 2025-10-23. Which",
    ),
    *(
        Case(one("20251022", other), None, words=FORMS_DIFFER)
        for other in ("2025102107", "20251022_bkp", "202510", "7", "20251022 ", "020251022")
    ),
    Case(one("2025-9-5", "2025-10-22"), None, words=FORMS_DIFFER),
    Case(one("9", "10", "100"), None, words=FORMS_DIFFER),
    Case(one("9", "10", "1a"), None, words=FORMS_DIFFER),
    Case(one("a=b", "a=a"), None, words=FORMS_DIFFER, settings=(("partition_value_pattern", "^a"),)),
    Case((("2025", "10", "1"), ("25", "10", "2")), None, words="2 forms in ano: ", keys=YMD),
    Case((("20251022", "9"), ("20251022", "1x")), None, words="2 forms in hora: ", keys=("dia", "hora")),
    # No date; the last one is it.
    *(
        Case(one(*names), None, words=f"{NO_DATE}: 1 of {len(names)}, such as {names[-1]}.")
        for names in (
            ("20251022", "20261332"),
            ("20250230",),
            ("20240229", "20250229"),
            ("20251022", "99999999"),
            ("20251022", "00000000"),
            ("202512", "202513"),
            ("202500",),
            ("2025102207", "2025102225"),
            ("202510222360",),
            ("20251022235960",),
            ("2025-10-22", "2025-02-30"),
            ("2025-10-22 01", "2025-10-22 25"),
            ("2025-10-22T10:59", "2025-10-22T10:60"),
            ("2025-10-22", "0000-00-00"),
            ("2025-12", "2025-13"),
            ("2025.10.32",),
            ("20251022_x", "20251332_x"),
        )
    ),
    Case(one("d20251332"), None, words=NO_DATE, settings=(("partition_value_pattern", "^d"),)),
    Case((("2025", "02", "30"),), None, words=f"{NO_DATE}: 1 of 1, such as 2025/02/30.", keys=YMD),
    Case((("2025", "10", "1"), ("2025", "13", "1")), None, words=f"{NO_DATE}: 1 of 2, such as 2025/13/1.", keys=YMD),
    Case((("2025", "10"), ("2025", "00")), None, words=f"{NO_DATE}: 1 of 2, such as 2025/00.", keys=("ano", "mes")),
    Case((("202510", "32"),), None, words=f"{NO_DATE}: 1 of 1, such as 202510/32.", keys=("anomes", "dia")),
    # Not by time.
    *(
        Case(one(*names), None, words=NOT_BY_TIME)
        for names in (
            ("31102025", "01112025"),
            ("20102025",),
            ("10312025", "11012025"),
            ("31-10-2025", "01-11-2025"),
            ("1.11.2025",),
            ("31_10_2025",),
            ("31102025_x",),
            ("102025", "112025"),
            ("10-2025",),
            ("2210202507",),
            ("31022025", "01112025"),
            ("20251022", "31102025"),
            ("211025", "221025"),
            ("301125", "311025"),
            ("22-10-25", "21-10-25"),
        )
    ),
    Case(one("31/10/2025"), None, words=NOT_BY_TIME, settings=(("partition_value_pattern", "^"),)),
    Case((("22", "10", "2025"), ("1", "11", "2025")), None, words=FINEST_FIRST, keys=("dia", "mes", "ano")),
    Case((("10", "2025"),), None, words=FINEST_FIRST, keys=("mes", "ano")),
    Case((("22", "202510"),), None, words=FINEST_FIRST, keys=("dia", "anomes")),
    Case(
        (("22", "2025"), ("21", "2025")),
        "ano=2025/dia=22",
        "ano=2025/dia=21",
        keys=("dia", "ano"),
        columns=("ano", "dia"),
    ),
    Case(
        (("53", "20251021"), ("35", "20251022")),
        None,
        keys=("uf", "dt"),
        words="By uf, dt the newest partition of raw.records is 53/20251021, but 35/20251022 has a newer date.",
    ),
    Case((("53", "20251022"), ("35", "20251022")), "uf=53/dt=20251022", "uf=35/dt=20251022", keys=("uf", "dt")),
    # Numbers.
    Case(one("00000123", "10000001"), "10000001", "00000123"),
    Case(one("1761091200", "1761177600"), "1761177600", "1761091200"),
    Case(one("1702201100", "1702204700", "1712999999"), "1712999999", "1702204700"),
    Case(one("000123", "000124"), "000124", "000123"),
    Case((("2025", "43"), ("2025", "9")), "ano=2025/semana=43", "ano=2025/semana=9", keys=("ano", "semana")),
    Case((("2025", "295"), ("2025", "294")), "ano=2025/dia=295", "ano=2025/dia=294", keys=("ano", "dia")),
    Case((("2025", "43", "2"),), "ano=2025/semana=43/dia=2", keys=("ano", "semana", "dia")),
    Case((("2025", "10", "45"),), "ano=2025/mes=10/lote=45", keys=("ano", "mes", "lote")),
    Case((("20251022", "193000"),), "dia=20251022/hora=193000", keys=("dia", "hora")),
    Case(one("251021", "251022", "241231", "200113"), "251022", "251021"),
    # The future.
    Case(one("20251023"), "20251023"),
    *(
        Case(one(far), None, words=AHEAD)
        for far in ("20251024", "99991231", "202512", "999912", "2025102400", "9999-12-31", "2025-11", "251024")
    ),
    Case(one("2025-W43", "9999-W52"), None, words=AHEAD),
    Case(one("2025295", "9999365"), None, words=AHEAD),
    Case(one("2025", "9999"), None, words=AHEAD),
    Case(one("251022", "251024"), None, words=AHEAD),
    Case(one("20251022_v1", "99991231_v1"), None, words=AHEAD),
    Case(one("20251022001", "99991231001"), None, words=AHEAD),
    Case(one("dt20251022", "dt99991231"), None, words=AHEAD, settings=(("partition_value_pattern", "^dt"),)),
    Case((("2025", "10", "22"), ("9999", "12", "31")), None, words=AHEAD, keys=YMD),
    Case((("2025", "10"), ("2025", "11")), None, words=AHEAD, keys=("ano", "mes")),
    Case((("2025", "10"), ("2025", "11")), "ano=2025/semestre=11", "ano=2025/semestre=10", keys=("ano", "semestre")),
    Case((("2025", "20251022"), ("2025", "20251231")), None, words=AHEAD, keys=("ano", "dia")),
    Case((("7", "99991231"),), None, words=AHEAD, keys=("v", "dt")),
    Case(one("99991231"), None, words="2912513 days ahead", settings=with_age("3")),
    Case(one("20251030"), "20251030", settings=(("max_partition_days_ahead", "8"),)),
    Case(one("20251023"), None, words="1 days ahead", settings=(("max_partition_days_ahead", "0"),)),
    # The age.
    Case(one("20251021"), "20251021", settings=with_age("1")),
    Case(one("20251020"), None, words="20251020, 2 days old", settings=with_age("1")),
    Case(one("2025-10-20 23:00"), None, words="23:00, 2 days old", settings=with_age("1")),
    Case((("2025", "9", "3"),), None, words="2025/9/3, 49 days old", keys=YMD, settings=with_age("48")),
    Case((("202509", "3"),), None, words="202509/3, 49 days old", keys=("anomes", "dia"), settings=with_age("48")),
    Case(one("202510"), "202510", settings=with_age("21")),
    Case(one("202510"), None, words="21 days old", settings=with_age("20")),
    *(
        Case(one(bad), None, words="does not begin with a date", settings=with_age("1"))
        for bad in ("20259", "7", "2025")
    ),
]


@dataclass(frozen=True)
class Answer:
    """What was chosen and what is next, or why none was."""

    chosen: str | None
    previous: str | None
    words: str


def by_macro(case: Case) -> Answer:
    names = [hive_name(case.keys, values) for values in case.partitions]
    try:
        return Answer(*MACROS.newest(names, case.columns or case.keys, dict(case.settings)), "")
    except MacroRefused as refused:
        return Answer(None, None, str(refused))


def by_us(case: Case, **options: Any) -> Answer:
    settings = dict(case.settings)
    age, ahead = settings.get("max_partition_age_days"), settings.get("max_partition_days_ahead")
    columns = column_list(",".join(case.columns or case.keys))
    try:
        latest = find(
            catalog(*case.partitions, keys=case.keys),
            columns=columns,
            pattern=settings.get("partition_value_pattern", rule.PATTERN),
            max_age_days=int(age) if age else None,
            max_days_ahead=int(ahead) if ahead else limits.DAYS_AHEAD,
            **options,
        )
    except SourceNotReady as error:
        return Answer(None, None, error.message)
    values = MACROS.pinned(latest.partition, columns)  # as dbt will read what a shell gives it
    return Answer(partition_name(columns, values), latest.previous, "")


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_rule_is_the_macro_s(case: Case) -> None:
    for answer in (by_macro(case), by_us(case)):
        assert (answer.chosen, answer.previous) == (case.chosen, case.previous)
        assert case.words in answer.words
        assert "\n" not in answer.words


NEAR = st.dates(min_value=NOW.date() - timedelta(days=500), max_value=NOW.date() + timedelta(days=3))
ODD = st.sampled_from([
    DEFAULT, "null", "", "x", "_tmp", "1", "9", "10", "09", "007", "-5", "+5", "1a", "2a", "3", "99", "2025",
    "2026x", "9999", "99999", "100000000", "1000000000", "2024010100", "2025102213", "020251022", "00020251022",
    "30000101", "2025102", "20251022x", "2025-10-22", "2025-10-21 10:00", "2025/10", "2025=10", "20251022 ", "é",
    "20251332", "20250229", "00000000", "99991231", "99999999", "31102025", "20102025", "202510", "202513", "102025",
    "251022", "311025", "2025-02-30", "0000-00-00", "9999-12-31", "22-10-2025", "22-10-25", "2025-13", "10-2025",
    "2025102225", "2210202507", "12", "32", "0", "00", "2025-W43", "2025295", "0001", "1900", "2101",
])  # fmt: skip


def written(form: str, near: st.SearchStrategy[date] = NEAR) -> st.SearchStrategy[str]:
    return near.map(lambda day: day.strftime(form))


COMPACT, ISO, MONTHLY = written("%Y%m%d"), written("%Y-%m-%d"), written("%Y%m")
OTHERS = st.sampled_from([
    "%d%m%Y", "%m%d%Y", "%d-%m-%Y", "%d/%m/%Y", "%m%Y", "%Y", "%Y-%m", "%Y.%m.%d", "%Y_%m_%d", "%Y %m %d", "%y%m%d",
    "%d%m%y", "%Y%m%d%H%M", "%Y-%m-%dT%H", "%Y%j", "%Y-W%V", "%Y%m%d_v1", "d%Y%m%d", "%s", "%-d-%-m-%Y", "%d.%m.%y",
])  # fmt: skip
HOURLY = st.builds(lambda day, hour: f"{day:%Y%m%d}{hour:02}", NEAR, st.integers(0, 23))
PATTERNS = st.sampled_from([rule.PATTERN, rule.PATTERN, "^", "^[-+0-9a-z]", "^20[0-9]{6}$"])
PADDED = st.builds(lambda day: (f"{day:%Y}", f"{day:%m}", f"{day:%d}"), NEAR)
BARE = st.builds(lambda day: (f"{day.year}", f"{day.month}", f"{day.day}"), NEAR)


def mostly(form: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Partitions in one form, and now and then something else, in any order."""
    return st.builds(
        lambda regular, others, order: order.sample([*regular, *others], len(regular) + len(others)),
        st.lists(form, max_size=12, unique=True),
        st.one_of(st.just([]), st.lists(odd, max_size=3, unique=True)),
        st.randoms(use_true_random=False),
    )


ONE_LEVEL = st.one_of(
    *(mostly(form, ODD) for form in (COMPACT, ISO, HOURLY, MONTHLY)),
    OTHERS.flatmap(lambda form: mostly(written(form), ODD)),
    st.lists(ODD, unique=True),
    st.lists(st.integers(0, 40000000).map(str), unique=True),
).map(lambda values: [(value,) for value in values])
SMALL = st.integers(0, 33).map(str)
SEVERAL_LEVELS = st.one_of(
    mostly(PADDED, st.tuples(ODD, st.just("01"), ODD)),
    mostly(BARE, st.tuples(st.just("2025"), SMALL, SMALL)),
    st.lists(st.tuples(SMALL, SMALL, st.sampled_from(["2025", "2024", "9999"]))),
    mostly(st.tuples(COMPACT, st.integers(0, 23).map(str)), st.tuples(COMPACT, ODD)),
    mostly(st.tuples(MONTHLY, SMALL), st.tuples(MONTHLY, ODD)),
    mostly(st.tuples(st.sampled_from(["2024", "2025"]), SMALL), st.tuples(ODD, SMALL)),
    mostly(st.tuples(SMALL, COMPACT), st.tuples(SMALL, ODD)),
)
COLUMNS = {
    1: st.just(("ano_mes_dia",)),
    2: st.sampled_from([("dia", "hora"), ("ano", "mes"), ("ano", "semana"), ("uf", "dia"), ("mes", "ano"), ("a", "b")]),
    3: st.sampled_from(
        [YMD, ("a", "b", "c"), ("ano", "semana", "dia"), ("dia", "mes", "ano"), ("ano", "nr_mes", "lote")]
    ),
}


@given(data=st.data(), partitions=st.one_of(ONE_LEVEL, ONE_LEVEL, SEVERAL_LEVELS), pattern=PATTERNS)
def test_the_rule_is_the_macro_s_for_any_values(
    data: st.DataObject, partitions: list[tuple[str, ...]], pattern: str
) -> None:
    keys = data.draw(COLUMNS[len(partitions[0]) if partitions else 1])
    settings = {"partition_value_pattern": pattern, "max_partition_age_days": data.draw(st.sampled_from(["", "30"]))}
    case = Case(tuple(dict.fromkeys(partitions)), None, keys=keys, settings=tuple(settings.items()))
    expected = by_macro(case)
    answer = by_us(case)
    assume("cannot be pinned" not in answer.words)
    assert (answer.chosen, answer.previous) == (expected.chosen, expected.previous)
    if "no usable partition" not in answer.words and "unsafe" not in answer.words:
        assert answer.words in expected.words


def kept(of: Catalog, expression: str | None, sample: int) -> list[tuple[str, ...]]:
    """Returns the partitions that a narrowed listing shows."""
    first = list(of.partitions_by_values)[:sample]
    return list(dict.fromkeys([*first, *(found.values for found in of.partitions("raw", "records", expression))]))


@given(
    data=st.data(),
    partitions=st.one_of(ONE_LEVEL, SEVERAL_LEVELS),
    is_integer=st.booleans(),
    since_days=st.sampled_from([1, 35, 400]),
    pattern=PATTERNS,
    sample=st.integers(1, 3),
)
# Each of these was chosen wrongly by a narrowing that lacks one of its conditions.
@example(None, [("20251022",), ("100000000",)], False, 35, rule.PATTERN, 1)  # more digits
@example(None, [("20251022",), ("20251021",), ("3",), ("-5",)], True, 35, "^[-+0-9a-z]", 1)
@example(None, [("2025", "10", "1"), ("2025", "9", "1"), ("2024", "9x", "1")], False, 35, rule.PATTERN, 1)
@example(None, [("20251001",), ("20241001",), ("9",), ("1a",)], False, 35, rule.PATTERN, 1)
@example(None, [("202406", "31"), ("202406", "0"), ("202406", "1")], False, 1, rule.PATTERN, 1)  # days, or numbers
@example(None, [("202408", "01"), ("202409", "45"), ("202510", "31")], False, 1, rule.PATTERN, 1)  # and so the future
def test_a_narrowed_listing_never_changes_the_answer(
    data: st.DataObject | None,
    partitions: list[tuple[str, ...]],
    is_integer: bool,
    since_days: int,
    pattern: str,
    sample: int,
) -> None:
    partitions = list(dict.fromkeys(partitions))
    levels = len(partitions[0]) if partitions else 1
    keys = data.draw(COLUMNS[levels]) if data else {1: ("ano_mes_dia",), 2: ("anomes", "lote"), 3: YMD}[levels]
    if is_integer:  # an integer that nothing writes so; see the module
        assume(not any(value.startswith("+") for values in partitions for value in values))
    of = catalog(*partitions, keys=keys, kinds=("int" if is_integer else "string",) * len(keys))
    settings = {"partition_value_pattern": pattern}
    expression = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_SAMPLE", sample)
        try:
            latest = find(of, since_days=since_days, pattern=pattern)
            chosen: str | None = partition_name(keys, MACROS.pinned(latest.partition, keys))
            expression = latest.expression
        except SourceNotReady as error:
            assume("cannot be pinned" not in error.message)
            chosen = None

    def by_the_macro(listed: list[tuple[str, ...]]) -> str | None:
        try:
            return MACROS.name([hive_name(keys, values) for values in listed], keys, settings)
        except MacroRefused:
            return None

    expected = by_the_macro(partitions)
    if expected is None and chosen is not None:  # because of what was left out, which is old
        expected = by_the_macro(kept(of, expression, sample))
    assert chosen == expected


@given(
    form=st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y%m%d%H", "%Y%m", "%Y-%m-%d 00:00:00"]),
    since_days=st.sampled_from([1, 20, 35, 400]),
    days_ago=st.integers(0, 20),
    now=st.datetimes(min_value=datetime(2021, 1, 1), max_value=datetime(2031, 12, 31)),
    other=st.one_of(
        OTHERS, st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y%m%d%H", "%-d", "%j", "20%j", "202", "2014", "20250"])
    ),
    is_integer=st.booleans(),
)
@example("%Y%m%d", 35, 0, datetime(2025, 10, 22), "%Y-%m-%d", False)
@example("%Y%m%d", 35, 0, datetime(2025, 12, 20), "%d%m%Y", False)
@example("%Y%m%d", 35, 0, datetime(2025, 10, 22), "202", False)
@example("%Y-%m-%d", 35, 0, datetime(2025, 10, 22), "%Y %m %d", False)
def test_a_load_that_writes_another_form_since_a_day_ago_is_seen_in_a_narrowed_listing(
    form: str, since_days: int, days_ago: int, now: datetime, other: str, is_integer: bool
) -> None:
    now = now.replace(tzinfo=timezone.utc)
    day = now - timedelta(days=min(days_ago, since_days))
    late = day.strftime(other)
    assume(rule.form(late) != rule.form(now.strftime(form)))
    regular = [(now - timedelta(days=ago)).strftime(form) for ago in range(500, since_days - 1, -40)]
    of = catalog(*dict.fromkeys(regular), late, kinds=("int" if is_integer else "string",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "_SAMPLE", 2)
        with pytest.raises(SourceNotReady, match=FORMS_DIFFER):
            find(of, now=now, since_days=since_days, pattern="^")


# The narrowing.


def days(count: int, form: str = "%Y%m%d") -> list[str]:
    return [(NOW - timedelta(days=ago)).strftime(form) for ago in range(count)][::-1]


def lengths(column: str, characters: int) -> str:
    """Returns the part of an Expression that lists what is shorter or longer."""
    shorter = [f"{column} like '{'_' * fewer}'" for fewer in range(3, characters)]
    return " or ".join([*shorter, f"{column} like '{'_' * (characters + 1)}%'"])


def of_texts(bound: str, end: str, characters: int) -> str:
    column = "ano_mes_dia"
    parts = [f">= '{bound}'", "< '1900'", "between '20' and '200'", f"between '2025' and '{end}'"]
    parts += ["like '____2%'", "like '____3%'"]
    return " or ".join([*(f"{column} {part}" for part in parts), lengths(column, characters)])


DAILY = of_texts("20250917", "20250", 8)
YEARLY = f"ano >= '2025' or ano < '1900' or ano between '20' and '200' or {lengths('ano', 4)}"


@pytest.mark.parametrize(
    ("of", "chosen", "previous", "expression", "considered"),
    [
        (catalog(*days(3000)), "20251022", "20251021", DAILY, 1000 + 36),
        (catalog(*days(3000), DEFAULT), "20251022", "20251021", DAILY, 1000 + 36),
        (catalog(*days(1500), *days(1)), "20251022", "20251021", DAILY, 1000 + 36),
        (catalog(*days(3000)[:2900], "20251022"), "20251022", None, DAILY, 1000 + 1),  # the next newest is not known
        (
            catalog(*days(3000, "%Y-%m-%d")),
            "2025-10-22",
            "2025-10-21",
            of_texts("2025-09-17", "2025-", 10),
            1000 + 36,
        ),
        (
            catalog(*days(3000), kinds=("int",)),
            "20251022",
            "20251021",
            "ano_mes_dia >= 20250917 or ano_mes_dia < 20130000",
            1000 + 36,
        ),
        (
            catalog(*((day[:4], day[4:6], day[6:]) for day in days(3000)), keys=YMD),
            "ano=2025/mes=10/dia=22",
            "ano=2025/mes=10/dia=21",
            YEARLY,
            1000 + 295,
        ),
        (
            catalog(*((day[:4], str(int(day[4:6])), day[6:]) for day in days(3000)), keys=YMD),
            "ano=2025/mes=10/dia=22",
            "ano=2025/mes=10/dia=21",
            YEARLY,
            1000 + 295,
        ),
        (
            catalog(
                *((day[:4], day[4:6].lstrip("0"), day[6:].lstrip("0")) for day in days(3000)),
                keys=YMD,
                kinds=("int", "int", "int"),
            ),
            "ano=2025/mes=10/dia=22",
            "ano=2025/mes=10/dia=21",
            "ano >= 2025 or ano < 2013",
            1000 + 295,
        ),
    ],
)
def test_a_long_listing_is_narrowed(
    of: Catalog, chosen: str, previous: str | None, expression: str, considered: int
) -> None:
    latest = find(of)
    assert (latest.partition, latest.previous) == (chosen, previous)
    assert (latest.expression, latest.considered) == (expression, considered)
    assert (of.asked, latest.notes) == ([None, expression], ())


@pytest.mark.parametrize(
    ("other", "words"),
    [
        *((other, FORMS_DIFFER) for other in ("2025-10-23", "2024010100", "202510", "202", "20250", "2025", "251023")),
        *((other, FORMS_DIFFER) for other in ("20251022_bkp", "2025-9-5", "1761091200", "20-10-25", "20.10.25")),
        *((other, NOT_BY_TIME) for other in ("23102025", "20102025", "20122025", "19102025", "01112025", "11012025")),
        *((other, NO_DATE) for other in ("99999999", "00000000", "20251332")),
    ],
)
def test_what_is_written_otherwise_is_seen_in_a_narrowed_listing(other: str, words: str) -> None:
    of = catalog(*days(3000), other)
    with pytest.raises(SourceNotReady, match=words):
        find(of)
    assert of.asked == [None, DAILY]


def test_a_partition_that_two_listings_show_is_one() -> None:
    latest = find(catalog(*days(3000)[::-1]))
    assert (latest.partition, latest.considered) == ("20251022", 1000)
    assert latest.location == "s3://lake/records/ano_mes_dia=20251022"


@pytest.mark.parametrize(
    ("of", "chosen", "note"),
    [
        (catalog(*(f"{number:08}" for number in range(3000))), "00002999", None),  # no dates
        (catalog(*days(3000, "%Y-%m-%d"), kinds=("date",)), "2025-10-22", None),
        (catalog(*days(4000)[:2000]), days(4000)[1999], "no usable partition since 2025-09-17"),
        (catalog(*days(3000), DEFAULT, kinds=("int",)), "20251022", "Glue refused the Expression"),
        (catalog(*days(3000), takes_expressions=False), "20251022", "Glue refused the Expression"),
        (catalog(*days(3000), keys=("a" * 255,)), "20251022", None),  # an Expression that is too long
    ],
)
def test_everything_is_listed_where_narrowing_could_err(of: Catalog, chosen: str, note: str | None) -> None:
    latest = find(of)
    assert latest.partition == chosen
    assert latest.expression is None
    assert latest.considered == len(of.partitions_by_values) - ((DEFAULT,) in of.partitions_by_values)
    assert [note in said for said in latest.notes] == [True] if note else latest.notes == ()


def test_a_short_listing_is_not_asked_for_twice_and_zero_days_narrow_nothing() -> None:
    for of, since_days in ((catalog(*days(999)), 35), (catalog(*days(3000)), 0)):
        latest = find(of, since_days=since_days)
        assert (latest.partition, latest.expression, of.asked) == ("20251022", None, [None])


# Newer than active.


@pytest.mark.parametrize(
    ("active", "chosen"),
    [("20251021", "20251022"), (None, "20251022"), ("20251022", None), ("20251023", None), ("020251022", None)],
)
def test_only_what_is_newer_than_active(active: str | None, chosen: str | None) -> None:
    store = active_from(active)
    of = catalog("20251021", "20251022")
    if chosen:
        assert find(of, lambda _bucket: store, newer_than=DESTINATION).partition == chosen
        return
    with pytest.raises(NothingNew, match=f"Active comes from {active}") as raised:
        find(of, lambda _bucket: store, newer_than=DESTINATION)
    assert (raised.value.exit_code, raised.value.status) == (8, "nothing new")


def test_without_an_active_file_everything_is_newer() -> None:
    assert find(catalog("20251022"), newer_than=DESTINATION).partition == "20251022"


@pytest.mark.parametrize("active", ["ano=2025/mes=10/dia=22", "2025-10-21", "teste"])
def test_what_cannot_be_compared_with_active_is_refused_as_a_publish_would(active: str) -> None:
    with pytest.raises(GuardRefusal, match=f"Partition 20251022 cannot be compared with active's, {active}"):
        find(catalog("20251022"), lambda _bucket: active_from(active), newer_than=DESTINATION)


def test_a_load_that_stopped_is_no_quiet_day() -> None:
    with pytest.raises(SourceNotReady, match="3 days old"):
        find(catalog("20251019"), lambda _bucket: active_from("20251019"), newer_than=DESTINATION, max_age_days=2)


# Readiness.


def with_files(*partitions: str) -> MemoryStore:
    store = MemoryStore()
    for partition in partitions:
        put(store, f"records/ano_mes_dia={partition}/_SUCCESS")
    return store


def test_the_newest_partition_that_is_ready_is_taken_and_the_other_told() -> None:
    latest = find(
        catalog("20251020", "20251021", "20251022"), lambda _bucket: with_files("20251021"), ready_file="_SUCCESS"
    )
    assert (latest.partition, latest.location) == ("20251021", "s3://lake/records/ano_mes_dia=20251021")
    assert latest.not_ready == (("20251022", "no _SUCCESS in its location"),)


def test_an_older_one_that_is_ready_is_nothing_new() -> None:
    stores = {"lake": with_files("20251020", "20251021"), "bucket": active_from("20251021")}
    of = catalog("20251020", "20251021", "20251022")
    with pytest.raises(NothingNew, match=re.escape("20251022 (no _SUCCESS in its location)")):
        find(of, stores.__getitem__, ready_file="_SUCCESS", newer_than=DESTINATION)
    emptied = {**stores, "lake": MemoryStore()}  # what is active was ready once, and is not asked again
    with pytest.raises(NothingNew, match="has no newer partition that is ready"):
        find(of, emptied.__getitem__, ready_file="_SUCCESS", newer_than=DESTINATION)
    put(stores["lake"], "records/ano_mes_dia=20251022/_SUCCESS")
    assert find(of, stores.__getitem__, ready_file="_SUCCESS", newer_than=DESTINATION).partition == "20251022"


def test_none_is_ready() -> None:
    with pytest.raises(
        SourceNotReady, match=r"No partition of raw.records is ready: 20251022 \(no x in its location\)"
    ):
        find(catalog("20251022"), ready_file="x")


def test_a_wrong_name_does_not_ask_for_all_partitions_and_none_twice() -> None:
    asked: list[str] = []
    store = MemoryStore()

    def counting(bucket: str) -> MemoryStore:
        asked.append(bucket)
        return store

    for of in (catalog(*days(500)), catalog(*days(3000))):
        asked.clear()
        with pytest.raises(SourceNotReady, match="None of the newest 50 partitions"):
            find(of, counting, ready_file="x")
        assert asked == ["lake"] * 50


def test_a_partition_that_was_just_registered_is_not_ready() -> None:
    of = catalog("20251021", "20251022")
    newest = of.partitions_by_values["20251022",]
    for created, ready in ((5, False), (29, False), (30, True)):
        of.partitions_by_values["20251022",] = replace(newest, created=NOW - timedelta(minutes=created))
        latest = find(of, ready_after=timedelta(minutes=30))
        assert latest.partition == ("20251022" if ready else "20251021")
    of.partitions_by_values["20251022",] = replace(newest, created=None)
    assert find(of, ready_after=timedelta(minutes=30)).not_ready == (
        ("20251022", "it is not known when it was registered"),
    )


def test_both_conditions_must_hold() -> None:
    of = catalog("20251022")
    with pytest.raises(SourceNotReady, match="registered 3600 s ago"):
        find(of, lambda _: with_files("20251022"), ready_file="_SUCCESS", ready_after=timedelta(hours=2))
    with pytest.raises(SourceNotReady, match="no _SUCCESS"):
        find(of, ready_file="_SUCCESS", ready_after=timedelta(hours=1))


def test_a_partition_in_several_parts_is_ready_when_all_are() -> None:
    of = catalog(("20251022", "norte"), ("20251022", "sul"), keys=("dia", "regiao"))
    store = MemoryStore()
    put(store, "records/dia=20251022/regiao=norte/_SUCCESS")
    with pytest.raises(SourceNotReady, match="no _SUCCESS"):
        find(of, lambda _: store, columns=("dia",), ready_file="_SUCCESS")
    put(store, "records/dia=20251022/regiao=sul/_SUCCESS")
    latest = find(of, lambda _: store, columns=("dia",), ready_file="_SUCCESS")
    assert (latest.partition, latest.location, latest.considered) == ("20251022", None, 1)


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ("s3://lake/a b/dia=1/", "a b/dia=1/_SUCCESS"),
        ("s3a://lake/x", "x/_SUCCESS"),
        ("s3n://lake", "_SUCCESS"),
        ("s3://lake/", "_SUCCESS"),
        ("hdfs://lake/x", None),
        (None, None),
    ],
)
def test_where_the_file_of_readiness_is(location: str | None, key: str | None) -> None:
    of = catalog("20251022")
    of.partitions_by_values["20251022",] = GluePartition(("20251022",), location, NOW)
    store = MemoryStore()
    put(store, key or "other")
    if key:
        assert find(of, {"lake": store}.__getitem__, ready_file="_SUCCESS").partition == "20251022"
    else:
        with pytest.raises(SourceNotReady, match="its location is not in S3"):
            find(of, ready_file="_SUCCESS")


# Settings, and what cannot be used.


@pytest.mark.parametrize("kind", ["iceberg", "view", "link"])
def test_a_table_without_partitions_in_the_catalog(kind: str) -> None:
    with pytest.raises(SourceNotReady, match=f"raw.records is of the kind {kind}"):
        find(catalog("20251022", kind=kind))


def test_a_table_whose_partitions_athena_computes_is_refused_by_name() -> None:
    """What is registered beside a projection is what was there before it."""
    with pytest.raises(SourceNotReady, match=r"raw.records has partition projection \(projection.enabled\)"):
        find(catalog("20251022", is_projected=True))


def test_a_partition_with_too_few_values_is_told() -> None:
    of = catalog("20251022")
    of.partitions_by_values["x",] = GluePartition((), None, None)
    with pytest.raises(SourceNotReady, match="0 values for 1 columns"):
        find(of)


def test_a_value_with_a_slash_cannot_be_pinned_among_several() -> None:
    assert pin(("dia",), ("2025/10/22",), "t") == "2025/10/22"
    assert MACROS.pinned("2025/10/22", ("dia",)) == ("2025/10/22",)
    for columns, values in ((("ano", "dia"), ("2025", "1/2")), (("dia",), ("a=1/2",))):
        with pytest.raises(SourceNotReady, match="cannot be pinned"):
            pin(columns, values, "t")


@pytest.mark.parametrize("text", ["", " , ", "ano; drop", "1a", "a b"])
def test_names_that_are_no_columns(text: str) -> None:
    with pytest.raises(UsageError):
        column_list(text)
    with pytest.raises(MacroRefused):
        MACROS.name(["a=1"], (text,), {})


@pytest.mark.parametrize("wanted", [{"pattern": "("}, {"ready_file": " "}, {"ready_file": "a/b"}])
def test_settings_that_cannot_be_used(wanted: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Wanted("raw", "records", **wanted)  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize("text", ["raw.records", "glue:records", "glue:a.b.c", "parquet:a.b", "glue:.b", "glue:a .b"])
def test_tables_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UsageError, match="is not of the form glue:"):
        module.glue_table(text, {})


def test_the_table_is_the_models_unless_it_is_given() -> None:
    environment = {"MATCHED_IDS_RECORDS_SCHEMA": "lake", "MATCHED_IDS_RECORDS_TABLE": "rows"}
    assert module.glue_table(None, environment) == ("lake", "rows")
    assert module.glue_table(None, {"MATCHED_IDS_RECORDS_SCHEMA": ""}) == ("raw", "records")
    assert module.glue_table("glue:a.b", environment) == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *((name, None, f"The var {name} is null. Leave it out, or") for name in ("records_path", "document_prefix")),
        *((name, True, "Quote it") for name in ("records_path", "pinned_partition", "max_partition_age_days")),
        *(("pinned_partition", value, "Quote it") for value in (0, 999, -20251021, 2025.1)),
        *(("pinned_partition", value, "is blank: a failed command substitution?") for value in ("", " \t")),
        ("document_prefix", 0, "its leading zeros may be lost"),
        ("records_id_column", 7, "Quote it"),
        ("partition_value_pattern", " ", "is blank"),
        ("no_such_thing", None, "there is no setting 'no_such_thing'"),
    ],
)
def test_a_var_that_means_something_else_than_it_says_is_refused(name: str, value: Any, words: str) -> None:
    with pytest.raises(MacroRefused, match=re.escape(words)):
        MACROS.setting(name, **{name: value})


def test_a_pin_may_be_what_yaml_makes_of_a_day() -> None:
    for pinned in (20251021, "20251021"):
        assert MACROS.pinned(MACROS.setting("pinned_partition", pinned_partition=pinned), ("dia",)) == ("20251021",)
    assert MACROS.pinned(date(2025, 10, 21), ("dia",)) == ("2025-10-21",)
    assert MACROS.setting("pinned_partition") == ""


@pytest.mark.parametrize("pinned", ["ano=/mes=10", "ano= /mes=10"])
def test_a_pin_with_a_blank_value_is_refused(pinned: str) -> None:
    with pytest.raises(MacroRefused, match="no value for ano: a failed command substitution"):
        MACROS.pinned(pinned, ("ano", "mes"))


def test_numbers_are_whole_or_percentages() -> None:
    for value, number in ((3, 3), ("3", 3), (" 3 ", 3), ("", 1), (0, 0)):
        assert MACROS.number("max_partition_days_ahead", value) == number
    assert MACROS.number("max_partition_age_days", "") is None
    for wrong in ("two", "-1", -1, 1.5, "1.5", "1e3"):
        with pytest.raises(MacroRefused, match="max_partition_days_ahead must be a whole number, not"):
            MACROS.number("max_partition_days_ahead", wrong)
    for share, percentage in (("0.5", 0.5), (100, 100.0), (7, 7.0)):
        assert MACROS.number("max_partition_age_days", share, is_percentage=True) == percentage
    for wrong in ("101", "-1", "1,5", "50%"):
        with pytest.raises(MacroRefused, match="must be a percentage, a number from 0 to 100, not"):
            MACROS.number("max_partition_age_days", wrong, is_percentage=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"pined_partition": "20251021"},
            "There is no var pined_partition: did you mean pinned_partition? Known: broadcast, cpfs",
        ),
        ({"MATCHED_IDS_RECORDS_PATH": "/x"}, "did you mean records_path?"),
        ({"x": 1}, "There is no var x. Known"),
        ({"cpfs_table": None}, "The var cpfs_table is null"),
        ({"cpfs_table": "a", "pinned_partition": "1", "table_format": "parquet"}, ""),
        ({}, ""),
    ],
)
def test_a_var_that_nobody_reads_is_refused(given: dict[str, Any], words: str) -> None:
    if words:
        with pytest.raises(MacroRefused, match=re.escape(words)):
            MACROS.check_vars(given)
    else:
        MACROS.check_vars(given)
    MACROS.check_vars(given, project="somebody_else_s")


def test_the_defaults_are_the_models() -> None:
    assert MACROS.setting("partition_value_pattern") == rule.PATTERN
    assert MACROS.setting("partition_columns") == rule.COLUMNS
    options = {option.name: option for option in cli.commands["latest-partition"].params}
    assert options["partition_columns"].default == rule.COLUMNS
    assert MACROS.setting("max_partition_days_ahead") == str(limits.DAYS_AHEAD)
    assert options["max_partition_days_ahead"].default == limits.DAYS_AHEAD
    sources = (PROJECT / "models/staging/_staging__sources.yml").read_text()
    defaults = dict(re.findall(r"env_var\('(\w+)', '(\w+)'\)", sources))
    assert defaults["MATCHED_IDS_RECORDS_SCHEMA"] == rule.SCHEMA
    assert defaults["MATCHED_IDS_RECORDS_TABLE"] == rule.TABLE
