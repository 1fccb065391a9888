"""References between stacks, tried on two small stacks of the run's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.acceptance.run import Run

PARAMETER = "AWS::SSM::Parameter"

Seen = Callable[[str], None]


def test_consumers_follow_the_value_of_an_output(
    run: Run, pytestconfig: pytest.Config, seen: Seen
) -> None:
    """By a weak reference and a template that changes; whether one that doesn't is enough, AWS
    documents nowhere: the report tells.
    """
    if not pytestconfig.getoption("throwaway_stacks"):
        pytest.skip("By option: ACCEPTANCE=--throwaway-stacks; it makes two stacks.")
    stacks = Stacks(run.deployment.client("cloudformation"))
    producer, consumer = f"{run.name}-producer", f"{run.name}-consumer"
    value = {"Fn::GetStackOutput": {"StackName": producer, "OutputName": "Value"}}
    stacks.create(producer, "first")
    stacks.create(consumer, value)
    assert stacks.value(consumer) == "first"
    stacks.update(producer, "second")
    changed = stacks.update(consumer, value)
    followed = stacks.value(consumer) == "second"
    seen(
        f"updated with the same template, the consumer {'follows' if followed else 'does not'}"
        f"{'' if changed else ' (there was nothing to update)'}"
    )
    stacks.update(consumer, value, description="Another template.")
    assert stacks.value(consumer) == "second"


class Stacks:
    """Stacks of one parameter each, whose value is their output `Value`."""

    def __init__(self, cloudformation: Any) -> None:
        self._formation = cloudformation

    def create(self, name: str, value: Any) -> None:
        self._formation.create_stack(StackName=name, TemplateBody=_template(value, "A template."))
        self._formation.get_waiter("stack_create_complete").wait(StackName=name)

    def update(self, name: str, value: Any, description: str = "A template.") -> bool:
        """Returns False where CloudFormation finds nothing to update."""
        try:
            self._formation.update_stack(StackName=name, TemplateBody=_template(value, description))
        except ClientError as error:
            if "No updates" not in str(error):
                raise
            return False
        self._formation.get_waiter("stack_update_complete").wait(StackName=name)
        return True

    def value(self, name: str) -> str:
        [stack] = self._formation.describe_stacks(StackName=name)["Stacks"]
        [output] = stack["Outputs"]
        return str(output["OutputValue"])


def _template(value: Any, description: str) -> str:
    parameter = {
        "Type": PARAMETER,
        "Properties": {"Type": "String", "Value": value, "Description": description},
    }
    output = {"Value": {"Fn::GetAtt": ["Parameter", "Value"]}}
    return json.dumps({"Resources": {"Parameter": parameter}, "Outputs": {"Value": output}})
