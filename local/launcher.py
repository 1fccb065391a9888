"""Start ministack with what its 1.5.33 gets wrong put right.

With `WIDELOAD_CALLS` it also writes down what roles call, to the file of that name.

The one file here that runs in `.local/ministack/`, which has none of our packages.
`tests/local/test_launcher.py` fails as soon as a newer ministack needs a patch no more.
"""

import contextvars
import hashlib
import json
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypercorn.config import Config
from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import apigateway, s3, sts
from ministack.services.cloudformation import provisioners


def fetch_key_sets_over_https() -> None:
    """With USE_SSL=1 the JWT authorizer still asks for Cognito's key set over http.

    The port answers TLS only, so every token got 401.
    """
    resolve = apigateway._resolve_jwks_url
    plain = f"http://{apigateway._HOST}:{apigateway._PORT}/"

    async def resolve_https(authorizer: dict[str, Any]) -> str | None:
        url: str | None = await resolve(authorizer)
        if url and url.startswith(plain):
            return f"https://{url.removeprefix('http://')}"
        return url

    apigateway._resolve_jwks_url = resolve_https


def name_cors_settings_as_the_api_does() -> None:
    """CloudFormation's `AllowOrigins` is stored as it is, where `allowOrigins` is read.

    Every preflight on an HTTP API that a template configured got 403.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    for action, position in (("create", 1), ("update", 2)):
        handlers[action] = _with_camel_case_cors(handlers[action], position)


def _with_camel_case_cors(handle: Any, position: int) -> Any:
    def handle_camel_case(*arguments: Any) -> Any:
        # A copy: the stack keeps the template's own properties to tell what changed.
        changed = list(arguments)
        properties = dict(changed[position])
        cors = properties.get("CorsConfiguration")
        if cors:
            properties["CorsConfiguration"] = {
                name[:1].lower() + name[1:]: value for name, value in cors.items()
            }
        changed[position] = properties
        return handle(*changed)

    return handle_camel_case


def keep_buckets_that_hold_something() -> None:
    """CloudFormation deletes a bucket with all that is in it, which AWS's can't.

    So an environment that AWS would refuse to take down went down here.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = handlers["delete"]

    def delete_empty(name: str, properties: dict[str, Any]) -> None:
        bucket = s3._buckets.get(name)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(name)):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}")
        delete(name, properties)

    handlers["delete"] = delete_empty


def leave_port_443_alone() -> None:
    """With USE_SSL=1 it also opens port 443 whenever it may, and has no switch for that."""
    app._port_is_bindable = lambda _host, _port: False


def offer_http_1_1_alone() -> None:
    """Its server offers HTTP/2 to TLS clients, which S3 doesn't.

    Browsers took the offer and sent all uploads over one connection: at a quarter of the speed
    that the command line reaches, and all of them stalled together.
    """
    Config.alpn_protocols = ["http/1.1"]


class SharedCode(zipfile.ZipFile):
    """A zip of a function's code that is unpacked once, and linked to wherever it is needed."""

    _lock = threading.Lock()

    def extractall(self, path: Any = None, *_: Any) -> None:
        """Fill the folder `path` with links to the members of the unpacked zip."""
        with open(str(self.filename), "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        unpacked = Path(tempfile.gettempdir(), "unpacked", digest)
        with self._lock:
            if not unpacked.exists():
                draft = unpacked.with_suffix(".draft")
                super().extractall(draft)
                draft.rename(unpacked)
        for member in unpacked.iterdir():
            Path(path, member.name).symlink_to(member)


def unpack_code_once() -> None:
    """Each worker of a function unpacks the code into a folder of its own.

    So every cold start compiled all modules again, which took longer than to import them.
    """
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedCode})


