"""The API and S3 on a loopback port, in memory, refusing what the real ones refuse."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

API_KEY = "wl_abcdefghijkl_secret-of-the-key"
SIGNATURE = "5f0c0ffee"
INLINE_DOCUMENT = 8 * 1024
RECORDS = "transcript_with_metrics"
LISTED = {
    "payload_id", "state", "call_id", "source", "created_at", "stored_at", "uploaded_size", "size",
    "sha256", "records", "error",
}  # fmt: skip


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    query: dict[str, str] = field(default_factory=dict)


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


def created_at(payload_id: str) -> str:
    """A minute after the one before it."""
    minutes = int(payload_id.removeprefix("pl-")) - 1
    return f"2026-11-22T{9 + minutes // 60:02}:{minutes % 60:02}:00Z"


def _newest_first(log: dict[str, Any]) -> int:
    return -int(log["payload_id"].removeprefix("pl-"))


def _only(query: dict[str, str], *names: str) -> None:
    """Stricter than the API, which ignores what it doesn't know: the client sends nothing such."""
    if not query.keys() <= set(names):
        raise Refused(problem(400, "invalid_request"))


def _limit(query: dict[str, str], most: int) -> int:
    limit = query.get("limit", str(most))
    if not limit.isdigit() or not 1 <= int(limit) <= most:
        raise Refused(problem(400, "invalid_request"))
    return int(limit)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not text.endswith("Z"):
        raise Refused(problem(400, "invalid_request"))
    return datetime.fromisoformat(text)


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at {position}?>".encode()).decode()


