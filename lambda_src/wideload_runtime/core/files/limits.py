"""Limits of uploads, of a person and of a deployment."""

from __future__ import annotations

from dataclasses import dataclass

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.parts import MIN_PART, SINGLE_PUT
from wideload_runtime.core.files.records import Quota, Usage

STILL_COUNTED = "What was just aborted or deleted counts until its upload URL has expired."


@dataclass(frozen=True, slots=True)
class Limits:
    url_seconds: int
    session_seconds: int
    max_file_size: int
    """Bytes."""
    quota: Quota
    single_put: int = SINGLE_PUT
    """Bytes up to which a file is one PUT."""
    smallest_part: int = MIN_PART
    """Bytes."""

    def check_size(self, size: int) -> None:
        """
        Raises:
            Refused: `file_too_large`.
        """
        if size > self.max_file_size:
            raise Refused(
                "file_too_large", f"The file has {size} bytes, {self.max_file_size} are allowed."
            )

    def check_room(self, usage: Usage, size: int, kind: str = "bytes") -> None:
        """
        Raises:
            Refused: `quota_exceeded`.
        """
        if self.quota.lacks_room(usage, size):
            raise Refused(
                "quota_exceeded",
                f"The file has {size} {kind}; {usage.bytes} of {self.quota.bytes} bytes are taken "
                f"by files and open uploads: delete files, or abort uploads. {STILL_COUNTED}",
            )

    def check_files(self, usage: Usage) -> None:
        """
        Raises:
            Refused: `quota_exceeded`.
        """
        if self.quota.lacks_files(usage):
            raise Refused(
                "quota_exceeded",
                f"{usage.files} files are there, those of open uploads among them, and "
                f"{self.quota.files} are allowed: delete files, or abort uploads. {STILL_COUNTED}",
            )
