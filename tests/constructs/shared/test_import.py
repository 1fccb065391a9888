"""`import wideload_cdk`: what it needs, and what `help` shows of its constructs."""

from __future__ import annotations

import pydoc

import pytest

import wideload_cdk
from wideload_cdk import FileTransfer, IFileTransfer, PayloadIngest, WebContent


@pytest.mark.parametrize("program", ["/nowhere/node", "no-such-node"])
def test_a_missing_node_is_named(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv("JSII_NODE", program)
    monkeypatch.delitem(vars(wideload_cdk), "TransferBucket", raising=False)

    with pytest.raises(ImportError, match=f"there is no program '{program}'. Install Node.js 22"):
        _ = wideload_cdk.TransferBucket


@pytest.mark.parametrize(
    ("construct", "attributes"),
    [
        (PayloadIngest, ["bucket: s3.IBucket", "sweep_function: RuntimeFunction"]),
        (FileTransfer, ["files_table: dynamodb.ITable", "verify_queue: sqs.Queue | None"]),
        (IFileTransfer, ["bucket: s3.IBucket", "event_bus: events.IEventBus"]),
    ],
)
def test_help_lists_the_attributes(construct: type, attributes: list[str]) -> None:
    shown = pydoc.plaintext.docclass(construct).partition("Attributes:\n")[2]
    lines = {line.strip("| ") for line in shown.partition("Method resolution")[0].splitlines()}

    assert set(attributes) <= lines
    assert not [line for line in lines if line.startswith("_")]


def test_help_says_nothing_of_attributes_that_are_not_there() -> None:
    assert (WebContent.__doc__ or "").count("Attributes:") == 0
