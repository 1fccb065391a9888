"""Lists, a search and the deletion of a folder where one person has very many files.

    PYTHONPATH=lambda_src python -m bench.many_files [--files 1000 100000]

The functions' own code over a table in memory, which takes longer for more items, as DynamoDB
doesn't: what counts are the requests to AWS. A tenth of the files lie in the folder that is
deleted. The exit status is 0 only if no page takes more requests with more files, and nothing of
the folder is left.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Any

from ulid import ULID

from bench.shared.report import section, table
from tests.fake_aws.dynamo import FakeDynamoTable
from tests.runtime.files.files_world import FilesWorld
from wideload_runtime.adapters.files_index import folder_item, index_items
from wideload_runtime.adapters.files_items import content_item, file_item, object_item
from wideload_runtime.adapters.files_migration import MODEL
from wideload_runtime.core.files.records import Content, File, StoredObject

PAGE = "100"
"""Files of a page, as the web page asks for them."""
LISTS: dict[str, dict[str, str]] = {
    "newest of all folders": {},
    "a folder by name": {"folder": "", "sort": "name"},
    "a folder by size": {"folder": "", "sort": "size"},
    "a folder by date": {"folder": "", "sort": "created_at"},
    "names of a folder by prefix": {"folder": "", "sort": "name", "prefix": "0000"},
    "names of all folders by prefix": {"sort": "name", "prefix": "0000"},
    "names of a folder by words": {"folder": "", "q": "film"},
}
_MADE = "2026-11-28T10:00:00.000Z"
_FIRST = 1_790_000_000


def items_of(count: int, in_folder: int) -> Iterator[dict[str, Any]]:
    """Items of a person with files of different contents, some of which are in the folder "old"."""
    folder_id = str(ULID.from_timestamp(_FIRST - 1))
    folder = {"parent_id": "top", "name": "old", "created_at": _MADE}
    yield {"item": f"DIR#{folder_id}", **folder}
    yield {"item": folder_item("top", "old"), "folder_id": folder_id, **folder}
    total = 0
    for number in range(count):
        name, size = f"{number * 7919 % count:06}-film.mov", 1_000_000 + number
        content = Content(sha256(name.encode()).hexdigest(), size)
        file_id = str(ULID.from_timestamp(_FIRST + number))
        stored = StoredObject(
            object_id=file_id,
            key=f"files/{file_id}",
            size=size,
            sha256=content.sha256,
            file_id=file_id,
            verified=True,
            verified_by="s3",
        )
        file = File(
            file_id=file_id,
            object_id=file_id,
            folder_id=folder_id if number < in_folder else "top",
            name=name,
            size=size,
            sha256=content.sha256,
            content_type="video/quicktime",
            key=stored.key,
            created_at=_MADE,
        )
        yield file_item(file)
        yield from index_items(file)
        yield object_item(stored)
        yield {"item": content_item(content), "object_id": file_id}
        total += size
    yield {"item": "USAGE", "bytes": total, "files": count, "open_uploads": 0, "model": MODEL}


def world_of(count: int) -> FilesWorld:
    """File transfer with one person's files."""
    world = FilesWorld()
    for item in items_of(count, count // 10):
        world.dynamo.items["ann", item["item"]] = {"owner": "ann", **item}
    world.dynamo._query = partial(_query, world.dynamo)  # type: ignore[method-assign]
    world.look_again()
    return world


def _query(dynamo: FakeDynamoTable, **wanted: Any) -> dict[str, Any]:
    """Query the items whose key has the prefix alone, as the condition wants, in a blink."""
    known, prefix = dynamo.items, wanted["ExpressionAttributeValues"].get(":prefix", "")
    dynamo.items = {key: item for key, item in known.items() if key[1].startswith(prefix)}
    try:
        return FakeDynamoTable._query(dynamo, **wanted)
    finally:
        dynamo.items = known


def measured(world: FilesWorld, work: Callable[[], Any]) -> tuple[Any, float, Counter[str]]:
    """The result of some work, its seconds, and its requests to AWS."""
    world.wire.requests.clear()
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started, Counter(world.wire.requests)


def bench(count: int) -> tuple[list[list[str]], dict[str, int], bool]:
    """Rows of the table, requests of each page, and whether the folder was removed."""
    world = world_of(count)
    rows, requests = [], {}
    for name, query in LISTS.items():
        ask = partial(world.ann.listed, {"limit": PAGE, **query})
        answer, seconds, seen = measured(world, ask)
        requests[name] = seen.total()
        rows.append(row(count, f"{name}, {len(answer['items'])} files", seconds, seen))
    folder_id, seconds, seen = measured(world, lambda: world.ann.folders.delete("old"))
    rows.append(row(count, f"a folder of {count // 10:,} cut off", seconds, seen))
    _, seconds, seen = measured(world, lambda: world.ann.empty(folder_id))
    rows.append(row(count, f"its {count // 10:,} files removed", seconds, seen))
    left = world.ann.usage.files == count - count // 10 and not world.items("DIR#")
    return rows, requests, left and len(world.items("FILE#")) == count - count // 10


def row(count: int, what: str, seconds: float, seen: Counter[str]) -> list[str]:
    """A row of the table."""
    kinds = ", ".join(f"{number:,} {name}" for name, number in sorted(seen.items()))
    return [f"{count:,}: {what}", f"{seconds:.3f}", f"{seen.total():,}", kinds]


def main() -> int:
    """Measure, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, nargs="+", default=[1_000, 100_000])
    arguments = parser.parse_args()
    found = [bench(count) for count in arguments.files]
    pages = [requests for _, requests, _ in found]
    grown = [name for name in LISTS if pages[-1][name] > pages[0][name]]
    section(
        "Many files of one person",
        f"Pages of up to {PAGE}; the functions' code over a table in memory, whose times grow with "
        "the number of items, as those of DynamoDB don't.",
        table(
            ["files", "s", "requests", "of which"], [line for rows, _, _ in found for line in rows]
        ),
        f"- pages that take more requests with more files: {len(grown)} of {len(LISTS)} (aim 0)",
    )
    return 0 if not grown and all(removed for *_, removed in found) else 1


if __name__ == "__main__":
    sys.exit(main())
