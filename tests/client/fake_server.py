"""The API and S3 on a loopback port, in memory, refusing what the real ones refuse."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

API_KEY = "wl_abcdefghijkl_secret-of-the-key"
SIGNATURE = "5f0c0ffee"
INLINE_DOCUMENT = 8 * 1024


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass
class Fault:
    """What to do with one request instead of, or after, doing what it asks for.

    status 0 drops the connection. `after` first does what was asked and then answers this.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


def problem(status: int, code: str, **headers: str) -> Fault:
    """An answer of the API that is an error."""
    body = {"status": status, "code": code, "detail": f"what {code} means", "request_id": "req-1"}
    return Fault(status, json.dumps(body).encode(), headers)


def s3_error(status: int, code: str, **headers: str) -> Fault:
    """An answer of S3 that is an error; it repeats the signature, as S3's do."""
    xml = (
        f"<Error><Code>{code}</Code><Message>About {code}, see ?X-Amz-Signature={SIGNATURE}"
        f"</Message><SignatureProvided>{SIGNATURE}</SignatureProvided></Error>"
    )
    return Fault(status, xml.encode(), {"x-amz-request-id": "S3REQ", **headers})


DROP = Fault(0)
DROP_AFTER = Fault(0, after=True)


class Refused(Exception):  # noqa: N818 - the server says no, which is an answer
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.status)
        self.fault = fault


