"""The upload URL of a payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class UploadUrl:
    """An upload URL and what belongs to it, as `/get-upload-url` gives it."""

    payload_id: str
    s3_key: str
    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, answer: dict[str, Any]) -> UploadUrl:
        """Take the members that an upload needs.

        Raises:
            KeyError, TypeError, ValueError: One is missing or of a wrong kind.
        """
        upload_url = cls(
            payload_id=answer["payload_id"],
            s3_key=answer["s3_key"],
            method=answer["method"],
            url=answer["upload_url"],
            headers=dict(answer["headers"]),
        )
        texts = (upload_url.payload_id, upload_url.s3_key, upload_url.method, upload_url.url)
        if not all(isinstance(text, str) for text in (*texts, *upload_url.headers.values())):
            raise TypeError("a member that must be text is not")
        # Checked here, since the HTTP library would show what it can't send.
        lines = (*upload_url.headers, *upload_url.headers.values())
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("a header can't be sent")
        return upload_url
