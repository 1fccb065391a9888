"""SHA-256 of a file and of its parts, in one pass."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from wideload._files.source import Content

MIB = 1024 * 1024
# Bytes: larger files are uploaded in parts, as the contract says.
ONE_PUT = 64 * MIB
_SMALLEST_PART = 8 * MIB
_MOST_PARTS = 10_000

_BLOCK = MIB
_BUFFERS = 4


@dataclass(frozen=True)
class Digest:
    """Size and hashes of a file's content.

    Attributes:
        size: Bytes.
        sha256: Hex SHA-256 of the whole.
        part_size: Bytes of each part but the last; 0 without parts.
        parts: Hex SHA-256 of each part.
    """

    size: int
    sha256: str
    part_size: int = 0
    parts: tuple[str, ...] = ()


def part_size_of(size: int) -> int:
    """Bytes of each part of a file of this size; 0 if the file is uploaded by one PUT.

    The contract's formula: at least 8 MiB, whole MiB, and at most 10,000 parts, S3's limit
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
    """
    if size <= ONE_PUT:
        return 0
    return max(_SMALLEST_PART, -(-size // _MOST_PARTS // MIB) * MIB)


def digest(content: Content, part_size: int, step: Callable[[int], None]) -> Digest:
    """Read `content` once and hash it.

    The hash of the whole is made in this thread and those of the parts in another, since each
    costs as much as the other and `hashlib` lets both run at once.

    Args:
        part_size: Bytes of each part but the last; 0 for no parts.
        step: Called with the bytes of each block; may raise.

    Raises:
        FileChangedError: It became shorter, or was changed meanwhile.
        OSError: It can't be read.
    """
    whole = hashlib.sha256()
    parts = _Parts(part_size)
    try:
        for offset in range(0, content.size, _BLOCK):
            block = parts.buffer()[: content.size - offset]
            content.read_into(offset, block)
            parts.put(block)
            whole.update(block)
            step(len(block))
        content.check_unchanged()
    finally:
        parts.end()
    return Digest(content.size, whole.hexdigest(), part_size, tuple(parts.found))


def digest_of_part(content: Content, offset: int, size: int) -> str:
    """Hex SHA-256 of a part of `content`, which is read again.

    Raises:
        FileChangedError: The content became shorter.
        OSError: It can't be read.
    """
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    for at in range(offset, offset + size, _BLOCK):
        block = buffer[: min(_BLOCK, offset + size - at)]
        content.read_into(at, block)
        sha256.update(block)
    return sha256.hexdigest()


class _Parts:
    """Hashes the parts in its own thread; does nothing without parts."""

    def __init__(self, part_size: int) -> None:
        self.found: list[str] = []
        self._part_size = part_size
        self._blocks: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        for _ in range(_BUFFERS if part_size else 1):
            self._free.put(memoryview(bytearray(_BLOCK)))
        if part_size:
            self._thread = threading.Thread(target=self._run, name="wideload-hash", daemon=True)
            self._thread.start()

    def buffer(self) -> memoryview:
        """Memory for a block. After `put` it stays unchanged until the next `buffer`."""
        return self._free.get()

    def put(self, block: memoryview) -> None:
        """Hash a block, the first bytes of a buffer, which must not be changed any more."""
        if self._thread:
            self._blocks.put(block)
        else:
            self._free.put(memoryview(block.obj))

    def end(self) -> None:
        """Wait until all blocks are hashed."""
        if self._thread:
            self._blocks.put(None)
            self._thread.join()

    def _run(self) -> None:
        part, held = hashlib.sha256(), 0
        while (block := self._blocks.get()) is not None:
            rest = block
            while rest:
                piece = rest[: self._part_size - held]
                part.update(piece)
                held += len(piece)
                rest = rest[len(piece) :]
                if held == self._part_size:
                    self.found.append(part.hexdigest())
                    part, held = hashlib.sha256(), 0
            self._free.put(memoryview(block.obj))
        if held:
            self.found.append(part.hexdigest())
