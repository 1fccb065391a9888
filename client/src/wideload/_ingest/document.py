"""Documents of any type as gzip bytes that can be sent more than once."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import IO, Any, Self, cast

from isal import isal_zlib

from wideload._ingest.arguments import LONGEST_CALL_ID
from wideload._ingest.serialize import Default, serialize
from wideload._spool import naming_temporary_directory
from wideload.errors import DocumentError

_OTHER_FORMATS = {
    b"\xef\xbb\xbf": "a UTF-8 byte order mark: save it without one",
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"{\0": "UTF-16: save it as UTF-8",
    b"\0{": "UTF-16: save it as UTF-8",
    b"PK\x03\x04": "a zip archive: send JSON or its gzip",
    b"PK\x05\x06": "an empty zip archive: send JSON or its gzip",
    b"\x28\xb5\x2f\xfd": "zstd: send JSON or its gzip",
    b"BZh": "bzip2: send JSON or its gzip",
    b"\xfd7zX": "xz: send JSON or its gzip",
}

# Bytes, the limit of one PUT to S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
LARGEST_UPLOAD = 5 * 1024**3

# Compressed bytes that are kept in memory; larger documents go to a temporary file.
_SPOOL_IN_MEMORY = 8 * 1024 * 1024
_READ_BLOCK = 256 * 1024
# Small, so that progress is reported often on a slow network.
_SEND_BLOCK = 64 * 1024

# ISA-L's level 1 is 60 times as fast as zlib's default, for some 12 % more bytes.
_LEVEL = 1
_GZIP_WBITS = 31
_GZIP_MAGIC = b"\x1f\x8b"
_JSON_SPACE = b" \t\r\n"

Document = Mapping[str, Any] | bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes]
Block = bytes | memoryview


@dataclass(frozen=True, kw_only=True)
class PreparedDocument:
    """A document as gzip, ready to be sent.

    Attributes:
        blocks: Gives an iterator over the gzip, from the beginning, at each call.
        size: Bytes of the gzip.
        sha256: Hex SHA-256 of those bytes.
        json_size: Bytes of the JSON, or None if the document came compressed.
        json_sha256: Hex SHA-256 of the JSON, or None if the document came compressed.
        call_id: The document's own `call_id`, if the document is a mapping.
    """

    blocks: Callable[[], Iterator[Block]]
    size: int
    sha256: str
    json_size: int | None = None
    json_sha256: str | None = None
    call_id: str | None = None


Preparation = Generator[PreparedDocument | None]


def prepare(document: Document, default: Default | None = None) -> Preparation:
    """Serialize and compress `document`, or take it as it is if it is gzip already.

    Memory is bounded for paths and file objects: 8 MiB of the gzip, the rest in a temporary file.

    Args:
        default: Replaces a value in a mapping that JSON has no type for.

    Yields:
        None after each block of some 256 KiB; at last the prepared document, whose files are open
        until the generator is closed.

    Raises:
        DocumentError: It is empty, not a JSON object, not serializable, of a wrong type, or
            larger than S3 takes in one PUT.
        OSError: It can't be opened or read, or the temporary file can't be written.
    """
    match document:
        case Mapping():
            call_id = document.get("call_id")
            # One that the API would refuse must not keep the document from being sent.
            if not isinstance(call_id, str) or not 1 <= len(call_id) <= LONGEST_CALL_ID:
                call_id = None
            view = memoryview(serialize(document, default))
            yield from _compress(_slices(view, _READ_BLOCK), call_id)
        case bytes() | bytearray() | memoryview():
            yield from _from_memory(document)
        case str() | os.PathLike():
            yield from _from_path(document)
        case _ if callable(getattr(document, "read", None)):
            yield from _from_file(document)
        case _:
            raise DocumentError(
                f"a document is a dict, bytes, a path or a binary file object, "
                f"not {type(document).__name__}"
            )


def _from_memory(document: bytes | bytearray | memoryview) -> Preparation:
    view = memoryview(document)
    view = view.cast("B") if view.c_contiguous else memoryview(bytes(view))
    if bytes(view[:2]) != _GZIP_MAGIC:
        yield from _compress(_slices(view, _READ_BLOCK))
        return
    _refuse_too_large(len(view))
    sha256 = hashlib.sha256()
    for block in _slices(view, _READ_BLOCK):
        sha256.update(block)
        yield None
    yield PreparedDocument(
        blocks=lambda: _slices(view, _SEND_BLOCK), size=len(view), sha256=sha256.hexdigest()
    )


def _from_path(path: str | os.PathLike[str]) -> Preparation:
    if isinstance(path, str) and path.lstrip().startswith(("{", "[")) and not os.path.exists(path):
        raise DocumentError(
            "a str is taken for a path, and this one looks like JSON: to send JSON text, pass "
            "text.encode(), or the dict itself"
        )
    # A gzip file is sent without a copy, so it stays open until it has been sent.
    with open(path, "rb") as file:
        yield from _from_file(file)


def _from_file(file: IO[bytes]) -> Preparation:
    start = file.tell() if _seekable(file) else None
    head = b"".join(_first_two_bytes(file))
    if head[:2] != _GZIP_MAGIC:
        yield from _compress(chain([head], _read_blocks(file)))
        return
    if start is None:
        yield from _copy(chain([head], _read_blocks(file)))
        return

    sha256 = hashlib.sha256(head)
    size = len(head)
    for block in _read_blocks(file):
        sha256.update(block)
        size += len(block)
        yield None
    _refuse_too_large(size)
    yield PreparedDocument(
        blocks=lambda: _file_blocks(file, start, size), size=size, sha256=sha256.hexdigest()
    )


def _compress(blocks: Iterable[Block], call_id: str | None = None) -> Preparation:
    """Compress JSON as a stream, and hash both the JSON and the gzip."""
    sha256 = hashlib.sha256()
    size = 0
    gzip = isal_zlib.compressobj(_LEVEL, wbits=_GZIP_WBITS)
    started = False
    with _Spool() as spool:
        for block in blocks:
            if not started:
                started = _looks_like_an_object(block)
            sha256.update(block)
            size += len(block)
            spool.write(gzip.compress(block))
            yield None
        if not started:
            raise DocumentError("the document is empty")
        spool.write(gzip.flush())
        yield replace(
            spool.prepared(), json_size=size, json_sha256=sha256.hexdigest(), call_id=call_id
        )


def _copy(blocks: Iterable[bytes]) -> Preparation:
    """Copy gzip bytes that can be read only once to where they can be read again."""
    with _Spool() as spool:
        for block in blocks:
            spool.write(block)
            yield None
        yield spool.prepared()


class _Spool:
    """Gzip bytes that can be read again: in memory, or in a temporary file if there are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY)  # noqa: SIM115
        self._sha256 = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, block: bytes) -> None:
        self._sha256.update(block)
        with naming_temporary_directory():
            self._file.write(block)
        self._size += len(block)
        _refuse_too_large(self._size)

    def prepared(self) -> PreparedDocument:
        file, size = cast("IO[bytes]", self._file), self._size
        return PreparedDocument(
            blocks=lambda: _file_blocks(file, 0, size), size=size, sha256=self._sha256.hexdigest()
        )


