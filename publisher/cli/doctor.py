"""`publisher doctor`."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.asked import addressed_list
from publisher.cli.connect import open_bucket, require_extra
from publisher.cli.output import Output
from publisher.cli.streams import print_json, say
from publisher.redaction import shown

if TYPE_CHECKING:
    from publisher.doctor import Check


@click.command()
@click.pass_context
@options.publishing
@options.dbt
@options.ID_COLUMN
def doctor(context: click.Context, /, endpoint_url: str | None, target_path: Path, **_options: Any) -> None:
    """Try everything that a publish needs, on scratch keys, and say how to mend what fails."""
    output = context.ensure_object(Output)
    of_list = addressed_list(context)
    destination = of_list.destination
    require_extra("pyarrow", "publish", "doctor")
    from publisher.aws.clients import Deadline
    from publisher.doctor import examine
    from publisher.lake.access import LakeAccess

    deadline = Deadline(output.deadline_seconds)
    store, lake = open_bucket(destination.bucket, endpoint_url, output, deadline), LakeAccess(deadline)
    checks = []
    for check in examine(
        store, destination, target_path, of_list.model, lambda: datetime.now(timezone.utc), lake,
        id_column=of_list.id_column, exposure=of_list.exposure,
    ):  # fmt: skip
        checks.append(check)
        if not output.as_json:
            say(_text(check))
    failed = [check for check in checks if not check.passed]
    if output.as_json:
        print_json({"status": "failed" if failed else "passed", "checks": [_fields(check) for check in checks]})
    if failed:
        raise click.exceptions.Exit(failed[0].exit_code)  # what a publish would end with, which meets it first


def _fields(check: Check) -> dict[str, Any]:
    return {"name": check.name, "passed": check.passed, "detail": check.detail, "fix": check.fix}


def _text(check: Check) -> str:
    fix = "" if check.fix is None else f"\n{'':<9}{shown(check.fix)}"
    return f"{'passed' if check.passed else 'FAILED':<9}{check.name}: {shown(check.detail)}{fix}"
