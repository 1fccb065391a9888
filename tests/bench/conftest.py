"""The cheap end, in processes of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.shared.ends import End, cheap_end

OBJECT_SIZE = 300_000


@pytest.fixture(scope="session")
def files_end() -> Iterator[End]:
    with cheap_end("files", object_size=OBJECT_SIZE) as end:
        yield end


@pytest.fixture
def ingest_end() -> Iterator[End]:
    with cheap_end("ingest", tls=False) as end:
        yield end
