"""Functions with the names and results of other SDKs, so that only an import has to change.

    from wideload.compat import send_to_whispey

Settings that the older function had no argument for come from the environment:
`WIDELOAD_API_KEY_HEADER` (default `x-api-key`; deployments that kept the older header need
`x-pype-token`) and `WIDELOAD_CA_BUNDLE`.

With the extra `wideload[async]` a call needs no thread of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from wideload._async.client import AsyncClient, missing_module
from wideload._client import Client
from wideload._ingest.arguments import LONGEST_CALL_ID
from wideload._ingest.models import Receipt
from wideload._ingest.serialize import dumps_as_python
from wideload.errors import ApiError, UploadError, WideloadError

__all__ = ["send_to_whispey"]

_ROUTE = "/send-call-log"


async def send_to_whispey(
    data: dict[str, Any], apikey: str | None = None, api_url: str | None = None
) -> dict[str, Any]:
    """Send a call log, of any size, without blocking the event loop.

    With the extra `wideload[async]` it uses `AsyncClient`, else `Client` in a thread per call.

    Args:
        data: The call log. As in the function that this replaces, it is changed in place:
            `call_ended_reason` is set to `completed` if it is missing, and `call_started_at` and
            `call_ended_at` become ISO 8601 text if they are datetimes or unix times, in seconds or
            a smaller unit.
        apikey: API key. Default: `WHISPEY_API_KEY` in the environment.
        api_url: The route's full URL, ending in `/send-call-log`, or the API's base URL.
            Default: `WIDELOAD_URL` in the environment.

    Values that JSON has no type for are sent as `str` writes them, as the older function did.

    Returns:
        `{"success": True, "status": 200 or 202, "data": <the API's answer>}`, where 202 means that
        the log is stored safely and still being processed; or `{"success": False, "status": int,
        "error": str}`; or, when the API gave no answer, `{"success": False, "error": str}`.
        Nothing is raised for a log that can't be serialized, a refusal or a network failure.
        It may be called while the interpreter shuts down, but blocks then.
    """
    key = (apikey or os.environ.get("WHISPEY_API_KEY") or "").strip()
    if not key:
        return _failure("API key not provided and WHISPEY_API_KEY environment variable not set")
    url = (api_url or os.environ.get("WIDELOAD_URL") or "").strip().rstrip("/")
    if not url:
        return _failure("API URL not provided and WIDELOAD_URL environment variable not set")
    try:
        _complete(data)
        options: dict[str, Any] = {
            "base_url": url.removesuffix(_ROUTE),
            "api_key": key,
            "api_key_header": os.environ.get("WIDELOAD_API_KEY_HEADER") or "x-api-key",
            "ca_bundle": os.environ.get("WIDELOAD_CA_BUNDLE") or None,
        }
        receipt = await _send(data, options)
    except (ApiError, UploadError) as error:
        return {"success": False, "status": error.status, "error": str(error)}
    except (WideloadError, OSError, TypeError, ValueError, RecursionError) as error:
        return _failure(str(error) or type(error).__name__)
    status = 202 if receipt.state == "queued" else 200
    return {"success": True, "status": status, "data": dict(receipt.answer)}


async def _send(data: dict[str, Any], options: dict[str, Any]) -> Receipt:
    call_id = _call_id(data)
    # While the interpreter shuts down, no thread pool can be used, nor even imported.
    shutting_down = not threading.main_thread().is_alive()
    if shutting_down or missing_module():

        def send() -> Receipt:
            with Client(**options) as client:
                return client.send(dumps_as_python(data, str), call_id=call_id)

        return await _in_a_thread(send)
    from wideload._async.workers import in_a_worker

    async with AsyncClient(**options) as client:
        document = await in_a_worker(dumps_as_python, data, str)
        return await client.send(document, call_id=call_id)


async def _in_a_thread(work: Callable[[], Receipt]) -> Receipt:
    """Run `work` in a new thread, or in this one while the interpreter shuts down.

    No thread can be started then. asyncio's thread pool can't be used at all in that phase.
    """
    done: Future[Receipt] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.set_exception(error)

    try:
        threading.Thread(target=run).start()
    except RuntimeError:
        return work()
    return await asyncio.wrap_future(done)


def _complete(data: dict[str, Any]) -> None:
    if not isinstance(data, dict):
        raise TypeError(f"data must be a dict, not {type(data).__name__}")
    data.setdefault("call_ended_reason", "completed")
    for name in ("call_started_at", "call_ended_at"):
        if name in data:
            data[name] = _iso(data[name])


def _iso(moment: object) -> object:
    if isinstance(moment, datetime):
        return moment.isoformat()
    if not isinstance(moment, (int, float)) or isinstance(moment, bool):
        return moment
    # Seconds of a date before the year 5138; what is larger is in milli-, micro- or nanoseconds.
    for unit in (1, 1e3, 1e6, 1e9):
        if 0 <= moment < 1e11 * unit:
            return datetime.fromtimestamp(moment / unit, UTC).isoformat()
    return moment  # not a time; the log is sent all the same


def _call_id(data: dict[str, Any]) -> str | None:
    """The call id for the upload URL, if the log has a valid one."""
    found = data.get("call_id")
    return found if isinstance(found, str) and 1 <= len(found) <= LONGEST_CALL_ID else None


def _failure(error: str) -> dict[str, Any]:
    return {"success": False, "error": error}
