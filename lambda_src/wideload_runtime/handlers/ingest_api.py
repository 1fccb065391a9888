"""Function of the ingest API: translates requests and answers; `core` decides."""

from __future__ import annotations

import base64
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.core.ingest.ingest import Reply
from wideload_runtime.core.ingest.paging import Listing, Page
from wideload_runtime.core.ingest.processing import Caller
from wideload_runtime.core.ingest.requests import (
    UploadRequest,
    damaged_text,
    parse_idempotency_key,
    parse_send,
)
from wideload_runtime.handlers._http import NO_STORE, Api, answer, no_content, to_json
from wideload_runtime.handlers._ingest import make_ingest, make_processor, make_reader

LEASE_MS = 35_000  # the function ends after 29 s
RESERVE_MS = 6_000  # not used for processing: to queue a payload and answer

app = Api()
ingest = make_ingest(make_processor(lease_ms=LEASE_MS))
reader = make_reader()


@app.get("/get-upload-url")
@app.post("/get-upload-url")
def get_upload_url() -> Response[str]:
    request = UploadRequest.parse(app.query, _body())
    return _answer(ingest.issue_upload_url(_tenant(), request, _idempotency_key()))


@app.post("/send-call-log")
def send_call_log() -> Response[str]:
    request = parse_send(app.headers, _body(), app.query)
    return _answer(ingest.accept(_caller(), request, _idempotency_key()))


@app.get("/call-logs")
def list_call_logs() -> Response[str]:
    return answer(200, reader.listed(_tenant(), Listing.parse(app.query)))


@app.get("/call-logs/<payload_id>")
def get_call_log(payload_id: str) -> Response[str]:
    return answer(200, reader.payload(_tenant(), payload_id))


@app.get("/call-logs/<payload_id>/records")
def get_records(payload_id: str) -> Response[str]:
    page = reader.records(_tenant(), payload_id, Page.parse(app.query))
    body = base64.b64encode(to_json(page).encode()).decode()
    encoded = Response(200, "application/json", body, headers=NO_STORE)
    # As text it would be escaped in the function's answer, and could exceed 6 MB.
    encoded.base64_encoded = True
    return encoded


@app.delete("/call-logs/<payload_id>")
def delete_call_log(payload_id: str) -> Response[str]:
    reader.delete(_tenant(), payload_id)
    return no_content()


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


def _idempotency_key() -> str | None:
    return parse_idempotency_key(app.headers.get("idempotency-key"))


def _tenant() -> str:
    tenant: str = app.authorizer["lambda"]["tenant"]
    return tenant


def _caller() -> Caller:
    context = app.lambda_context
    return Caller(
        tenant=_tenant(),
        request_id=app.request_id,
        has_time=lambda: context.get_remaining_time_in_millis() > RESERVE_MS,
    )


def _body() -> bytes:
    return app.read_body(damaged_text, exact=True)


def _answer(reply: Reply) -> Response[str]:
    return answer(reply.status, reply.body)
