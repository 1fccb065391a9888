"""A file to upload: its content, its name, and as much of its hash as is needed."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import IO

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Hashing, Part, PartRule, digest_of_part
from wideload._files.files_api import NewFile
from wideload._files.models import FileInfo, IfExists, Source
from wideload._files.names import (
    checked_content_type,
    checked_folder,
    checked_name,
    content_type_of,
)
from wideload._files.pipe import Pipe
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source import (
    Content,
    FileContent,
    ObjectContent,
    modified_at_of,
    name_of,
)
from wideload._http import Progress
from wideload.errors import ConfigurationError, DocumentError, FileChangedError


class SourceFile:
    """An open file, which is announced to the API by the SHA-256 of the whole or of its first part.

    Args:
        described: The file as it is announced, but for its size and hashes.
        hashing: Called with (bytes hashed, bytes in all) while the whole is hashed before sending.
        spool_limit: Bytes at most of a pipe that are copied to a temporary file before sending.
        expected_size: The caller's guess at the size of a pipe.

    Attributes:
        content: Its bytes.
        in_one_pass: Whether it is announced by its first part, and hashed while it is sent.
    """

    def __init__(
        self,
        content: Content,
        described: NewFile,
        *,
        rule: PartRule,
        hashing: Progress | None,
        spool_limit: int,
        expected_size: int | None,
    ) -> None:
        self.content = content
        self.in_one_pass = content.size > rule.one_put
        self._described = described
        self._rule = rule
        self._report = hashing
        self._spool_limit = spool_limit
        self._expected_size = expected_size
        self._sha256: str | None = None
        self._first_sha256: str | None = None
        self._hashing = Hashing(content, rule.part_size(content.size))

    @property
    def announced(self) -> NewFile:
        """The file as it is announced to the API."""
        piped = isinstance(self.content, Pipe)
        return replace(
            self._described,
            size=None if piped else self.content.size,
            sha256=None if self.in_one_pass else self._sha256,
            first_sha256=self._first_sha256 if self.in_one_pass else None,
            expected_size=self._expected_size if piped else None,
        )

    def named(self, files: Sequence[FileInfo]) -> FileInfo:
        """The file of its own folder and name; the first, if its name was taken meanwhile."""
        own = (self._described.folder or "", self._described.name)
        return next((file for file in files if (file.folder, file.name) == own), files[0])

    @property
    def identity(self) -> tuple[str | None, int] | None:
        """Hash and size by which it is announced; None for a pipe, which is like no other file."""
        if isinstance(self.content, Pipe):
            return None
        return (self._first_sha256 if self.in_one_pass else self._sha256), self.content.size

    @property
    def is_hashed(self) -> bool:
        """Whether the whole file has been hashed, with the parts that are sent."""
        return self._hashing.digest is not None

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the whole file, as far as it is known."""
        digest = self._hashing.digest
        return self._sha256 or (digest.sha256 if digest else "")

    @property
    def claim(self) -> dict[str, str | int]:
        """The size and hashes that the API doesn't know yet, when all parts have been sent."""
        digest = self._hashing.digest
        if digest is None or not self.in_one_pass:
            return {}
        hashes = {"sha256": digest.sha256, "parts_sha256": digest.parts_sha256}
        return hashes | ({} if self.content.rereadable else {"size": digest.size})

    def prepare(self, scope: CancelScope) -> None:
        """Hash what is announced.

        Raises:
            FileChangedError, OSError: The file can't be read, or changed.
            CancelledError, Stopped: As `CancelScope.check`.
        """
        if not self.in_one_pass:
            self.hash_whole(scope)
        elif isinstance(self.content, Pipe):
            first = Part(1, 0, self._rule.smallest_part, "")
            self._first_sha256 = digest_of_part(self.content, first)
        else:
            first = next(self._hashing.parts(lambda _: scope.check()))
            self._first_sha256 = first.sha256

    def hash_whole(self, scope: CancelScope) -> None:
        """Hash the whole file, so that it is announced by that from now on.

        Raises:
            DocumentError: A pipe gives more than `spool_limit`.
            FileChangedError, OSError, CancelledError, Stopped: As `prepare`.
        """
        if isinstance(self.content, Pipe):
            self.content = self.content.spooled(self._spool_limit, scope)
            self._hashing = Hashing(self.content, self._rule.part_size(self.content.size))
        if not self.is_hashed:
            meter = ProgressMeter(self.content.size, self._report)
            meter.start(self._hashing.hashed)

            def step(count: int) -> None:
                scope.check()
                meter.add(count)

            self._hashing.finish(step)
            meter.report()
        self._sha256 = self.sha256
        self.in_one_pass = False

    def check_unchanged(self) -> None:
        """Check that the file is as it was when it was opened and hashed.

        Raises:
            FileChangedError: It isn't.
        """
        self.content.check_unchanged()
        digest = self._hashing.digest  # of another reading than that for the announcement, perhaps
        if digest is not None and digest.sha256 != self.sha256:
            raise FileChangedError(
                "the file changed while it was uploaded; nothing of it is stored"
            )

    def divided(self, part_size: int) -> Hashing:
        """The hashing of the file in parts of the API's part size."""
        if isinstance(self.content, Pipe):
            self.content.divide(part_size)
        if self._hashing.part_size != part_size:
            self._hashing = Hashing(self.content, part_size)
        return self._hashing

    def close(self) -> None:
        """Close the file if it was opened here."""
        self.content.close()


