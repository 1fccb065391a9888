"""Upload one file that has been opened and hashed: create, send, complete."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from wideload._error_codes import FILE_CODES, UPLOAD_ENDED, UPLOAD_INCOMPLETE
from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import Digest, digest
from wideload._files.files_api import Created, FilesApi, NewFile
from wideload._files.models import FileInfo, UploadResult
from wideload._files.multipart import held_bytes, send_parts
from wideload._files.part_upload import Part, PartUploader, UploadMissing
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source import Content
from wideload._http import Http
from wideload._presigned import PresignedRequest
from wideload.errors import (
    ApiError,
    ConflictError,
    FileChangedError,
    IntegrityError,
    NotFoundError,
    ServerError,
    TransportError,
    WideloadError,
)

# An upload may vanish under way, completed or aborted by somebody else, or expired: it is begun
# anew, but not for ever.
_MOST_ROUNDS = 3


@dataclass
class HashedFile:
    """A file that has been opened and hashed."""

    content: Content
    digest: Digest
    name: str
    content_type: str

    @property
    def announced(self) -> NewFile:
        """The file as the API is asked about it."""
        return NewFile(self.name, self.digest.size, self.content_type, self.digest.sha256)


class Upload:
    """One file on its way.

    Args:
        scope: Of this upload alone.
        concurrency: For its requests to S3, of which it makes as many at once as this allows.
        meter: Made in the thread that calls `run`.
    """

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        opened: HashedFile,
        *,
        scope: CancelScope,
        concurrency: ConcurrencyLimit,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._opened = opened
        self._digest = opened.digest
        self._content = opened.content
        self._scope = scope
        self._concurrency = concurrency
        self._meter = meter

    def run(self, created: Created | None = None) -> UploadResult:
        """Do what is to be done.

        Args:
            created: The API's answer to `announced`, if there is one already.

        Raises:
            FileChangedError: The file changed; what was stored of it is deleted.
            CancelledError, Stopped: As `CancelScope.check`.
            OSError: The file can't be read.
            UploadError, IntegrityError, ApiError, TransportError: See `Files.upload`.
        """
        lost: Exception | None = None
        if created is not None and _for_the_moment(created.error):
            created = None  # refused among others: ask again for it alone
        for _ in range(_MOST_ROUNDS):
            if created is None:
                created = self._files_api.create_one(self._opened.announced)
            if created.error is not None:
                raise created.error
            if created.file is not None:
                self._meter.start(self._digest.size)
                return self._result(created.file, None, 0)
            try:
                return self._send(created)
            except _Vanished as vanished:
                lost = vanished.error
            except WideloadError as error:
                error.upload_id = created.upload_id
                if isinstance(error, FileChangedError):
                    self._abort(error)
                raise
            created = None
        assert lost is not None  # noqa: S101 - for mypy: there was a round
        raise lost

    def _send(self, created: Created) -> UploadResult:
        """Send what S3 doesn't hold, and complete.

        Raises:
            _Vanished: The upload is there no more, or not what it was.
        """
        resumed = 0
        lost: TransportError | None = None
        try:
            if created.part_size:
                self._hash_parts(created)
                resumed = held_bytes(self._digest, created.held)
                self._meter.start(resumed)
                self._send_parts(created)
            elif created.action is None:
                resumed = self._digest.size
                self._meter.start(resumed)
            else:
                self._meter.start(0)
                self._send_whole(created.upload_id, created.action)
        except UploadMissing:
            pass  # completed by somebody else, most likely: completing again tells
        except (ConflictError, NotFoundError, ServerError) as error:
            if error.code not in UPLOAD_ENDED:
                raise
        except TransportError as error:
            lost = error  # S3 may hold all of it, and only its answer didn't come
        self._scope.check()
        self._content.check_unchanged()
        try:
            file = self._files_api.complete(created.upload_id, once=lost is not None)
        except WideloadError as error:
            if lost:
                raise lost from None
            gone = isinstance(error, NotFoundError)
            if gone or (isinstance(error, ConflictError) and error.code in UPLOAD_INCOMPLETE):
                raise _Vanished(error) from None
            raise
        return self._result(file, created.upload_id, resumed)

    def _send_whole(self, upload_id: str, action: PresignedRequest) -> None:
        part = Part(0, self._digest.size, self._digest.sha256, whole=True)
        actions = [action]

        def sign() -> PresignedRequest:
            if actions and actions[0].deadline > self._scope.pacing.monotonic():
                return actions.pop()
            return self._files_api.sign(upload_id, [(1, self._digest.sha256)])[1]

        self._uploader().put(part, sign)

    def _send_parts(self, created: Created) -> None:
        scope = self._scope.part()
        send_parts(
            self._uploader(scope),
            self._files_api,
            created.upload_id,
            self._digest,
            held=created.held,
            parallel=self._concurrency.most,
            scope=scope,
            meter=self._meter,
        )

    def _uploader(self, scope: CancelScope | None = None) -> PartUploader:
        return PartUploader(
            self._http,
            self._files_api,
            self._content,
            scope=scope or self._scope,
            concurrency=self._concurrency,
            meter=self._meter,
        )

    def _hash_parts(self, created: Created) -> None:
        """Hash again if the API cuts the file otherwise than was expected."""
        if self._digest.part_size != created.part_size:
            again = digest(self._content, created.part_size, lambda _: self._scope.check())
            if again.sha256 != self._digest.sha256:
                raise FileChangedError(
                    "the file changed while it was uploaded; nothing of it is stored"
                )
            self._digest = again

    def _result(self, file: FileInfo, upload_id: str | None, resumed: int) -> UploadResult:
        if (file.size, file.sha256) != (self._digest.size, self._digest.sha256):
            error = IntegrityError(
                f"the API recorded {file.size} bytes with SHA-256 {file.sha256} as {file.file_id}, "
                f"sent were {self._digest.size} bytes with SHA-256 {self._digest.sha256}"
            )
            error.file_id = file.file_id
            raise error
        self._meter.tell()
        return UploadResult(
            file=file,
            duplicate=upload_id != file.file_id,
            bytes_sent=self._meter.moved,
            resumed_bytes=resumed,
            upload_id=upload_id,
        )

    def _abort(self, error: FileChangedError) -> None:
        with suppress(WideloadError, Stopped):
            self._files_api.abort(error.upload_id or "")
            error.upload_id = None


def _for_the_moment(error: ApiError | None) -> bool:
    return (
        error is not None and error.retry_after is not None and not FILE_CODES.is_final(error.code)
    )


class _Vanished(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
