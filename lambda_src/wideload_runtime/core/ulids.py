"""ULIDs, the ids of all records: they sort by time of creation
(https://github.com/ulid/spec)."""

from __future__ import annotations

import re

PATTERN = r"[0-9A-HJKMNP-TV-Z]{26}"
_ULID = re.compile(PATTERN)


def is_ulid(text: str) -> bool:
    return _ULID.fullmatch(text) is not None
