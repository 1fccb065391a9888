"""Requests of `wideload doctor` to payload ingest and file transfer."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from wideload._api import Api, parse_answer, unexpected
from wideload._auth import ApiKey, Token, TokenSource
from wideload._error_codes import FILE_CODES, PAYLOAD_CODES
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.files_api import FilesApi, NewFile
from wideload._http import Answer, Http
from wideload._ingest.upload_url import request_upload_url
from wideload._retry import Attempts, Pacing, RetryPolicy

_ONCE = RetryPolicy(0)
# The trial upload should be deleted also when the service is busy.
_REMOVING = RetryPolicy(4)


@dataclass(frozen=True)
class TrialUpload:
    """An upload that the API has begun: its id, and the request to S3."""

    id: str
    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Service(Protocol):
    """One of the two services, with the credentials of one caller.

    Attributes:
        name: `payload ingest` or `file transfer`.
        thing: What a trial upload creates: `payload` or `upload`.
        route: The route to which a page sends its first request.
        methods: HTTP methods that a page needs.
        headers: Request headers that a page needs.
    """

    name: str
    thing: str
    route: str
    methods: tuple[str, ...]
    headers: tuple[str, ...]

    def ask(self) -> Answer:
        """Make a request that changes nothing.

        Raises:
            WideloadError: The answer isn't as the contract says.
        """
        ...

    def begin(self) -> TrialUpload:
        """Begin an upload.

        Raises:
            WideloadError: The API gives no URL.
        """
        ...

    def remove(self, id: str) -> None:
        """Delete an upload that `begin` has begun.

        Raises:
            WideloadError: It couldn't be deleted.
        """
        ...


class Ingest:
    """Payload ingest, with an API key."""

    name, thing = "payload ingest", "payload"
    route = "/send-call-log"
    methods: tuple[str, ...] = ("POST",)

    def __init__(self, http: Http, url: str, key: str, header: str, pacing: Pacing) -> None:
        auth = ApiKey(key, header)
        self._api = Api(http, url, auth=auth, codes=PAYLOAD_CODES, pacing=pacing)
        self._pacing = pacing
        self.headers: tuple[str, ...] = (header.lower(), "content-type")

    def ask(self) -> Answer:
        """List one payload."""
        return _listed(self._api, "/call-logs", self._pacing)

    def begin(self) -> TrialUpload:
        """Ask for an upload URL. The object is never claimed."""
        body = b'{"wideload":"doctor"}\n'
        made = request_upload_url(
            self._api,
            Attempts(_ONCE, self._pacing),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
            content_type="application/json",
        )
        request = made.request
        return TrialUpload(
            made.payload_id, request.method, request.url, dict(request.headers), body
        )

    def remove(self, id: str) -> None:
        """Delete the payload, with its object."""
        self._api.request("DELETE", f"/call-logs/{id}", Attempts(_REMOVING, self._pacing))


class Files:
    """File transfer, with a person's access token."""

    name, thing = "file transfer", "upload"
    route = "/files"
    methods: tuple[str, ...] = ("GET", "POST", "PATCH", "DELETE")
    headers: tuple[str, ...] = ("authorization", "content-type")

    def __init__(self, http: Http, url: str, token: TokenSource, pacing: Pacing) -> None:
        self._api = Api(http, url, auth=Token(token), codes=FILE_CODES, pacing=pacing)
        self._pacing = pacing

    def ask(self) -> Answer:
        """List one file."""
        return _listed(self._api, "/files", self._pacing)

    def begin(self) -> TrialUpload:
        """Begin the upload of a file with random content. It is never completed."""
        body = f"wideload doctor {secrets.token_hex(16)}\n".encode()
        sha256 = hashlib.sha256(body).hexdigest()
        file = NewFile("wideload doctor.txt", "text/plain", size=len(body), sha256=sha256)
        created = self._session(_ONCE).create_one(file)
        action = created.action
        if action is None:
            raise unexpected("POST", "/files", Answer(200, {}, b""))
        return TrialUpload(created.upload_id, action.method, action.url, dict(action.headers), body)

    def remove(self, id: str) -> None:
        """Abort the upload, with its object."""
        self._session(_REMOVING).abort(id)

    def _session(self, policy: RetryPolicy) -> FilesApi:
        return FilesApi(self._api, policy, CancelScope(Cancel(), self._pacing))


def _listed(api: Api, path: str, pacing: Pacing) -> Answer:
    answer = api.request("GET", path, Attempts(_ONCE, pacing), query={"limit": "1"})
    members = parse_answer("GET", path, answer)
    if not isinstance(members.get("items"), list):
        raise unexpected("GET", path, answer)
    return answer
