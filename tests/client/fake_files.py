"""The API of file transfer with its S3 on a loopback port, refusing what the real ones refuse.

Requests and answers of the API are checked against contract/openapi-files.yaml.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.client.fake_cors import Cors
from tests.client.fake_s3 import FakeS3, base64_of
from tests.client.fake_server import Fault, Refused, Seen, Server, problem
from tests.client.files_contract import check_answer, check_request

ISSUER = "https://issuer.example"
TOKEN = "eyJhbGciOi.access-token.of-a-person"
MIB = 1024 * 1024
_BLOCK = 64 * 1024

# Faults of connections, besides DROP and DROP_AFTER: half of the content gets through.
HALF = Fault(-1)


@dataclass
class Upload:
    """An upload's session."""

    upload_id: str
    file: dict[str, Any]
    part_size: int
    state: str = "open"
    file_id: str | None = None

    @property
    def one_put(self) -> bool:
        return not self.part_size

    @property
    def key(self) -> str:
        return f"files/owner/{self.upload_id}"


class FakeFiles:
    """State shared by the handler's threads. `url` is the API's base URL."""

    def __init__(self) -> None:
        self.url = ""
        self.s3 = FakeS3()
        self.seen: list[Seen] = []
        self.faults: dict[str, list[Fault]] = {}
        self.token = TOKEN
        self.api_cors: Cors | None = None
        self.s3_cors: Cors | None = None
        # The contract's sizes; tests make them small, which the client takes as the API says it.
        self.one_put = 64 * MIB
        self.smallest_part = 8 * MIB
        self.longest_page = 100
        self.most_open = 100
        self.quota: int | None = None
        self.largest: int | None = None
        self.tries_to_complete = 0  # so many requests to complete get 202 first
        self.retry_after = "2"  # with those
        self.uploads: dict[str, Upload] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.tamper: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda line, answer: answer
        self._count = 0
        self._lock = threading.RLock()

    # For tests

    def fail(self, what: str, *faults: Fault) -> None:
        """Meet the next requests whose "METHOD /path" begins with `what` with these."""
        self.faults.setdefault(what, []).extend(faults)

    def requests(self, what: str) -> list[Seen]:
        """Requests whose "METHOD /path" begins with `what`."""
        return [seen for seen in list(self.seen) if f"{seen.method} {seen.path}".startswith(what)]

    @property
    def api_requests(self) -> list[str]:
        """Requests to the API, without ids."""
        lines = [f"{s.method} {s.path}" for s in list(self.seen) if s.path.startswith("/stage/")]
        return ["/".join("ID" if len(p) == 26 else p for p in line.split("/")) for line in lines]

    def content(self, file_id: str) -> bytes:
        """What S3 holds for a file."""
        return self.s3.objects[f"files/owner/{file_id}"]

    def add(self, content: bytes, name: str = "a.bin", **members: Any) -> dict[str, Any]:
        """A file that is there already."""
        file = self._file(
            self._new_id(),
            {
                "name": name,
                "size": len(content),
                "content_type": "application/octet-stream",
                "sha256": hashlib.sha256(content).hexdigest(),
            },
            verified=True,
        )
        file |= members
        self.files[file["file_id"]] = file
        self.s3.objects[f"files/owner/{file['file_id']}"] = content
        return file

    # What the handler asks

    def next_fault(self, line: str) -> Fault | None:
        with self._lock:
            for what, faults in self.faults.items():
                if line.startswith(what) and faults:
                    return faults.pop(0)
        return None

    def answer(self, seen: Seen) -> Fault:
        """The API's answer."""
        with self._lock:
            if seen.path == "/stage/sign-in":
                return _json({"issuer": ISSUER, "client_id": "client-1", "scopes": []})
            if seen.headers.get("authorization") != f"Bearer {self.token}":
                raise Refused(Fault(401, b'{"message":"Unauthorized"}'))
            template, done = self._route(seen)
            check_request(template, seen.method, seen.body)
            answer = done()
            answer.headers |= {"Wideload-Version": "9.8.7", "Wideload-Caller": "auth0%7C5"}
            check_answer(template, seen.method, answer.status, answer.body)
            if answer.body:
                line = f"{seen.method} {template}"
                answer.body = json.dumps(self.tamper(line, json.loads(answer.body))).encode()
            return answer

    def _route(  # noqa: PLR0911 - a route a line
        self, seen: Seen
    ) -> tuple[str, Callable[[], Fault]]:
        body = json.loads(seen.body) if seen.body else {}
        match [seen.method, *seen.path.removeprefix("/stage/").split("/")]:
            case ["POST", "files"]:
                return "/files", lambda: self._create(body)
            case ["GET", "files"]:
                return "/files", lambda: self._list(seen.query, list(self.files.values()))
            case ["GET", "files", "uploads"]:
                open_ones = [self._shown(u) for u in self.uploads.values() if u.state == "open"]
                for upload in open_ones:
                    del upload["parts"]
                return "/files/uploads", lambda: self._list(seen.query, open_ones)
            case ["POST", "files", "uploads", id, "parts"]:
                return "/files/uploads/{upload_id}/parts", lambda: self._sign(id, body["parts"])
            case ["POST", "files", "uploads", id, "complete"]:
                return "/files/uploads/{upload_id}/complete", lambda: self._complete(id)
            case ["GET", "files", "uploads", id]:
                return "/files/uploads/{upload_id}", lambda: _json(self._shown(self._upload(id)))
            case ["DELETE", "files", "uploads", id]:
                return "/files/uploads/{upload_id}", lambda: self._abort(id)
            case ["GET", "files", id, "download"]:
                return "/files/{file_id}/download", lambda: self._download(id)
            case ["GET", "files", id]:
                return "/files/{file_id}", lambda: _json({"file": self._found(id)})
            case ["PATCH", "files", id]:
                return "/files/{file_id}", lambda: self._rename(id, body["name"])
            case ["DELETE", "files", id]:
                return "/files/{file_id}", lambda: self._delete(id)
        raise Refused(Fault(404, b'{"message":"Not Found"}'))

    def _create(self, body: dict[str, Any]) -> Fault:
        answers = [self._created(file) for file in body["files"]]
        errors = [answer["error"] for answer in answers if "error" in answer]
        if len(errors) < len(answers):
            return _json({"files": answers})
        first = {**errors[0], "type": f"urn:wideload:problem:{errors[0]['code']}"}
        retry_after = first.pop("retry_after", None)
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        whole = {**first, "request_id": "req-1", "files": answers}
        return Fault(first["status"], json.dumps(whole).encode(), headers)

    def _created(self, file: dict[str, Any]) -> dict[str, Any]:
        content = file["sha256"], file["size"]
        for known in self.files.values():
            if (known["sha256"], known["size"]) == content and not known.get("corrupt"):
                return {"duplicate": True, "file": known}
        for upload in self.uploads.values():
            if (upload.file["sha256"], upload.file["size"]) == content and upload.state == "open":
                return self._begun(upload)
        if self.largest is not None and file["size"] > self.largest:
            return _error(413, "file_too_large")
        held = sum(f["size"] for f in self.files.values()) + file["size"]
        held += sum(u.file["size"] for u in self.uploads.values() if u.state == "open")
        if self.quota is not None and held > self.quota:
            return _error(413, "quota_exceeded")
        if sum(u.state == "open" for u in self.uploads.values()) >= self.most_open:
            return _error(429, "too_many_uploads", retry_after=60)
        size = file["size"]
        part_size = 0
        if size > self.one_put:
            unit = min(MIB, self.smallest_part)
            part_size = max(self.smallest_part, -(-size // 10_000 // unit) * unit)
        upload = Upload(self._new_id(), file, part_size)
        self.uploads[upload.upload_id] = upload
        if part_size:
            self.s3.multiparts[upload.upload_id] = {}
        return self._begun(upload)

    def _begun(self, upload: Upload) -> dict[str, Any]:
        begun = {"upload_id": upload.upload_id, "expires_at": "2026-11-29T09:00:00.000Z"}
        if not upload.one_put:
            count = -(-upload.file["size"] // upload.part_size)
            return {
                **begun,
                "part_size": upload.part_size,
                "part_count": count,
                "parts": self._held(upload),
            }
        if upload.key in self.s3.objects:
            return begun
        return {**begun, "action": self._put_action(upload)}

    def _put_action(self, upload: Upload) -> dict[str, Any]:
        headers = {
            "Content-Length": str(upload.file["size"]),
            "x-amz-checksum-sha256": base64_of(upload.file["sha256"]),
            "If-None-Match": "*",
        }
        return self.s3.action("PUT", upload.key, headers)

    def _sign(self, upload_id: str, parts: list[dict[str, Any]]) -> Fault:
        upload = self._upload(upload_id)
        if upload.state == "completed":
            raise Refused(problem(409, "upload_completed"))
        if upload.state != "open":
            raise Refused(problem(410, "upload_gone"))
        signed = []
        for part in parts:
            number, sha256 = part["number"], part["sha256"]
            if upload.one_put:
                if (number, sha256) != (1, upload.file["sha256"]):
                    raise Refused(problem(400, "invalid_request"))
                signed.append({"number": 1, "action": self._put_action(upload)})
                continue
            start = (number - 1) * upload.part_size
            if start >= upload.file["size"]:
                raise Refused(problem(400, "invalid_request"))
            headers = {
                "Content-Length": str(min(upload.part_size, upload.file["size"] - start)),
                "x-amz-checksum-sha256": base64_of(sha256),
            }
            query = {"partNumber": str(number), "uploadId": upload_id}
            signed.append(
                {"number": number, "action": self.s3.action("PUT", upload.key, headers, query)}
            )
        return _json({"parts": signed})

    def _complete(self, upload_id: str) -> Fault:
        upload = self._upload(upload_id)
        if upload.state in {"aborted", "expired"}:
            raise Refused(problem(410, "upload_gone"))
        if upload.file_id is not None:
            return _json({"file": self.files[upload.file_id]})
        if self.tries_to_complete:
            self.tries_to_complete -= 1
            waiting = {"upload_id": upload_id, "state": "completing"}
            body = json.dumps({**waiting, "retry_after": int(self.retry_after)}).encode()
            return Fault(202, body, {"Retry-After": self.retry_after})
        if upload.one_put:
            if upload.key not in self.s3.objects:
                raise Refused(problem(409, "not_uploaded"))
        else:
            count = -(-upload.file["size"] // upload.part_size)
            parts = self.s3.multiparts[upload_id]
            missing = [number for number in range(1, count + 1) if number not in parts]
            if missing:
                fault = problem(409, "parts_missing")
                body = {**json.loads(fault.body), "missing": missing[:100]}
                raise Refused(Fault(409, json.dumps(body).encode()))
            self.s3.objects[upload.key] = b"".join(parts[n] for n in range(1, count + 1))
            del self.s3.multiparts[upload_id]
        upload.state = "completed"
        upload.file_id = upload_id
        for file in self.files.values():  # another upload of the same was quicker
            if (file["sha256"], file["size"]) == (upload.file["sha256"], upload.file["size"]):
                upload.file_id = file["file_id"]
                del self.s3.objects[upload.key]
                return _json({"file": file})
        self.files[upload_id] = self._file(upload_id, upload.file, verified=upload.one_put)
        return _json({"file": self.files[upload_id]})

    def _abort(self, upload_id: str) -> Fault:
        upload = self._upload(upload_id)
        if upload.state == "completed":
            raise Refused(problem(409, "upload_completed"))
        upload.state = "aborted"
        self.s3.multiparts.pop(upload_id, None)
        self.s3.objects.pop(upload.key, None)
        return Fault(204)

    def _shown(self, upload: Upload) -> dict[str, Any]:
        parts = self._held(upload)
        if upload.one_put and upload.state == "open" and upload.key in self.s3.objects:
            parts = [{"number": 1, "sha256": upload.file["sha256"]}]
        size = upload.part_size or upload.file["size"]
        shown = {
            "upload_id": upload.upload_id,
            "state": upload.state,
            **upload.file,
            "part_size": size,
            "part_count": max(1, -(-upload.file["size"] // size) if size else 1),
            "parts": parts,
            "created_at": "2026-11-22T09:00:00.123Z",
            "expires_at": "2026-11-29T09:00:00.123Z",
        }
        if upload.file_id is not None:
            shown["file"] = self.files[upload.file_id]
        return shown

    def _list(self, query: dict[str, str], found: list[dict[str, Any]]) -> Fault:
        if not query.keys() <= {"q", "cursor", "limit"}:
            raise Refused(problem(400, "invalid_request"))
        most = min(int(query.get("limit", "50")), self.longest_page)
        start = int(query.get("cursor", "at0")[2:])
        found = found[::-1]
        page = [
            item
            for item in found[start : start + most]
            if _folded(query.get("q", "")) in _folded(item["name"])
        ]
        cursor = f"at{start + most}" if start + most < len(found) else None
        return _json({"items": page, "cursor": cursor})

    def _download(self, file_id: str) -> Fault:
        file = self._found(file_id)
        if file.get("corrupt"):
            raise Refused(problem(409, "corrupt"))
        return _json({"file": file, "action": self.s3.action("GET", f"files/owner/{file_id}", {})})

    def _rename(self, file_id: str, name: str) -> Fault:
        self._found(file_id)["name"] = name
        return _json({"file": self._found(file_id)})

    def _delete(self, file_id: str) -> Fault:
        self._found(file_id)
        del self.files[file_id]
        self.s3.objects.pop(f"files/owner/{file_id}", None)
        return Fault(204)

    def _held(self, upload: Upload) -> list[dict[str, Any]]:
        parts = self.s3.multiparts.get(upload.upload_id, {})
        return [
            {"number": number, "sha256": hashlib.sha256(content).hexdigest()}
            for number, content in sorted(parts.items())
        ]

    def _found(self, file_id: str) -> dict[str, Any]:
        if file_id not in self.files:
            raise Refused(problem(404, "unknown_file"))
        return self.files[file_id]

    def _upload(self, upload_id: str) -> Upload:
        if upload_id not in self.uploads:
            raise Refused(problem(404, "unknown_upload"))
        return self.uploads[upload_id]

    def _file(self, file_id: str, file: dict[str, Any], *, verified: bool) -> dict[str, Any]:
        made = {"file_id": file_id, **file, "verified": verified}
        return {**made, "created_at": "2026-11-22T09:00:00.123Z"}

    def _new_id(self) -> str:
        self._count += 1
        return f"01JDF{self._count:021}"


def _folded(text: str) -> str:
    """For comparing names: without case, kinds of white space and ways of writing accents."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spaced).casefold())


def _json(members: dict[str, Any]) -> Fault:
    return Fault(200, json.dumps(members).encode(), {"Content-Type": "application/json"})


def _error(status: int, code: str, **members: Any) -> dict[str, Any]:
    detail = f"what {code} means"
    return {"error": {"code": code, "title": code, "status": status, "detail": detail, **members}}


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _handler(server: FakeFiles) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            seen = Seen(self.command, parts.path, headers, b"", query)
            server.seen.append(seen)
            self._cors = server.s3_cors if parts.path.startswith("/s3/") else server.api_cors
            if seen.method == "OPTIONS":
                refused = Fault(403 if parts.path.startswith("/s3/") else 204)
                answer = self._cors.preflight(seen) if self._cors else refused
                self._reply(answer, seen, lambda: refused)
                return
            fault = server.next_fault(f"{seen.method} {seen.path}")
            if not parts.path.startswith("/s3/"):
                seen.body = self.rfile.read(int(headers.get("content-length", 0)))
                self._reply(fault, seen, lambda: server.answer(seen))
                return
            with server.s3.counted():
                if seen.method == "GET":
                    self._reply(fault, seen, lambda: self._fetched(seen))
                else:
                    self._take(fault, seen)

        def _fetched(self, seen: Seen) -> Fault:
            server.s3.admit(seen)
            return server.s3.fetch(seen)

        def _take(self, fault: Fault | None, seen: Seen) -> None:
            """A PUT, whose body S3 judges at its end, and its head before."""
            refused = None
            try:
                server.s3.admit(seen)
            except Refused as refusal:
                refused = refusal
            refusal = refused.fault if refused is not None else fault
            if refusal is not None and server.s3.refuses != "late":
                self.close_connection = True
                if server.s3.refuses == "early":
                    self._reply(refusal, seen, lambda: Fault(0))
                return
            size = int(seen.headers.get("content-length", 0))
            content = bytearray()
            sha256 = hashlib.sha256()
            came = 0
            half = fault is not None and fault.status == HALF.status
            wanted = size // 2 if half else size
            while came < wanted:
                block = self.rfile.read(min(_BLOCK, wanted - came))
                if not block:  # the client is gone, and S3 stores nothing
                    self.close_connection = True
                    return
                sha256.update(block)
                came += len(block)
                if server.s3.keeps:
                    content += block
                server.s3.bytes_put += len(block)
                server.s3.during_put(seen, came)
            if half:
                self.close_connection = True
                return

            def stored() -> Fault:
                if refused is not None:
                    raise refused
                return server.s3.store(seen, bytes(content), sha256.hexdigest())

            self._reply(fault, seen, stored)

        def _reply(self, fault: Fault | None, seen: Seen, done: Callable[[], Fault]) -> None:
            half = fault is not None and fault.status == HALF.status
            answer = None if half else fault
            if answer is None or answer.after:
                try:
                    real = done()
                except Refused as refused:
                    real = refused.fault
                    server.s3.refused(real.status)
                answer = answer or real
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            shown = self._cors.shown(seen) if self._cors else {}
            for name, value in {**answer.headers, **shown}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if half:
                self.wfile.write(answer.body[: len(answer.body) // 2])
                self.close_connection = True
                return
            for at in range(0, len(answer.body), _BLOCK):
                if seen.path.startswith("/s3/"):
                    server.s3.during_get(seen, at)
                self.wfile.write(answer.body[at : at + _BLOCK])

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def serving_files(tls: ssl.SSLContext | None = None) -> Iterator[FakeFiles]:
    """A server on a free port, gone at the end."""
    fake = FakeFiles()
    with Server(_handler(fake), tls) as http:
        fake.s3.root = http.url
        fake.url = f"{fake.s3.root}/stage"
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield fake
        finally:
            http.shutdown()
            thread.join()


def _folded(text: str) -> str:
    """As the API compares names."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", spaced).casefold())
