"""`publisher publish`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import log, options
from publisher.cli.connect import open_bucket, require_extra
from publisher.cli.failing import failure_fields, say_failed, unexpected, worst
from publisher.cli.lists import List, Lists, chosen_lists
from publisher.cli.output import Output, table_text
from publisher.cli.published import published_fields, published_text
from publisher.cli.telling import tell
from publisher.errors import PublisherError

if TYPE_CHECKING:
    from publisher.publish import Published


@click.command()
@click.pass_context
@options.publishing
@options.dbt
@options.TABLE
@options.SOURCE_PARTITION
@options.ID_COLUMN
@options.FINAL_NEWLINE
@options.SPOOL_DIR
@options.MAX_IDS
@options.MAX_ID_BYTES
@options.MIN_PERCENT_OF_ACTIVE
@options.MAX_PERCENT_REMOVED
@options.MAX_DEVIATION
@options.OVERRULE
@options.OVERRULE_REASON
@options.DRY_RUN
@options.TAG_SNAPSHOT
@options.KEEP_TAGS
@options.telling
def publish(context: click.Context, /, endpoint_url: str | None, **_options: Any) -> None:
    """Publish what dbt built, if all guards agree.

    That is each list that the dbt project declares, an exposure with config.meta.publisher (docs/lists.md), of which
    the last dbt invocation ran a model; where none is declared, the table of --model. Each list has its own guards and
    records, one that is refused keeps none of the others, and the worst exit code counts. An option wins over what an
    exposure says.

    Everything about a table comes from dbt's artifacts, unless --table names one by hand: parquet:/path or
    parquet:s3://bucket/path, iceberg:/path/v3.metadata.json (or the folder of a file-system table),
    glue:database.table. Of an Iceberg table one snapshot is read to its end.
    """
    output = context.ensure_object(Output)
    lists = chosen_lists(context)
    require_extra("pyarrow", "publish", "publish")
    if lists.are_several:
        _publish_each(lists, endpoint_url, output)
        return
    (only,) = lists.to_publish
    published = _publish(only, endpoint_url, output)
    text = published_text(published, only.settings.destination)
    output.answer(published_fields(published), text, is_done=True)


def _publish(one: List, endpoint_url: str | None, output: Output) -> Published:
    """Publishes a list, and lets be known what those are told who are told of it."""
    settings = one.settings
    destination = settings.destination
    telling = output.telling
    telling.targets, telling.promotion_targets = (
        telling.targets or one.targets,
        telling.promotion_targets or one.promotion_targets,
    )
    telling.begin(destination.url(destination.prefix), is_dry_run=settings.dry_run)
    from publisher.aws.clients import Deadline
    from publisher.cli.progress import progress
    from publisher.lake.access import LakeAccess
    from publisher.publish import publish as run

    deadline = Deadline(output.deadline_seconds)
    store, lake = open_bucket(destination.bucket, endpoint_url, output, deadline), LakeAccess(deadline)
    with progress(sys.stderr, telling) as watcher:
        published = run(settings, store, watcher, lake)
    telling.published, telling.step = published, None
    log.know(step=None)
    if log.is_json():
        log.note(_sentence(published), seconds=round(telling.seconds, 3))
    return published


def _publish_each(lists: Lists, endpoint_url: str | None, output: Output) -> None:
    """Publishes lists one after the other, whatever becomes of those before.

    Raises:
        click.exceptions.Exit: One was not published; with the worst exit code.
    """
    for name in lists.left_out:
        log.warn(f"{name} is left out: the last dbt invocation ran none of its models")
    channels = output.telling
    answers: list[dict[str, Any]] = []
    errors: list[PublisherError | None] = []
    for one in lists.to_publish:
        output.telling = channels.fresh()
        log.know(exposure=one.name, run_id=None, dbt_invocation_id=None, step=None)
        error = None
        try:
            published = _publish(one, endpoint_url, output)
            answer = {**published_fields(published), "exit_code": 0}
            if not output.as_json:
                output.answer({}, published_text(published, one.settings.destination), is_done=True)
        except Exception as caught:  # noqa: BLE001 -- whatever one list ends with, the others are published
            error = caught if isinstance(caught, PublisherError) else unexpected(caught)
            say_failed(error, output)
            answer = failure_fields(error)
        tell(output.telling, error.exit_code if error else 0, error, as_json=output.as_json)
        answers.append({"exposure": one.name, **answer})
        errors.append(error)
    log.know(exposure=None, run_id=None, dbt_invocation_id=None, step=None)
    answers += [{"exposure": name, "status": "left out"} for name in lists.left_out]
    output.worst = worst(errors)
    counts = failure_fields(output.worst) if output.worst else {"status": answers[0]["status"], "exit_code": 0}
    output.answer({**counts, "lists": answers}, _table(answers), is_done=True)
    if output.worst is not None:
        raise click.exceptions.Exit(output.worst.exit_code)


def _table(answers: list[dict[str, Any]]) -> str:
    """Returns how each list ended, for a person."""
    rows = [
        (
            answer["exposure"],
            f"{answer['status']} by {answer['guard']}" if answer.get("guard") else answer["status"],
            f"exit code {answer['exit_code']}" if "exit_code" in answer else "",
        )
        for answer in answers
    ]
    return table_text(rows)


def _sentence(published: Published) -> str:
    """Returns the end of a log."""
    said = published.metadata
    word = "would be published" if published.is_dry_run else "published"
    return f"{word}: {published.encoded.total_ids:,} ids of partition {said.source_partition or 'unknown'}"
