"""What CloudFormation makes of the template: parameters checked, conditions decided, functions resolved.

As much of its language as the template uses; anything else is an error, and not passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import yaml

from tests.conftest import PROJECT

TEMPLATE = PROJECT / "deploy" / "cloudformation" / "matched-ids.yaml"
ACCOUNT, REGION = "123456789012", "sa-east-1"
_SUBSTITUTED = re.compile(r"\$\{([\w:.]+)\}")
_NOTHING = object()  # AWS::NoValue


class Rejected(Exception):
    """CloudFormation would not begin."""


@cache
def load() -> dict[str, Any]:
    """Reads the template, with functions in their long form; nobody changes what it returns."""
    return yaml.load(TEMPLATE.read_text(), Loader=_Loader)  # noqa: S506 -- derived from the safe one


@dataclass(frozen=True)
class Stack:
    """The template with parameters.

    Attributes:
        given: The parameters that differ from their defaults.
        name: The stack's name.
    """

    given: Mapping[str, str]
    name: str = "matched-ids"
    template: dict[str, Any] = field(default_factory=load)

    def __post_init__(self) -> None:
        """Checks the parameters.

        Raises:
            Rejected: One is missing, unknown, or not as it must be; or a rule does not hold.
        """
        declared = self.template["Parameters"]
        if unknown := self.given.keys() - declared.keys():
            raise Rejected(f"unknown: {sorted(unknown)}")
        for name, declaration in declared.items():
            if name not in self.parameters:
                raise Rejected(f"{name} is missing")
            _check(name, self.parameters[name], declaration)
        for rule in self.template["Rules"].values():
            if "RuleCondition" not in rule or self._decide(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not self._decide(assertion["Assert"]):
                        raise Rejected(assertion["AssertDescription"])

    @cached_property
    def parameters(self) -> dict[str, str]:
        declared = self.template["Parameters"]
        defaults = {name: str(one["Default"]) for name, one in declared.items() if "Default" in one}
        return {**defaults, **self.given}

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The properties of each resource that is made, with everything resolved."""
        return {
            name: self.resolve(one["Properties"])
            for name, one in self.template["Resources"].items()
            if self.makes(name)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the resources of a type that are made."""
        kinds = {name: one["Type"] for name, one in self.template["Resources"].items()}
        return {name: properties for name, properties in self.resources.items() if kinds[name] == kind}

    def makes(self, resource: str) -> bool:
        """Tells whether a resource is made."""
        condition = self.template["Resources"][resource].get("Condition")
        return condition is None or self._decide({"Condition": condition})

    def resolve(self, value: Any) -> Any:
        """Returns a value of the template with its functions resolved.

        Raises:
            KeyError: It names what is not made.
            ValueError: It has a function that is not known here.
        """
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        return {
            key: one for key, one in ((key, self.resolve(one)) for key, one in value.items()) if one is not _NOTHING
        }

    def without_conditions(self) -> dict[str, Any]:
        """Returns a template in which all is decided, but references are left to who deploys it."""
        resources = {
            name: {key: self._decided(part) for key, part in one.items() if key != "Condition"}
            for name, one in self.template["Resources"].items()
            if self.makes(name)
        }
        outputs = {
            name: {key: self._decided(part) for key, part in one.items() if key != "Condition"}
            for name, one in self.template["Outputs"].items()
            if "Condition" not in one or self._decide({"Condition": one["Condition"]})
        }
        declared = {
            name: {"Type": one["Type"], "Default": self.parameters[name]}
            for name, one in self.template["Parameters"].items()
        }
        return {"Parameters": declared, "Resources": resources, "Outputs": outputs}

    def _decided(self, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in map(self._decided, value) if one is not _NOTHING]
        if value == {"Ref": "AWS::NoValue"}:
            return _NOTHING
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            condition, then, otherwise = value["Fn::If"]
            return self._decided(then if self._decide({"Condition": condition}) else otherwise)
        decided = {key: self._decided(one) for key, one in value.items()}
        return {key: one for key, one in decided.items() if one is not _NOTHING}

    def _decide(self, value: dict[str, Any]) -> bool:
        ((name, argument),) = value.items()
        if name == "Condition":
            return self._decide(self.template["Conditions"][argument])
        if name == "Fn::Equals":
            left, right = map(self.resolve, argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._decide(argument[0])
        if name == "Fn::And":
            return all(map(self._decide, argument))
        raise ValueError(f"{name} is not known here")

    def _function(self, name: str, argument: Any) -> Any:
        if name == "If":
            condition, then, otherwise = argument
            return self.resolve(then if self._decide({"Condition": condition}) else otherwise)
        if name == "Sub":
            return _SUBSTITUTED.sub(lambda found: self._substituted(found[1]), argument)
        if name == "GetAtt":
            return self._attribute(*argument)
        if name == "Select":
            index, values = argument
            return self.resolve(values)[index]
        if name == "Split":
            delimiter, text = argument
            return self.resolve(text).split(delimiter)
        raise ValueError(f"Fn::{name} is not known here")

    def _substituted(self, name: str) -> str:
        resource, dot, attribute = name.partition(".")
        return str(self._attribute(resource, attribute) if dot else self._ref(name))

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NOTHING,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackName": self.name,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        return self._physical(name)[0]

    def _attribute(self, resource: str, attribute: str) -> str:
        if attribute != "Arn":
            raise ValueError(f"{resource}.{attribute} is not known here")
        return self._physical(resource)[1]

    def _physical(self, resource: str) -> tuple[str, str]:
        """Returns what Ref and GetAtt Arn give for a resource."""
        if not self.makes(resource):
            raise KeyError(f"{resource} is not made")
        declaration = self.template["Resources"][resource]
        generated = f"{self.name}-{resource}-1ABCDEFGHIJK"
        naming = _NAMING[declaration["Type"]]
        named = self.resolve(declaration["Properties"].get(naming.named_by)) or generated
        arn = f"arn:aws:{naming.arn}".format(account=ACCOUNT, region=REGION, name=named)
        return arn if naming.ref_is_arn else named, arn


@dataclass(frozen=True)
class _Naming:
    """How the resources of a type are called."""

    arn: str
    named_by: str = ""
    ref_is_arn: bool = False


_NAMING = {
    "AWS::Events::Rule": _Naming("events:{region}:{account}:rule/{name}", "Name"),
    "AWS::Glue::Job": _Naming("glue:{region}:{account}:job/{name}", "Name"),
    "AWS::IAM::ManagedPolicy": _Naming("iam::{account}:policy/{name}", "ManagedPolicyName", ref_is_arn=True),
    "AWS::IAM::Role": _Naming("iam::{account}:role/{name}"),
    "AWS::KMS::Key": _Naming("kms:{region}:{account}:key/{name}"),
    "AWS::S3::Bucket": _Naming("s3:::{name}", "BucketName"),
    "AWS::SNS::Topic": _Naming("sns:{region}:{account}:{name}", "TopicName", ref_is_arn=True),
    "AWS::Scheduler::ScheduleGroup": _Naming("scheduler:{region}:{account}:schedule-group/{name}", "Name"),
}


def _check(name: str, value: str, declaration: Mapping[str, Any]) -> None:
    if not re.fullmatch(declaration.get("AllowedPattern", ".*"), value):
        raise Rejected(f"{name} is not of its pattern")
    if value not in map(str, declaration.get("AllowedValues", [value])):
        raise Rejected(f"{name} is none of its values")
    if declaration["Type"] == "Number" and not (
        declaration.get("MinValue", 0) <= int(value) <= declaration.get("MaxValue", int(value))
    ):
        raise Rejected(f"{name} is out of its range")


class _Loader(yaml.CSafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": x}`."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    construct: Callable[..., Any] = (
        loader.construct_scalar if isinstance(node, yaml.ScalarNode) else loader.construct_sequence
    )
    argument = construct(node) if isinstance(node, yaml.ScalarNode) else construct(node, deep=True)
    if suffix == "GetAtt":
        argument = argument.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": argument}


_Loader.add_multi_constructor("!", _function)
