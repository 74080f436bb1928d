"""Writes into the CloudFormation template what is kept elsewhere: `make docs`. A test holds the two equal.

Between `# <policies/ci-role.json>` and `# </policies/ci-role.json>` stands that file of this folder, with its
placeholders as CloudFormation's own; a word behind the name takes a part of a policy. Between `# <settings: …>` and its
end stand the settings of the models and the guards that a deployment may change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
import yaml

from publisher.cli import cli

HERE = Path(__file__).parent
TEMPLATE = HERE / "cloudformation" / "matched-ids.yaml"
_DEFAULTS = HERE.parent / "macros" / "settings" / "setting_defaults.sql"

# What a run is told, what has an effect on other targets only, and what the template has under another name.
NOT_OF_A_DEPLOYMENT = ("cpfs_path", "records_path", "suppressed_path", "pinned_partition", "ready_file")
# Options of the publisher, beyond those that the template sets itself.
OF_THE_PUBLISHER = (
    "PUBLISHER_READY_FILE",
    "PUBLISHER_READY_AFTER",
    "PUBLISHER_MAX_IDS",
    "PUBLISHER_MIN_PERCENT_OF_ACTIVE",
    "PUBLISHER_MAX_PERCENT_REMOVED",
    "PUBLISHER_MAX_DEVIATION",
)
_MARKED = re.compile(r"^( *)# <([^/>][^>]*)>\n(?:.*\n)*?\1# </\2>\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Function:
    """An intrinsic function of CloudFormation in its short form.

    Attributes:
        name: `!Ref`, `!Sub`, …
        argument: A text, or a list of texts and functions.
    """

    name: str
    argument: Any


KEY_ARN = Function("!If", ["CreatesKey", Function("!GetAtt", "OwnKey.Arn"), Function("!Ref", "Key")])
PLACEHOLDERS: Mapping[str, str | Function] = {
    "account": "${AWS::AccountId}",
    "cpfs_table": "${CpfsTable}",
    "github_repository": "${GitHubRepository}",
    "github_subject": "${GitHubSubject}",
    "glue_role": "${SessionRole}",
    "job": "${AWS::StackName}",
    "kms_key_arn": KEY_ARN,
    "lake_bucket": "${LakeBucket}",
    "lake_key_arn": Function("!Ref", "LakeKeyArn"),
    "lake_location": "s3://${LakeBucket}/${LakePrefix}",
    "lake_prefix": "${LakePrefix}",
    "metrics_namespace": "${MetricsNamespace}",
    "package": "s3://${PackageBucket}/${PackagePrefix}",
    "package_bucket": "${PackageBucket}",
    "package_prefix": "${PackagePrefix}/",
    "partition": "${AWS::Partition}",
    "publish_bucket": "${PublishBucket}",
    "publish_prefix": "${PublishPrefix}",
    "raw_bucket": "${RawBucket}",
    "raw_prefix": "${RawPrefix}",
    "raw_schema": "${RawSchema}",
    "records_table": "${RecordsTable}",
    "ready_file": "${ReadyFile}",
    "region": "${AWS::Region}",
    "schema": "${Schema}",
    "suppressed_table": "${SuppressedTable}",
    "topic_arn": Function("!Ref", "Topic"),
}


@dataclass(frozen=True)
class Setting:
    """A setting of the models or the publisher, as a parameter of the template.

    Attributes:
        variable: The environment variable, which is also the name of the job's argument.
        default: What holds where the parameter is empty; blank where nothing does.
    """

    variable: str
    default: str

    @property
    def parameter(self) -> str:
        """The parameter's name."""
        name = self.variable.removeprefix("MATCHED_IDS_").removeprefix("PUBLISHER_")
        return "".join(word.capitalize() for word in name.split("_"))

    @property
    def condition(self) -> str:
        """The name of the condition that it is set."""
        return f"Sets{self.parameter}"


