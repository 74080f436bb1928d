"""The lists that a dbt project declares: exposures with `config.meta.publisher`, each checked as a whole."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from publisher.errors import UsageError
from publisher.table.dbt_exposures import Exposure, Project

# What may stand below config.meta.publisher; all but the first three are options of `publish`, by the options' names.
_TEXT, _WHOLE_NUMBER, _NUMBER, _YES_OR_NO, _TEXTS = "a text", "a whole number", "a number", "true or false", "texts"
KEYS: Mapping[str, str] = {
    "model": _TEXT,
    "destination": _TEXT,
    "key": _TEXT,
    "id_column": _TEXT,
    "final_newline": _YES_OR_NO,
    "max_ids": _WHOLE_NUMBER,
    "max_id_bytes": _WHOLE_NUMBER,
    "min_percent_of_active": _NUMBER,
    "max_percent_removed": _NUMBER,
    "max_deviation": _NUMBER,
    "notify": _TEXTS,
    "notify_promotions": _TEXTS,
}
_OF_THE_LIST = ("model", "destination", "key")
_BESIDE_A_MODEL = ("_summary", "_suppressed")


@dataclass(frozen=True)
class Publication:
    """A list that is to be published, as an exposure declares it.

    Attributes:
        exposure: The unique id of the exposure.
        name: The exposure's name; with its package's before it, where another package has one of that name.
        model: The model whose table is published.
        destination: Where to, as it was written; None where only the command line tells.
        key: What follows the destination's prefix; may be empty.
        options: What it sets of the options of `publish`, by their names.
        has_run: Whether the last dbt invocation ran a model of the list, whatever came of it.
    """

    exposure: str
    name: str
    model: str
    destination: str | None = None
    key: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    has_run: bool = True


def publications_of(project: Project) -> tuple[Publication, ...]:
    """Returns the lists that a project declares, in the order of their exposures' ids.

    Raises:
        UsageError: What an exposure declares cannot be used.
    """
    published = [exposure for exposure in project.exposures if exposure.is_published]
    names = Counter(exposure.name for exposure in published)
    return tuple(
        _publication(exposure, exposure.name if names[exposure.name] == 1 else _full_name(exposure), project)
        for exposure in published
    )


def named(publications: Sequence[Publication], name: str, project: Project) -> Publication:
    """Returns the list that a person named.

    Args:
        publications: All that the project declares.
        name: Of its exposure.
        project: The project.

    Raises:
        UsageError: No exposure of that name publishes anything.
    """
    for publication in publications:
        if publication.name == name:
            return publication
    if name in (exposure.name for exposure in project.exposures if not exposure.is_published):
        raise UsageError(
            f"The exposure {name} declares no published file: it has no config.meta.publisher.",
            "Declare one (docs/lists.md), or name the model with --model.",
        )
    known = [publication.name for publication in publications]
    hint = f"Published are: {', '.join(known)}." if known else "No exposure of the project has config.meta.publisher."
    raise UsageError(f"The dbt project has no exposure {name}.{_did_you_mean(name, known)}", hint)


def _publication(exposure: Exposure, name: str, project: Project) -> Publication:
    said = exposure.said
    where = f"The exposure {name} (config.meta.publisher)"
    if not isinstance(said, dict):
        raise UsageError(
            f"{where} is {_kind_of(said)}, and no mapping.",
            "Write its keys below it, indented; {} declares a file with every default.",
        )
    for key, value in said.items():
        if key not in KEYS:
            raise UsageError(
                f"{where} has an unknown key, {key}.{_did_you_mean(str(key), KEYS)}", f"Known are: {', '.join(KEYS)}."
            )
        if not _is(KEYS[key], value):
            raise UsageError(
                f"{where}: {key} is {_kind_of(value)}, and {KEYS[key]} is wanted.",
                "Write it so in YAML; of Jinja a number comes by the filter as_number, true or false by as_bool.",
            )
    model = _model(exposure, where, said.get("model"), project)
    return Publication(
        exposure=exposure.unique_id,
        name=name,
        model=model,
        destination=said.get("destination"),
        key=said.get("key", ""),
        options={key: _value(KEYS[key], value) for key, value in said.items() if key not in _OF_THE_LIST},
        has_run=bool({model, *(f"{model}{end}" for end in _BESIDE_A_MODEL)} & project.ran),
    )


def _model(exposure: Exposure, where: str, given: str | None, project: Project) -> str:
    """Returns the model that is published: the one that is named, or the only one that the exposure depends on."""
    beside = {f"{model}{end}" for model in exposure.models for end in _BESIDE_A_MODEL}
    found = list(dict.fromkeys(model for model in exposure.models if model not in beside))
    if given is not None:
        if given not in exposure.models:
            raise UsageError(
                f"{where} names the model {given}, and depends_on does not.{_did_you_mean(given, exposure.models)}",
                f"Add ref('{given}') to the exposure's depends_on, so that its tests and what it is made from count.",
            )
        found = [given]
    if len(found) != 1:
        raise UsageError(
            f"{where} depends on {len(found)} models, {', '.join(found)}: which of them is published?"
            if found
            else f"{where} depends on no model.",
            "Name it: model: its_name. Its summary is <model>_summary." if found else "Add ref('its_name').",
        )
    (model,) = found
    if f"{model}_summary" not in project.models:
        raise UsageError(
            f"{where} publishes {model}, and the project has no model {model}_summary.",
            f"Make one: select * from matched_ids.publication_summary(ref('{model}'), …); see docs/lists.md.",
        )
    return model


def _full_name(exposure: Exposure) -> str:
    return f"{exposure.package}.{exposure.name}"


def _is(kind: str, value: object) -> bool:
    if kind == _TEXTS:
        return _is(_TEXT, value) or (isinstance(value, list) and all(_is(_TEXT, one) for one in value))
    if kind == _TEXT:
        return isinstance(value, str) and bool(value.strip())
    if kind == _YES_OR_NO:
        return isinstance(value, bool)
    return not isinstance(value, bool) and isinstance(value, int if kind == _WHOLE_NUMBER else (int, float))


def _value(kind: str, value: Any) -> object:
    if kind == _TEXTS:
        return (value,) if isinstance(value, str) else tuple(value)
    return float(value) if kind == _NUMBER else value


def _kind_of(value: object) -> str:
    """Returns what a value is, without the value: an address may hold a password."""
    if value is None:
        return "empty"
    if isinstance(value, str) and not value.strip():
        return "blank"
    kinds = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a mapping")


def _did_you_mean(name: str, known: Sequence[str] | Mapping[str, str]) -> str:
    nearest = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {nearest[0]}?" if nearest else ""
