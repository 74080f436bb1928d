"""What a person asked of a list, by options and variables, over what the list's exposure says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from publisher.errors import UsageError
from publisher.guards.limits import Limits
from publisher.publications import Publication, named, publications_of
from publisher.settings import PublishSettings, parse_table
from publisher.store.keys import Destination
from publisher.table.dbt_exposures import read_project

_LIMITS = ("max_ids", "min_percent_of_active", "max_percent_removed", "max_deviation", "max_id_bytes")


class Asked:
    """The options, and which of them somebody gave."""

    def __init__(self, context: click.Context) -> None:
        self.options: Mapping[str, Any] = context.params
        self._given = {
            name for name in context.params if context.get_parameter_source(name) is not ParameterSource.DEFAULT
        }
        to = self.options["to"]
        self.destination = Destination.parse(to) if to else None

    def is_given(self, name: str) -> bool:
        """Whether an option, or its variable, was given: that wins over what an exposure says."""
        return name in self._given

    def value(self, name: str, publication: Publication | None) -> Any:
        """Returns what counts of an option: as it was given, as the list's exposure says, or its default."""
        if publication is None or self.is_given(name):
            return self.options[name]
        return publication.options.get(name, self.options[name])

    def require_one_way(self) -> None:
        """Returns when nothing but --exposure names a list.

        Raises:
            UsageError: Something does.
        """
        if self.options.get("table") or self.is_given("model"):
            raise UsageError(
                "--exposure names a list, and --table or --model another.", "Give one of them; variables count, too."
            )

    def require_destination(self, publication: Publication) -> Destination:
        """Returns where a list goes.

        Raises:
            UsageError: Nobody says, or it cannot be used.
        """
        with told_of(publication):
            destination = self.destination_of(publication)
            if destination is None:
                raise UsageError("It names no destination.", "Add destination: s3://bucket/prefix, or give --to.")
            return destination

    def destination_of(self, publication: Publication) -> Destination | None:
        """Returns where a list goes; None where nobody says.

        Raises:
            UsageError: It cannot be used.
        """
        root, key = self.destination, publication.key.strip("/")
        if root is not None and key and f"/{root.prefix}".endswith(f"/{key}/"):
            raise UsageError(
                f"--to (PUBLISHER_TO) ends with the list's key, {key}, which would follow it once more.",
                "Give the address without the key; with it, other commands take it for that of the list.",
            )
        if root is None and publication.destination is not None:
            root = Destination.parse(publication.destination)
        return root.below(publication.key) if root else None

    def settings(self, publication: Publication | None, to: Destination, exposure: str | None) -> PublishSettings:
        """Returns what a publish is asked."""
        options = {name: self.value(name, publication) for name in self.options}
        table, id_column = options["table"], options["id_column"]
        return PublishSettings(
            destination=to,
            target_path=options["target_path"],
            model=publication.model if publication else options["model"],
            exposure=exposure,
            table=parse_table(table, id_column) if table else None,
            source_partition=options["source_partition"],
            id_column=id_column,
            # A setting of the models, and no option: only what --table names has nobody else to tell it.
            document_prefix=os.environ.get("MATCHED_IDS_DOCUMENT_PREFIX", PublishSettings.document_prefix),
            final_newline=options["final_newline"],
            spool_dir=options["spool_dir"],
            limits=Limits(**{name: options[name] for name in _LIMITS}),
            overrule=frozenset(options["overrule"]),
            reason=options["reason"],
            dry_run=options["dry_run"],
            tag_snapshot=options["tag_snapshot"],
            keep_tags=options["keep_tags"],
        )


@dataclass(frozen=True)
class Addressed:
    """A list that another command is about.

    Attributes:
        exposure: As in `PublishSettings`.
    """

    destination: Destination
    model: str
    id_column: str
    exposure: str | None


def addressed_list(context: click.Context) -> Addressed:
    """Returns the one list that --exposure names, or --to and --model by hand.

    Args:
        context: Of a command with the options of `options.dbt`, --to and --id-column.

    Raises:
        UsageError: The options, or what an exposure declares, cannot be used.
        SourceNotReady: A list was named, and dbt's manifest is missing or damaged.
    """
    asked = Asked(context)
    name: str | None = asked.options["exposure"]
    if not name:
        to = asked.destination or no_destination()
        return Addressed(to, asked.options["model"], asked.options["id_column"], None)
    asked.require_one_way()
    project = read_project(asked.options["target_path"])
    declared = publications_of(project)
    publication = named(declared, name, project)
    id_column: str = asked.value("id_column", publication)
    scope = publication.exposure if len(declared) > 1 else None
    return Addressed(asked.require_destination(publication), publication.model, id_column, scope)


@contextmanager
def told_of(publication: Publication) -> Iterator[None]:
    """Tells of which list it is, what is wrong within the block."""
    try:
        yield
    except UsageError as error:
        raise UsageError(
            f"The exposure {publication.name} (config.meta.publisher): {error.message}", error.hint
        ) from error


def no_destination(why: str = "") -> NoReturn:
    """Ends what needs a destination.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        f"No destination was given: --to (PUBLISHER_TO) is missing{why or ', and no exposure declares a list'}.",
        "Give --to s3://bucket or s3://bucket/prefix.",
    )
