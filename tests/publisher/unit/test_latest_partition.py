"""The newest partition found without Spark: the rule is the dbt macro's, and a narrowed listing never changes it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
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
from publisher.keys import Destination
from publisher.latest_partition import Latest, Wanted, column_list, latest_partition, partition_name, pin
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

    FILES = ("newest_partition", "pinned_partition_values", "require_recent_partition", "latest_partition", "setting")

    def __init__(self) -> None:
        source = "".join((PROJECT / f"macros/{name}.sql").read_text() for name in self.FILES)
        self._settings: dict[str, Any] = {}
        self._context: dict[str, Any] = generate_base_context({})
        self._context |= {
            "var": lambda name, default: self._settings.get(name, default),
            "env_var": lambda _name, default: default,
            "exceptions": SimpleNamespace(raise_compiler_error=_refuse),
            "run_started_at": NOW,
        }
        names = re.findall(r"macro (\w+)\(", source)
        self._context |= {name: partial(self._call, name) for name in names}
        self._module = get_environment().from_string(source).make_module(self._context)

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self._module, f"dbt_macro__{name}")(*arguments)
        except MacroReturn as returned:
            return returned.value

    def name(self, names: list[str], columns: tuple[str, ...], settings: Mapping[str, Any]) -> str:
        """Returns what the macro latest_partition does between its listing and its answer."""
        self._settings = {"partition_columns": ",".join(columns), **settings}
        relation = SimpleNamespace(render=lambda: "raw.records")
        listed = self._call("partition_column_list", None)
        values = self._call("newest_partition", names, listed, relation)["level_values"]
        self._call("require_recent_partition", values, relation)
        return str(self._call("partition_struct", listed, values)["name"])

    def pinned(self, pinned: str, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self._call("pinned_partition_values", pinned, list(columns)))

    def setting(self, name: str) -> str:
        self._settings = {}
        return str(self._call("setting", name))


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

    def table(self, database: str = "raw", name: str = "records") -> GlueTable:
        kinds = self.kinds or ("string",) * len(self.keys)
        return GlueTable(database, name, self.kind, None, None, tuple(zip(self.keys, kinds, strict=True)))

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
    columns = wanted.pop("columns", of.keys)
    return latest_partition(
        Wanted("raw", "records", columns=columns, **wanted), cast("GlueCatalog", of), open_store, NOW
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
    """Partitions, and which of them is chosen, or in words of both the rule and the macro, why none."""

    partitions: tuple[tuple[str, ...], ...]
    chosen: str | None
    words: str = ""
    keys: tuple[str, ...] = ("ano_mes_dia",)
    columns: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


def one(*values: str) -> tuple[tuple[str, ...], ...]:
    return tuple((value,) for value in values)


CASES = [
    Case(one("20251021", "20251022", "20250930"), "20251022"),
    Case(one("9", "10"), "10"),
    Case(one("9", "10", "1a"), "9"),
    Case(one("2025-09-30", "2025-10-01"), "2025-10-01"),
    Case(one("20251022", "2025-10-23"), "20251022"),
    Case(one("2025102213", "20251023"), "2025102213"),
    Case(one("2025-10-22 00:00:00"), "2025-10-22 00:00:00"),
    Case(one(DEFAULT, "null", "", "_backup", "teste", "20251022"), "20251022"),
    Case(one("٢٠٢٥", "20251022"), "20251022"),
    Case(one("20251022", "99991231"), "20251022", settings=(("partition_value_pattern", "^20[0-9]{6}$"),)),
    Case(one("v1", "20251022"), "v1", settings=(("partition_value_pattern", "^v[0-9]$"),)),
    Case(one("a=b", "a=a"), "a=b", settings=(("partition_value_pattern", "^a"),)),
    Case((("2025", "9", "30"), ("2025", "10", "2"), ("2024", "12", "31")), "ano=2025/mes=10/dia=2", keys=YMD),
    Case((("2025", "09", "30"), ("2025", "10", "02"), (DEFAULT, "1", "1")), "ano=2025/mes=10/dia=02", keys=YMD),
    Case((("sul", "20251022"), ("norte", "20251023")), "20251023", keys=("regiao", "dia"), columns=("dia",)),
    Case((("22", "2025"), ("21", "2025")), "ano=2025/dia=22", keys=("dia", "ano"), columns=("ano", "dia")),
    Case(one("20251022"), "20251022", keys=("Ano_Mes_Dia",), columns=("ANO_mes_dia",)),
    Case((), None, "no usable partition (none is"),
    Case(one(DEFAULT, "x"), None, f"2 ignored: ano_mes_dia={DEFAULT}, ano_mes_dia=x"),
    Case(one("7", "07"), None, "two newest partitions that differ only in leading zeros"),
    Case(one("7", "07", "8"), "8"),
    Case(one("20251022"), None, "is not partitioned by mes; its partition columns are ano_mes_dia", columns=("mes",)),
    *(Case(one("20251022", f"1{bad}"), None, "unsafe inside SQL") for bad in "'\"`;\\\n\x00\x1f\x7f"),
    Case(one("20251021"), "20251021", settings=(("max_partition_age_days", "1"),)),
    Case(one("20251020"), None, "20251020, 2 days old", settings=(("max_partition_age_days", "1"),)),
    Case(one("2025-10-20 23:00"), None, "23:00, 2 days old", settings=(("max_partition_age_days", "1"),)),
    Case((("2025", "9", "3"),), None, "2025/9/3, 49 days old", keys=YMD, settings=(("max_partition_age_days", "48"),)),
    Case(one("20259"), None, "does not begin with a date", settings=(("max_partition_age_days", "1"),)),
    Case(one("7", "20251399"), None, "does not begin with a date", settings=(("max_partition_age_days", "1"),)),
]


def by_macro(case: Case) -> tuple[str | None, str]:
    names = [hive_name(case.keys, values) for values in case.partitions]
    try:
        return MACROS.name(names, case.columns or case.keys, dict(case.settings)), ""
    except MacroRefused as refused:
        return None, str(refused)


def by_us(case: Case, **options: Any) -> tuple[str | None, str]:
    settings = dict(case.settings)
    age = settings.get("max_partition_age_days")
    columns = column_list(",".join(case.columns or case.keys))
    try:
        latest = find(
            catalog(*case.partitions, keys=case.keys),
            columns=columns,
            pattern=settings.get("partition_value_pattern", module.PATTERN),
            max_age_days=int(age) if age else None,
            **options,
        )
    except SourceNotReady as error:
        return None, error.message
    values = MACROS.pinned(latest.partition, columns)  # as dbt will read what a shell gives it
    return partition_name(columns, values), ""


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_rule_is_the_macro_s(case: Case) -> None:
    for chosen, words in (by_macro(case), by_us(case)):
        assert chosen == case.chosen
        assert case.words in words
        assert "\n" not in words


NEAR = st.dates(min_value=NOW.date() - timedelta(days=500), max_value=NOW.date() + timedelta(days=3))
ODD = st.sampled_from([
    DEFAULT, "null", "", "x", "_tmp", "1", "9", "10", "09", "007", "-5", "+5", "1a", "2a", "3", "99", "2025",
    "2026x", "9999", "99999", "100000000", "1000000000", "2024010100", "2025102213", "020251022", "00020251022",
    "30000101", "2025102", "20251022x", "2025-10-22", "2025-10-21 10:00", "2025/10", "2025=10", "20251022 ", "é",
])  # fmt: skip
COMPACT = NEAR.map(lambda day: day.strftime("%Y%m%d"))
ISO = NEAR.map(lambda day: day.isoformat())
MONTHLY = NEAR.map(lambda day: day.strftime("%Y%m"))
HOURLY = st.builds(lambda day, hour: f"{day:%Y%m%d}{hour:02}", NEAR, st.integers(0, 23))
PATTERNS = st.sampled_from([module.PATTERN, module.PATTERN, "^", "^[-+0-9a-z]", "^20[0-9]{6}$"])
PADDED = st.builds(lambda day: (f"{day:%Y}", f"{day:%m}", f"{day:%d}"), NEAR)
BARE = st.builds(lambda day: (f"{day.year}", f"{day.month}", f"{day.day}"), NEAR)


def mostly(form: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Partitions in one form, and now and then something else, in any order."""
    return st.builds(
        lambda regular, others, order: order.sample([*regular, *others], len(regular) + len(others)),
        st.lists(form, max_size=12, unique=True),
        st.lists(odd, max_size=3, unique=True),
        st.randoms(use_true_random=False),
    )


