"""`Client.files`: the files of a person."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import cast

import orjson

from wideload._api import Api, checked_id, parse_answer, unexpected
from wideload._auth import Token
from wideload._error_codes import FILE_CODES
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import PartRule
from wideload._files.download import Download
from wideload._files.files_api import Created, FilesApi, read_file
from wideload._files.models import (
    BatchProgress,
    DownloadResult,
    FileInfo,
    Source,
    Target,
    UploadInfo,
    UploadOutcome,
    UploadResult,
)
from wideload._files.names import checked_name
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source_file import SourceFile, open_source_file
from wideload._files.upload import Upload
from wideload._files.upload_batch import UploadBatch
from wideload._http import Http, Progress
from wideload._pages import checked_count, items
from wideload._retry import Attempts, Pacing, RetryPolicy
from wideload._text import SURROGATE
from wideload.errors import ConfigurationError, NotFoundError, WideloadError

# Bytes that most temporary directories have room for.
SPOOL_LIMIT = 10 * 1024**3

_MOST_CONNECTIONS = 64
_LONGEST_PAGE = 100


class Files:
    """A person's files at one deployment; `Client.files` is one.

    Content is sent to S3 and read from S3 directly, never through the API. Every call can be
    repeated: an interrupted upload is resumed when the same file is uploaded again, from any
    machine; an interrupted download is resumed in the same directory.

    Threads may share it. Callbacks are called in the thread that called the method, ten times a
    second at most, and once at the end. An exception of a callback ends the transfer, and the
    method raises it.
    """

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        token: Token,
        pacing: Pacing,
        policy: RetryPolicy,
        check_open: Callable[[], None],
        part_rule: PartRule,
    ) -> None:
        self._http = http
        self._pacing = pacing
        self._policy = policy
        self._check_open = check_open
        self._part_rule = part_rule
        self._api = Api(http, base_url, auth=token, codes=FILE_CODES, pacing=pacing)

    def __repr__(self) -> str:
        return f"<wideload.Files {self._api.base_url}>"

    def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        content_type: str | None = None,
        parallel: int = 4,
        progress: Progress | None = None,
        hashing: Progress | None = None,
        cancel: Cancel | None = None,
        spool_limit: int = SPOOL_LIMIT,
        expected_size: int | None = None,
    ) -> UploadResult:
        """Upload a file, or find that the API holds its content already.

        A file of up to 64 MiB is read for its SHA-256, by which duplicates and earlier uploads are
        found, and then sent. A larger one is hashed while it is sent: duplicates and earlier
        uploads are found by its size and the SHA-256 of its first part, so the whole is hashed
        before only if the person has a file that is alike in both. Memory use is a few MiB, and
        one more for each of `parallel`.

        On Ctrl-C, after `CancelledError` and after most errors the upload stays open, so that the
        same call resumes it; `error.upload_id` is its id. Pipes of over 64 MiB can't be resumed:
        their uploads are aborted.

        Args:
            source: Path of a file, or a binary file object. A seekable one is read in place, from
                its position to its end, and must not be used elsewhere meanwhile. The bytes of
                named pipes and of objects that can't seek are sent as they come; a temporary file
                holds those that aren't sent yet, 256 MiB at most unless parts are very large. File
                objects aren't closed.
            name: The file's name, without directories, at most 255 characters. Default: the last
                component of the path, with U+FFFD for each byte that is no UTF-8, or of the file
                object's `name`.
            content_type: Such as `application/pdf`. Default: guessed from the name.
            parallel: Connections at most. Fewer are used while S3 asks to slow down.
            progress: Called with (bytes sent or stored already, bytes in all). It begins with the
                bytes of an earlier upload, and goes backward when an attempt is repeated. Of a
                pipe, bytes in all are those read so far.
            hashing: Called with (bytes read, bytes in all) while the whole file is read for its
                SHA-256 and nothing is sent yet: not for a file that is hashed while it is sent.
            cancel: Stops or pauses it from another thread.
            spool_limit: Bytes at most of a pipe that are copied to a temporary file before any of
                them is sent. Pipes of over 64 MiB need that only if the deployment is of an earlier
                version, or if this is less than 64 MiB. Default: 10 GiB.
            expected_size: A guess at the size of a pipe, needed for more than 78 GiB (10,000 parts
                of 8 MiB). The parts are chosen so large that the guess fits.

        Raises:
            ConfigurationError: An argument is wrong.
            DocumentError: The source gives text, or more bytes than `spool_limit`.
            OSError: It can't be opened or read, or the temporary file can't be written.
            FileChangedError: It changed while it was read. Nothing is stored.
            CancelledError: `cancel` was used.
            QuotaError: The person's quota of bytes or of open uploads is used up.
            FileRefusedError: The API refuses the file, because of its size or name.
            AuthenticationError: The token is missing, wrong or expired.
            UploadError: S3 refused the upload.
            IntegrityError: The API recorded another content than was sent.
            RateLimitError, ServerError, TransportError: A request failed, after all retries.
        """
        self._check_open()
        connections = _checked_parallel(parallel)
        scope = CancelScope(cancel or Cancel(), self._pacing)
        if expected_size is not None and (not isinstance(expected_size, int) or expected_size < 1):
            raise ConfigurationError(
                f"expected_size must be a whole number of 1 or more, not {expected_size!r}"
            )
        file = open_source_file(
            source,
            scope,
            rule=self._part_rule,
            name=name,
            content_type=content_type,
            spool_limit=spool_limit,
            expected_size=expected_size,
            hashing=hashing,
        )
        with closing(file):
            meter = ProgressMeter(file.content.size, progress)
            return self._send(file, None, scope, ConcurrencyLimit(connections), meter)

    def upload_many(
        self,
        sources: Iterable[Source],
        *,
        parallel: int = 4,
        progress: BatchProgress | None = None,
        hashing: BatchProgress | None = None,
        cancel: Cancel | None = None,
        spool_limit: int = SPOOL_LIMIT,
    ) -> Iterator[UploadOutcome]:
        """Upload several files at once; one that fails doesn't stop the others.

        Up to 25 are announced to the API in one request, and files with the same content are sent
        once. Sources are taken from the iterable as they are needed.

        Args:
            sources: The sources, as for `upload`. File objects need a `name`.
            parallel: Connections at most, of all uploads together.
            progress: As for `upload`, called with (number of the source from 0, bytes, bytes in
                all), while the iterator waits for the next outcome.
            hashing: As for `upload`, called in the same way.
            cancel: Stops or pauses all. Uploads that were begun end with `CancelledError`; no
                further sources are taken.
            spool_limit: As for `upload`, for each source.

        Returns:
            An iterator; the uploads begin with the first `next`. It gives an outcome for each
            source, in the order in which the uploads end. Closing it stops the uploads, which can
            be resumed.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
        """
        self._check_open()
        connections = _checked_parallel(parallel)
        scope = CancelScope(cancel or Cancel(), self._pacing)

        def open_one(source: Source, scope: CancelScope, report: Progress) -> SourceFile:
            return open_source_file(
                source, scope, rule=self._part_rule, spool_limit=spool_limit, hashing=report
            )

        return UploadBatch(
            open_one,
            self._send,
            FilesApi(self._api, self._policy, scope),
            parallel=connections,
            scope=scope,
            progress=progress,
            hashing=hashing,
        ).run(sources)

    def download(
        self,
        file_id: str,
        to: Target | None = None,
        *,
        overwrite: bool = False,
        parallel: int = 4,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> DownloadResult:
        """Download a file and check its SHA-256.

        It is written to `.<name>.<file_id>.part` beside the target, and renamed when the SHA-256
        is right, so the target never holds a wrong or partial file. An interrupted download is
        resumed from that file.

        Args:
            file_id: The API's id of the file.
            to: Path to write to; a directory, in which the file gets its own name, made safe; or a
                binary file object, to which the bytes are written in order, before the SHA-256 is
                checked at the end, and which isn't closed; a named pipe or a device is written to
                in the same way. Default: the current directory.
            overwrite: Whether an existing file may be replaced; its permissions are kept. If `to`
                itself is a link, its target is replaced. In a directory, a link of the file's name
                is replaced and never followed.
            parallel: Connections at most.
            progress: Called with (bytes received, bytes in all). It begins with the bytes of an
                earlier download.
            cancel: Stops or pauses it from another thread.

        Raises:
            ConfigurationError: An argument is wrong.
            FileExistsError: The target exists, and `overwrite` isn't set.
            BlockingIOError: Another download of the same file to the same place is running.
            OSError: The file can't be written. `PermissionError`: the target is a socket, or a pipe
                or device within a directory, or the partial file is another user's.
            NotFoundError: This person has no such file.
            ConflictError: The deployment has found it corrupt (code `corrupt`).
            IntegrityError: The content isn't the recorded one.
            CancelledError: `cancel` was used.
            AuthenticationError, UploadError, RateLimitError, ServerError, TransportError: As for
                `upload`.
        """
        self._check_open()
        connections = _checked_parallel(parallel)
        checked_id("file", file_id)
        if to == "":
            raise ConfigurationError("to is empty: leave it out for the current directory")
        to_file = None if to is None or isinstance(to, (str, os.PathLike)) else to
        if to_file is not None and (
            isinstance(to_file, io.TextIOBase) or not callable(getattr(to_file, "write", None))
        ):
            raise ConfigurationError(
                f"a download goes to a path or a binary file object, not {type(to).__name__}"
            )
        scope = CancelScope(cancel or Cancel(), self._pacing)
        files_api = FilesApi(self._api, self._policy, scope)
        try:
            file, action = files_api.download(file_id)
            download = Download(
                self._http, files_api, file, action, scope, ConcurrencyLimit(connections), progress
            )
            if to_file is not None:
                return download.to_file(to_file)
            path = cast("str | os.PathLike[str] | None", to)
            return download.to_path("." if path is None else path, overwrite=overwrite)
        except WideloadError as error:
            error.file_id = file_id
            raise

    def list(self, *, q: str | None = None, limit: int | None = None) -> Iterator[FileInfo]:
        """The person's files, newest first.

        Pages are requested when they are needed.

        Args:
            q: Only files whose name contains this, ignoring case.
            limit: Items at most. Default: all.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            ApiError, TransportError: While iterating, if a page can't be read.
        """
        self._check_open()
        query = {}
        if q is not None:
            if not 1 <= len(q) <= 255:
                raise ConfigurationError("q has 1 to 255 characters: leave it out to list all")
            if SURROGATE.search(q):
                raise ConfigurationError(f"q holds a byte that is no text: {q!r}")
            query["q"] = q
        return items(
            self._api,
            "/files",
            query,
            take=FileInfo.of,
            limit=checked_count("limit", limit),
            page_size=_LONGEST_PAGE,
            attempts=self._attempts,
        )

    def get(self, file_id: str) -> FileInfo:
        """Look a file up.

        Raises:
            NotFoundError: This person has no such file.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        return self._file("GET", file_id)

    def rename(self, file_id: str, name: str) -> FileInfo:
        """Give a file another name; its content and id stay.

        Raises:
            ConfigurationError: The API takes no such name.
            NotFoundError: This person has no such file.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        return self._file("PATCH", file_id, orjson.dumps({"name": checked_name(name)}))

    def delete(self, file_id: str) -> None:
        """Delete a file. It can't be undone.

        Deleting it again raises NotFoundError, unless an earlier attempt of the same call may have
        deleted it and its answer was lost: that is success.

        Raises:
            NotFoundError: This person has no such file (any more).
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        self._check_open()
        path = f"/files/{checked_id('file', file_id)}"
        attempts = self._attempts()
        try:
            self._api.request("DELETE", path, attempts)
        except WideloadError as error:
            gone = isinstance(error, NotFoundError) and error.code == "unknown_file"
            if not (gone and attempts.ambiguous):
                error.file_id = file_id
                raise

    def uploads(self, *, limit: int | None = None) -> Iterator[UploadInfo]:
        """The person's uploads that aren't finished, newest first, without their parts.

        Args:
            limit: Items at most. Default: all.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            ApiError, TransportError: While iterating, if a page can't be read.
        """
        self._check_open()
        return items(
            self._api,
            "/files/uploads",
            {},
            take=UploadInfo.of,
            limit=checked_count("limit", limit),
            page_size=_LONGEST_PAGE,
            attempts=self._attempts,
        )

    def get_upload(self, upload_id: str) -> UploadInfo:
        """Look an upload up: its state, and the parts that S3 holds.

        Raises:
            NotFoundError: This person has no such upload.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        self._check_open()
        path = f"/files/uploads/{checked_id('upload', upload_id)}"
        answer = self._api.request("GET", path, self._attempts())
        try:
            return UploadInfo.of(parse_answer("GET", path, answer))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise unexpected("GET", path, answer) from None

    def abort(self, upload_id: str) -> None:
        """Abort an upload, and delete its parts in S3. It can be repeated.

        Raises:
            NotFoundError: This person has no such upload.
            ConflictError: It is completed: delete the file instead.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        self._check_open()
        path = f"/files/uploads/{checked_id('upload', upload_id)}"
        self._api.request("DELETE", path, self._attempts())

    def _send(
        self,
        file: SourceFile,
        created: Created | None,
        scope: CancelScope,
        concurrency: ConcurrencyLimit,
        meter: ProgressMeter,
    ) -> UploadResult:
        files_api = FilesApi(self._api, self._policy, scope)
        return Upload(
            self._http, files_api, file, scope=scope, concurrency=concurrency, meter=meter
        ).run(created)

    def _file(self, method: str, file_id: str, body: bytes | None = None) -> FileInfo:
        self._check_open()
        path = f"/files/{checked_id('file', file_id)}"
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            answer = self._api.request(method, path, self._attempts(), headers=headers, body=body)
            return read_file(method, path, answer)
        except WideloadError as error:
            error.file_id = file_id
            raise

    def _attempts(self) -> Attempts:
        return Attempts(self._policy, self._pacing)


def _checked_parallel(parallel: int) -> int:
    if not isinstance(parallel, int) or not 1 <= parallel <= _MOST_CONNECTIONS:
        raise ConfigurationError(
            f"parallel must be a whole number from 1 to {_MOST_CONNECTIONS}, not {parallel!r}"
        )
    return parallel
