"""Which lists a publish is about: one that the command line names, or those that the dbt project declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from publisher.cli import log
from publisher.cli.asked import Asked, no_destination, told_of
from publisher.errors import SourceNotReady, UsageError
from publisher.publications import Publication, named, publications_of
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.table.dbt_exposures import Project, read_project

if TYPE_CHECKING:
    from publisher.telemetry.channels import Target

_UNKNOWN = ""  # is no exposure's id


@dataclass(frozen=True)
class List:
    """A list that is to be published.

    Attributes:
        name: Of the exposure that declares it; None of a table or model that was named by hand.
        settings: What its publish is asked.
        targets: Of its notices, where the command line names none.
        promotion_targets: Likewise, of those that tell of each file that becomes active.
    """

    name: str | None
    settings: PublishSettings
    targets: tuple[Target, ...] = ()
    promotion_targets: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Lists:
    """What a publish is about.

    Attributes:
        to_publish: At least one.
        left_out: The names of those that are declared, and of which the last dbt invocation ran nothing.
        are_several: Whether it was asked for several, whatever is left out.
    """

    to_publish: tuple[List, ...]
    left_out: tuple[str, ...] = ()
    are_several: bool = False


def chosen_lists(context: click.Context) -> Lists:
    """Returns what is to be published. Everything of every list is checked before anything of one is published.

    Args:
        context: Of the command `publish`, with all of its options.

    Raises:
        UsageError: The options, or what an exposure declares, cannot be used.
        SourceNotReady: A list was named, and dbt's manifest is missing or damaged.
    """
    asked = Asked(context)
    # Also where exposures say more: what is wrong in the options themselves is told as theirs.
    settings = asked.settings(None, asked.destination or Destination("nowhere"), None)
    by_hand = Lists((List(None, settings),)) if asked.destination else None
    exposure: str | None = asked.options["exposure"]
    if exposure:
        asked.require_one_way()
    if asked.options["table"]:
        return by_hand or no_destination()
    try:
        project = read_project(asked.options["target_path"])
    except SourceNotReady as error:
        if exposure:
            raise
        if asked.destination is None:
            no_destination(f", nor can an exposure tell one: {error.message}")
        # The publish itself meets it, and leaves a record. Of an exposure that is not known it takes nothing, should
        # the manifest be whole by then.
        return Lists((List(None, replace(settings, exposure=_UNKNOWN)),))
    declared = publications_of(project)
    chosen = [named(declared, exposure, project)] if exposure else _chosen(declared, asked)
    if not chosen:
        return by_hand or no_destination()
    if len(chosen) > 1 and asked.options["overrule"]:
        raise UsageError(
            f"--overrule would let a guard pass for each of {len(chosen)} lists.", "Name the one with --exposure, too."
        )
    _require_apart(declared, chosen, asked)
    _warn_of_undeclared(declared, project, asked)
    is_any_built = any(one.has_run for one in chosen)
    left_out = [one for one in chosen if len(chosen) > 1 and is_any_built and not one.has_run]
    lists = [_list(one, asked, is_one_of_several=len(declared) > 1) for one in chosen]
    return Lists(
        tuple(one for one, publication in zip(lists, chosen, strict=True) if publication not in left_out),
        tuple(one.name for one in left_out),
        are_several=len(chosen) > 1,
    )


def _chosen(declared: Sequence[Publication], asked: Asked) -> list[Publication]:
    if not asked.is_given("model"):
        return list(declared)
    return [one for one in declared if one.model == asked.options["model"]]


def _list(publication: Publication, asked: Asked, *, is_one_of_several: bool) -> List:
    destination = asked.require_destination(publication)
    with told_of(publication):
        return List(
            publication.name,
            asked.settings(publication, destination, publication.exposure if is_one_of_several else None),
            _targets(publication, "notify"),
            _targets(publication, "notify_promotions"),
        )


def _targets(publication: Publication, name: str) -> tuple[Target, ...]:
    said = publication.options.get(name, ())
    if not said:
        return ()
    from publisher.telemetry.channels import parse_target

    return tuple(parse_target(text, f"--{name.replace('_', '-')}") for text in said)


def _require_apart(declared: Sequence[Publication], chosen: Sequence[Publication], asked: Asked) -> None:
    """Returns when no two lists would write to one place.

    Raises:
        UsageError: Two would, or a place cannot be used.
    """
    found: list[tuple[str, Destination]] = []
    for one in declared:
        if one not in chosen and asked.destination is not None and one.destination is not None:
            continue  # it goes elsewhere as a rule, and not this time
        with told_of(one):
            destination = asked.destination_of(one)
        if destination is None:
            continue
        for name, other in found:
            if destination == other:
                raise UsageError(
                    f"The exposures {name} and {one.name} would both write {other.url(other.active_key)}.",
                    "Give one of them another key or destination in config.meta.publisher.",
                )
            if destination.is_within_files_of(other) or other.is_within_files_of(destination):
                raise UsageError(
                    f"Of the exposures {name} and {one.name}, one would write among the other's own files: "
                    f"{other.url(other.prefix)} and {destination.url(destination.prefix)}.",
                    "Give one of them another key or destination in config.meta.publisher.",
                )
        found.append((one.name, destination))


def _warn_of_undeclared(declared: Sequence[Publication], project: Project, asked: Asked) -> None:
    """Says so where this project's own list was built, and is published no more because others are declared."""
    own = PublishSettings.model
    is_asked_for_all = not asked.is_given("model") and not asked.options["exposure"]
    if is_asked_for_all and own in project.ran and own not in (one.model for one in declared):
        log.warn(f"{own} was built, and no exposure publishes it; its own is off in other projects (docs/lists.md)")
