"""Base of the functions behind HTTP APIs: reads bodies, answers JSON and problem details."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.exceptions import ClientError

from wideload_runtime import __version__
from wideload_runtime.adapters.clients import NO_ANSWER, is_passing
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.json_text import JsonText

NO_STORE = {"Cache-Control": "no-store"}


class Api(APIGatewayHttpResolver):
    """Routes, and the one place that maps errors to HTTP."""

    def __init__(self) -> None:
        super().__init__()
        self.not_found(self._not_found)
        self.exception_handler(Refused)(self._refused)
        self.exception_handler([ClientError, *NO_ANSWER])(self._aws_failed)
        self.exception_handler(Exception)(self._failed)

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer a request; headers tell an authorized caller the version and its name."""
        answered: dict[str, Any] = super().resolve(event, context)
        if caller := _caller_of(event):
            answered["headers"] |= {
                "Wideload-Version": __version__,
                "Wideload-Caller": quote(caller),
            }
        return answered

    @property
    def query(self) -> dict[str, str]:
        return self.current_event.query_string_parameters or {}

    @property
    def headers(self) -> dict[str, str]:
        """Headers; API Gateway gives their names in lower case."""
        headers: dict[str, str] = self.current_event.headers
        return headers

    @property
    def authorizer(self) -> dict[str, Any]:
        """The result of API Gateway's authorizer."""
        authorizer: dict[str, Any] = self.current_event["requestContext"]["authorizer"]
        return authorizer

    @property
    def request_id(self) -> str:
        request_id: str = self.current_event["requestContext"]["requestId"]
        return request_id

    def read_body(self, damaged: Callable[[bytes], Refused], *, exact: bool = False) -> bytes:
        """
        Args:
            damaged: Makes the refusal of a text in which the gateway replaced bytes.
            exact: Whether the body is kept as it is. Then text with U+FFFD is refused unless a
                `Content-Digest` matches: three bytes of a truncated character become the three
                bytes of U+FFFD, so that the length doesn't show it.
        """
        body = self.current_event.get("body") or ""
        if not self.current_event.get("isBase64Encoded"):
            text = bytes(body.encode("utf-8", "surrogatepass"))
            # U+FFFD alone is an ordinary character, unless the length shows that it was inserted.
            wrong_length = self.headers.get("content-length") not in (None, str(len(text)))
            if "\ufffd" in body and (wrong_length or (exact and not self._has_digest_of(text))):
                raise damaged(text)
            return text
        try:
            return base64.b64decode(body)
        except binascii.Error as error:
            raise Refused("invalid_request", "The body arrived damaged: send it again.") from error

    def _has_digest_of(self, body: bytes) -> bool:
        """Return whether the sender's `Content-Digest` is of this body (RFC 9530)."""
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return f"sha-256=:{digest}:" in self.headers.get("content-digest", "")

    def problem(self, refused: Refused) -> Response[str]:
        """RFC 9457 problem details."""
        body = {
            "type": f"urn:wideload:problem:{refused.code}",
            "title": refused.title,
            "status": refused.status,
            "detail": refused.detail or refused.title,
            "code": refused.code,
            "request_id": self.request_id,
            **refused.members,
        }
        return Response(
            status_code=refused.status,
            content_type="application/problem+json",
            body=to_json(body),
            headers=_headers(refused.retry_after),
        )

    def _not_found(self, _error: Exception) -> Response[str]:
        return self.problem(Refused("not_found", "See the API's document for its routes."))

    def _refused(self, error: Refused) -> Response[str]:
        logger.info("refused", code=error.code, status=error.status)
        return self.problem(error)

    def _aws_failed(self, error: Exception) -> Response[str]:
        if isinstance(error, ClientError) and not is_passing(error):
            return self._failed(error)
        logger.exception("AWS is not available")
        detail = "A service that this one needs is overloaded: try again."
        return self.problem(Refused("unavailable", detail, retry_after=2))

    def _failed(self, _error: Exception) -> Response[str]:
        logger.exception("request failed")
        detail = "The failure is logged under this request id; the request can be repeated."
        return self.problem(Refused("internal", detail))


def _caller_of(event: Mapping[str, Any]) -> str | None:
    """Return the API key's tenant or the access token's subject; None where neither is needed."""
    authorizer = event["requestContext"].get("authorizer") or {}
    key, token = authorizer.get("lambda") or {}, authorizer.get("jwt") or {}
    caller: str | None = key.get("tenant") or token.get("claims", {}).get("sub")
    return caller


def answer(status: int, body: Any, *, retry_after: int | None = None) -> Response[str]:
    """
    Args:
        retry_after: Seconds after which the same request may have another answer.
    """
    return Response(
        status_code=status,
        content_type="application/json",
        body=to_json(body),
        headers=_headers(retry_after),
    )


def _headers(retry_after: int | None) -> dict[str, str | list[str]]:
    return {**NO_STORE, **({"Retry-After": str(retry_after)} if retry_after else {})}


def no_content() -> Response[str]:
    return Response(204, body="", headers=NO_STORE)


def accepted() -> Response[str]:
    return Response(202, body="", headers=NO_STORE)


def to_json(value: Any) -> str:
    return orjson.dumps(value, default=_as_it_is, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _as_it_is(value: JsonText) -> orjson.Fragment:
    return orjson.Fragment(value.text)
