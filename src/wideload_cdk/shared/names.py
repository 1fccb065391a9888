"""Names that deployments share, and parts of names that keep two deployments apart."""

from __future__ import annotations

from aws_cdk import Fn, Stack
from constructs import IConstruct

METRIC_NAMESPACE = "Wideload"


def stack_suffix(scope: IConstruct) -> str:
    """The last twelve hexadecimal digits of the stack's id.

    They are random, so two stacks of one name, even one made after the other was deleted, never
    share a name that ends with them. They stay the same for as long as the stack exists.
    """
    stack_uuid = Fn.select(2, Fn.split("/", Stack.of(scope).stack_id))
    return Fn.select(4, Fn.split("-", stack_uuid))
