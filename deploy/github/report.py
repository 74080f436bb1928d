"""Tells in a GitHub workflow how a run ended: a summary in the job's page, and annotations for what a person must see.

Reads what the publisher answered (`answer.json`) and what dbt left (`target/run_results.json`); either may be missing,
when the run did not get so far. The standard library alone, because an installation may be what failed.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER = Path("answer.json")
RUN_RESULTS = Path("target/run_results.json")
_NODES_SHOWN = 20
_TEXT_SIGNS = 2000
_DBT_FAILURES = ("error", "fail", "runtime error")
_LEFT_OUT = "left out"  # of several lists, one of which dbt ran nothing
_AS_IT_WAS = "Active is as it was."
_WHOLE = "Active is the old file or the new one, whole; `publisher status` tells which."


@dataclass(frozen=True)
class Annotation:
    """A line that GitHub shows above the log.

    Attributes:
        level: `error`, `warning` or `notice`.
        title: What happened, in a few words.
        text: The rest, in one line or several.
    """

    level: str
    title: str
    text: str

    def command(self) -> str:
        """Returns the workflow command that makes GitHub show it."""
        title = _escaped(self.title).replace(":", "%3A").replace(",", "%2C")
        return f"::{self.level} title={title}::{_escaped(self.text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def told(answer: Mapping[str, Any] | None, nodes: Sequence[Mapping[str, Any]]) -> Iterator[Annotation]:
    """Yields what a person should see of a run.

    Args:
        answer: The publisher's; None when it gave none.
        nodes: dbt's results.
    """
    failed = _failed(nodes)
    if answer is None and failed:
        shown = [f"{name} ({status})" for name, status in failed[:_NODES_SHOWN]]
        yield Annotation("error", "dbt build failed", f"{', '.join(shown)}\n{_AS_IT_WAS}")
    if answer is None:
        if not failed:
            yield Annotation("error", "The run ended early", f"See the log of the step that failed. {_WHOLE}")
        return
    for name, one in _lists(answer):
        yield from _told_of(one, f"{name}: " if name else "")


def _told_of(answer: Mapping[str, Any], name: str) -> Iterator[Annotation]:
    if answer["status"] in ("refused", "failed"):
        code, guard = answer["exit_code"], answer.get("guard")
        title = f"Refused by {guard}" if guard else f"Failed with exit code {code}"
        yield Annotation("error", f"{name}{title}", f"{answer['message']}\n{answer['hint']}")
    if answer["status"] == "nothing new":
        yield Annotation("notice", f"{name}Nothing new", answer["message"])
    if answer["status"] == _LEFT_OUT:
        yield Annotation("notice", f"{name}Left out", "dbt ran none of its models.")
    for guard in answer.get("overruled") or ():
        yield Annotation("warning", f"{name}Overruled", f"The guard {guard} would have refused, and was overruled.")
    for text in answer.get("warnings") or ():
        yield Annotation("warning", f"{name}Worth knowing", text)


def _lists(answer: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Returns what is answered of each list, with its name; of a single one, which has no name, the answer itself."""
    if "lists" not in answer:
        return [("", answer)]
    return [(one["exposure"], one) for one in answer["lists"]]


def summary(answer: Mapping[str, Any] | None, nodes: Sequence[Mapping[str, Any]], runbook: str) -> str:
    """Returns the summary of a run, in Markdown.

    Args:
        answer: The publisher's; None when it gave none.
        nodes: dbt's results.
        runbook: The address of the runbook.
    """
    untold = f"## Not published\n\n{_AS_IT_WAS}" if _failed(nodes) else f"## Ended early\n\n{_WHOLE}"
    lists = [] if answer is None else _lists(answer)
    parts = [_of_publisher(one, runbook, f"{_markdown(name)}: " if name else "") for name, one in lists] or [untold]
    if nodes:
        parts.append(_of_dbt(nodes))
    return "\n\n".join(parts) + "\n"


def _of_publisher(answer: Mapping[str, Any], runbook: str, name: str) -> str:
    status = answer["status"]
    if status == "nothing new":
        return f"## {name}Nothing new\n\n{_markdown(answer['message'])}"
    if status == _LEFT_OUT:
        return f"## {name}Left out\n\ndbt ran none of its models. {_AS_IT_WAS}"
    if status in ("refused", "failed"):
        code, guard = answer["exit_code"], answer.get("guard")
        title = f"## {name}{status.capitalize()}" + (f" by `{guard}`" if guard else "")
        what = f"{_markdown(answer['message'])}\n\n{_markdown(answer['hint'])}"
        where = f"What to do: [runbook]({runbook}#{guard or f'exit-code-{code}'})."
        return f"{title}\n\n{what}\n\nExit code {code}. {_AS_IT_WAS if guard else _WHOLE} {where}"
    previous = answer.get("previous") or {}
    seconds = answer.get("seconds") or {}
    rows = {
        "source partition": answer["source_partition"],
        "ids": answer["total_ids"],
        "added": answer["ids_added"],
        "removed": answer["ids_removed"],
        "bytes": answer["bytes"],
        "before": f"{previous['total_ids']:,} ids of {previous['source_partition']}" if previous else "nothing",
        "guards": "all agreed" if not answer["overruled"] else f"overruled: {', '.join(answer['overruled'])}",
        "warnings": "; ".join(answer["warnings"]) or "none",
        "staged as": answer["staged_key"],
        "md5 of the content": answer["md5_checksum"],
        "sha256 of the file": answer["sha256"],
        "seconds": ", ".join(f"{step} {value:.1f}" for step, value in seconds.items()),
    }
    known = [f"| {name} | {_markdown(_readable(value))} |" for name, value in rows.items() if value is not None]
    return "\n".join([f"## {name}{status.capitalize()}\n\n| | |\n|---|---|", *known])


def _of_dbt(nodes: Sequence[Mapping[str, Any]]) -> str:
    counts = Counter(node["status"] for node in nodes)
    told = f"## dbt build\n\n{', '.join(f'{count} {_markdown(status)}' for status, count in counts.most_common())}"
    rows = [f"| `{_markdown(name)}` | {_markdown(status)} |" for name, status in _failed(nodes)[:_NODES_SHOWN]]
    return "\n".join([f"{told}\n\n| node | status |\n|---|---|", *rows]) if rows else told


def _failed(nodes: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Returns names and states alone: what an engine said of a failure stays in the log."""
    return [(node["unique_id"], node["status"]) for node in nodes if node["status"] in _DBT_FAILURES]


def _readable(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _markdown(text: str) -> str:
    """Returns a text as it may stand in a table of Markdown: a name of a partition was chosen by anybody."""
    line = " ".join(str(text)[:_TEXT_SIGNS].split())
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", html.escape(line, quote=False))


def _read(path: Path) -> dict[str, Any] | None:
    """Returns a JSON object; None where there is none, or half of one."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def main(environment: Mapping[str, str] = os.environ) -> None:
    """Writes the summary where GitHub shows it, and the annotations to stdout, where GitHub looks for them."""
    answer = _read(ANSWER)
    nodes = (_read(RUN_RESULTS) or {}).get("results", [])
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    runbook = f"{server}/{repository}/blob/{environment.get('GITHUB_SHA', 'main')}/docs/runbook.md"
    for annotation in told(answer, nodes):
        sys.stdout.write(annotation.command() + "\n")
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a") as file:
        file.write(summary(answer, nodes, runbook))


if __name__ == "__main__":
    main()
