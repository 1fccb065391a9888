"""Look a payload up, wait for it, delete it, and read its document."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import IO

from wideload._api import Api, checked_id, unexpected
from wideload._http import Http
from wideload._ingest.models import CallLog
from wideload._ingest.stored_document import StoredDocument, check_document, copy_document
from wideload._presigned import PresignedCall, PresignedRequest, RenewableRequest
from wideload._retry import Attempts, Pacing
from wideload.errors import (
    ApiError,
    NotFoundError,
    PayloadRefusedError,
    WaitTimeoutError,
    WideloadError,
)

# Seconds between two looks at a payload that is waited for: the first, and the longest.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


def get(api: Api, payload_id: str, attempts: Attempts) -> CallLog:
    """The record of a payload, with its document if that is small.

    Raises:
        WideloadError: See `Client.get`.
    """
    path = f"/call-logs/{checked_id('payload', payload_id)}"
    try:
        answer = api.request("GET", path, attempts)
    except WideloadError as error:
        error.payload_id = payload_id
        raise
    try:
        log = CallLog.parse(answer.body)
        if log.document_url is not None:
            api.checked_url(log.document_url)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise unexpected("GET", path, answer) from None
    if log.document is not None:
        check_document(log, len(log.document), hashlib.sha256(log.document).hexdigest())
    return log


def wait_until_stored(
    look: Callable[[], CallLog], payload_id: str, timeout: float, pacing: Pacing
) -> CallLog:
    """Look at a payload until it is stored.

    Args:
        look: Gives its record.
        timeout: Seconds to wait at most. 0 looks once.

    Raises:
        PayloadRefusedError: Processing failed, or the upload URL expired unused.
        WaitTimeoutError: It is still not stored.
    """
    deadline = pacing.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        log = look()
        if log.state == "stored":
            return log
        if log.state in {"failed", "expired"}:
            raise unusable(log)
        left = deadline - pacing.monotonic()
        if left <= 0:
            late = WaitTimeoutError(
                f"payload {payload_id} is still {log.state} after {timeout:g} s; "
                "it goes on being processed",
                state=log.state,
            )
            late.payload_id = payload_id
            raise late
        pacing.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def delete(api: Api, payload_id: str, attempts: Attempts) -> None:
    """Delete a payload. 404 is success if an earlier attempt may have deleted it.

    Raises:
        WideloadError: See `Client.delete`.
    """
    path = f"/call-logs/{checked_id('payload', payload_id)}"
    try:
        answer = api.request("DELETE", path, attempts)
    except WideloadError as error:
        gone = isinstance(error, NotFoundError) and error.code == "unknown_payload"
        if gone and attempts.ambiguous:
            return
        error.payload_id = payload_id
        raise
    if answer.status != 204:
        raise unexpected("DELETE", path, answer)


def write_document(
    api: Api,
    http: Http,
    payload_id: str,
    file: IO[bytes],
    *,
    attempts: Attempts,
    pacing: Pacing,
) -> CallLog:
    """Write the document of a payload to `file`, uncompressed, and check it.

    Raises:
        WideloadError: See `Client.document_to`.
    """
    log = get(api, payload_id, attempts)
    if log.document is not None:
        file.write(log.document)
        return log
    if log.document_url is None:
        raise unusable(log)

    def sign() -> PresignedRequest:
        return PresignedRequest("GET", get(api, payload_id, attempts).document_url or "")

    first = PresignedRequest("GET", log.document_url)
    call = PresignedCall(http, RenewableRequest(sign, pacing.monotonic, first), attempts, pacing)
    stored = StoredDocument(call, attempts)
    try:
        copy_document(log, stored, file)
    finally:
        stored.close()
    return log


def unusable(log: CallLog) -> ApiError:
    """The error for a payload without a document: it failed, expired, or isn't stored yet."""
    error: ApiError
    if log.state == "failed":
        says = ": ".join(part for part in (log.error_code, log.error_detail) if part)
        error = PayloadRefusedError(
            f"processing payload {log.payload_id} failed{': ' + says if says else ''}",
            status=200,
            code=log.error_code,
            detail=log.error_detail,
        )
    elif log.state == "expired":
        detail = "nothing was uploaded before its upload URL expired"
        error = PayloadRefusedError(
            f"payload {log.payload_id}: {detail}", status=200, code="expired", detail=detail
        )
    else:
        error = NotFoundError(
            f"payload {log.payload_id} has no document: its state is {log.state}", status=200
        )
    error.payload_id = log.payload_id
    return error
