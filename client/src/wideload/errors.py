"""The errors of this package.

The tree, with what each means to the caller:

    WideloadError                 base of all; `payload_id`, `file_id`, `upload_id` where known
    ├── ConfigurationError        an argument or a setting is wrong (also a ValueError)
    ├── DocumentError             the document or file can't be sent as it is (also a ValueError)
    ├── FileChangedError          the file changed while it was uploaded; nothing is stored
    ├── CancelledError            a transfer was cancelled; the same call goes on where it was
    ├── SignInError               signing in failed, or a sign-in has ended: sign in (again)
    ├── TransportError            no usable answer came, after all retries
    │   └── TlsError              no TLS: an untrusted certificate, or a port without TLS
    ├── UploadError               S3 refused the upload or the download
    ├── DeadlineError             a call took longer than its deadline (also a TimeoutError)
    ├── IntegrityError            the bytes stored or read back are not those that were sent
    ├── WaitTimeoutError          `wait` ran out of time; processing goes on (also a TimeoutError)
    └── ApiError                  the API answered with an error
        ├── AuthenticationError   401, 403: no key or token, a wrong, revoked or expired one
        ├── PayloadRefusedError   400, 413, 415, 422, or processing failed: sending again won't help
        ├── FileRefusedError      400, 413 to a file: trying again as it is won't help
        ├── QuotaError            413, 429: the person's bytes or open uploads are used up
        ├── NotFoundError         404, 410: no such payload, file or upload here, or no such route
        ├── ConflictError         409: not in the state that the request needs
        ├── RecordTooLargeError   a single record is too large for an answer of the API
        ├── RateLimitError        429, after all retries
        └── ServerError           5xx, after all retries; or completing takes too long

`OSError` from opening, reading or writing a file that was given as a path or a file object is not
wrapped. No message, attribute or repr of these holds an API key, a token or the query of a
presigned URL.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = [
    "ApiError",
    "AuthenticationError",
    "CancelledError",
    "ConfigurationError",
    "ConflictError",
    "DeadlineError",
    "DocumentError",
    "FileChangedError",
    "FileRefusedError",
    "IntegrityError",
    "NotFoundError",
    "PayloadRefusedError",
    "QuotaError",
    "RateLimitError",
    "RecordTooLargeError",
    "ServerError",
    "SignInError",
    "TlsError",
    "TransportError",
    "UploadError",
    "WaitTimeoutError",
    "WideloadError",
]


class WideloadError(Exception):
    """Base of every error of this package.

    Attributes:
        payload_id: The payload that the failed call was about, if it had got its id. After a
            failed `Client.send` it tells that the document may have reached S3: look with
            `Client.get` before sending again, or send again with the same idempotency key.
        file_id: The file that the failed call was about, if it was about one.
        upload_id: The upload that the failed call had begun. It stays open, so that uploading the
            same file again goes on where it was; `Client.files.abort` gives it up.
    """

    payload_id: str | None = None
    file_id: str | None = None
    upload_id: str | None = None


class ConfigurationError(WideloadError, ValueError):
    """An argument or a setting is wrong; nothing was sent."""


class DocumentError(WideloadError, ValueError):
    """The document or file can't be sent as it is.

    A document: empty, no JSON object, not serializable, too large. A file: opened in text mode, or
    a pipe that gives more bytes than `spool_limit` or 10,000 parts allow.
    """


class FileChangedError(WideloadError):
    """The file changed between being hashed and being sent. Nothing of it is stored.

    Upload it again when no program writes to it any more, or upload a copy of it.
    """


class CancelledError(WideloadError):
    """A transfer was stopped through its `Cancel`. The same call goes on where it was.

    Except for pipes of over 64 MiB, of which nothing is kept.
    """


class SignInError(WideloadError):
    """Signing in failed, or there is no sign-in, or it has ended: sign in (again).

    Attributes:
        code: The identity provider's error code, such as `invalid_grant` or
            `NotAuthorizedException`, or the challenge that can't be met; None if there is none.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class TransportError(WideloadError):
    """No usable answer: refused or broken connection, timeout, TLS, or a name without address.

    Attributes:
        attempts: How many requests the call had made in all when it gave up.
        reason: The message without the number and duration of the attempts.
    """

    def __init__(self, message: str, *, attempts: int = 1, reason: str | None = None) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.reason = message if reason is None else reason


