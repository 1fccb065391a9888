"""A person's folders: paths to ids and back, and making, moving and deleting them.

A folder is known by its id; files and subfolders name the folder that they are in. So renaming or
moving a folder changes that folder alone, and deleting it cuts off everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from wideload_runtime.core.errors import conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.folder_records import FolderRecords
from wideload_runtime.core.files.records import TOP, Folder
from wideload_runtime.core.times import iso


@dataclass(frozen=True, kw_only=True)
class Folders:
    """One person's folders."""

    records: FolderRecords
    new_id: Callable[[], str]
    now: Callable[[], float]

    def resolve(self, path: str) -> str | None:
        """Return the id of a folder; None if there is none."""
        folder_id, missing = self._walk(path)
        return None if missing else folder_id

    def ensure(self, path: str) -> str:
        """Return the id of a folder, which is made if it is not there, as are its parents.

        Raises:
            Refused: `conflict`.
        """
        for _ in range(ROUNDS):
            folder_id, missing = self._walk(path)
            if not missing:
                return folder_id
            chain = self._new(folder_id, missing)
            if self.records.add_folders(chain):
                return chain[-1].folder_id
        raise conflict()

    def paths_of(self, folder_ids: Collection[str]) -> dict[str, str | None]:
        """Return the path of each folder; None if it, or one above it, is deleted.

        Folders are read level by level, one batch for each, so that two reads may be before and
        after a move. If they then seem to lie within each other, they are read again.

        Raises:
            Refused: `conflict`.
        """
        for _ in range(ROUNDS):
            known = self._with_those_above(folder_ids)
            chains = {each: _chain(each, known) for each in folder_ids}
            if not any(_is_circular(chain) for chain in chains.values()):
                return {each: _path(chain) for each, chain in chains.items()}
        raise conflict()

    def _walk(self, path: str) -> tuple[str, list[str]]:
        """Return the id of the deepest folder of a path that is there, and the names below it."""
        folder_id, names = TOP, path.split("/") if path else []
        for index, name in enumerate(names):
            found = self.records.folder_named(folder_id, name)
            if found is None:
                return folder_id, names[index:]
            folder_id = found
        return folder_id, []

    def _new(self, parent_id: str, names: list[str]) -> list[Folder]:
        chain: list[Folder] = []
        for name in names:
            folder = Folder(
                folder_id=self.new_id(),
                parent_id=parent_id,
                name=name,
                created_at=iso(self.now()),
            )
            chain.append(folder)
            parent_id = folder.folder_id
        return chain

    def _with_those_above(self, folder_ids: Collection[str]) -> dict[str, Folder]:
        known: dict[str, Folder] = {}
        wanted = set(folder_ids) - {TOP}
        while wanted:
            found = self.records.folders(wanted)
            known |= found
            above = {each.parent_id for each in found.values() if each.deleted_at is None}
            wanted = above - known.keys() - {TOP}
        return known


_Chain = list[Folder | None]
"""A folder and those above it; its last is None if that is deleted."""


def _chain(folder_id: str, known: dict[str, Folder]) -> _Chain:
    """Return the chain up to the top, to a deleted folder, or to the first that is repeated."""
    chain: _Chain = []
    while folder_id != TOP:
        folder = known.get(folder_id)
        if folder is None or folder.deleted_at:
            return [*chain, None]
        is_repeated = folder in chain
        chain.append(folder)
        if is_repeated:
            break
        folder_id = folder.parent_id
    return chain


def _is_circular(chain: _Chain) -> bool:
    return len(chain) > 1 and chain[-1] in chain[:-1]


def _path(chain: _Chain) -> str | None:
    names = [folder.name for folder in chain if folder]
    return "/".join(reversed(names)) if len(names) == len(chain) else None
