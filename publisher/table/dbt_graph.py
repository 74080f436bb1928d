"""What a list is made from, by dbt's graph, and which of an invocation's results are about that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from publisher.table.dbt_files import list_of

_BUILT = ("model", "snapshot")
_TESTS = ("test", "unit_test")
# What dbt has a result of that nothing is made from; of an exposure it says that it was skipped.
_USES = ("exposure", "saved_query")


def built_from(nodes: Mapping[str, Any], models: Iterable[str]) -> set[str]:
    """Returns models with what they are built from, as far as dbt builds it anew each time.

    Args:
        nodes: The manifest's nodes by their unique ids.
        models: Unique ids.

    Returns:
        Unique ids of models and snapshots; an ephemeral model is none that runs, a seed may have been loaded long ago.
    """
    found: set[str] = set()
    for name in ancestors(nodes, models, through=_BUILT):
        node = nodes.get(name)
        if node is not None and node["resource_type"] in _BUILT and node["config"].get("materialized") != "ephemeral":
            found.add(name)
    return found


def ancestors(nodes: Mapping[str, Any], roots: Iterable[str], through: tuple[str, ...] | None = None) -> set[str]:
    """Returns nodes with all that they depend on, directly or not.

    Args:
        nodes: The manifest's nodes by their unique ids. Sources are no nodes, and depend on nothing.
        roots: Unique ids.
        through: The types of nodes that are looked behind; None for all.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        node = nodes.get(name)
        if node is not None and (through is None or node["resource_type"] in through):
            waiting += list_of(node.get("depends_on", {}).get("nodes", []))
    return found


def of_what_a_list_is_made_from(
    statuses: Mapping[str, str], manifest: Mapping[str, Any], roots: Iterable[str]
) -> dict[str, str]:
    """Returns the results that count for one of several lists: all but those that are known to be about other things.

    Known are a model, seed or snapshot that the list is not made from, what else is made from those, and a test that
    looks at nothing it is made from. A hook, a test that names nothing, and whatever else may be among the results,
    count for every list.

    Args:
        statuses: The invocation's results, by unique ids.
        manifest: dbt's.
        roots: The unique ids of the list's exposure and tables.
    """
    sections = (manifest.get(name) or {} for name in ("exposures", "saved_queries", "unit_tests"))
    nodes: Mapping[str, Any] = {**manifest["nodes"], **{key: node for one in sections for key, node in one.items()}}
    made_from = ancestors(nodes, roots)
    return {name: status for name, status in statuses.items() if not _is_about_others(name, nodes, made_from)}


def _is_about_others(name: str, nodes: Mapping[str, Any], made_from: set[str]) -> bool:
    node = nodes.get(name)
    if node is None:
        return False
    if node["resource_type"] in _TESTS:
        looks_at = set(list_of(node["depends_on"]["nodes"]))
        return bool(looks_at) and not looks_at & made_from
    return node["resource_type"] in (*_BUILT, *_USES, "seed") and name not in made_from
