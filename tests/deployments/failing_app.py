"""Payload ingest with something that fails once all of it is made, as a bad release would.

It has a wait condition without a signal: CloudFormation gives up after a second.
"""

from __future__ import annotations

import aws_cdk as cdk

from app import settings_from
from stacks.ingest_stack import IngestStack


def build(app: cdk.App) -> None:
    """Add its stack."""
    stack = IngestStack(app, settings=settings_from(app))
    handle = cdk.CfnWaitConditionHandle(stack, "Handle")
    never = cdk.CfnWaitCondition(stack, "NeverMet", handle=handle.ref, timeout="1", count=1)
    never.node.add_dependency(stack.ingest)
