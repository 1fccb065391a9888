"""Upload one file that has been opened and hashed: create the upload, send, complete."""

from __future__ import annotations

from contextlib import suppress

from wideload._error_codes import FILE_CODES, UPLOAD_ENDED, UPLOAD_INCOMPLETE
from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import digest
from wideload._files.files_api import Created, FilesApi
from wideload._files.hashed_file import HashedFile
from wideload._files.models import FileInfo, UploadResult
from wideload._files.multipart import held_bytes, send_parts
from wideload._files.part_upload import NoSuchUpload, Part, PartUploader
from wideload._files.progress_meter import ProgressMeter
from wideload._http import Http
from wideload._presigned import PresignedRequest, RenewableRequest
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

# Uploads that are begun for one file, at most: another process may complete or abort the first, or
# it may expire.
_MOST_UPLOADS = 3


class Upload:
    """The upload of one file.

    Args:
        scope: The scope of this upload alone.
        concurrency: The limit of its requests to S3. It uses as many threads as the highest limit.
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
        """Upload the file, or find that the API has its content.

        Args:
            created: The API's answer to `announced`, if the file has been announced already.

        Raises:
            FileChangedError: The file changed; its stored parts are deleted.
            CancelledError, Stopped: As `CancelScope.check`.
            OSError: The file can't be read.
            UploadError, IntegrityError, ApiError, TransportError: See `Files.upload`.
        """
        lost: Exception | None = None
        if created is not None and _passes(created.error):
            created = None  # announce it again, alone
        for _ in range(_MOST_UPLOADS):
            if created is None:
                created = self._files_api.create_one(self._opened.announced)
            if created.error is not None:
                raise created.error
            if created.file is not None:
                self._meter.start(self._digest.size)
                return self._result(created.file, None, 0)
            try:
                return self._send(created)
            except _UploadGone as gone:
                lost = gone.error
            except WideloadError as error:
                error.upload_id = created.upload_id
                if isinstance(error, FileChangedError):
                    self._abort(error)
                raise
            created = None
        assert lost is not None  # noqa: S101 - for mypy: an upload was begun
        raise lost

    def _send(self, created: Created) -> UploadResult:
        """Send the bytes that S3 doesn't hold, and complete the upload.

        Raises:
            _UploadGone: The upload doesn't exist any more, or S3 lost parts of it.
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
        except NoSuchUpload:
            pass  # most likely another process completed it; `complete` tells
        except (ConflictError, NotFoundError, ServerError) as error:
            if error.code not in UPLOAD_ENDED:
                raise
        except TransportError as error:
            lost = error  # S3 may hold the whole file, and only its answer was lost
        self._scope.check()
        self._content.check_unchanged()
        try:
            file = self._files_api.complete(created.upload_id, once=lost is not None)
        except WideloadError as error:
            if lost:
                raise lost from None
            gone = isinstance(error, NotFoundError)
            if gone or (isinstance(error, ConflictError) and error.code in UPLOAD_INCOMPLETE):
                raise _UploadGone(error) from None
            raise
        return self._result(file, created.upload_id, resumed)

    def _send_whole(self, upload_id: str, action: PresignedRequest) -> None:
        sha256 = self._digest.sha256
        requests = RenewableRequest(
            lambda: self._files_api.sign(upload_id, [(1, sha256)])[1],
            self._scope.pacing.monotonic,
            action,
        )
        self._uploader().upload(Part(0, self._digest.size, sha256), requests)

    def _send_parts(self, created: Created) -> None:
        scope = self._scope.nested()
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
        """Hash the parts again if the API's part size isn't the expected one."""
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
        self._meter.report()
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


def _passes(error: ApiError | None) -> bool:
    """Whether the API may accept the file after a while."""
    return (
        error is not None and error.retry_after is not None and not FILE_CODES.is_final(error.code)
    )


class _UploadGone(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