def open_source_file(
    source: Source,
    scope: CancelScope,
    *,
    rule: PartRule,
    name: str | None = None,
    folder: str = "",
    if_exists: IfExists = "keep_both",
    content_type: str | None = None,
    spool_limit: int,
    expected_size: int | None = None,
    hashing: Progress | None,
) -> SourceFile:
    """Open a source, and hash what is announced of it.

    Args:
        name: Default: the source's own name.
        folder: Path of the folder.
        if_exists: Treatment of a name that another file of the folder has.
        content_type: Default: guessed from the name.

    Raises:
        ConfigurationError: The name, the content type or the source is wrong.
        DocumentError, FileChangedError, OSError: The source can't be read as it is.
        CancelledError, Stopped: As `CancelScope.check`.
    """
    folder = checked_folder(folder)
    name = checked_name(name_of(source) if name is None else name)
    kind = content_type_of(name) if content_type is None else checked_content_type(content_type)
    # Defaults aren't sent, as deployments of earlier versions don't know them.
    described = NewFile(
        name,
        kind,
        folder=folder or None,
        if_exists=None if if_exists == "keep_both" else if_exists,
        modified_at=modified_at_of(source),
    )
    content = _open(source, rule.one_put, spool_limit, scope)
    file = SourceFile(
        content,
        described,
        rule=rule,
        hashing=hashing,
        spool_limit=spool_limit,
        expected_size=expected_size,
    )
    try:
        file.prepare(scope)
    except BaseException:
        file.close()
        raise
    return file


def _open(source: Source, one_put: int, spool_limit: int, scope: CancelScope) -> Content:
    if isinstance(source, (str, os.PathLike)):
        file = open(source, "rb", buffering=0)  # noqa: SIM115 - closed with the content
        try:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return FileContent(file)
            return _open_pipe(file, one_put, spool_limit, scope, close=file.close)
        except BaseException:
            file.close()
            raise
    if isinstance(source, io.TextIOBase):
        raise DocumentError("the file object is in text mode: open it in binary mode, 'rb'")
    if not callable(getattr(source, "read", None)):
        raise ConfigurationError(
            f"a source is a path or a binary file object, not {type(source).__name__}"
        )
    seekable = getattr(source, "seekable", None)
    if seekable and seekable():
        return ObjectContent(source)
    return _open_pipe(source, one_put, spool_limit, scope, close=lambda: None)


def _open_pipe(
    file: IO[bytes] | io.FileIO,
    one_put: int,
    spool_limit: int,
    scope: CancelScope,
    *,
    close: Callable[[], None],
) -> Content:
    """Copy a pipe of up to `one_put` bytes, or the beginning of a larger one."""
    pipe = Pipe(file, close)
    try:
        if spool_limit > one_put and pipe.spool(one_put + 1, scope):
            return pipe
        return pipe.spooled(spool_limit, scope)
    except BaseException:
        pipe.close()
        raise