def _looks_like_an_object(block: Block) -> bool:
    """Whether the document begins in `block`, which may be all white space.

    The API parses the document. This check saves the upload of gigabytes that aren't JSON.

    Raises:
        DocumentError: It begins with another character than `{`.
    """
    for byte in block:
        if byte in _JSON_SPACE:
            continue
        formats = (
            name for start, name in _OTHER_FORMATS.items() if bytes(block[:4]).startswith(start)
        )
        if byte == ord("{") and bytes(block[:2]) != b"{\0":
            return True
        what = next(formats, repr(chr(byte)))
        raise DocumentError(f"the document must be one JSON object, but it begins with {what}")
    return False


def _refuse_too_large(size: int) -> None:
    if size > LARGEST_UPLOAD:
        raise DocumentError("the document is larger than 5 GiB compressed, the most that S3 takes")


def _seekable(file: IO[bytes]) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable and seekable())


def _first_two_bytes(file: IO[bytes]) -> Iterator[bytes]:
    """Blocks of two bytes or more in all, since a pipe can give a single byte first."""
    length = 0
    while length < 2 and (block := _read(file, _READ_BLOCK)):
        length += len(block)
        yield block


def _read_blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := _read(file, _READ_BLOCK):
        yield block


def _read(file: IO[bytes], amount: int) -> bytes:
    block: object = file.read(amount)
    if isinstance(block, bytes):
        return block
    if isinstance(block, (bytearray, memoryview)):
        return bytes(block)
    if isinstance(block, str):
        raise DocumentError("the file object is in text mode: open it in binary mode, 'rb'")
    raise DocumentError("the file object gave no bytes: it must be a blocking binary file")


def _slices(view: memoryview, length: int) -> Iterator[memoryview]:
    return (view[at : at + length] for at in range(0, len(view), length))


def _file_blocks(file: IO[bytes], start: int, size: int) -> Iterator[bytes]:
    file.seek(start)
    left = size
    while left:
        block = _read(file, min(_SEND_BLOCK, left))
        if not block:
            raise DocumentError("the document became shorter while it was being sent")
        left -= len(block)
        yield block