def _position(query: dict[str, str]) -> int:
    if "cursor" not in query:
        return 0
    try:
        return int(base64.urlsafe_b64decode(query["cursor"])[3:-2])
    except ValueError:
        raise Refused(problem(400, "invalid_request")) from None


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
        self.issued: dict[str, tuple[str, str]] = {}
        self.answers: dict[str, tuple[str, dict[str, Any]]] = {}  # with the fingerprint
        self.queue_from: int | None = None  # compressed bytes from which a claim is queued
        self.polls_until_done = 2
        self.longest_page = 1000
        self.largest_record = 5 * 1024 * 1024
        self.api_key_header = "x-api-key"
        self.clock_ahead = 0.0  # seconds
        self.tells_version = True
        # S3 may refuse without reading the body, and what it says then may get lost.
        self.s3_refuses = "late"  # or "early" or "hangs up"
        self.before_delete: Callable[[str], object] = lambda payload_id: None
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

    def answer(self, seen: Seen) -> Fault:
        with self._lock:
            if seen.path.startswith("/s3/"):
                return self._s3(seen)
            if seen.path == "/stage/sign-in":  # a route of the other API alone
                raise Refused(Fault(404, b'{"message":"Not Found"}'))
            if self.api_key_header not in seen.headers:
                raise Refused(Fault(401, b'{"message":"Unauthorized"}'))
            if seen.headers[self.api_key_header] != API_KEY:
                raise Refused(Fault(403, b'{"message":"Forbidden"}'))
            done = self._route(seen)
            if self.tells_version:
                done.headers |= {"Wideload-Version": "9.8.7", "Wideload-Caller": "acme"}
            return done

    def _route(self, seen: Seen) -> Fault:
        match [seen.method, *seen.path.removeprefix("/stage/").split("/")]:
            case ["POST", "get-upload-url"]:
                done = self._upload_url(seen)
            case ["POST", "send-call-log"]:
                done = self._send(seen)
            case ["GET", "call-logs"]:
                done = self._call_logs(seen.query)
            case ["GET", "call-logs", payload_id]:
                done = self._call_log(payload_id)
            case ["GET", "call-logs", payload_id, "records"]:
                done = self._records(payload_id, seen.query)
            case ["DELETE", "call-logs", payload_id]:
                done = self._delete(payload_id)
            case _:
                raise Refused(Fault(404, b'{"message":"Not Found"}'))
        return done

    def _new_id(self) -> str:
        self._count += 1
        return f"pl-{self._count}"

    def _upload_url(self, seen: Seen) -> Fault:
        asked = json.loads(seen.body)
        idempotency_key = seen.headers.get("idempotency-key", f"none {self._count}")
        if idempotency_key not in self.issued:
            self.issued[idempotency_key] = (asked["sha256"], self._new_id())
        sha256, payload_id = self.issued[idempotency_key]
        if sha256 != asked["sha256"]:
            raise Refused(problem(422, "idempotency_key_reused"))
        key = f"transit/tenant/{payload_id}"
        headers = {
            "Content-Type": asked["content_type"],
            "Content-Length": str(asked["content_length"]),
            "x-amz-checksum-sha256": asked["sha256"],
            "If-None-Match": "*",
        }
        self.tickets[key] = {**asked, "payload_id": payload_id, "headers": headers}
        issued = {
            "payload_id": payload_id,
            "state": "issued",
            "created_at": created_at(payload_id),
        }
        self.payloads.setdefault(payload_id, issued)
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

    def admit(self, seen: Seen) -> None:
        """Judge a request to S3 by its head, as S3 does before it reads the body."""
        if seen.query.get("X-Amz-Signature") != SIGNATURE or self.api_key_header in seen.headers:
            raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if seen.method == "GET":
            return
        key = seen.path.removeprefix("/s3/")
        for name, value in self.tickets.get(key, {"headers": {}})["headers"].items():
            if seen.headers.get(name.lower()) != value:
                raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if key in self.objects and self.s3_refuses != "late":
            raise Refused(s3_error(412, "PreconditionFailed"))

    def _s3(self, seen: Seen) -> Fault:
        key = seen.path.removeprefix("/s3/")
        self.admit(seen)
        if seen.method == "GET":
            return self._s3_get(key, seen.headers.get("range"))
        ticket = self.tickets[key]
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
        claim = seen.headers["content-type"] == "application/json"
        key = json.loads(seen.body)["s3_key"] if claim else ""
        if claim and key not in self.tickets:
            raise Refused(problem(404, "unknown_key"))
        # A claim counts as the same request when the signed bytes are the same.
        fingerprint = (
            self.tickets[key]["sha256"] if claim else hashlib.sha256(seen.body).hexdigest()
        )
        if idempotency_key in self.answers:
            known, answer = self.answers[idempotency_key]
            if known != fingerprint:
                raise Refused(problem(422, "idempotency_key_reused"))
            if claim and answer["payload_id"] != self.tickets[key]["payload_id"]:
                self._supersede(key)
            return self._json(answer, 202 if answer["state"] == "queued" else 200)
        if claim and key not in self.objects:
            raise Refused(problem(409, "not_uploaded"))  # and the key stays unused
        compressed = self.objects[key] if claim else seen.body
        payload_id = self.tickets[key]["payload_id"] if claim else self._new_id()
        queued = claim and self.queue_from is not None and len(compressed) >= self.queue_from
        call_id = self.tickets[key].get("call_id") if claim else seen.query.get("call_id")
        if call_id is not None and not 1 <= len(call_id) <= 256:
            raise Refused(problem(400, "invalid_request"))
        answer = self._store(payload_id, compressed, "s3" if claim else "inline", call_id)
        if queued:
            self.payloads[payload_id]["state"] = "queued"
            answer = {
                "payload_id": payload_id,
                "state": "queued",
                "status_url": f"/call-logs/{payload_id}",
            }
        answer = self.tamper(answer)
        self.answers[idempotency_key] = (fingerprint, answer)
        return self._json(answer, 202 if queued else 200)

    def process_unclaimed(self) -> None:
        """What the worker does a while later with every object that nobody claimed."""
        for key, ticket in self.tickets.items():
            if key in self.objects and self.payloads[ticket["payload_id"]]["state"] == "issued":
                self._store(ticket["payload_id"], self.objects[key], "s3")

    def stored(self) -> list[str]:
        """Ids of what is stored."""
        return [known for known, log in self.payloads.items() if log["state"] == "stored"]

    def _supersede(self, key: str) -> None:
        """Drop an upload whose bytes another payload already stands for."""
        self.objects.pop(key, None)
        self.payloads[self.tickets[key]["payload_id"]] |= {
            "state": "failed",
            "error": {"code": "duplicate", "detail": "It is stored already."},
        }

    def _store(
        self, payload_id: str, compressed: bytes, source: str, call_id: str | None = None
    ) -> dict[str, Any]:
        """Store a document and return what the API answers about it."""
        try:
            document = gzip.decompress(compressed)
            parsed = json.loads(document)
        except (OSError, EOFError, zlib.error):
            raise Refused(problem(400, "invalid_gzip")) from None
        except ValueError:
            raise Refused(problem(400, "invalid_json")) from None
        if not isinstance(parsed, dict):
            raise Refused(problem(400, "not_an_object"))
        answer = {
            "payload_id": payload_id,
            "state": "stored",
            "size": len(document),
            "sha256": hashlib.sha256(document).hexdigest(),
            "records": len(parsed.get(RECORDS, [])),
            "created_at": created_at(payload_id),
        }
        self.payloads[payload_id] = {
            **answer,
            "source": source,
            "call_id": parsed.get("call_id") or call_id,
            "summary": {
                name: value for name, value in parsed.items() if not isinstance(value, list)
            },
            "array_lengths": {
                name: len(value) for name, value in parsed.items() if isinstance(value, list)
            },
            "uploaded_size": len(compressed),
        }
        self.documents[payload_id] = document
        return answer

    def _call_logs(self, query: dict[str, str]) -> Fault:
        _only(query, "call_id", "after", "before", "cursor", "limit")
        if not 1 <= len(query.get("call_id", "any")) <= 256:
            raise Refused(problem(400, "invalid_request"))
        after, before = (_time(query.get(name)) for name in ("after", "before"))
        most = min(_limit(query, 100), self.longest_page)
        start = _position(query)
        found = [
            {name: value for name, value in log.items() if name in LISTED and value is not None}
            for log in sorted(self.payloads.values(), key=_newest_first)
            if log["state"] in {"stored", "failed"}
            and query.get("call_id") in {None, log.get("call_id")}
            and (after is None or datetime.fromisoformat(log["created_at"]) >= after)
            and (before is None or datetime.fromisoformat(log["created_at"]) < before)
        ]
        following = _cursor(start + most) if start + most < len(found) else None
        return self._json({"items": found[start : start + most], "cursor": following})

    def _records(self, payload_id: str, query: dict[str, str]) -> Fault:
        _only(query, "cursor", "first", "limit")
        if {"cursor", "first"} <= query.keys():
            raise Refused(problem(400, "invalid_request"))
        most = min(_limit(query, 1000), self.longest_page)
        record = self.payloads.get(payload_id)
        if record is None:
            raise Refused(problem(404, "unknown_payload"))
        if record["state"] != "stored":
            raise Refused(problem(409, "not_stored"))
        items = json.loads(self.documents[payload_id]).get(RECORDS, [])
        start = int(query.get("first", _position(query)))
        page: list[Any] = []
        for item in items[start : start + most]:
            if len(json.dumps(item)) > self.largest_record:
                if not page:
                    raise Refused(problem(413, "record_too_large"))
                break
            page.append(item)
        following = start + len(page)
        cursor = _cursor(following) if following < len(items) else None
        return self._json({"items": page, "cursor": cursor})

    def _delete(self, payload_id: str) -> Fault:
        record = self.payloads.get(payload_id)
        if record is None:
            raise Refused(problem(404, "unknown_payload"))
        if record["state"] in {"uploaded", "processing", "queued"}:
            raise Refused(problem(409, "in_progress", Retry_After="5"))
        self.before_delete(payload_id)
        del self.payloads[payload_id]
        for key in (f"transit/tenant/{payload_id}", f"archive/{payload_id}"):
            self.objects.pop(key, None)
        self.documents.pop(payload_id, None)
        return Fault(204)

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
        # As the API writes it: compact, in UTF-8, halves of surrogate pairs as escapes.
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-8", "backslashreplace")
        return Fault(status, body, {"Content-Type": "application/json"})


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=False))
            seen = Seen(self.command, parts.path, headers, b"", query)
            server.seen.append(seen)
            fault = server.next_fault(f"{seen.method} {seen.path}")
            if seen.method == "PUT" and server.s3_refuses != "late":
                refusal = fault or self._refusal(seen)
                if refusal is not None:
                    self.close_connection = True
                    if server.s3_refuses == "early":
                        self._reply(refusal)
                    return
            seen.body = self.rfile.read(int(headers.get("content-length", 0)))
            if fault is None or fault.after:
                try:
                    done = server.answer(seen)
                except Refused as refused:
                    done = refused.fault
                fault = fault or done
            self._reply(fault)

        def _refusal(self, seen: Seen) -> Fault | None:
            try:
                server.admit(seen)
            except Refused as refused:
                return refused.fault
            return None

        def _reply(self, fault: Fault) -> None:
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

        do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + server.clock_ahead)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, over TLS if it gets a context for that."""

    daemon_threads = True

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        # Small, so that a body of some MB doesn't fit into the buffers of a socket nobody reads.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        if tls is not None:
            # The handshake is the business of the connection's own thread.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that went away, which tests make them do."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[FakeServer]:
    """A server on a free port, gone at the end."""
    fake = FakeServer()
    with Server(_handler(fake), tls) as http:
        fake.root = http.url
        fake.url = f"{fake.root}/stage"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield fake
        finally:
            http.shutdown()
            thread.join()