class FakeServer:
    """State shared by the handler's threads. `url` is the API's base URL."""

    def __init__(self) -> None:
        self.url = ""
        self.root = ""
        self.seen: list[Seen] = []
        self.faults: dict[str, list[Fault]] = {}
        self.objects: dict[str, bytes] = {}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.payloads: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, bytes] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self.queue_from: int | None = None  # compressed bytes from which a claim is queued
        self.polls_until_done = 2
        self.api_key_header = "x-api-key"
        self.tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
        self._count = 0
        self._lock = threading.RLock()

    def fail(self, what: str, *faults: Fault) -> None:
        """Meet the next requests whose "METHOD /path" begins with `what` with these."""
        self.faults.setdefault(what, []).extend(faults)

    def requests(self, what: str) -> list[Seen]:
        """Requests whose "METHOD /path" begins with `what`."""
        return [seen for seen in self.seen if f"{seen.method} {seen.path}".startswith(what)]

    def next_fault(self, line: str) -> Fault | None:
        with self._lock:
            for what, faults in self.faults.items():
                if line.startswith(what) and faults:
                    return faults.pop(0)
        return None

    def answer(self, seen: Seen, query: dict[str, list[str]]) -> Fault:
        with self._lock:
            if seen.path.startswith("/s3/"):
                return self._s3(seen, query)
            if seen.headers.get(self.api_key_header) != API_KEY:
                raise Refused(Fault(403, b'{"message":"Forbidden"}'))
            route = f"{seen.method} {seen.path.removeprefix('/stage')}"
            if route == "POST /get-upload-url":
                return self._upload_url(seen)
            if route == "POST /send-call-log":
                return self._send(seen)
            if route.startswith("GET /call-logs/"):
                return self._call_log(route.rpartition("/")[2])
            raise Refused(Fault(404, b'{"message":"Not Found"}'))

    def _new_id(self) -> str:
        self._count += 1
        return f"pl-{self._count}"

    def _upload_url(self, seen: Seen) -> Fault:
        asked = json.loads(seen.body)
        payload_id = self._new_id()
        key = f"transit/tenant/{payload_id}"
        headers = {
            "Content-Type": asked["content_type"],
            "Content-Length": str(asked["content_length"]),
            "x-amz-checksum-sha256": asked["sha256"],
            "If-None-Match": "*",
        }
        self.tickets[key] = {**asked, "payload_id": payload_id, "headers": headers}
        self.payloads[payload_id] = {"payload_id": payload_id, "state": "issued"}
        return self._json(
            {
                "payload_id": payload_id,
                "method": "PUT",
                "upload_url": f"{self.root}/s3/{key}?X-Amz-Signature={SIGNATURE}",
                "headers": headers,
                "s3_key": key,
                "s3_bucket": "bucket",
                "expires_in": 900,
                "expires_at": "2026-11-22T10:00:00Z",
            }
        )

    def _s3(self, seen: Seen, query: dict[str, list[str]]) -> Fault:
        key = seen.path.removeprefix("/s3/")
        if query.get("X-Amz-Signature") != [SIGNATURE] or self.api_key_header in seen.headers:
            raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if seen.method == "GET":
            return self._s3_get(key, seen.headers.get("range"))
        ticket = self.tickets.get(key, {"headers": {}})
        for name, value in ticket["headers"].items():
            if seen.headers.get(name.lower()) != value:
                raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if hashlib.sha256(seen.body).hexdigest() != ticket["sha256"]:
            raise Refused(s3_error(400, "BadDigest"))
        if key in self.objects:
            raise Refused(s3_error(412, "PreconditionFailed"))
        self.objects[key] = seen.body
        return Fault(200)

    def _s3_get(self, key: str, wanted: str | None) -> Fault:
        content = self.objects[key]
        if wanted is None:
            return Fault(200, content)
        return Fault(206, content[int(wanted.removeprefix("bytes=").removesuffix("-")) :])

    def _send(self, seen: Seen) -> Fault:
        idempotency_key = seen.headers["idempotency-key"]
        if idempotency_key in self.answers:
            return self._json(self.answers[idempotency_key])
        queued = False
        if seen.headers["content-type"] == "application/json":
            key = json.loads(seen.body)["s3_key"]
            if key not in self.tickets:
                raise Refused(problem(404, "unknown_key"))
            if key not in self.objects:
                raise Refused(problem(409, "not_uploaded"))
            compressed, source = self.objects[key], "s3"
            payload_id = self.tickets[key]["payload_id"]
            queued = self.queue_from is not None and len(compressed) >= self.queue_from
        else:
            compressed, source, payload_id = seen.body, "inline", self._new_id()
        try:
            document = gzip.decompress(compressed)
            parsed = json.loads(document)
        except (OSError, EOFError, zlib.error):
            raise Refused(problem(400, "invalid_gzip")) from None
        except ValueError:
            raise Refused(problem(400, "invalid_json")) from None
        if not isinstance(parsed, dict):
            raise Refused(problem(400, "not_an_object"))
        record = {
            "payload_id": payload_id,
            "state": "stored",
            "size": len(document),
            "sha256": hashlib.sha256(document).hexdigest(),
            "records": len(parsed.get("transcript_with_metrics", [])),
            "created_at": "2026-11-22T09:00:00Z",
        }
        self.payloads[payload_id] = {
            **record,
            "source": source,
            "call_id": parsed.get("call_id"),
            "summary": {
                name: value for name, value in parsed.items() if not isinstance(value, list)
            },
            "array_lengths": {
                name: len(value) for name, value in parsed.items() if isinstance(value, list)
            },
            "uploaded_size": len(compressed),
        }
        self.documents[payload_id] = document
        if queued:
            self.payloads[payload_id]["state"] = "queued"
            record = {
                "payload_id": payload_id,
                "state": "queued",
                "status_url": f"/call-logs/{payload_id}",
            }
        self.answers[idempotency_key] = self.tamper(record)
        return self._json(self.answers[idempotency_key], 202 if queued else 200)

    def _call_log(self, payload_id: str) -> Fault:
        record = self.payloads.get(payload_id)
        if record is None:
            raise Refused(problem(404, "unknown_payload"))
        if record["state"] == "queued":
            self.polls_until_done -= 1
            if self.polls_until_done <= 0:
                record["state"] = "stored"
        if record["state"] != "stored":
            return self._json(record)
        document = self.documents[payload_id]
        key = f"archive/{payload_id}"
        if key not in self.objects and len(gzip.compress(document, 1)) <= INLINE_DOCUMENT:
            # The contract with the client: the document's own bytes, as the last member.
            head = json.dumps(self.tamper(record)).encode()[:-1]
            return Fault(200, head + b',"document":' + document + b"}")
        if key not in self.objects:
            half = len(document) // 2
            members = gzip.compress(document[:half], 1) + gzip.compress(document[half:], 1)
            self.objects[key] = members
        url = f"{self.root}/s3/{key}?X-Amz-Signature={SIGNATURE}"
        return self._json(self.tamper({**record, "document_url": url, "document_encoding": "gzip"}))

    def _json(self, members: dict[str, Any], status: int = 200) -> Fault:
        return Fault(status, json.dumps(members).encode(), {"Content-Type": "application/json"})


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            parts = urlsplit(self.path)
            seen = Seen(self.command, parts.path, headers, body)
            server.seen.append(seen)
            fault = server.next_fault(f"{seen.method} {seen.path}")
            if fault is None or fault.after:
                try:
                    done = server.answer(seen, parse_qs(parts.query))
                except Refused as refused:
                    done = refused.fault
                fault = fault or done
            if fault.status == 0:
                self.close_connection = True
                return
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name.replace("_", "-"), value)
            length = int(fault.headers.get("x-claimed-length", len(fault.body)))
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(fault.body)
            if length != len(fault.body):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that went away, which tests make them do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving() -> Iterator[FakeServer]:
    """A server on a free port, gone at the end."""
    fake = FakeServer()
    with _Server(("127.0.0.1", 0), _handler(fake)) as http:
        fake.root = f"http://127.0.0.1:{http.server_port}"
        fake.url = f"{fake.root}/stage"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield fake
        finally:
            http.shutdown()
            thread.join()
