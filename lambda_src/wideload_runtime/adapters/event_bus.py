"""EventBridge, where other teams hear of what was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

BATCH = 10
"""Entries of one PutEvents.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""


class EventBus:
    """
    Args:
        source: Of every event, as in `contract/events/`.
    """

    def __init__(self, client: Any, name: str, *, source: str) -> None:
        self._client = client
        self._name = name
        self._source = source

    def put(self, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """
        Args:
            events: Pairs of detail type and detail.

        Raises:
            RuntimeError: EventBridge did not take all of them.
        """
        entries = [
            {
                "EventBusName": self._name,
                "Source": self._source,
                "DetailType": kind,
                "Detail": orjson.dumps(detail).decode(),
            }
            for kind, detail in events
        ]
        for start in range(0, len(entries), BATCH):
            self._put(entries[start : start + BATCH])

    def _put(self, entries: Sequence[dict[str, str]]) -> None:
        answer = self._client.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            codes = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
            raise RuntimeError(f"EventBridge refused events: {', '.join(sorted(codes))}")