def log_functions_that_do_not_start() -> None:
    """A function whose module can't be imported has no line about it in its log, only its answer.

    AWS logs the error: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    invoke = lambda_runtime.Worker.invoke

    def invoke_and_log(worker: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return invoke(worker, *arguments, **options)
        except RuntimeError as error:
            worker.kill()  # so that the next invocation tries again
            return {"status": "error", "error": f"The function doesn't start: {error}"}

    lambda_runtime.Worker.invoke = invoke_and_log


def wait_for_log_lines_without_polling() -> None:
    """After each invocation it looks every millisecond, 50 times, for lines that the function logs.

    That took a twelfth of the server's CPU time in the tests.
    """
    lambda_runtime.Worker._drain_stderr_bounded = _log_lines


def _log_lines(
    worker: Any, first_line_wait: float = 0.05, idle_confirm: float = 0.005, hard_cap: float = 0.25
) -> str:
    lines: list[str] = []
    deadline, wait = time.monotonic() + hard_cap, first_line_wait
    try:
        while wait > 0:
            lines.append(worker._stderr_queue.get(timeout=wait))
            wait = min(idle_confirm, deadline - time.monotonic())
    except queue.Empty:
        pass
    return "\n".join(lines)


def record_calls_of_roles(path: Path) -> None:
    """It enforces policies, and keeps nothing of how it decided.

    Each distinct call that a role made is one line of JSON, presigned requests among them: what
    IAM was asked, for which request, and whether it allowed it. A request whose credentials or
    signature are wrong is none: it never came to a decision.
    """
    pin, enforce = app.pin_signed_request, iam_evaluator.enforce
    request = contextvars.ContextVar[dict[str, Any]]("request")
    record = path.open("w", buffering=1)
    seen: set[str] = set()

    def pin_and_note(
        method: str, raw_path: str, query: dict[str, list[str]], headers: list[tuple[bytes, bytes]]
    ) -> None:
        request.set(_describe(method, query, headers))
        pin(method, raw_path, query, headers)

    def enforce_and_record(
        access_key_id: str, action: str, *where: str, resource_arn: str = "*", **context: Any
    ) -> Any:
        denied = enforce(access_key_id, action, *where, resource_arn=resource_arn, **context)
        session = sts._sessions.get(access_key_id) or {}
        _, _, role = session.get("Arn", "").partition(":assumed-role/")
        if role and not isinstance(denied, iam_evaluator.AuthError):
            line = json.dumps(
                {
                    "role": role.partition("/")[0],
                    "action": action,
                    "resource": resource_arn,
                    "prefix": (context.get("service_context") or {}).get("s3:prefix"),
                    "allowed": denied is None,
                    **request.get(),
                }
            )
            if line not in seen:
                seen.add(line)
                record.write(line + "\n")
        return denied

    app.pin_signed_request, iam_evaluator.enforce = pin_and_note, enforce_and_record


def _describe(
    method: str, query: dict[str, list[str]], headers: list[tuple[bytes, bytes]]
) -> dict[str, Any]:
    """The API's operation as a request names it: by a header, or by S3's query parameters."""
    target = next((value for name, value in headers if name.lower() == b"x-amz-target"), b"")
    names = sorted(name for name in query if not name.lower().startswith("x-amz-"))
    return {
        "request": target.decode().rpartition(".")[2] or " ".join([method, *names]),
        "presigned": "X-Amz-Signature" in query,
    }


def end_with_owner() -> None:
    """End this process group when the other end of stdin closes, however the owner died."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def patch() -> None:
    fetch_key_sets_over_https()
    name_cors_settings_as_the_api_does()
    keep_buckets_that_hold_something()
    leave_port_443_alone()
    offer_http_1_1_alone()
    unpack_code_once()
    log_functions_that_do_not_start()
    wait_for_log_lines_without_polling()


if __name__ == "__main__":
    if os.environ.get("WIDELOAD_CLOUD_OWNED"):
        end_with_owner()
    patch()
    if "WIDELOAD_CALLS" in os.environ:
        record_calls_of_roles(Path(os.environ["WIDELOAD_CALLS"]))
    app.main()
