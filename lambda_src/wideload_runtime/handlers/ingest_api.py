"""The ingest API's function: translates requests and answers, decides nothing."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError, HTTPClientError

from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.core.errors import TITLES, Refused
from wideload_runtime.core.ingest.ingest import Reply
from wideload_runtime.core.ingest.paging import Listing, Page
from wideload_runtime.core.ingest.processing import Caller
from wideload_runtime.core.ingest.requests import UploadRequest, parse_idempotency_key, parse_send
from wideload_runtime.handlers._service import make_ingest, make_processor, make_reader

LEASE_MS = 35_000  # the function ends after 29 s
RESERVE_MS = 6_000  # kept back from processing, to hand a payload over and answer

NO_STORE = {"Cache-Control": "no-store"}

THROTTLED = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "SlowDown",
    "ServiceUnavailable",
    "InternalServerError",
    "InternalError",
}

app = APIGatewayHttpResolver()
ingest = make_ingest(make_processor(lease_ms=LEASE_MS))
reader = make_reader()


@app.get("/get-upload-url")
@app.post("/get-upload-url")
def get_upload_url() -> Response[str]:
    wish = UploadRequest.parse(_query(), _body())
    return _answer(ingest.issue_upload_url(_tenant(), wish, _idempotency_key()))


@app.post("/send-call-log")
def send_call_log() -> Response[str]:
    request = parse_send(app.current_event.headers, _body())
    return _answer(ingest.accept(_caller(), request, _idempotency_key()))


@app.get("/call-logs")
def list_call_logs() -> Response[str]:
    return _answer(Reply(200, reader.listed(_tenant(), Listing.parse(_query()))))


@app.get("/call-logs/<payload_id>")
def get_call_log(payload_id: str) -> Response[str]:
    known, document = reader.payload(_tenant(), payload_id)
    body = _json(known)
    if document is not None:
        # The document's own bytes, not parsed again, and last: so a client can cut them out.
        body = f'{body[:-1]},"document":{document.decode()}}}'
    return Response(200, "application/json", body, headers=NO_STORE)


@app.get("/call-logs/<payload_id>/records")
def get_records(payload_id: str) -> Response[str]:
    page = reader.records(_tenant(), payload_id, Page.parse(_query()))
    body = base64.b64encode(_json(page).encode()).decode()
    answer = Response(200, "application/json", body, headers=NO_STORE)
    # Text would be escaped within the function's answer, and could so outgrow 6 MB.
    answer.base64_encoded = True
    return answer


@app.delete("/call-logs/<payload_id>")
def delete_call_log(payload_id: str) -> Response[str]:
    reader.delete(_tenant(), payload_id)
    return Response(204, body="", headers=NO_STORE)


@app.not_found
def not_found(_error: Exception) -> Response[str]:
    return _problem(404, "not_found", "No such route", "See the API's document for its routes.")


@app.exception_handler(Refused)  # type: ignore[untyped-decorator]
def refused(error: Refused) -> Response[str]:
    logger.info("refused", code=error.code, status=error.status)
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return _problem(error.status, error.code, TITLES[error.code], error.detail, headers)


@app.exception_handler([ClientError, HTTPClientError])  # type: ignore[untyped-decorator]
def aws_failed(error: ClientError | HTTPClientError) -> Response[str]:
    if isinstance(error, ClientError) and error.response["Error"]["Code"] not in THROTTLED:
        return _internal()
    logger.exception("AWS is not available")
    detail = "A service that this one needs is overloaded: try again."
    return _problem(503, "unavailable", TITLES["unavailable"], detail, {"Retry-After": "2"})


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def failed(_error: Exception) -> Response[str]:
    return _internal()


def _internal() -> Response[str]:
    logger.exception("request failed")
    detail = "The failure is logged under this request id; the request can be repeated."
    return _problem(500, "internal", TITLES["internal"], detail)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


def _idempotency_key() -> str | None:
    return parse_idempotency_key(app.current_event.headers.get("idempotency-key"))


def _query() -> dict[str, str]:
    return app.current_event.query_string_parameters or {}


def _tenant() -> str:
    authorizer: dict[str, Any] = app.current_event["requestContext"]["authorizer"]["lambda"]
    tenant: str = authorizer["tenant"]
    return tenant


def _caller() -> Caller:
    context = app.lambda_context
    return Caller(
        tenant=_tenant(),
        request_id=_request_id(),
        has_time=lambda: context.get_remaining_time_in_millis() > RESERVE_MS,
    )


def _request_id() -> str:
    request_id: str = app.current_event["requestContext"]["requestId"]
    return request_id


def _body() -> bytes:
    body = app.current_event.get("body") or ""
    if not app.current_event.get("isBase64Encoded"):
        text = bytes(body.encode("utf-8", "surrogatepass"))
        announced = app.current_event.headers.get("content-length")
        # U+FFFD alone is a character like others; but not where the length says it was put in.
        if "\ufffd" in body and announced not in (None, str(len(text))):
            raise Refused("invalid_json", "The body is not UTF-8: the gateway replaced bytes.")
        return text
    try:
        return base64.b64decode(body)
    except binascii.Error as error:
        raise Refused("invalid_request", "The body arrived damaged: send it again.") from error


def _json(value: Any) -> str:
    """json, not orjson: integers of any length must go out as they came in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _answer(reply: Reply) -> Response[str]:
    return Response(
        status_code=reply.status,
        content_type="application/json",
        body=_json(reply.body),
        headers=NO_STORE,
    )


def _problem(
    status: int, code: str, title: str, detail: str, headers: dict[str, str] | None = None
) -> Response[str]:
    """RFC 9457 problem details."""
    body = {
        "type": f"urn:wideload:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail or HTTPStatus(status).phrase,
        "code": code,
        "request_id": _request_id(),
    }
    return Response(
        status_code=status,
        content_type="application/problem+json",
        body=_json(body),
        headers={**NO_STORE, **(headers or {})},
    )
