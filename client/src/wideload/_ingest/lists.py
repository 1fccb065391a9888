"""The lists of call logs and of a payload's records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from wideload._api import Api
from wideload._ingest.models import CallLog
from wideload._json import parse, texts_of_items
from wideload._pages import items_async
from wideload._retry import Attempts
from wideload._steps import Work
from wideload.errors import RecordTooLargeError, WideloadError

# The API's own limits on a page.
_MOST_CALL_LOGS = 100
_MOST_RECORDS = 1000


def call_logs(
    api: Api,
    query: dict[str, str],
    limit: int | None,
    attempts: Callable[[], Attempts],
    work: Work,
) -> AsyncGenerator[CallLog]:
    """The items of `GET /call-logs`.

    Args:
        query: Query parameters but for `cursor` and `limit`.
        limit: Items at most; None for all.
        attempts: Gives the retries of each page.
        work: Parses each page.
    """
    return items_async(
        api,
        "/call-logs",
        query,
        take=CallLog.of,
        limit=limit,
        page_size=_MOST_CALL_LOGS,
        attempts=attempts,
        work=work,
    )


async def records(
    api: Api,
    payload_id: str,
    first: int,
    limit: int | None,
    *,
    attempts: Callable[[], Attempts],
    work: Work,
    as_text: bool,
) -> AsyncGenerator[Any]:
    """The items of `GET /call-logs/{payload_id}/records`, from number `first`.

    Args:
        work: Parses each page.
        as_text: Whether to give each record as JSON text instead of parsing it.
    """
    at = first
    try:
        async for record in items_async(
            api,
            f"/call-logs/{payload_id}/records",
            {"first": str(first)} if first else {},
            take=lambda record: record,
            limit=limit,
            page_size=_MOST_RECORDS,
            attempts=attempts,
            parse=texts_of_items if as_text else parse,
            work=work,
        ):
            yield record
            at += 1
    except RecordTooLargeError as refused:
        error = RecordTooLargeError(
            f"record {at} of payload {payload_id} is too large for an answer of the API: the whole "
            f"document has it (Client.document_to, or: wideload get {payload_id} --document)",
            status=refused.status,
            code=refused.code,
            detail=refused.detail,
            request_id=refused.request_id,
        )
        error.record, error.payload_id = at, payload_id
        raise error from None
    except WideloadError as failed:
        failed.payload_id = payload_id
        raise
