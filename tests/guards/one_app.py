"""A test that synthesizes an app: `test_leftovers.py` runs it in a process of its own."""

from __future__ import annotations

import aws_cdk as cdk


def test_an_app_is_synthesized() -> None:
    app = cdk.App()
    cdk.Stack(app, "Stack")

    assert [stack.stack_name for stack in app.synth().stacks] == ["Stack"]
