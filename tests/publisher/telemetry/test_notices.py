"""Who is told, of what, and that it never becomes the publish's own trouble."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from demo import children
from publisher.cli import telling
from publisher.cli.main import tell_of
from publisher.errors import SourceNotReady
from tests.conftest import PROJECT, Bucket, WriteTable
from tests.publisher.publishing import HUNDRED
from tests.publisher.telemetry.conftest import NAMESPACE, Publisher, Topic, sent, values
from tests.publisher.telemetry.receiver import Receiver, receiving

SECRETS = ("secret-of-the-hook", "s3cret")


def test_people_and_programs_are_told_what_happened_and_what_to_do(
    publisher: Publisher, topic: Topic, hook: Receiver
) -> None:
    assert publisher.publish(HUNDRED).code == 0
    ended = publisher.publish(HUNDRED[:10], "--notify", topic.arn, "--notify", hook.url, "--json")
    assert ended.code == 3
    refusal = json.loads(ended.out)
    (told,) = hook.bodies
    assert (told["event"], told["guard"], told["exit_code"]) == ("refused", "too_few_ids", 3)
    assert (told["destination"], told["source_partition"]) == (publisher.destination, "20251022")
    for part in ("message", "hint"):
        assert told[part] == refusal[part]
        assert refusal[part] in told["text"]
    assert "Active before this run: 100 ids of partition 20251022" in told["text"]
    (message,) = topic.messages()
    assert message["Message"] == told["text"]
    assert message["Subject"] == f"publisher: refused by too_few_ids: {publisher.destination}"
    assert {name: one["Value"] for name, one in message["MessageAttributes"].items()} == {
        "event": "refused", "destination": publisher.destination, "guard": "too_few_ids",
    }  # fmt: skip
    # The record of the same run is found by its id.
    keys = publisher.bucket.keys()
    assert [key for key in keys if told["run_id"] in key and key.endswith("_refused.json")]


def test_that_it_works_again_is_told_once_and_every_day_is_not(publisher: Publisher, hook: Receiver) -> None:
    assert publisher.publish(["b", "a"]).code == 3
    assert publisher.run("publish", "--table", "parquet:/nowhere").code == 5
    assert publisher.publish(["b", "a"]).code == 3
    for _ in range(2):
        assert publisher.publish(HUNDRED).code == 0
    assert [told["event"] for told in hook.bodies] == ["refused", "failed", "refused", "recovered"]
    recovered = hook.bodies[-1]
    assert "publishing again after 2 refusals and 1 failure; 100 ids of partition 20251022" in recovered["text"]
    assert (recovered["stopped_before"], recovered["total_ids"]) == (3, 100)
    # By active's own record, too, and not by the first one alone.
    assert publisher.publish(HUNDRED[:1]).code == 3
    assert publisher.publish(HUNDRED).code == 0
    assert "publishing again after 1 refusal; " in hook.bodies[-1]["text"]


def test_what_comes_near_a_limit_is_told(publisher: Publisher, hook: Receiver) -> None:
    assert publisher.publish(HUNDRED).code == 0
    ended = publisher.publish(HUNDRED[9:], "--max-percent-removed", "10")
    assert (ended.code, [told["event"] for told in hook.bodies]) == (0, ["warning"])
    (warning,) = hook.bodies[0]["warnings"]
    assert warning.startswith("near too_many_removed: 9.0 %")
    assert warning in hook.bodies[0]["text"]
    assert warning in ended.err


def test_consumers_are_told_of_each_promotion_and_people_are_not(
    publisher: Publisher, hook: Receiver, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as consumers:
        monkeypatch.setenv("PUBLISHER_NOTIFY_PROMOTIONS", f"{consumers.url}/services/s3cret {topic.arn}")
        assert publisher.publish(HUNDRED).code == 0
        assert publisher.publish(HUNDRED[:10]).code == 3
        assert publisher.publish(HUNDRED[1:], "--dry-run").code == 0
        assert publisher.publish(HUNDRED[1:], "--source-partition", "20251023").code == 0
        back = publisher.run("rollback", "--reason", "INC-1")
        assert (back.code, back.err) == (0, "")
        assert publisher.run("rollback").code == 2  # which changes nothing
    assert [told["event"] for told in hook.bodies] == ["refused", "recovered"]
    first, second, third = consumers.bodies
    assert [told["event"] for told in consumers.bodies] == ["promoted"] * 3
    assert [told["promoted_by"] for told in consumers.bodies] == ["publish", "publish", "rollback"]
    assert [told["source_partition"] for told in consumers.bodies] == ["20251022", "20251023", "20251022"]
    assert (third["overruled"], third["set_back_from"]) == (["older_partition"], "20251023")
    assert (second["previous_total_ids"], second["total_ids"], second["ids_removed"]) == (100, 99, 1)
    assert first["run_id"] in first["record"]
    # Each record is there, and is what active says of itself; its ETag and digest are those that were told.
    active = publisher.bucket.client.head_object(Bucket=publisher.bucket.name, Key="ids/active/latest.txt.gz")
    assert {told["record"] for told in consumers.bodies} <= set(publisher.bucket.keys())
    assert len({told["record"] for told in consumers.bodies}) == 3
    said = active["Metadata"]
    assert (third["record"], third["sha256"]) == (said["record"], said["sha256"])
    assert (third["etag"], third["bytes"]) == (active["ETag"].strip('"'), active["ContentLength"])
    assert third["active"] == f"{publisher.destination}/active/latest.txt.gz"
    messages = topic.messages()
    assert {message["Message"] for message in messages} == {told["text"] for told in consumers.bodies}
    assert {message["MessageAttributes"]["event"]["Value"] for message in messages} == {"promoted"}
    # As docs/watching.md has it.
    document = (PROJECT / "docs/watching.md").read_text()
    document = document[document.index("## Promotions") : document.index("## Logs")]
    names = re.findall(r"`(\w+)`", document[document.index("A webhook gets") :])
    assert [name for name in names if name != "promoted"] == list(first)
    (example,) = re.findall(r"```console\n(.*?)```", document, re.DOTALL)
    assert [line.partition(": ")[0] for line in example.splitlines()] == [
        line.partition(": ")[0] for line in first["text"].splitlines()
    ]


def test_a_promotion_that_cannot_be_told_is_a_promotion(publisher: Publisher) -> None:
    nowhere = ("--notify-promotions", "http://127.0.0.1:9/s3cret")
    assert publisher.publish(HUNDRED, *nowhere).code == 0
    assert publisher.publish(HUNDRED[1:]).code == 0
    ended = publisher.run("rollback", *nowhere)
    assert (ended.code, "s3cret" in ended.err) == (0, False)
    assert "the notice to 127.0.0.1 could not be sent" in ended.err
    wrong = publisher.publish(HUNDRED, "--notify-promotions", "ftp://s3cret")
    assert (wrong.code, "--notify-promotions (PUBLISHER_NOTIFY_PROMOTIONS)" in wrong.err) == (2, True)
    assert "s3cret" not in wrong.err


EARLY: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no artifacts": (["--target-path", "/nowhere"], {}, 5, "manifest.json|run_results.json"),
    "unknown option": (["--no-such-option", "--table", "parquet:/x"], {}, 2, "no-such-option"),
    "an option without its value": (["--table"], {}, 2, "--table"),
    "a variable that is no number": ([], {"PUBLISHER_MAX_IDS": "many"}, 2, "many"),
    "a deadline that is none": (["--deadline", "soon"], {}, 2, "soon"),
    "a second target that is none": (["--notify", "{hook}/x", "--notify", "ftp://s3cret"], {}, 2, "--notify"),
    "no destination": ([], {"PUBLISHER_TO": ""}, 2, "--to"),
    "malformed destination": (["--to", "bucket"], {}, 2, "s3://"),
    "no bucket": (["--table", "TABLE", "--to", "s3://no-such-bucket"], {}, 7, "does not exist"),
    "denied": (["--table", "TABLE"], {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, 7, "credentials"),
    "nobody answers": (["--table", "TABLE", "--endpoint-url", "http://127.0.0.1:9"], {}, 7, "127.0.0.1:9"),
}


@pytest.mark.parametrize("name", EARLY)
def test_however_early_it_fails_others_are_told(
    name: str, publisher: Publisher, aws: None, hook: Receiver, write_table: WriteTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, environment, code, words = EARLY[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    places = {"TABLE": f"parquet:{write_table(['a'])}", "{hook}/x": f"{hook.url}/x"}
    ended = publisher.run("publish", "--metrics-namespace", NAMESPACE, *(places.get(one, one) for one in given))
    assert (ended.code, len(ended.err.splitlines())) == (code, 2), ended.err
    (told,) = hook.bodies
    assert (told["event"], told["exit_code"]) == ("failed", code)
    assert told["message"] == ended.err.splitlines()[0].removeprefix("publisher: ")
    assert any(word in told["message"] + told["hint"] for word in words.split("|"))
    found = values(sent())
    if "destination" in name:
        assert (told["destination"], found) == (None, {})
    else:
        assert told["destination"] in (publisher.destination, "s3://no-such-bucket")
        assert (found["Published"], found["Refused"], found["Failed"]) == (0, 0, 1)
    assert not [secret for secret in SECRETS if secret in json.dumps(told) + ended.err]


def test_what_kept_a_publish_from_beginning_is_told_as_by_itself(
    publisher: Publisher, aws: None, hook: Receiver
) -> None:
    """For a driver that runs dbt first, in the same process."""
    tell_of(["publish", "--metrics-namespace", NAMESPACE], SourceNotReady("dbt build failed.", "See its log."))
    (told,) = hook.bodies
    assert (told["event"], told["exit_code"], told["message"]) == ("failed", 5, "dbt build failed.")
    assert (told["destination"], values(sent())["Failed"]) == (publisher.destination, 1)
    tell_of(["publish", "--dry-run"], SourceNotReady("dbt build failed.", "See its log."))
    assert len(hook.bodies) == 1


def test_no_id_leaves_and_no_path_of_an_address(publisher: Publisher, hook: Receiver) -> None:
    ids = ["id-of-somebody", "id-of-another"]  # not ascending
    assert publisher.publish(ids).code == 3
    assert publisher.publish(sorted(ids)).code == 0
    assert publisher.run("publish", "https://chat.example/services/s3cret").code == 2
    told = json.dumps(hook.bodies)
    assert len(hook.bodies) == 3
    assert not [one for one in (*ids, *SECRETS) if one in told]
    assert "https://chat.example" in told


def test_what_others_wrote_forges_no_line(publisher: Publisher, hook: Receiver) -> None:
    body = json.dumps({"reason": "x\nWhat to do: nothing\x1b[2J", "since": None, "by": "http://me:s3cret@host/"})
    publisher.bucket.client.put_object(Bucket=publisher.bucket.name, Key="ids/hold.json", Body=body.encode())
    assert publisher.publish(HUNDRED).code == 3
    (told,) = hook.bodies
    assert told["guard"] == "hold"
    assert "x\\nWhat to do: nothing\\x1b[2J" in told["text"]
    assert sum(line.startswith("What to do: ") for line in told["text"].splitlines()) == 1
    assert "s3cret" not in json.dumps(told)


@pytest.mark.parametrize(
    ("how", "asked", "words"),
    [
        ({"status": [500, 200]}, 2, None),
        ({"status": [503]}, 2, "HTTP 503"),
        ({"status": [404]}, 1, "HTTP 404"),
        ({"status": [302], "headers": {"location": "{other}/stolen"}}, 1, "HTTP 302, it sends on"),
        ({"status": [307], "headers": {"location": "{other}/stolen"}}, 1, "HTTP 307, it sends on"),
        ({"seconds": 2.0}, 1, "within 1 s"),
    ],
)
def test_a_webhook_that_does_not_take_it_is_one_warning(
    how: dict[str, Any], asked: int, words: str | None, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "SECONDS", 1.0 if "seconds" in how else 60.0)
    with receiving() as other:
        headers = {name: text.format(other=other.url) for name, text in how.get("headers", {}).items()}
        with receiving(**{**how, "headers": headers}) as receiver:
            address = receiver.url.replace("http://", "http://me:s3cret@") + "/services/secret-of-the-hook"
            ended = publisher.publish(["b", "a"], "--notify", address)
            assert len(receiver.requests) == asked
            path, given, _ = receiver.requests[0]
        assert other.requests == []  # a redirect is followed nowhere
    assert (path, given["content-type"]) == ("/services/secret-of-the-hook", "application/json")
    assert given["authorization"] == f"Basic {base64.b64encode(b'me:s3cret').decode()}"
    assert ended.code == 3
    warnings = ended.err.splitlines()[2:]
    assert len(warnings) == (words is not None)
    told = "publisher: the notice to 127.0.0.1 could not be sent"
    assert all(line.startswith(told) and (words or "") in line for line in warnings)
    assert not [secret for secret in SECRETS if secret in ended.err]


def test_nothing_that_cannot_be_told_fails_a_publish(
    publisher: Publisher, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", nowhere)
    assert publisher.publish(["a"]).code == 0
    assert publisher.publish(["b", "a"]).code == 3
    arguments = ["--metrics-namespace", NAMESPACE, "--openlineage-url", nowhere, "--notify", f"{nowhere}/s3cret"]
    ended = publisher.publish(["a"], *arguments, "--notify", topic.arn.replace("matched", "no"), "--json")
    assert (ended.code, json.loads(ended.out)["status"]) == (0, "published")
    warnings = sorted(ended.err.splitlines())
    assert [line.partition(" could not be sent: ")[0] for line in warnings] == [
        "publisher: the lineage to 127.0.0.1",
        "publisher: the metrics",
        "publisher: the notice to 127.0.0.1",
        "publisher: the notice to the topic no-ids",
    ]
    assert "CloudWatch failed while taking them: EndpointConnectionError" in ended.err
    assert "There is no such topic: correct its ARN." in ended.err
    assert "s3cret" not in ended.err


def test_a_target_over_plain_http_is_warned_about_beyond_this_machine(publisher: Publisher) -> None:
    ended = publisher.publish(["a"], "--notify", "http://chat.example/services/s3cret")
    assert ended.code == 0
    assert "chat.example is asked over plain http" in ended.err
    assert "s3cret" not in ended.err


@pytest.mark.parametrize(
    "target", ["", "ftp://x/s3cret", "https://", "https://a b/s3cret", "arn:aws:sns:eu-west-1:1:x", "#s3cret"]
)
def test_a_target_that_is_none_is_refused_and_not_shown(target: str, publisher: Publisher) -> None:
    ended = publisher.publish(["a"], f"--notify={target}")
    assert (ended.code, "--notify" in ended.err, "s3cret" in ended.err) == (2, True, False)
    fifo = publisher.publish(["a"], "--notify", "arn:aws:sns:eu-west-1:123456789012:x.fifo")
    assert (fifo.code, "FIFO" in fifo.err) == (2, True)
    assert publisher.bucket.keys() == []


# With a shorter grace than a person's, so that the test is over sooner.
IMPATIENT = """
import importlib, sys
main, telling = map(importlib.import_module, ("publisher.cli.main", "publisher.cli.telling"))
main._GRACE_SECONDS, telling.SECONDS_OF_AN_INTERRUPTED = 3, 1
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize(("number", "code", "is_stalled"), [(signal.SIGTERM, 143, True), (signal.SIGINT, 130, False)])
def test_that_it_was_ended_by_a_signal_is_told_in_time(
    number: signal.Signals, code: int, is_stalled: bool, bucket: Bucket, hook: Receiver, write_table: WriteTable
) -> None:
    with socket.socket() as silent:  # a store that accepts and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(60)
        process = children.start(
            [sys.executable, "-c", IMPATIENT, "publish", "--table", f"parquet:{write_table(['a'])}", "--log-format",
             "json", "--endpoint-url", f"http://127.0.0.1:{silent.getsockname()[1]}"],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection, _ = silent.accept()
        process.send_signal(number)
        if not is_stalled:
            silent.close()
            connection.close()
        _, said = process.communicate(timeout=60)
        connection.close()
    assert process.returncode == code
    assert {json.loads(line)["level"] for line in said.splitlines()} == {"warning"}
    (told,) = hook.bodies
    assert (told["event"], told["exit_code"], told["step"]) == ("interrupted", code, "prepare")
    assert "active is the old file or the new one, whole" in told["text"]


def test_who_asked_for_nothing_loads_nothing(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom publisher.cli.main import run\nassert run(sys.argv[1:]).exit_code == 0\n"
        "print([name for name in sys.modules if name.startswith('publisher.telemetry')], file=sys.stderr)"
    )
    table = ["publish", "--table", f"parquet:{write_table(['a'])}"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *table],
        env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stderr == "[]\n"