def settings() -> list[Setting]:
    """Returns what a deployment may set beyond the parameters that are written by hand."""
    defaults = re.findall(r"'(\w+)': '(.*)',", _DEFAULTS.read_text())
    names = [(f"MATCHED_IDS_{name.upper()}", value) for name, value in defaults if name not in NOT_OF_A_DEPLOYMENT]
    options = {variable: option for command in cli.commands.values() for variable, option in _variables(command)}
    return [Setting(*one) for one in names + [(name, _default(options[name])) for name in OF_THE_PUBLISHER]]


def filled_in(value: Any) -> Any:
    """Returns JSON with its placeholders as CloudFormation's functions.

    Raises:
        KeyError: Nobody knows a placeholder.
    """
    if isinstance(value, dict):
        return {key: filled_in(one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled_in(one) for one in value]
    if not isinstance(value, str) or not _PLACEHOLDER.search(value):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole is not None and isinstance(found := PLACEHOLDERS[whole[1]], Function):
        return found
    return Function("!Sub", _PLACEHOLDER.sub(lambda found: str(PLACEHOLDERS[found[1]]), value))


def written(text: str) -> str:
    """Returns the template with what stands between markers made anew."""
    return _MARKED.sub(lambda found: _section(found[1], found[2]), text)


def _section(indent: str, marker: str) -> str:
    source, *parts = marker.split()
    if source == "settings:":
        content = _OF_SETTINGS[parts[0]](settings())
    else:
        content = filled_in(json.loads((HERE / source).read_text()))
        for part in parts:
            content = _PARTS[part](content["Statement"])
    lines = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=1000).splitlines()
    return "".join(f"{indent}{line}\n" for line in (f"# <{marker}>", *lines, f"# </{marker}>"))


def _parameters(all_settings: list[Setting]) -> Any:
    return {
        one.parameter: {
            "Type": "String",
            "Default": "",
            "Description": f"{one.variable}; empty is {one.default or 'none'}",
        }
        for one in all_settings
    }


def _conditions(all_settings: list[Setting]) -> Any:
    return {
        one.condition: Function("!Not", [Function("!Equals", [Function("!Ref", one.parameter), ""])])
        for one in all_settings
    }


def _arguments(all_settings: list[Setting]) -> Any:
    return {
        f"--{one.variable}": Function(
            "!If", [one.condition, Function("!Ref", one.parameter), Function("!Ref", "AWS::NoValue")]
        )
        for one in all_settings
    }


def _labels(all_settings: list[Setting]) -> Any:
    return [one.parameter for one in all_settings]


_PARTS: Mapping[str, Callable[[list[Any]], Any]] = {"Statement": list, "first": itemgetter(0), "second": itemgetter(1)}
_OF_SETTINGS: Mapping[str, Callable[[list[Setting]], Any]] = {
    "parameters": _parameters,
    "conditions": _conditions,
    "arguments": _arguments,
    "labels": _labels,
}


def _variables(command: click.Command) -> Iterator[tuple[str, click.Parameter]]:
    for option in command.params:
        names = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
        yield from ((name, option) for name in names)


def _default(option: click.Parameter) -> str:
    value = option.default
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, (int, str)) else ""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes functions in their short form, and lists of what is short on one line."""


def _function(dumper: _Dumper, value: Function) -> yaml.Node:
    if isinstance(value.argument, str):
        return dumper.represent_scalar(value.name, value.argument, style="'" if value.name == "!Sub" else None)
    return dumper.represent_sequence(value.name, value.argument, flow_style=True)


def _list(dumper: _Dumper, value: list[Any]) -> yaml.Node:
    is_short = all(isinstance(one, str) for one in value) and len(str(value)) < 90
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=is_short)


_Dumper.add_representer(Function, _function)
_Dumper.add_representer(list, _list)
# An object that stands twice is written twice: CloudFormation knows no aliases.
_Dumper.ignore_aliases = lambda *_: True


if __name__ == "__main__":
    TEMPLATE.write_text(written(TEMPLATE.read_text()))
