"""`Client.files`: the files of a person."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import cast

from wideload._api import checked_id
from wideload._auth import Token
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import PartRule
from wideload._files.download import Download
from wideload._files.download_batch import DownloadBatch
from wideload._files.file_records import FileRecords
from wideload._files.files_api import Created, FilesApi
from wideload._files.limits import Limits
from wideload._files.local_tree import LocalTree, SkipReason
from wideload._files.models import BatchProgress, FileInfo, FolderInfo, IfExists, Source, Target
from wideload._files.names import checked_folder, checked_if_exists
from wideload._files.progress_meter import ProgressMeter
from wideload._files.rate_limit import checked_rate
from wideload._files.results import (
    DownloadOutcome,
    DownloadResult,
    UploadOutcome,
    UploadResult,
)
from wideload._files.source_file import SourceFile, open_source_file
from wideload._files.target_tree import TargetTree
from wideload._files.upload import Upload
from wideload._files.upload_batch import UploadBatch
from wideload._http import Http, Progress
from wideload._retry import Pacing, RetryPolicy
from wideload.errors import ConfigurationError, WideloadError

# Bytes that most temporary directories have room for.
SPOOL_LIMIT = 10 * 1024**3

_MOST_CONNECTIONS = 64


class Files(FileRecords):
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
        super().__init__(
            http, base_url, token=token, pacing=pacing, policy=policy, check_open=check_open
        )
        self._http = http
        self._part_rule = part_rule

    def __repr__(self) -> str:
        return f"<wideload.Files {self._api.base_url}>"

    def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str = "",
        if_exists: IfExists = "keep_both",
        content_type: str | None = None,
        parallel: int = 4,
        limit_rate: float | None = None,
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

        The time of the file's last change is recorded with it.

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
            folder: Path of the folder to put it in, such as `films/2026`, which is made if it isn't
                there. Default: the top.
            if_exists: Treatment of the name if another file of the folder, with other content, has
                it: `keep_both` (this file gets a number: "offer (2).txt"), `replace`, `skip`
                (nothing is sent, and that file is the result) or `fail` (ConflictError). If the
                name is taken while this file is sent, `skip` and `fail` keep both.
            content_type: Such as `application/pdf`. Default: guessed from the name.
            parallel: Connections at most. Fewer are used while S3 asks to slow down.
            limit_rate: Bytes per second at most, of all connections together. Default: no limit.
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
            FileRefusedError: The API refuses the file, because of its size or name, or the
                deployment's own authorization function does (code `not_allowed`).
            ConflictError: Another file has the name (code `name_exists`), with `if_exists="fail"`.
            AuthenticationError: The token is missing, wrong or expired.
            UploadError: S3 refused the upload.
            IntegrityError: The API recorded another content than was sent.
            RateLimitError, ServerError, TransportError: A request failed, after all retries.
        """
        self._check_open()
        limits = _checked_limits(parallel, limit_rate)
        checked_if_exists(if_exists)
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
            folder=folder,
            if_exists=if_exists,
            content_type=content_type,
            spool_limit=spool_limit,
            expected_size=expected_size,
            hashing=hashing,
        )
        with closing(file):
            meter = ProgressMeter(file.content.size, progress)
            return self._send(file, None, scope, limits, meter)

    def upload_many(
        self,
        sources: Iterable[Source],
        *,
        folder: str | Callable[[Source], str] = "",
        if_exists: IfExists = "keep_both",
        parallel: int = 4,
        limit_rate: float | None = None,
        progress: BatchProgress | None = None,
        hashing: BatchProgress | None = None,
        cancel: Cancel | None = None,
        spool_limit: int = SPOOL_LIMIT,
    ) -> Iterator[UploadOutcome]:
        """Upload several files at once; one that fails doesn't stop the others.

        Up to 25 are announced to the API in one request. Files with the same content are sent once,
        and become a file each. Sources are taken from the iterable as they are needed.

        Args:
            sources: The sources, as for `upload`. File objects need a `name`.
            folder: As for `upload`; or a function that returns the folder of each source.
            if_exists: As for `upload`.
            parallel: Connections at most, of all uploads together.
            limit_rate: Bytes per second at most, of all uploads together. Default: no limit.
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
        limits = _checked_limits(parallel, limit_rate)
        checked_if_exists(if_exists)
        if not callable(folder):
            checked_folder(folder)
        scope = CancelScope(cancel or Cancel(), self._pacing)

        def open_one(source: Source, scope: CancelScope, report: Progress) -> SourceFile:
            return open_source_file(
                source,
                scope,
                rule=self._part_rule,
                folder=folder(source) if callable(folder) else folder,
                if_exists=if_exists,
                spool_limit=spool_limit,
                hashing=report,
            )

        return UploadBatch(
            open_one,
            self._send,
            FilesApi(self._api, self._policy, scope),
            limits=limits,
            scope=scope,
            progress=progress,
            hashing=hashing,
        ).run(sources)

    def upload_tree(
        self,
        directory: str | os.PathLike[str],
        *,
        folder: str = "",
        if_exists: IfExists = "keep_both",
        follow_links: bool = False,
        parallel: int = 4,
        limit_rate: float | None = None,
        progress: BatchProgress | None = None,
        hashing: BatchProgress | None = None,
        cancel: Cancel | None = None,
        skipped: Callable[[str, SkipReason], object] | None = None,
    ) -> Iterator[UploadOutcome]:
        """Upload everything in a directory into a folder; directories become folders.

        `upload_tree("photos", folder="2026/photos")` makes `photos/a/b.jpg` the file `b.jpg` of the
        folder `2026/photos/a`. Hidden files are included. Links, pipes, sockets and devices are
        skipped, and so are .DS_Store, Thumbs.db and desktop.ini. Directories without files become
        folders, too. Files are uploaded as by `upload_many`; the same call again uploads the rest
        of an interrupted one.

        Args:
            directory: Its path.
            folder: Path of the folder. Default: the top.
            if_exists: As for `upload`.
            follow_links: Whether to follow links, also to files outside of the directory.
            parallel: As for `upload_many`.
            limit_rate: As for `upload_many`.
            progress: As for `upload_many`.
            hashing: As for `upload_many`.
            cancel: As for `upload_many`.
            skipped: Called with the path of each entry that is skipped, and the reason: `link`,
                `special` (pipe, socket or device), `system` (left behind by a file manager) or
                `again` (a directory that is in already by another path).

        Returns:
            An iterator, as of `upload_many`, of an outcome for each file, and for each directory
            without files that is now a folder (without `result` and `error`) or that can't be read
            or made (with `error`). `source` is the path.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
        """
        tree = LocalTree(directory, checked_folder(folder), follow_links=follow_links)
        cancel = cancel or Cancel()
        outcomes = self.upload_many(
            tree.files(skipped),
            folder=tree.folder_of,
            if_exists=if_exists,
            parallel=parallel,
            limit_rate=limit_rate,
            progress=progress,
            hashing=hashing,
            cancel=cancel,
        )
        return self._upload_tree(tree, outcomes, cancel)

    def _upload_tree(
        self, tree: LocalTree, outcomes: Iterator[UploadOutcome], cancel: Cancel
    ) -> Iterator[UploadOutcome]:
        index = -1
        for outcome in outcomes:
            index = max(index, outcome.index)
            yield outcome
        for path, error in tree.unreadable:
            index += 1
            yield UploadOutcome(index=index, source=path, error=error)
        for path in tree.without_files:
            if cancel.cancelled:
                return
            index += 1
            failure: Exception | None = None
            try:
                self.create_folder(tree.folder_of(path))
            except WideloadError as error:
                failure = error
            yield UploadOutcome(index=index, source=path, error=failure)

    def download(
        self,
        file_id: str,
        to: Target | None = None,
        *,
        overwrite: bool = False,
        set_mtime: bool = True,
        parallel: int = 4,
        limit_rate: float | None = None,
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
            set_mtime: Whether the file gets the recorded time of its last change, if there is one.
            parallel: Connections at most.
            limit_rate: Bytes per second at most, of all connections together. Default: no limit.
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
            ConflictError: The deployment has found it corrupt (code `corrupt`), or it isn't scanned
                for malware yet, or some was found (code `quarantined`).
            IntegrityError: The content isn't the recorded one.
            CancelledError: `cancel` was used.
            AuthenticationError, UploadError, RateLimitError, ServerError, TransportError: As for
                `upload`.
        """
        self._check_open()
        limits = _checked_limits(parallel, limit_rate)
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
            download = Download(self._http, files_api, file, action, scope, limits, progress)
            if to_file is not None:
                return download.to_file(to_file)
            path = cast("str | os.PathLike[str] | None", to)
            return download.to_path(
                "." if path is None else path, overwrite=overwrite, set_mtime=set_mtime
            )
        except WideloadError as error:
            error.file_id = file_id
            raise

    def download_tree(
        self,
        folder: str,
        directory: str | os.PathLike[str],
        *,
        items: Iterable[FolderInfo | FileInfo] | None = None,
        overwrite: bool = False,
        set_mtime: bool = True,
        parallel: int = 4,
        limit_rate: float | None = None,
        progress: BatchProgress | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[DownloadOutcome]:
        """Download everything in a folder into a directory; folders become directories.

        Names that the file system refuses, or that it takes for another's, are changed: nothing is
        written outside of the directory, links in it aren't followed, and no two files get the same
        path. Each file is written as by `download`. The same call again downloads the rest of an
        interrupted one: a file that is there with the right content is left as it is.

        Args:
            folder: Path of the folder; "" is the top.
            directory: Path of the directory, which is made if it isn't there.
            items: The files and folders to download, a part of what `walk` gives. Default: all.
            overwrite: Whether existing files of other content may be replaced.
            set_mtime: As for `download`.
            parallel: Connections at most, of all downloads together.
            limit_rate: Bytes per second at most, of all downloads together. Default: no limit.
            progress: Called with (number of the item from 0, bytes received, bytes in all), while
                the iterator waits for the next outcome.
            cancel: Stops or pauses all.

        Returns:
            An iterator; the downloads begin with the first `next`. It gives an outcome for each
            file and folder, in the order in which they end. Closing it stops the downloads, which
            can be resumed.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            NotFoundError: This person has no such folder; raised while iterating, as are the rest.
            ApiError, TransportError: The folder can't be listed.
            OSError: The directory can't be made.
        """
        self._check_open()
        limits = _checked_limits(parallel, limit_rate)
        checked_folder(folder)
        scope = CancelScope(cancel or Cancel(), self._pacing)
        return DownloadBatch(
            self._http,
            FilesApi(self._api, self._policy, scope),
            TargetTree(directory, folder, overwrite=overwrite),
            limits=limits,
            scope=scope,
            overwrite=overwrite,
            set_mtime=set_mtime,
            progress=progress,
        ).run(self.walk(folder) if items is None else items)

    def _send(
        self,
        file: SourceFile,
        created: Created | None,
        scope: CancelScope,
        limits: Limits,
        meter: ProgressMeter,
    ) -> UploadResult:
        files_api = FilesApi(self._api, self._policy, scope)
        return Upload(self._http, files_api, file, scope=scope, limits=limits, meter=meter).run(
            created
        )


def _checked_limits(parallel: int, limit_rate: float | None) -> Limits:
    if not isinstance(parallel, int) or not 1 <= parallel <= _MOST_CONNECTIONS:
        raise ConfigurationError(
            f"parallel must be a whole number from 1 to {_MOST_CONNECTIONS}, not {parallel!r}"
        )
    return Limits.of(parallel, checked_rate(limit_rate))
