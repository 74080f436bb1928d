"""Terraform's example can be read, and gives the stack what it takes. Neither Terraform nor its provider is run."""

from __future__ import annotations

import re

import hcl2

from tests.conftest import PROJECT
from tests.deploy.stack import TEMPLATE, Stack

EXAMPLE = PROJECT / "deploy" / "terraform" / "main.tf"


def test_the_example_gives_the_stack_what_it_takes() -> None:
    with EXAMPLE.open() as file:
        read = hcl2.load(file, serialization_options=hcl2.SerializationOptions(strip_string_quotes=True))
    resources = {
        (kind, name): one for block in read["resource"] for kind, named in block.items() for name, one in named.items()
    }
    stack = resources["aws_cloudformation_stack", "matched_ids"]
    assert stack["capabilities"] == ["CAPABILITY_NAMED_IAM"]  # managed policies have names
    defaults = {name: one["default"] for block in read["variable"] for name, one in block.items() if "default" in one}
    variables = {"packages": "packages", **defaults}
    given = {
        name: re.sub(r"\$\{var\.(\w+)\}", lambda found: variables[found[1]], value)
        for name, value in stack["parameters"].items()
    }
    made = Stack(given, name=stack["name"])
    assert made.resources["Job"]["Command"]["ScriptLocation"] == "s3://packages/matched-ids/5.1/job.py"
    outputs = re.findall(r'outputs\["(\w+)"\]', EXAMPLE.read_text())
    assert outputs
    assert set(outputs) <= made.without_conditions()["Outputs"].keys()
    (template,) = (one["template"] for one in read["locals"])
    assert (EXAMPLE.parent / template.removeprefix("${path.module}/")).resolve() == TEMPLATE
