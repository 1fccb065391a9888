"""Sizes of a file's parts, and the composite checksum of theirs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

MIB = 1024 * 1024
SINGLE_PUT = 64 * MIB
"""Bytes up to which a file is one PUT, whose SHA-256 S3 checks: a multipart upload has only a
checksum of its parts' checksums.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html"""
MIN_PART = 8 * MIB
"""S3's minimum is 5 MiB, except for the last part; larger parts need fewer requests."""
MAX_PARTS = 10_000
MAX_PART = 5 * 1024 * MIB
MAX_SIZE = MAX_PARTS * MAX_PART
"""Bytes of an object: 48.8 TiB.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


def part_size(size: int, *, single_put: int = SINGLE_PUT, smallest: int = MIN_PART) -> int:
    """Return the bytes of each part but the last; of one PUT, the whole size.

    Args:
        single_put: Bytes up to which a file is one PUT.
        smallest: Bytes of a part of a file that needs no larger ones.
    """
    if size <= single_put:
        return size
    needed, unit = -(-size // MAX_PARTS), min(MIB, smallest)
    return max(smallest, -(-needed // unit) * unit)


def part_count(size: int, *, single_put: int = SINGLE_PUT, smallest: int = MIN_PART) -> int:
    if size <= single_put:
        return 1
    return -(-size // part_size(size, single_put=single_put, smallest=smallest))


def base64_of(sha256: str) -> str:
    """Return a hex SHA-256 as base64, for S3's headers."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def hex_of(checksum: str) -> str:
    return base64.b64decode(checksum).hex()


def composite(sha256s: Sequence[str]) -> str:
    """Return S3's checksum of a multipart object from the hex SHA-256 of its parts."""
    digests = b"".join(bytes.fromhex(sha256) for sha256 in sha256s)
    return composite_of(hashlib.sha256(digests).hexdigest(), len(sha256s))


def composite_of(parts_sha256: str, count: int) -> str:
    """Return the same from the hex SHA-256 of the concatenated digests of the parts."""
    return f"{base64_of(parts_sha256)}-{count}"
