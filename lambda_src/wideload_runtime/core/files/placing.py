"""Place a name in its folder: find the file that has it, and decide what becomes of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.names import numbered_names, too_many_alike
from wideload_runtime.core.files.ports import Bucket, Folders, Records
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    File,
    IfExists,
    NewName,
    Placement,
    Removal,
    StoredObject,
)
from wideload_runtime.core.files.removing import removal_of, remove
from wideload_runtime.core.times import iso


class NameTakenError(Exception):
    """Another file has the name, and is neither to be kept beside it nor replaced."""

    def __init__(self, file: File, if_exists: IfExists) -> None:
        super().__init__(file.file_id)
        self.file = file
        self.if_exists = if_exists

    @property
    def refused(self) -> Refused:
        return Refused("name_exists", f"A file of this folder is named {self.file.name!r}.")


@dataclass(frozen=True, kw_only=True)
class Placing:
    """
    Args:
        life_seconds: Seconds for which a file is kept after it was made; None: for ever.
    """

    records: Records
    folders: Folders
    bucket: Bucket
    life_seconds: int | None
    now: Callable[[], float]

    def check(self, name: NewName, announced: Announced) -> None:
        """Check a name for content that is yet to be sent.

        Raises:
            NameTakenError: Other content has the name, and `if_exists` is `skip` or `fail`.
        """
        if name.if_exists not in ("skip", "fail"):
            return
        folder_id = self.folders.resolve(name.folder)
        holder = self._holder(folder_id, name.name) if folder_id else None
        if holder and not (isinstance(announced, Content) and holder.content == announced):
            raise NameTakenError(holder, name.if_exists)

    def place(
        self,
        name: NewName,
        stored: StoredObject,
        *,
        file_id: str,
        created_at: str,
        is_sent: bool = False,
    ) -> Placement:
        """Return where a new file goes.

        Args:
            is_sent: Whether its content was sent for it: then `skip` and `fail` keep both.

        Raises:
            NameTakenError: Other content has the name, and `if_exists` is `skip` or `fail`.
        """
        now = self.now()
        file = File(
            file_id=file_id,
            folder_id=self.folders.ensure(name.folder),
            name=name.name,
            content_type=name.content_type,
            created_at=created_at,
            modified_at=name.modified_at,
            metadata=name.metadata,
            due_at=None if self.life_seconds is None else iso(now + self.life_seconds),
            object_id=stored.object_id,
            size=stored.size,
            sha256=stored.sha256,
            key=stored.key,
        )
        holder = self._holder(file.folder_id, file.name)
        if holder and holder.content == stored.content:
            return self._same(file, holder)
        keep = is_sent and name.if_exists in ("skip", "fail")
        how: IfExists = "keep_both" if keep else name.if_exists
        return self._beside(file, holder, how, lambda other: other.object_id == file.object_id)

    def move(self, file: File, folder: str | None, name: str | None, how: IfExists) -> Placement:
        """Return where a file goes that is renamed or moved.

        Args:
            folder: Path of its new folder; None: as it is.

        Raises:
            NameTakenError: As for `place`.
        """
        moved = replace(
            file,
            folder_id=file.folder_id if folder is None else self.folders.ensure(folder),
            name=name or file.name,
        )
        if (moved.folder_id, moved.name) == (file.folder_id, file.name):
            return Placement(file, is_there=True)
        holder = self._holder(moved.folder_id, moved.name)
        if holder and holder.object_id == file.object_id:
            return Placement(moved, self._removal(holder))
        return self._beside(moved, holder, how, lambda other: other.file_id == file.file_id)

    def _same(self, file: File, holder: File) -> Placement:
        """Return the file with the same name and content; a corrupt one is replaced."""
        if holder.object_id != file.object_id:
            removal = self._removal(holder)
            if removal and removal.stored.corrupt:
                return Placement(file, removal)
        return Placement(holder, is_there=True)

    def _beside(
        self, file: File, holder: File | None, how: IfExists, is_same: Callable[[File], bool]
    ) -> Placement:
        """Return where a file goes whose name a file of other content may have.

        Args:
            is_same: Whether a file with a numbered name is this one, as after a request whose
                answer was lost.
        """
        if holder is None:
            return Placement(file)
        if how == "replace":
            return Placement(file, self._removal(holder))
        if how != "keep_both":
            raise NameTakenError(holder, how)
        for names in numbered_names(file.name):
            taken = self.records.named(file.folder_id, names)
            others = self.records.files_by_id(taken.values())
            for name in names:
                if name not in taken:
                    return Placement(replace(file, name=name))
                other = others.get(taken[name])
                if other and is_same(other) and not other.is_over(iso(self.now())):
                    return Placement(other, is_there=True)
        raise too_many_alike()

    def _removal(self, file: File) -> Removal | None:
        """Return the removal of a file; None if it was deleted meanwhile."""
        stored = self.records.stored([file.object_id]).get(file.object_id)
        return removal_of(file, stored, self.now()) if stored else None

    def _holder(self, folder_id: str, name: str) -> File | None:
        """Return the file that has a name; an expired one is removed."""
        file_id = self.records.named(folder_id, [name]).get(name)
        file = self.records.file(file_id) if file_id else None
        if file and file.is_over(iso(self.now())):
            remove(file, self.records, self.bucket, self.now())
            return None
        return file
