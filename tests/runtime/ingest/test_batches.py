"""Batches that DynamoDB leaves unprocessed in part, as it does when it is busy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wideload_runtime.adapters.ingest_table import SWEEP, IngestTable
from wideload_runtime.core.errors import Refused


class BusyTable:
    """Stands for a boto3 `Table` that processes so many keys of each batch."""

    name = "payloads"

    def __init__(self, items: list[dict[str, Any]], *, takes: int) -> None:
        self._items = {item["payload_id"]: item for item in items}
        self._takes = takes
        self.meta = SimpleNamespace(client=SimpleNamespace(batch_get_item=self._batch_get_item))
        self.asked: list[int] = []

    def _batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        wanted = RequestItems[self.name]
        keys = wanted["Keys"]
        assert 1 <= len(keys) <= 100
        self.asked.append(len(keys))
        found = [self._items.get(key["payload_id"]) for key in keys[: self._takes]]
        left = keys[self._takes :]
        return {
            "Responses": {self.name: [item for item in found if item]},
            "UnprocessedKeys": {self.name: {**wanted, "Keys": left}} if left else {},
        }


def test_unprocessed_keys_are_requested_again_after_a_pause() -> None:
    names = [f"P{number}" for number in range(5)]
    slept: list[float] = []
    busy = BusyTable([{"payload_id": name} for name in names], takes=2)

    known = IngestTable(busy, sleep=slept.append).known([*names[:4], "none", names[4]])

    assert known == set(names)
    assert busy.asked == [6, 4, 2]
    assert 0.01 <= slept[0] <= 0.02
    assert 0.02 <= slept[1] <= 0.04
    assert len(slept) == 2


def test_more_than_a_batch_is_asked_for_in_several() -> None:
    names = [f"P{number}" for number in range(150)]
    busy = BusyTable([{"payload_id": name} for name in names], takes=100)

    assert IngestTable(busy, sleep=lambda _: None).known(names) == set(names)
    assert busy.asked == [100, 50]


def test_how_far_the_sweep_came_is_not_lost_on_a_busy_table() -> None:
    busy = BusyTable([{"payload_id": SWEEP, "swept_until": "2026-09-21T14:13:20.000Z"}], takes=0)
    table = IngestTable(busy, sleep=lambda _: setattr(busy, "_takes", 1))

    assert table.swept_until() == "2026-09-21T14:13:20.000Z"


def test_a_table_that_stays_busy_is_unavailable() -> None:
    slept: list[float] = []
    busy = BusyTable([], takes=0)

    with pytest.raises(Refused) as raised:
        IngestTable(busy, sleep=slept.append).known(["P1"])

    assert (raised.value.code, raised.value.retry_after) == ("unavailable", 2)
    assert (len(busy.asked), sum(slept) < 1.3) == (6, True)
