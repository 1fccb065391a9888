"""Open a source of an upload, and hash it."""

from __future__ import annotations

from dataclasses import dataclass

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Digest, digest, part_size_of
from wideload._files.files_api import NewFile
from wideload._files.models import Source
from wideload._files.names import checked_content_type, checked_name, content_type_of
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source import Content, name_of, open_source
from wideload._http import Progress


@dataclass
class HashedFile:
    """A file that is open and has been hashed."""

    content: Content
    digest: Digest
    name: str
    content_type: str

    @property
    def announced(self) -> NewFile:
        """The file as it is announced to the API."""
        return NewFile(self.name, self.digest.size, self.content_type, self.digest.sha256)


def open_and_hash(
    source: Source,
    scope: CancelScope,
    *,
    name: str | None = None,
    content_type: str | None = None,
    spool_limit: int,
    hashing: Progress | None,
) -> HashedFile:
    """Open and hash a source, after a check of the arguments.

    Args:
        name: Default: the source's own name.
        content_type: Default: guessed from the name.
        spool_limit: Bytes at most that are copied to a temporary file.
        hashing: Called with (bytes hashed, bytes in all).

    Raises:
        ConfigurationError: The name or the content type is wrong.
        DocumentError, FileChangedError, OSError: The source can't be read as it is.
        CancelledError, Stopped: As `CancelScope.check`.
    """
    name = checked_name(name_of(source) if name is None else name)
    kind = content_type_of(name) if content_type is None else checked_content_type(content_type)
    content = open_source(source, spool_limit, scope)
    try:
        meter = ProgressMeter(content.size, hashing)
        meter.start(0)

        def step(count: int) -> None:
            scope.check()
            meter.add(count)

        found = digest(content, part_size_of(content.size), step)
        meter.report()
    except BaseException:
        content.close()
        raise
    return HashedFile(content, found, name, kind)
