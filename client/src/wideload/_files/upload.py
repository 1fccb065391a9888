"""Upload one file that has been opened: create the upload, send, complete."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from wideload._error_codes import FILE_CODES, UPLOAD_ENDED, UPLOAD_INCOMPLETE
from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.digest import Part
from wideload._files.files_api import Created, FilesApi
from wideload._files.limits import Limits
from wideload._files.models import FileInfo
from wideload._files.multipart import send_parts
from wideload._files.part_queue import PartQueue, most_waiting
from wideload._files.part_upload import NoSuchUpload, PartUploader
from wideload._files.progress_meter import ProgressMeter
from wideload._files.results import UploadResult
from wideload._files.source_file import SourceFile
from wideload._http import Http
from wideload._presigned import PresignedRequest, RenewableRequest
from wideload.errors import (
    ApiError,
    CancelledError,
    ConflictError,
    FileChangedError,
    FileRefusedError,
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
        limits: Of its requests to S3. It uses as many threads as may make requests at once.
        meter: Made in the thread that calls `run`.
    """

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        file: SourceFile,
        *,
        scope: CancelScope,
        limits: Limits,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._file = file
        self._scope = scope
        self._limits = limits
        self._meter = meter
        self._differed = False

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
            created = self._created(created)
            if created.file is not None:
                self._meter.start(self._file.content.size)
                return self._result([created.file], None, 0, skipped=created.skipped)
            try:
                return self._send(created)
            except _UploadGone as gone:
                lost = gone.error
            except BaseException as error:
                self._failed(created.upload_id, error)
                raise
            if not self._file.content.rereadable:
                self._failed(created.upload_id, lost)
                break
            created = None
        assert lost is not None  # noqa: S101 - for mypy: an upload was begun
        raise lost

    def _created(self, created: Created | None) -> Created:
        """The API's answer to the file, which is hashed to its end if the API needs that.

        Args:
            created: The answer, if the file has been announced already.

        Raises:
            ApiError, TransportError: The file is refused, or the request failed.
            DocumentError, FileChangedError, OSError: The file can't be hashed.
            CancelledError, Stopped: As `CancelScope.check`.
        """
        try:
            if created is None:
                created = self._files_api.create_one(self._file.announced)
            if created.error is not None:
                raise created.error
            if not created.hash_first:
                return created
        except FileRefusedError as refused:
            # Deployments of earlier versions know no `first_sha256`.
            if refused.code != "invalid_request" or not self._file.in_one_pass:
                raise
        self._file.hash_whole(self._scope)
        self._meter.total = self._file.content.size
        return self._files_api.create_one(self._file.announced)

    def _send(self, created: Created) -> UploadResult:
        """Send the bytes that S3 doesn't hold, and complete the upload.

        Raises:
            _UploadGone: The upload doesn't exist any more, or S3 doesn't hold all parts as sent.
        """
        file = self._file
        resumed = 0
        ended: Exception | None = None
        lost: TransportError | None = None
        try:
            if created.part_size:
                resumed = self._send_parts(created)
            elif created.action is None:
                resumed = file.content.size
                self._meter.start(resumed)
            else:
                self._meter.start(0)
                self._send_whole(created.upload_id, created.action)
        except NoSuchUpload as gone:
            ended = gone.error  # most likely another process completed it; `complete` tells
        except (ConflictError, NotFoundError, ServerError) as error:
            if error.code not in UPLOAD_ENDED:
                raise
            ended = error
        except TransportError as error:
            if not file.is_hashed:
                raise
            lost = error  # S3 may hold the whole file, and only its answer was lost
        if ended is not None and not (file.is_hashed and file.content.rereadable):
            raise _UploadGone(ended)
        self._scope.check()
        file.check_unchanged()
        return self._complete(created, resumed, lost)

    def _complete(
        self, created: Created, resumed: int, lost: TransportError | None
    ) -> UploadResult:
        """Complete an upload.

        Args:
            lost: The reason for which S3 may not hold all parts.

        Raises:
            _UploadGone: As `_send`.
        """
        claim = self._file.claim
        try:
            files = self._files_api.complete(created.upload_id, claim, once=lost is not None)
        except WideloadError as error:
            if lost:
                raise lost from None
            gone = isinstance(error, NotFoundError)
            if not gone and not (
                isinstance(error, ConflictError) and error.code in UPLOAD_INCOMPLETE
            ):
                raise
            differs = getattr(error, "code", None) == "parts_differ"
            if differs and self._differed:
                # Another file of the same size and first part is being sent to this upload.
                self._file.hash_whole(self._scope)
            self._differed = differs
            raise _UploadGone(error) from None
        return self._result(files, created.upload_id, resumed)

    def _send_whole(self, upload_id: str, action: PresignedRequest) -> None:
        part = Part(1, 0, self._file.content.size, self._file.sha256)
        requests = RenewableRequest(
            lambda: self._files_api.sign(upload_id, [part])[1],
            self._scope.pacing.monotonic,
            action,
        )
        self._uploader(self._scope).upload(part, requests)

    def _send_parts(self, created: Created) -> int:
        """Send the parts that S3 doesn't hold, while they are hashed; bytes of those it holds."""
        file, scope = self._file, self._scope.nested()
        piped = not file.content.rereadable
        part_size, size = created.part_size, file.content.size
        hashing = file.divided(part_size)
        self._meter.start(
            sum(max(0, min(part_size, size - (number - 1) * part_size)) for number in created.held)
        )

        def step(_: int) -> None:
            scope.check()
            self._meter.total = file.content.size

        parallel = self._limits.most
        queue = PartQueue(
            partial(self._files_api.sign, created.upload_id, sized=piped),
            most=most_waiting(part_size, parallel),
            ready=parallel,
            scope=scope,
        )
        return send_parts(
            self._uploader(scope),
            queue,
            hashing.parts(step),
            held=created.held,
            threads=parallel if piped else min(parallel, -(-size // part_size)),
            scope=scope,
            meter=self._meter,
        )

    def _uploader(self, scope: CancelScope) -> PartUploader:
        return PartUploader(
            self._http,
            self._files_api,
            self._file.content,
            scope=scope,
            limits=self._limits,
            meter=self._meter,
        )

    def _result(
        self,
        files: Sequence[FileInfo],
        upload_id: str | None,
        resumed: int,
        *,
        skipped: bool = False,
    ) -> UploadResult:
        """The result.

        Args:
            files: The files of all names under which the content was announced.
        """
        file = self._file.named(files)
        size, sha256 = self._file.content.size, self._file.sha256
        if not skipped and (file.size, file.sha256) != (size, sha256):
            error = IntegrityError(
                f"the API recorded {file.size} bytes with SHA-256 {file.sha256} as {file.file_id}, "
                f"sent were {size} bytes with SHA-256 {sha256}"
            )
            error.file_id = file.file_id
            raise error
        self._meter.report()
        return UploadResult(
            file=file,
            duplicate=not skipped and upload_id not in {each.file_id for each in files},
            skipped=skipped,
            bytes_sent=self._meter.moved,
            resumed_bytes=resumed,
            upload_id=upload_id,
        )

    def _failed(self, upload_id: str, error: BaseException) -> None:
        """Abort the upload if it can't be resumed; else the error tells its id."""
        if not isinstance(error, FileChangedError) and self._file.content.rereadable:
            if isinstance(error, WideloadError):
                error.upload_id = upload_id
            return
        try:
            self._files_api.abort(upload_id)
        except (WideloadError, Stopped):
            if isinstance(error, WideloadError):
                error.upload_id = upload_id
        if isinstance(error, CancelledError):
            error.args = (
                "the transfer was cancelled, and nothing of it is kept: a pipe can't be resumed",
            )


def _passes(error: ApiError | None) -> bool:
    """Whether the API may accept the file after a while."""
    return (
        error is not None and error.retry_after is not None and not FILE_CODES.is_final(error.code)
    )


class _UploadGone(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