@given(values=st.one_of(mostly(COMPACT, ODD), mostly(ISO, ODD), mostly(HOURLY, ODD), st.lists(ODD)), pattern=PATTERNS)
def test_the_rule_is_the_macro_s_for_any_values(values: list[str], pattern: str) -> None:
    case = Case(one(*values), None, settings=(("partition_value_pattern", pattern),))
    expected, _ = by_macro(case)
    chosen, words = by_us(case)
    assume("cannot be pinned" not in words)
    assert chosen == expected


FORMS: list[st.SearchStrategy[Any]] = [
    *(mostly(form, ODD).map(lambda values: [(value,) for value in values]) for form in (COMPACT, ISO, MONTHLY, HOURLY)),
    mostly(PADDED, st.tuples(ODD, st.just("01"), ODD)),
    mostly(BARE, st.tuples(st.just("2025"), ODD, st.just("1"))),
    mostly(st.tuples(COMPACT, st.integers(0, 23).map(str)), st.tuples(COMPACT, ODD)),
]
NAMES = {1: ("ano_mes_dia",), 2: ("dia", "hora"), 3: YMD}


@given(
    partitions=st.one_of(FORMS),
    is_integer=st.booleans(),
    since_days=st.sampled_from([1, 35, 400]),
    pattern=PATTERNS,
    sample=st.integers(1, 3),
)
# Each of these was chosen wrongly by a narrowing that lacks one of its conditions.
@example([("20251022",), ("100000000",)], False, 35, module.PATTERN, 1)  # more digits
@example([("20251022",), ("20251021",), ("3",), ("-5",)], True, 35, "^[-+0-9a-z]", 1)  # an integer compared as text
@example([("2025", "10", "1"), ("2025", "9", "1"), ("2024", "9x", "1")], False, 35, module.PATTERN, 1)  # text elsewhere
@example([("20251001",), ("20241001",), ("9",), ("1a",)], False, 35, module.PATTERN, 1)
def test_a_narrowed_listing_never_changes_the_answer(
    partitions: list[tuple[str, ...]], is_integer: bool, since_days: int, pattern: str, sample: int
) -> None:
    partitions = list(dict.fromkeys(partitions))
    keys = NAMES[len(partitions[0])] if partitions else NAMES[1]
    if is_integer:  # an integer that nothing writes so; see the module
        assume(not any(value.startswith("+") for values in partitions for value in values))
    of = catalog(*partitions, keys=keys, kinds=("int" if is_integer else "string",) * len(keys))
    settings = {"partition_value_pattern": pattern}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SAMPLE", sample)
        try:
            latest = find(of, since_days=since_days, pattern=pattern)
            chosen: str | None = partition_name(keys, MACROS.pinned(latest.partition, keys))
        except SourceNotReady as error:
            assume("cannot be pinned" not in error.message)
            chosen = None
    try:
        expected: str | None = MACROS.name([hive_name(keys, values) for values in partitions], keys, settings)
    except MacroRefused:
        expected = None
    assert chosen == expected


