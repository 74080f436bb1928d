"""`publisher tag`."""

from __future__ import annotations

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, fields_text
from publisher.errors import SourceNotReady


@click.command()
@click.pass_obj
@options.destination
@options.KEEP_TAGS
def tag(output: Output, to: str, endpoint_url: str | None, keep_tags: int) -> None:
    """Let the tag published of the Iceberg table name what is active, after a publish or a rollback could not.

    They set it themselves, where `publish --tag-snapshot` tags; where it is right already, nothing is written. It takes
    the rights to commit to the table, and none to write to the destination.
    """
    destination, store = connect(to, endpoint_url, output)
    from publisher.aws.clients import Deadline
    from publisher.lake.access import LakeAccess
    from publisher.tagging import tag_active

    found = tag_active(store, destination, LakeAccess(Deadline(output.deadline_seconds)), keep_tags)
    if not found:
        raise SourceNotReady("What is active was published without --tag-snapshot.", "Publish again with it.")
    (tagged,) = found
    if tagged.warning is not None:
        raise SourceNotReady(f"{tagged.warning[0].upper()}{tagged.warning[1:]}.", "Publish again, or roll back.")
    fields = {"tag": "published", "table": tagged.table, "snapshot_id": tagged.snapshot_id}
    output.answer({"status": "tagged", **fields}, fields_text("the tag names what is active", fields), is_done=True)
