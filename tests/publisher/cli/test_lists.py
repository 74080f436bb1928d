"""`publisher publish` of a dbt project that declares several lists, by a real process' way in and on a real store."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from publisher.cli import connect
from publisher.cli.failing import WORST_FIRST, worst
from publisher.cli.main import run, tell_of
from publisher.errors import PublisherError
from tests.conftest import Bucket
from tests.publisher.declared_lists import SOURCE, STAGING, DeclaredLists
from tests.publisher.telemetry.receiver import receiving


@dataclass
class Shop:
    """A project with the lists `buyers` and `sellers`, a bucket, and the command."""

    lists: DeclaredLists
    bucket: Bucket
    capture: pytest.CaptureFixture[str]

    def run(self, command: str, *arguments: str, to: str | None = "prefix") -> tuple[int, str, str]:
        self.capture.readouterr()
        destination = [] if to is None else ["--to", f"s3://{self.bucket.name}/{to}"]
        ended = run([command, "--target-path", str(self.lists.write()), *destination, *arguments])
        return (ended.exit_code, *self.capture.readouterr())

    def publish(self, *arguments: str, to: str | None = "prefix") -> tuple[int, str, str]:
        return self.run("publish", *arguments, to=to)

    def answer(self, *arguments: str, to: str | None = "prefix") -> dict[str, Any]:
        code, out, _ = self.publish("--json", *arguments, to=to)
        found: dict[str, Any] = json.loads(out)
        assert found.get("exit_code", 0) == code
        return found

    def active(self, prefix: str) -> list[str]:
        content, _ = self.bucket.get(f"{prefix}/active/latest.txt.gz")
        return gzip.decompress(content).decode().split("\n")

    def published(self) -> list[str]:
        keys, ending = self.bucket.keys(), "/active/latest.txt.gz"
        return [key.removesuffix(ending) for key in keys if key.endswith(ending)]

    def records(self, prefix: str) -> list[str]:
        keys = self.bucket.keys()
        return [key.rpartition("_")[2] for key in keys if key.startswith(f"{prefix}/runs/")]


@pytest.fixture
def shop(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    for name, value in bucket.endpoint.environment().items():
        monkeypatch.setenv(name, value)
    lists = DeclaredLists(tmp_path)
    lists.add("buyers", ["b1", "b2"])
    lists.add("sellers", ["s1"])
    return Shop(lists, bucket, capsys)


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {one["exposure"]: one.get("guard", one["status"]) for one in answer["lists"]}


def test_each_declared_list_is_published_below_its_own_key(shop: Shop) -> None:
    answer = shop.answer()
    assert (answer["status"], answer["exit_code"]) == ("published", 0)
    buyers, sellers = answer["lists"]
    assert (buyers["exposure"], buyers["total_ids"], buyers["exit_code"]) == ("buyers_file", 2, 0)
    assert (sellers["exposure"], sellers["active_key"]) == ("sellers_file", "prefix/sellers/active/latest.txt.gz")
    assert (shop.active("prefix/buyers"), shop.active("prefix/sellers")) == (["b1", "b2"], ["s1"])
    assert shop.records("prefix/sellers") == shop.records("prefix/buyers") == ["intended.json", "published.json"]


def test_a_list_that_is_refused_keeps_none_of_the_others_and_its_code_counts(shop: Shop) -> None:
    shop.lists.statuses["test.shop.unique_buyers.1"] = "fail"
    code, out, err = shop.publish()
    assert code == 5
    assert "publisher: buyers_file: dbt did not succeed in invocation one: unique_buyers (fail)." in err
    assert shop.published() == ["prefix/sellers"]
    assert [line.split() for line in out.splitlines()[-2:]] == [
        ["buyers_file", "refused", "by", "dbt_not_successful", "exit", "code", "5"],
        ["sellers_file", "published", "exit", "code", "0"],
    ]
    assert shop.records("prefix/buyers") == ["refused.json"]
    answer = shop.answer()
    assert (answer["status"], answer["guard"], answer["exit_code"]) == ("refused", "dbt_not_successful", 5)
    assert statuses(answer) == {"buyers_file": "dbt_not_successful", "sellers_file": "published"}


def test_a_list_without_a_key_is_at_the_destination_itself_beside_the_others(shop: Shop) -> None:
    shop.lists.declare("sellers_file", {}, "model.shop.sellers", "model.shop.sellers_summary")
    assert run(["hold", "--to", f"s3://{shop.bucket.name}/prefix", "--reason", "wrong"]).exit_code == 0
    assert statuses(shop.answer()) == {"buyers_file": "published", "sellers_file": "hold"}
    assert run(["release", "--to", f"s3://{shop.bucket.name}/prefix"]).exit_code == 0
    assert shop.publish()[0] == 0
    assert shop.published() == ["prefix", "prefix/buyers"]
    assert shop.active("prefix") == ["s1"]


def test_a_hold_is_one_list_s(shop: Shop) -> None:
    assert run(["hold", "--to", f"s3://{shop.bucket.name}/prefix/sellers", "--reason", "wrong"]).exit_code == 0
    assert statuses(shop.answer()) == {"buyers_file": "published", "sellers_file": "hold"}


def test_a_bug_in_one_list_keeps_none_of_the_others(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    open_bucket: Callable[..., Any] = connect.open_bucket

    def fails_once(*arguments: Any) -> Any:
        opened.append("")
        if len(opened) == 1:
            raise RuntimeError("b1")
        return open_bucket(*arguments)

    monkeypatch.setattr("publisher.cli.publish.open_bucket", fails_once)
    code, _, err = shop.publish()
    assert (code, shop.published()) == (1, ["prefix/sellers"])
    assert "Unexpected RuntimeError: this is a bug." in err
    assert "b1" not in err


def test_the_worst_of_several_ends_is_that_which_a_person_must_see() -> None:
    kinds: dict[int, type[PublisherError]] = {kind.exit_code: kind for kind in PublisherError.__subclasses__()}
    errors = {code: kind("what", "hint") for code, kind in {**kinds, 1: PublisherError}.items()}
    assert sorted(WORST_FIRST) == sorted({0, *errors})
    for place, code in enumerate(WORST_FIRST[:-1]):
        assert worst([None, *(errors[other] for other in reversed(WORST_FIRST[place:-1]))]) is errors[code]
    assert worst([None, None]) is None


def test_a_list_of_which_nothing_ran_is_left_out_and_said_so(shop: Shop) -> None:
    shop.lists.without("sellers")
    code, _, err = shop.publish()
    assert (code, shop.published()) == (0, ["prefix/buyers"])
    assert "publisher: sellers_file is left out: the last dbt invocation ran none of its models" in err
    assert statuses(shop.answer()) == {"buyers_file": "published", "sellers_file": "left out"}


def test_a_list_that_ran_in_part_is_refused_and_not_left_out(shop: Shop) -> None:
    del shop.lists.statuses["model.shop.sellers"]
    assert statuses(shop.answer()) == {"buyers_file": "published", "sellers_file": "dbt_not_successful"}


def test_where_nothing_of_any_list_ran_each_is_refused(shop: Shop) -> None:
    shop.lists.without("buyers")
    shop.lists.without("sellers")
    assert shop.answer()["exit_code"] == 5
    assert shop.records("prefix/buyers") == shop.records("prefix/sellers") == ["refused.json"]


def test_one_list_by_the_name_of_its_exposure_is_answered_as_a_single_one(shop: Shop) -> None:
    answer = shop.answer("--exposure", "sellers_file")
    assert (answer["status"], answer["total_ids"], "lists" in answer) == ("published", 1, False)
    assert shop.published() == ["prefix/sellers"]
    shop.lists.statuses["test.shop.unique_buyers.1"] = "fail"  # none of its business
    assert shop.publish("--exposure", "sellers_file")[0] == 0
    shop.lists.without("sellers")
    assert shop.publish("--exposure", "sellers_file")[0] == 5


def test_a_model_by_hand_is_the_list_that_declares_it_or_a_table_without_one(shop: Shop) -> None:
    assert shop.publish("--model", "sellers")[0] == 0
    assert shop.published() == ["prefix/sellers"]
    del shop.lists.exposures["exposure.shop.sellers_file"]
    assert shop.publish("--model", "sellers", to="other")[0] == 0
    assert shop.active("other") == ["s1"]


def test_what_an_exposure_says_counts_until_an_option_or_a_variable_does(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = f"s3://{shop.bucket.name}/declared"
    meta = {"destination": root, "key": "sold", "id_column": "seller", "final_newline": True, "max_ids": 1}
    shop.lists.add("sellers", ["s1", "s2"], meta, id_column="seller")
    assert statuses(shop.answer()) == {"buyers_file": "published", "sellers_file": "too_many_ids"}
    only = ("--exposure", "sellers_file")
    assert shop.publish(*only, "--max-ids", "2", to=None)[0] == 0
    assert shop.active("declared/sold") == ["s1", "s2", ""]
    monkeypatch.setenv("PUBLISHER_MAX_IDS", "2")
    assert shop.publish(*only, "--no-final-newline", to="other")[0] == 0
    assert shop.active("other/sold") == ["s1", "s2"]
    monkeypatch.setenv("PUBLISHER_ID_COLUMN", "id")
    assert shop.publish(*only)[0] == 5  # there is no such column


def test_diff_and_doctor_are_about_the_list_of_an_exposure(shop: Shop) -> None:
    assert shop.publish()[0] == 0
    shop.lists.add("sellers", ["s1", "s2"], {"key": "sellers", "id_column": "seller"}, id_column="seller")
    shop.lists.statuses["test.shop.unique_buyers.1"] = "fail"
    for name, code, added in (("sellers_file", 0, 1), ("buyers_file", 5, 0)):
        found, out, _ = shop.run("diff", "--exposure", name, "--json")
        assert (found, json.loads(out)["ids_added"], bool(json.loads(out)["notes"])) == (0, added, code == 5)
    found, out, _ = shop.run("doctor", "--exposure", "sellers_file")
    assert (found, "passed   dbt's artifacts and tables: 2 ids" in out) == (0, True), out
    assert shop.run("doctor", "--exposure", "sellers_file", to="x/sellers")[0] == 2  # its address is not asked for
    for name in ("diff", "doctor"):
        assert shop.run(name, "--exposure", "nobody")[0] == shop.run(name, to=None)[0] == 2


def test_where_one_list_is_declared_any_failure_refuses_it(shop: Shop) -> None:
    del shop.lists.exposures["exposure.shop.sellers_file"]
    shop.lists.statuses["model.shop.sellers"] = "error"
    answer = shop.answer()
    assert (answer["guard"], answer["exit_code"]) == ("dbt_not_successful", 5)
    assert "sellers (error)" in answer["message"]


def test_each_list_s_notices_go_where_it_says(shop: Shop) -> None:
    with receiving() as ours, receiving() as theirs:
        shop.lists.declare(
            "sellers_file", {"key": "sellers", "notify": ours.url}, "model.shop.sellers", "model.shop.sellers_summary"
        )
        shop.lists.statuses |= {"test.shop.unique_buyers.1": "fail", "test.shop.unique_sellers.1": "fail"}
        assert shop.publish()[0] == 5
        assert [one["destination"] for one in ours.bodies] == [f"s3://{shop.bucket.name}/prefix/sellers"]
        assert shop.publish("--notify", theirs.url)[0] == 5
        assert len(ours.bodies) == 1
        assert [one["guard"] for one in theirs.bodies] == ["dbt_not_successful"] * 2


def test_this_project_s_own_list_that_no_exposure_publishes_any_more_is_named(shop: Shop) -> None:
    shop.lists.node("model.matched_ids.int_matched_ids", STAGING)
    assert "publisher: int_matched_ids was built, and no exposure publishes it" in shop.publish()[2]
    assert "int_matched_ids" not in shop.publish("--exposure", "sellers_file")[2]


BAD: dict[str, tuple[object, list[str], str]] = {
    "unknown key": ({"keey": "x"}, [], "The exposure sellers_file (config.meta.publisher) has an unknown key, keey. "
                    "Did you mean key?"),
    "wrong type": ({"max_ids": "7"}, [], "max_ids is a text, and a whole number is wanted"),
    "true for a number": ({"max_ids": True}, [], "max_ids is true or false, and a whole number is wanted"),
    "blank": ({"key": " "}, [], "key is blank, and a text is wanted"),
    "null": ({"key": None}, [], "key is empty, and a text is wanted"),
    "nothing indented": ("", [], "is blank, and no mapping"),
    "limit": ({"key": "s", "max_percent_removed": 101}, [], "The exposure sellers_file (config.meta.publisher): "
              "--max-percent-removed is 101"),
    "destination": ({"destination": "bucket"}, ["--to", ""], "(config.meta.publisher): The destination 'bucket'"),
    "notices": ({"key": "s", "notify": ["pager"]}, [], "A target of --notify (PUBLISHER_NOTIFY) is neither"),
    "no destination": ({"key": "s"}, ["--to", ""], "It names no destination"),
    "another's key": ({"key": "buyers"}, [], "The exposures buyers_file and sellers_file would both write"),
    "among another's files": ({"key": "buyers/stage"}, [], "would write among the other's own files"),
    "among its own files": ({"key": "runs/x"}, [], "is where"),
    "an address with the key": ({"key": "s"}, ["--to", "s3://bucket/lists/buyers/"], "The exposure buyers_file "
                                "(config.meta.publisher): --to (PUBLISHER_TO) ends with the list's key, buyers"),
    "another's model": ({"key": "s", "model": "buyer"}, [], "names the model buyer, and depends_on does not"),
    "unknown exposure": ({"key": "s"}, ["--exposure", "seler_file"], "no exposure seler_file. Did you mean "
                         "sellers_file?"),
    "two ways": ({"key": "s"}, ["--exposure", "sellers_file", "--model", "sellers"], "--exposure names a list"),
    "overrule": ({"key": "s"}, ["--overrule", "hold"], "for each of 2 lists"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_in_one_exposure_is_told_before_anything_is_published(case: str, shop: Shop) -> None:
    meta, arguments, words = BAD[case]
    shop.lists.declare("sellers_file", meta, "model.shop.sellers", "model.shop.sellers_summary")
    code, _, err = shop.publish(*arguments)
    assert code == 2, err
    assert words in err
    assert len(err.splitlines()) == 2
    assert shop.bucket.keys() == []


def test_models_that_an_exposure_does_not_tell_apart(shop: Shop) -> None:
    shop.lists.declare("both", {"key": "both"}, "model.shop.sellers", "model.shop.buyers")
    assert "depends on 2 models, sellers, buyers: which of them is published?" in shop.publish()[2]
    shop.lists.declare("both", {"key": "both", "model": "buyers"}, "model.shop.sellers", "model.shop.buyers")
    assert shop.publish()[0] == 0
    shop.lists.declare("both", {"key": "both"}, STAGING)
    assert "publishes staging, and the project has no model staging_summary" in shop.publish()[2]
    shop.lists.declare("both", {"key": "both"}, SOURCE)
    assert "depends on no model" in shop.publish()[2]
    del shop.lists.exposures["exposure.shop.both"]["config"]["meta"]["publisher"]
    assert shop.publish()[0] == 0
    code, _, err = shop.publish("--exposure", "both")
    assert (code, "The exposure both declares no published file" in err) == (2, True)


def test_exposures_of_one_name_in_two_packages_are_told_apart(shop: Shop) -> None:
    other = json.loads(json.dumps(shop.lists.exposures["exposure.shop.sellers_file"]))
    other["package_name"], other["config"]["meta"]["publisher"] = "other", {"key": "again"}
    shop.lists.exposures["exposure.other.sellers_file"] = other
    assert set(statuses(shop.answer())) == {"buyers_file", "other.sellers_file", "shop.sellers_file"}
    assert shop.publish("--exposure", "other.sellers_file", to="alone")[0] == 0
    assert shop.active("alone/again") == ["s1"]


def test_without_a_manifest_nothing_goes_anywhere_even_when_it_comes_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at for lists, and found damaged, is not the single list of old when it is whole a moment later."""
    target = shop.lists.write()
    whole = (target / "manifest.json").read_text()
    (target / "manifest.json").write_text(whole[:-5])
    options = ["publish", "--target-path", str(target), "--to", f"s3://{shop.bucket.name}/prefix"]
    assert run(options).exit_code == 5
    open_bucket: Callable[..., Any] = connect.open_bucket

    def meanwhile(*arguments: Any) -> Any:
        (target / "manifest.json").write_text(whole)
        return open_bucket(*arguments)

    monkeypatch.setattr("publisher.cli.publish.open_bucket", meanwhile)
    assert run([*options, "--model", "sellers"]).exit_code == 5
    assert shop.published() == []
    assert shop.records("prefix") == ["failed.json", "failed.json"]


def test_a_publish_that_could_not_begin_is_told_of_without_a_destination(shop: Shop) -> None:
    with receiving() as hook:
        code, _, err = shop.publish("--notify", hook.url, "--target-path", "/nowhere", to=None)
        assert (code, "--to" in err, "manifest.json" in err) == (2, True, True)
        tell_of(["publish", "--notify", hook.url], PublisherError("what", "hint"))
        assert [one["destination"] for one in hook.bodies] == [None, None]
