"""Gunzip a stream in bounded memory, with a guard against decompression bombs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isal import igzip_lib

from wideload_runtime.core.errors import Refused

MAGIC = b"\x1f\x8b"
PIECE = 1024 * 1024
"""Bytes of output of one step of decompression."""
FREE_OUTPUT = 256 * 1024 * 1024
"""Bytes of output that are allowed at any ratio: small, repetitive bodies are common, and this
much is processed in seconds."""
MAX_RATIO = 200
"""Output to input beyond `FREE_OUTPUT`. Call logs compress 3 to 20 times, deflate at most
1,032 times (https://zlib.net/zlib_tech.html)."""

MEMBERS = 10_000
"""Members that may have any size; with more, they need `MIN_MEMBER` bytes on average."""
MIN_MEMBER = 1024
"""Bytes of output. Tools that write many members write at least 64 KB into each."""


def decoded(chunks: Iterable[bytes], *, max_size: int) -> Iterator[bytes]:
    """Yield the document's bytes, gunzipped if they start as gzip does.

    Args:
        chunks: The sent bytes, in pieces of any size.
        max_size: Bytes that the document may have.

    Raises:
        Refused: `invalid_gzip`, `document_too_large`.
    """
    source = iter(chunks)
    start = b""
    for chunk in source:
        start += chunk
        if len(start) >= len(MAGIC):
            break
    whole = _chain(start, source)
    yield from _capped(gunzip(whole) if start.startswith(MAGIC) else whole, max_size)


def gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gunzip a stream of one or more members (RFC 1952, 2.2), checksums included.

    Raises:
        Refused: `invalid_gzip` for anything but complete gzip members;
            `document_too_large` for a decompression bomb.
    """
    inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    fed = made = 0
    members = 1
    for chunk in chunks:
        data = chunk
        fed += len(chunk)
        while data or not inflate.needs_input:
            if inflate.eof:
                if not MAGIC.startswith(data[: len(MAGIC)]):
                    raise Refused(
                        "invalid_gzip",
                        f"The gzip stream ends at byte {fed - len(data)}, and what follows is no "
                        "gzip: leave it out.",
                    )
                members += 1
                if members > MEMBERS and made < members * MIN_MEMBER:
                    raise Refused(
                        "invalid_gzip",
                        f"The gzip stream has more than {MEMBERS} members, of less than "
                        f"{MIN_MEMBER} bytes on average.",
                    )
                inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            try:
                piece = inflate.decompress(data, PIECE)
            except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub says Any
                raise Refused(
                    "invalid_gzip", f"Near byte {fed} the gzip stream is corrupt: {error}."
                ) from error
            data = inflate.unused_data if inflate.eof else b""
            made += len(piece)
            if made > FREE_OUTPUT and made > fed * MAX_RATIO:
                raise Refused(
                    "document_too_large",
                    f"The gzip stream unpacks to more than {MAX_RATIO} times its size; "
                    f"beyond {FREE_OUTPUT} bytes that is refused.",
                )
            if piece:
                yield piece
            if inflate.eof and not data:
                break
    if not inflate.eof:
        raise Refused(
            "invalid_gzip",
            f"The gzip stream ends too early, after {fed} bytes: the upload was cut off.",
        )


def _capped(chunks: Iterable[bytes], max_size: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_size:
            raise Refused("document_too_large", f"The document has more than {max_size} bytes.")
        yield chunk


def _chain(start: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if start:
        yield start
    yield from rest
