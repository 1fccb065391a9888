"""SHA-256 of a file and of its parts, made while the file is read once."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from wideload._files.source import Content

MIB = 1024 * 1024

_BLOCK = 256 * 1024
_BUFFERS = 4


@dataclass(frozen=True)
class PartRule:
    """The contract's rule for dividing a file into parts.

    Attributes:
        one_put: Bytes up to which a file is uploaded by one PUT.
        smallest_part: Bytes of a part, at least.
    """

    one_put: int = 64 * MIB
    smallest_part: int = 8 * MIB
    most_parts: int = 10_000

    def part_size(self, size: int) -> int:
        """Bytes of each part but the last of a file of this size; 0 for one PUT.

        Whole MiB, and at most 10,000 parts, S3's limit
        (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
        """
        if size <= self.one_put:
            return 0
        if size <= self.smallest_part * self.most_parts:
            return self.smallest_part
        return -(-size // self.most_parts // MIB) * MIB


@dataclass(frozen=True)
class Part:
    """A part of a multipart upload, or a whole file that is uploaded by one PUT.

    Attributes:
        number: From 1.
        offset: Its first byte in the file.
        size: Bytes.
        sha256: Hex SHA-256 of the bytes.
    """

    number: int
    offset: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Digest:
    """Size and hashes of a file's content.

    Attributes:
        size: Bytes.
        sha256: Hex SHA-256 of the whole.
        parts_sha256: Hex SHA-256 of the SHA-256 of all parts, as in S3's composite checksum.
    """

    size: int
    sha256: str
    parts_sha256: str


class Hashing:
    """The hashing of one file, which can be interrupted and continued.

    The hash of the whole is made in a thread of its own, since it costs as much as the hashes of
    the parts, and `hashlib` lets both run at once.

    Args:
        part_size: Bytes of each part but the last; 0 for no parts.

    Attributes:
        digest: The result, when the file has been read to its end.
        hashed: Bytes that have been read.
    """

    def __init__(self, content: Content, part_size: int) -> None:
        self.part_size = part_size
        self.digest: Digest | None = None
        self._content = content
        self._whole = hashlib.sha256()
        self._part = hashlib.sha256()
        self._begun = 0  # bytes that `_part` has hashed
        self.hashed = 0
        self._found: list[Part] = []
        self._lock = threading.Lock()

    def parts(self, step: Callable[[int], None]) -> Iterator[Part]:
        """All parts in order: first those that are hashed already, then each when it is hashed.

        Args:
            step: Called with the bytes of each block that is read; may raise.

        Raises:
            FileChangedError: The file became shorter, or was changed meanwhile.
            OSError: It can't be read.
        """
        buffers = [memoryview(bytearray(_BLOCK)) for _ in range(_BUFFERS)]
        index = 0
        while True:
            with self._lock:
                if index == len(self._found) and not self._hash_next(buffers, step):
                    return
                part = self._found[index]
            yield part
            index += 1

    def finish(self, step: Callable[[int], None]) -> Digest:
        """Read the rest of the file; raises as `parts`."""
        for _ in self.parts(step):
            pass
        assert self.digest is not None  # noqa: S101 - for mypy
        return self.digest

    def _hash_next(self, buffers: Sequence[memoryview], step: Callable[[int], None]) -> bool:
        """Hash the next part; False if there is none. Without parts, hash the whole file."""
        before = len(self._found)
        ended = self.digest is not None
        with _HashThread(self._whole, buffers) as whole:
            while not ended and len(self._found) == before:
                room = self.part_size - self._begun if self.part_size else _BLOCK
                buffer = whole.buffer()
                count = self._content.read_next(self.hashed, buffer[:room])
                ended = not count
                if ended:
                    self._content.check_unchanged()
                else:
                    whole.update(buffer[:count])
                    self._add(buffer[:count])
                step(count)
        if ended and self.digest is None:
            self._end()
        return len(self._found) > before

    def _add(self, block: memoryview) -> None:
        self.hashed += len(block)
        if self.part_size:
            self._part.update(block)
            self._begun += len(block)
            if self._begun == self.part_size:
                self._end_part()

    def _end_part(self) -> None:
        number = len(self._found) + 1
        offset = self.hashed - self._begun
        self._found.append(Part(number, offset, self._begun, self._part.hexdigest()))
        self._part, self._begun = hashlib.sha256(), 0

    def _end(self) -> None:
        if self._begun:
            self._end_part()
        of_parts = b"".join(bytes.fromhex(part.sha256) for part in self._found)
        self.digest = Digest(
            self.hashed, self._whole.hexdigest(), hashlib.sha256(of_parts).hexdigest()
        )


class _HashThread:
    """A thread that hashes blocks in order, until the end of the `with` block.

    Args:
        sha256: Is updated.
        buffers: Memory for the blocks.
    """

    def __init__(self, sha256: hashlib._Hash, buffers: Iterable[memoryview]) -> None:
        self._sha256 = sha256
        self._blocks: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for buffer in buffers:
            self._free.put(buffer)
        self._thread = threading.Thread(target=self._run, name="wideload-hash", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.put(None)
        self._thread.join()

    def buffer(self) -> memoryview:
        """Memory for the next block, as soon as it is free."""
        return self._free.get()

    def update(self, block: memoryview) -> None:
        """Hash a block, the first bytes of a buffer, which isn't changed until it is free again."""
        self._blocks.put(block)

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._sha256.update(block)
            self._free.put(memoryview(block.obj))


def digest_of_part(content: Content, part: Part) -> str:
    """Hex SHA-256 of a part of `content`, which is read again.

    Raises:
        FileChangedError: The content became shorter.
        OSError: It can't be read.
    """
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    end = part.offset + part.size
    for at in range(part.offset, end, _BLOCK):
        block = buffer[: min(_BLOCK, end - at)]
        content.read_into(at, block)
        sha256.update(block)
    return sha256.hexdigest()
