"""Function of the file transfer API: translates requests and answers; `core` decides."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.authorize_function import LambdaAuthorizeFunction
from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.authorizing import AuthorizeError, Authorizing
from wideload_runtime.core.files.completing import WAIT_SECONDS
from wideload_runtime.core.files.files import Files
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.lists import FileQuery, FolderQuery
from wideload_runtime.core.files.records import Quota
from wideload_runtime.core.files.requests import (
    Page,
    UploadRequest,
    parse_change,
    parse_check,
    parse_claim,
    parse_create,
    parse_delete,
    parse_folders,
    parse_move,
    parse_named_folder,
    parse_parts,
)
from wideload_runtime.core.files.uploads import Uploads
from wideload_runtime.handlers._files import make_transfer
from wideload_runtime.handlers._files import settings as files_settings
from wideload_runtime.handlers._http import NO_STORE, Api, accepted, answer, no_content
from wideload_runtime.settings import FilesApiSettings

MAX_SUBJECT = 1024
"""Bytes. A key of DynamoDB has up to 2,048."""
EMPTYING_SECONDS = 5
"""Seconds after which the rest of a deleted folder is left to the sweep."""
JSON_RANGES = {"application/json", "application/*", "*/*"}

settings = FilesApiSettings.from_environment()
app = Api()
transfer = make_transfer(
    Limits(
        url_seconds=settings.url_seconds,
        session_seconds=settings.session_seconds,
        max_file_size=settings.max_file_size,
        quota=Quota(settings.quota_bytes, settings.max_open_uploads, settings.quota_files),
    )
)


authorizing = (
    Authorizing(
        function=LambdaAuthorizeFunction(
            clients.functions(settings.authorize_seconds), settings.authorize_function
        ),
        failure=settings.authorize_failure,
        environment=files_settings.environment,
    )
    if settings.authorize_function
    else None
)


@app.get("/sign-in")
def get_sign_in() -> Response[str]:
    return answer(200, settings.sign_in)


@app.post("/files/check")
def check_files() -> Response[str]:
    return answer(200, {"files": _uploads().check(parse_check(_body()))})


@app.post("/files")
def create_uploads() -> Response[str]:
    return answer(200, {"files": _uploads().create(_authorized(parse_create(_body())))})


@app.get("/files/uploads")
def list_uploads() -> Response[str]:
    return answer(200, _uploads().listed(Page.parse(app.query)))


@app.get("/files/uploads/<upload_id>")
def get_upload(upload_id: str) -> Response[str]:
    return answer(200, _uploads().show(upload_id))


@app.delete("/files/uploads/<upload_id>")
def abort_upload(upload_id: str) -> Response[str]:
    _uploads().abort(upload_id)
    return no_content()


@app.post("/files/uploads/<upload_id>/parts")
def sign_parts(upload_id: str) -> Response[str]:
    return answer(200, {"parts": _uploads().signing.sign(upload_id, parse_parts(_body()))})


@app.post("/files/uploads/<upload_id>/complete")
def complete_upload(upload_id: str) -> Response[str]:
    try:
        return answer(200, _uploads().complete(upload_id, parse_claim(_body())))
    except Refused as refused:
        if refused.code != "completing":
            raise
        # S3 needs more time: that is no error, and must not raise the alarms on 5xx and latency.
        retry_after = refused.retry_after
        waiting = {"upload_id": upload_id, "state": "completing", "retry_after": retry_after}
        return answer(202, waiting, retry_after=retry_after)


@app.get("/files")
def list_files() -> Response[str]:
    return answer(200, transfer.listing(_owner()).page(FileQuery.parse(app.query)))


@app.post("/files/move")
def move_files() -> Response[str]:
    file_ids, change = parse_move(_body())
    return answer(200, {"files": _files().change_all(file_ids, change)})


@app.post("/files/delete")
def delete_files() -> Response[str]:
    return answer(200, {"files": _files().delete_all(parse_delete(_body()))})


@app.get("/files/folders")
def list_folders() -> Response[str]:
    return answer(200, transfer.folders(_owner()).listed(FolderQuery.parse(app.query)))


@app.post("/files/folders")
def make_folder() -> Response[str]:
    (path,) = parse_folders(_body(), "folder")
    return answer(200, {"folder": transfer.folders(_owner()).make(path)})


@app.patch("/files/folders")
def move_folder() -> Response[str]:
    path, to = parse_folders(_body(), "folder", "to")
    return answer(200, {"folder": transfer.folders(_owner()).move(path, to)})


@app.delete("/files/folders")
def delete_folder() -> Response[str]:
    ends = time.monotonic() + EMPTYING_SECONDS
    folder_id = transfer.folders(_owner()).delete(parse_named_folder(app.query, "folder"))
    emptying = transfer.emptying(_owner(), has_time=lambda: time.monotonic() < ends)
    return no_content() if emptying.try_run(folder_id) else accepted()


@app.get("/files/<file_id>")
def get_file(file_id: str) -> Response[str]:
    files = _files()
    return answer(200, {"file": files.shown(files.get(file_id))})


@app.patch("/files/<file_id>")
def change_file(file_id: str) -> Response[str]:
    files = _files()
    return answer(200, {"file": files.shown(files.change(file_id, parse_change(_body())))})


@app.delete("/files/<file_id>")
def delete_file(file_id: str) -> Response[str]:
    _files().delete(file_id)
    return no_content()


@app.get("/files/<file_id>/download")
def download_file(file_id: str) -> Response[str]:
    files = _files()
    file, action = files.download(file_id)
    if _takes_json():
        return answer(200, {"file": files.shown(file), "action": action})
    return Response(302, body="", headers={**NO_STORE, "Location": action["href"]})


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


def _authorized(requests: list[UploadRequest | Refused]) -> list[UploadRequest | Refused]:
    """Return the requests as the team's function decides, if there is one."""
    if authorizing is None:
        return requests
    try:
        return authorizing.authorize(_owner(), requests)
    except AuthorizeError:
        logger.exception("the authorize function failed; the files are taken without it")
        return requests
    except Refused as refused:
        logger.exception("the authorize function failed; the files are refused")
        raise refused from None


def _uploads() -> Uploads:
    return transfer.uploads(_owner(), seconds_left=lambda: WAIT_SECONDS)


def _files() -> Files:
    return transfer.files(_owner())


def _owner() -> str:
    """Return the subject of the token, which API Gateway has verified."""
    claims: dict[str, Any] = app.authorizer["jwt"]["claims"]
    subject = claims.get("sub", "")
    # Cognito's ID tokens have the same issuer and audience; other issuers' have no token_use.
    if claims.get("token_use", "access") != "access":
        raise Refused("not_an_access_token", "The token is an ID token: send the access token.")
    if not subject or len(subject.encode()) > MAX_SUBJECT:
        raise Refused(
            "not_an_access_token", f"The token has no subject of 1 to {MAX_SUBJECT} bytes."
        )
    return str(subject)


def _takes_json() -> bool:
    accepted = app.headers.get("accept", "")
    ranges = {media_range.split(";")[0].strip().lower() for media_range in accepted.split(",")}
    return not accepted.strip() or bool(ranges & JSON_RANGES)


def _body() -> bytes:
    return app.read_body(_damaged)


def _damaged(_text: bytes) -> Refused:
    return Refused("invalid_request", "The body is not UTF-8: the gateway replaced bytes.")