class TlsError(TransportError):
    """TLS can't be set up, and a retry can't help.

    The server's certificate isn't trusted, or the server on that port doesn't speak TLS.
    """


class UploadError(WideloadError):
    """S3 answered a presigned request with an error, after all retries that could help.

    Attributes:
        status: HTTP status of S3's answer.
        code: S3's error code, such as `AccessDenied`, or None if the answer held none.
        detail: S3's error message, or None.
        request_id: S3's request id (`x-amz-request-id`), or None.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id


class IntegrityError(WideloadError):
    """Size or SHA-256 differ between what was sent and what the API recorded or gave back."""


class WaitTimeoutError(WideloadError, TimeoutError):
    """`wait` ran out of time. Nothing is lost: processing goes on, and `wait` can be called again.

    Attributes:
        state: The last state seen, such as `queued` or `processing`.
    """

    def __init__(self, message: str, *, state: str = "") -> None:
        super().__init__(message)
        self.state = state


class DeadlineError(WideloadError, TimeoutError):
    """A call of `AsyncClient` took longer than its deadline, and was cancelled.

    With a `payload_id`, the document may have reached S3 or the API: send again with the same
    idempotency key.
    """


class ApiError(WideloadError):
    """The API answered with an error.

    Attributes:
        status: HTTP status. For a payload that `wait` found failed, the 200 of that answer.
        code: The API's error code, such as `invalid_json`, or None if the answer held none
            (API Gateway itself, or a proxy on the way, answered).
        detail: A sentence about what was wrong and what is allowed, or None.
        request_id: Id of the request in the logs of the API, for its operators, or None.
        retry_after: Seconds after which the API wants to be asked again, or None.
        answer: The API's whole answer, as far as it was a JSON object.
    """

    answer: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str | None = None,
        detail: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after


class AuthenticationError(ApiError):
    """401 or 403: the key is missing, wrong or revoked, or the token is, or has expired.

    Attributes:
        by_key: Whether an API key was refused; else it was an access token.
    """

    by_key = False


class PayloadRefusedError(ApiError):
    """The API refuses this document, or processing it failed; sending it again won't help."""


class FileRefusedError(ApiError):
    """The API refuses this file, or this change of a file: `code` and `detail` give the reason."""


class QuotaError(ApiError):
    """The person's quota is used up.

    `quota_exceeded`: of bytes, those of open uploads included; delete files or abort uploads.
    `too_many_uploads`: of uploads open at once; complete or abort some.
    """


class NotFoundError(ApiError):
    """404, 410: there is no such payload, file or upload (any more).

    The payloads and files of others look the same. With the code `document_gone` there is such a
    payload, but its document was deleted on the server.
    """


class ConflictError(ApiError):
    """409: the payload, file or upload isn't in the state that the request needs.

    A payload: it is still being processed, or S3 doesn't hold it yet; with the code `not_stored`
    it has no records (yet), and `detail` names its state. A file: `corrupt`. An upload:
    `upload_completed`.
    """


class RecordTooLargeError(ApiError):
    """A record is larger than an answer of the API can be (some 5 MB of JSON).

    `Client.document_to` gets it, with the whole document, however large both are.

    Attributes:
        record: Its number, from 0.
    """

    record: int | None = None


class RateLimitError(ApiError):
    """429, after all retries."""


class ServerError(ApiError):
    """5xx, after all retries; or S3 takes longer than 15 minutes to join the parts of a file."""
