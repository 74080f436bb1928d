"""`publisher rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.log import warn
from publisher.cli.output import Output, fields_text, replaced_text, stored_fields
from publisher.cli.telling import tell_of_rollback
from publisher.values import Metadata

if TYPE_CHECKING:
    from publisher.rollback import RolledBack
    from publisher.store.keys import Destination


@click.command()
@click.pass_obj
@options.writing
@options.TO_STAGED
@options.TO_LAST
@options.REASON
@options.NO_HOLD
@options.FORCE
@options.KEEP_TAGS
@options.NOTIFY_PROMOTIONS
def rollback(
    output: Output,
    to: str,
    endpoint_url: str | None,
    to_staged: str | None,
    to_last: bool,
    reason: str | None,
    no_hold: bool,
    force: bool,
    keep_tags: int,
) -> None:
    """Make an earlier staged file active again, and hold publishing.

    Without --to-staged it is the file that was active before; where active is gone, or is not what was promoted last,
    what was, as with --to-last. What comes back in its own place sets a hold only with --reason. The file is verified
    from its bytes first, and swapped in by the same condition as in a publish. Where a publish tagged its snapshot, the
    tag follows.
    """
    destination, store = connect(to, endpoint_url, output)
    from publisher.aws.clients import Deadline
    from publisher.lake.access import LakeAccess
    from publisher.records.actor import current_user
    from publisher.rollback import rollback as run

    done = run(
        store,
        destination,
        to_staged,
        to_last=to_last,
        hold=not no_hold,
        reason=reason,
        by=current_user(),
        force=force,
        keep_tags=keep_tags,
        lake=LakeAccess(Deadline(output.deadline_seconds)),
        warn=warn,
    )
    tell_of_rollback(output.telling, destination, done)
    output.answer({"status": "rolled back", **_fields(done)}, _text(done, destination), is_done=True)


def _fields(done: RolledBack) -> dict[str, Any]:
    return {
        **stored_fields(done.active),
        "overruled": done.active.metadata.overruled,
        "is_held": done.is_held,
        "previous": stored_fields(done.previous) if done.previous else None,
    }


def _text(done: RolledBack, destination: Destination) -> str:
    now = done.active.metadata
    before = done.previous.metadata if done.previous else Metadata()
    shown = {
        "source partition": now.source_partition,
        "ids": now.total_ids,
        "staged as": now.staged_key,
        "overruled": now.overruled,
        "replaced": replaced_text(before.source_partition, before.total_ids),
        "publishing is held": done.is_held,
    }
    return fields_text(f"rolled back {destination.url(done.active.key)}", shown)