# The narrowing.


def days(count: int, form: str = "%Y%m%d") -> list[str]:
    return [(NOW - timedelta(days=ago)).strftime(form) for ago in range(count)][::-1]


@pytest.mark.parametrize(
    ("of", "chosen", "expression", "considered"),
    [
        (catalog(*days(3000)), "20251022", "ano_mes_dia >= '20250917' or ano_mes_dia like '_________%'", 1000 + 36),
        (catalog(*days(3000, "%Y-%m-%d")), "2025-10-22", "ano_mes_dia >= '2025-09-17'", 1000 + 36),
        (catalog(*days(3000), kinds=("int",)), "20251022", "ano_mes_dia >= 20250917 or ano_mes_dia < 0", 1000 + 36),
        (
            catalog(*((day[:4], day[4:6], day[6:]) for day in days(3000)), keys=YMD),
            "ano=2025/mes=10/dia=22",
            "ano >= '2025' or ano like '_____%'",
            1000 + 295,
        ),
        (
            catalog(
                *((day[:4], day[4:6].lstrip("0"), day[6:].lstrip("0")) for day in days(3000)),
                keys=YMD,
                kinds=("int", "int", "int"),
            ),
            "ano=2025/mes=10/dia=22",
            "ano >= 2025 or ano < 0",
            1000 + 295,
        ),
        (catalog(*days(3000), DEFAULT), "20251022", "ano_mes_dia >= '20250917' or ano_mes_dia like '_________%'", 1036),
    ],
)
def test_a_long_listing_is_narrowed(of: Catalog, chosen: str, expression: str, considered: int) -> None:
    latest = find(of)
    assert (latest.partition, latest.expression, latest.considered) == (chosen, expression, considered)
    assert (of.asked, latest.notes) == ([None, expression], ())


def test_a_partition_that_two_listings_show_is_one() -> None:
    latest = find(catalog(*days(3000)[::-1]))
    assert (latest.partition, latest.considered) == ("20251022", 1000)
    assert latest.location == "s3://lake/records/ano_mes_dia=20251022"


@pytest.mark.parametrize(
    ("of", "chosen", "note"),
    [
        (catalog(*(str(number) for number in range(3000))), "2999", None),  # no dates
        (catalog(*days(3000, "%Y-%m-%d"), kinds=("date",)), "2025-10-22", None),
        (catalog(*days(1500, "%Y-%m-%d")[::3], *days(1500)), "20251022", None),  # written in two ways
        (catalog(*days(3000), "2024010100"), "2024010100", "not all of one length"),
        (catalog(*days(4000)[:2000]), days(4000)[1999], "no usable partition of the last 35 days"),
        (catalog(*days(3000), DEFAULT, kinds=("int",)), "20251022", "Glue refused the Expression"),
        (catalog(*days(3000), takes_expressions=False), "20251022", "Glue refused the Expression"),
        (
            catalog(*((day[:4], str(int(day[4:6])), day[6:]) for day in days(3000)), keys=YMD),
            "ano=2025/mes=10/dia=22",
            "the values of mes are not all of one length",
        ),
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


def test_the_defaults_are_the_models() -> None:
    assert MACROS.setting("partition_value_pattern") == module.PATTERN
    assert MACROS.setting("partition_columns") == module.COLUMNS
    options = {option.name: option for option in cli.commands["latest-partition"].params}
    assert options["partition_columns"].default == module.COLUMNS
    sources = (PROJECT / "models/staging/_staging__sources.yml").read_text()
    defaults = dict(re.findall(r"env_var\('(\w+)', '(\w+)'\)", sources))
    assert defaults["MATCHED_IDS_RECORDS_SCHEMA"] == module.SCHEMA
    assert defaults["MATCHED_IDS_RECORDS_TABLE"] == module.TABLE
