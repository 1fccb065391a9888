"""Results of `Client`'s methods for payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from wideload._json import split_document, texts_of_members


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The API's answer to a document that it accepted.

    Attributes:
        payload_id: The API's id of this payload, for `Client.get`.
        state: `stored`, or `queued` if it is too large to be processed in the request.
        size: Bytes of the JSON. None while queued, if the document came compressed.
        sha256: Hex SHA-256 of the JSON. None while queued, if the document came compressed.
        records: Elements of the deployment's array of records. None while queued.
        via: `inline` if it was sent through the API, `s3` if by presigned URL.
        bytes_sent: Bytes of the gzip that was sent.
        upload_duration_ms: Milliseconds of the upload to S3, or None if it was sent inline or S3's
            answer was lost.
        status_url: URL of a queued payload's record, or None.
        idempotency_key: The key that it was sent with. Sending the same document again with this
            key gives the same answer and stores nothing twice.
        created_at: ISO 8601 time at which the API recorded it, or None while queued.
        answer: The API's whole answer, for members that this version doesn't know.
    """

    payload_id: str
    state: str
    size: int | None = None
    sha256: str | None = None
    records: int | None = None
    via: Literal["inline", "s3"]
    bytes_sent: int
    upload_duration_ms: int | None = None
    status_url: str | None = None
    idempotency_key: str
    created_at: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLog:
    """The API's record of a payload. Values that the API doesn't know (yet) are None.

    Attributes:
        payload_id: The API's id of the payload.
        state: `issued`, `uploaded`, `processing`, `stored`, `failed` or `expired`.
        call_id: The document's `call_id`, or the one in the request for the upload URL.
        source: `inline` if it was sent through the API, `s3` if by presigned URL.
        uploaded_size: Bytes that were uploaded, compressed or not.
        size: Bytes of the JSON.
        sha256: Hex SHA-256 of the JSON.
        created_at: ISO 8601 time of the first request about it.
        stored_at: ISO 8601 time at which it was stored.
        records: Elements of the deployment's array of records.
        summary: The document's top-level scalars. Integers are exact; other numbers are floats,
            of some 16 digits.
        summary_texts: The same as JSON texts, which keep all digits.
        array_lengths: Number of elements of each top-level array of the document, by its name.
        document: The JSON byte for byte as it was sent, its SHA-256 checked, if it is small
            enough to be part of the answer; else None. `Client.document` gets it in either case.
        document_url: Presigned URL of the document, if it isn't small. With the URL anyone can read
            the document until it expires, so it is left out of the repr.
        document_encoding: `gzip` if the object at `document_url` is compressed.
        error_code: The reason of a failure, such as `invalid_json`, if `state` is `failed`.
        error_detail: The reason as a sentence.
        answer: The API's whole answer but for `document`.
    """

    payload_id: str
    state: str
    call_id: str | None = None
    source: str | None = None
    uploaded_size: int | None = None
    size: int | None = None
    sha256: str | None = None
    created_at: str | None = None
    stored_at: str | None = None
    records: int | None = None
    summary: Mapping[str, Any] = field(default_factory=dict, repr=False)
    summary_texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    array_lengths: Mapping[str, int] = field(default_factory=dict, repr=False)
    document: bytes | None = field(default=None, repr=False)
    document_url: str | None = field(default=None, repr=False)
    document_encoding: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read the answer of `GET /call-logs/{payload_id}`.

        Raises:
            AttributeError, KeyError, TypeError, ValueError: It isn't such an answer.
        """
        answer, texts, document = split_document(body)
        summary_texts = texts_of_members(texts["summary"]) if answer.get("summary") else {}
        return replace(cls.of(answer), summary_texts=summary_texts, document=document)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Read the members of an answer, or of an item of `GET /call-logs`.

        Raises:
            AttributeError, KeyError, TypeError: It isn't one.
        """
        error = answer.get("error") or {}
        if not isinstance(answer["payload_id"], str) or not isinstance(answer["state"], str):
            raise TypeError("payload_id and state must be text")
        return cls(
            payload_id=answer["payload_id"],
            state=answer["state"],
            call_id=answer.get("call_id"),
            source=answer.get("source"),
            uploaded_size=answer.get("uploaded_size"),
            size=answer.get("size"),
            sha256=answer.get("sha256"),
            created_at=answer.get("created_at"),
            stored_at=answer.get("stored_at"),
            records=answer.get("records"),
            summary=answer.get("summary") or {},
            array_lengths=answer.get("array_lengths") or {},
            document_url=answer.get("document_url"),
            document_encoding=answer.get("document_encoding"),
            error_code=error.get("code"),
            error_detail=error.get("detail"),
            answer=answer,
        )
