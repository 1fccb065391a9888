"""A person's folders: paths to ids and back, and making, moving and deleting them.

A folder is known by its id; files and subfolders name the folder that they are in. So renaming or
moving a folder changes that folder alone, and deleting it cuts off everything below it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.folder_records import FolderRecords
from wideload_runtime.core.files.lists import FolderQuery
from wideload_runtime.core.files.names import parse_folder
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

    def listed(self, query: FolderQuery) -> dict[str, Any]:
        """Return direct subfolders by name, and a cursor to those that follow.

        Raises:
            Refused: `unknown_folder`.
        """
        parent_id = self.resolve(query.folder)
        if parent_id is None:
            raise _unknown_folder()
        found, more = self.records.subfolders(parent_id, after=query.after, limit=query.limit)
        start = f"{query.folder}/" if query.folder else ""
        return {
            "items": [_shown(folder, start + folder.name) for folder in found],
            "cursor": query.cursor(found[-1].name) if more else None,
        }

    def make(self, path: str) -> dict[str, Any]:
        """Make a folder, and its parents, unless they are there; return it.

        Raises:
            Refused: `conflict`.
        """
        for _ in range(ROUNDS):
            folder_id = self.ensure(path)
            if folder := self.records.folders([folder_id]).get(folder_id):
                return _shown(folder, path)
        raise conflict()

    def move(self, path: str, to: str) -> dict[str, Any]:
        """Rename or move a folder with everything in it; return it.

        Raises:
            Refused: `unknown_folder`, `name_exists`, `invalid_request`, `invalid_name` or
                `conflict`.
        """
        parent, _, name = to.rpartition("/")
        for _ in range(ROUNDS):
            folder = self._known(path)
            if to == path:
                return _shown(folder, path)
            if to.startswith(f"{path}/"):
                raise Refused("invalid_request", f"{to!r} lies within {path!r}.")
            if self.resolve(to) is not None:
                raise Refused("name_exists", f"The folder {to!r} is there: choose another name.")
            self._check_paths_below(folder, to)
            moved = replace(folder, parent_id=self.ensure(parent), name=name)
            above = self._above(moved.parent_id)
            # Other requests may have deleted the new parent, or moved it into the folder.
            if above is None or folder.folder_id in {each.folder_id for each in above}:
                continue
            if self.records.move_folder(folder, moved, above=above):
                return _shown(moved, to)
        raise conflict()

    def delete(self, path: str) -> str:
        """Cut off a folder with everything in it; return its id.

        Raises:
            Refused: `unknown_folder` or `conflict`.
        """
        for _ in range(ROUNDS):
            folder = self._known(path)
            if self.records.delete_folder(folder, deleted_at=iso(self.now())):
                return folder.folder_id
        raise conflict()

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
            folder_id = found.folder_id
        return folder_id, []

    def _known(self, path: str) -> Folder:
        parent, _, name = path.rpartition("/")
        parent_id = self.resolve(parent)
        folder = self.records.folder_named(parent_id, name) if parent_id else None
        if folder is None:
            raise _unknown_folder()
        return folder

    def _above(self, folder_id: str) -> list[Folder] | None:
        """Return a folder and those above it; None if one of them is deleted."""
        chain = _chain(folder_id, self._with_those_above([folder_id]))
        above = [each for each in chain if each]
        return above if len(above) == len(chain) else None

    def _check_paths_below(self, folder: Folder, to: str) -> None:
        """Check the paths that folders below a moved folder will have."""
        if not self.records.subfolders(folder.folder_id, after=None, limit=1)[0]:
            return
        below: dict[str, list[Folder]] = {}
        for each in self.records.all_folders():
            below.setdefault(each.parent_id, []).append(each)
        paths = [(folder.folder_id, to)]
        while paths:
            folder_id, path = paths.pop()
            parse_folder(path)
            paths += [(each.folder_id, f"{path}/{each.name}") for each in below.pop(folder_id, [])]

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


def _shown(folder: Folder, path: str) -> dict[str, Any]:
    return {"folder": path, "name": folder.name, "created_at": folder.created_at}


def _unknown_folder() -> Refused:
    return Refused("unknown_folder", "No folder of yours has this path.")
