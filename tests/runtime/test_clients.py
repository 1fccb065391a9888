"""When the functions' clients of AWS are made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wideload_runtime.adapters import clients


def test_the_sqs_client_is_made_once_at_the_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    sent: list[dict[str, Any]] = []

    def create_client(service: str, **_: Any) -> Any:
        made.append(service)
        return SimpleNamespace(send_message=lambda **params: sent.append(params))

    monkeypatch.setattr(clients._SESSION, "create_client", create_client)
    sqs = clients.Sqs()
    assert made == []

    sqs.send_message(MessageBody="a")
    sqs.send_message(MessageBody="b")

    assert made == ["sqs"]
    assert sent == [{"MessageBody": "a"}, {"MessageBody": "b"}]
