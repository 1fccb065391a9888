"""CPU time of warm requests in the functions, beside the bare AWS calls that they must make.

    PYTHONPATH=lambda_src python -m bench.warm_requests [runs]

DynamoDB and S3 are a small server in a process of its own. The reference repeats, with clients of
botocore as they are, the calls that the server saw, and presigns as many URLs; for a claim it
also gunzips, hashes, parses and compresses the document, as the function must.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import orjson
from isal import isal_zlib

from bench.function_environment import variables
from local.call_log import make_call_log

DOCUMENT = orjson.dumps(make_call_log(15_000_000))
OBJECT = isal_zlib.compress(DOCUMENT, 1, 31)  # gzip, without a time
SHA256 = hashlib.sha256(OBJECT).hexdigest()


class Aws(BaseHTTPRequestHandler):
    """DynamoDB and S3 with just the answers that the three requests need."""

    protocol_version = "HTTP/1.1"
    item: ClassVar[dict[str, Any]] = {}
    seen: ClassVar[list[tuple[str, Any]]] = []

    def log_message(self, *_: Any) -> None: ...

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        request = json.loads(self._body())
        self.seen.append((operation, request))
        answer: dict[str, Any] = {}
        if operation == "PutItem":
            type(self).item = request["Item"]
        elif operation == "GetItem":
            answer = {"Item": self.item}
        elif operation == "UpdateItem" and request.get("ReturnValues") == "ALL_NEW":
            answer = {"Attributes": {**self.item, "state": {"S": "processing"}}}
        elif operation == "Query":
            answer = {"Items": []}
        elif operation == "BatchGetItem":
            answer = {"Responses": {}, "UnprocessedKeys": {}}
        self._answer(json.dumps(answer).encode(), "application/x-amz-json-1.0")

    def do_GET(self) -> None:
        if self.path == "/seen":
            self._answer(json.dumps(self.seen).encode(), "application/json")
            self.seen.clear()
            return
        self.seen.append(("GetObject", None))
        self._answer(OBJECT, "application/gzip")

    def do_PUT(self) -> None:
        self._body()
        self.seen.append(("PutObject", None))
        self._answer(b"", "application/xml")

    def _body(self) -> bytes:
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.send_header("Last-Modified", "Fri, 27 Nov 2026 10:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)


def serve(port: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    port.send(server.server_port)
    server.serve_forever()


def event(method: str, path: str, body: Any, authorizer: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "r",
            "stage": "$default",
            "authorizer": authorizer,
            "http": {"method": method, "path": path},
        },
    }


CONTEXT = SimpleNamespace(
    function_name="api",
    function_version="1",
    memory_limit_in_mb="1769",
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:api",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 29_000,
)
KEY = {"lambda": {"tenant": "acme", "key_id": "k"}}
TOKEN = {"jwt": {"claims": {"sub": "ada", "token_use": "access"}}}


class Calls:
    """The calls of one request, to be repeated with botocore alone."""

    def __init__(self, seen: list[tuple[str, Any]], urls: int) -> None:
        from botocore.config import Config
        from botocore.session import Session

        session = Session()
        self._seen = seen
        self._urls = urls
        self._dynamodb = session.create_client("dynamodb")
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
        self._s3 = session.create_client("s3", config=config)

    def repeat(self) -> None:
        for operation, request in self._seen:
            if operation == "GetObject":
                body = self._s3.get_object(Bucket="bucket", Key="k")["Body"].read()
                document = isal_zlib.decompress(body, 31)
                hashlib.sha256(document).digest()
                orjson.loads(document)
            elif operation == "PutObject":
                self._s3.put_object(
                    Bucket="bucket", Key="k", Body=isal_zlib.compress(document, 1, 31)
                )
            else:
                self._dynamodb._make_api_call(operation, request)
        for _ in range(self._urls):
            self._s3.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": "bucket",
                    "Key": "transit/acme/k",
                    "ContentLength": 5,
                    "ChecksumSHA256": SHA256,
                    "IfNoneMatch": "*",
                },
                ExpiresIn=900,
            )


def seconds(work: Callable[[], None], before: Callable[[], Any], runs: int) -> float:
    """Median CPU time of a run."""
    used = []
    for _ in range(runs):
        before()
        started = time.process_time()
        work()
        used.append(time.process_time() - started)
    return statistics.median(used)


def main(runs: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}"
    os.environ.update(variables(url))
    # The functions' log lines are not shown, but their writing counts.
    sys.stdout, shown = Path(os.devnull).open("w"), sys.stdout  # noqa: SIM115
    import urllib3

    from wideload_runtime.handlers import files_api, ingest_api

    claimed: dict[str, Any] = {}
    url_request = {"content_length": len(OBJECT), "sha256": SHA256}
    file = {"name": "a.txt", "size": 5, "content_type": "text/plain", "sha256": SHA256}

    def ask(handler: Any, request: dict[str, Any]) -> Any:
        answer = handler(request, CONTEXT)
        assert answer["statusCode"] == 200, answer
        return json.loads(answer["body"])

    def get_url() -> None:
        claimed.update(ask(ingest_api.handler, event("POST", "/get-upload-url", url_request, KEY)))

    def claim() -> None:
        body = {"s3_key": claimed["s3_key"]}
        answer = ask(ingest_api.handler, event("POST", "/send-call-log", body, KEY))
        assert answer["state"] == "stored"

    def create_file() -> None:
        body = {"files": [file]}
        ask(files_api.handler, event("POST", "/files", body, TOKEN))

    def nothing() -> None: ...

    def seen() -> list[tuple[str, Any]]:
        answer: list[tuple[str, Any]] = urllib3.request("GET", f"{url}/seen").json()
        return answer

    rows = []
    for name, work, before, urls in (
        ("get-upload-url", get_url, nothing, 1),
        ("claim of 15 MB", claim, get_url, 0),
        ("POST /files", create_file, nothing, 1),
    ):
        before()
        work()  # what is done once, and then known
        before()
        seen()
        work()
        calls = Calls(seen(), urls)
        calls.repeat()
        count = runs if work is not claim else max(5, runs // 20)
        function = bare = 0.0
        for _ in range(2):  # alternating, since the machine's speed varies
            function += seconds(work, before, count) / 2
            bare += seconds(calls.repeat, nothing, count) / 2
        operations = [operation for operation, _ in calls._seen]
        rows.append(
            f"| {name} | {function * 1e3:.2f} | {bare * 1e3:.2f} | {function / bare:.2f} | "
            f"{', '.join(operations)}{', a presigned URL' * urls} |"
        )
    sys.stdout = shown
    print("| request | CPU ms | bare calls, ms | ratio | calls |\n| --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    server.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
