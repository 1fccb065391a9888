"""The methods of `Client.files` that read and change the API's records, without content."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import orjson

from wideload._api import checked_id
from wideload._files.files_api import read_file
from wideload._files.folder_records import JSON, LONGEST_PAGE, FolderRecords, read_answer
from wideload._files.models import FileInfo, FolderInfo, IfExists, UploadInfo
from wideload._files.names import checked_folder, checked_if_exists, checked_name
from wideload._files.results import ChangeOutcome
from wideload._pages import checked_count, items
from wideload._text import SURROGATE
from wideload.errors import ConfigurationError, NotFoundError, WideloadError

Sort = Literal["created_at", "-created_at", "name", "-name", "size", "-size"]
"""An order of files; with `-` the largest, newest or last comes first."""

_SORTS = ("created_at", "-created_at", "name", "-name", "size", "-size")
# Limit of one request that moves or deletes files.
_MOST_CHANGED = 100
_DELETE = "/files/delete"


class FileRecords(FolderRecords):
    """Base of `Files`."""

    def list(
        self,
        *,
        folder: str | None = None,
        sort: Sort | None = None,
        prefix: str | None = None,
        q: str | None = None,
        limit: int | None = None,
    ) -> Iterator[FileInfo]:
        """The person's files, newest first unless another order is given.

        Pages are requested when they are needed.

        Args:
            folder: Only files of this folder, not of those below it; "" is the top. Default: the
                files of all folders.
            sort: `created_at`, `name` or `size`, or one of these with `-` in front for the opposite
                order; by size only with `folder`. Default: `-created_at`, with `prefix` `name`.
            prefix: Only files whose name begins with this, ignoring case; sorted by name.
            q: Only files whose name contains this, ignoring case.
            limit: Items at most. Default: all.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            ApiError, TransportError: While iterating, if a page can't be read.
        """
        self._check_open()
        query = {}
        if folder is not None:
            query["folder"] = checked_folder(folder)
        if sort is not None:
            if sort not in _SORTS:
                raise ConfigurationError(f"sort must be one of {', '.join(_SORTS)}, not {sort!r}")
            if sort.endswith("size") and folder is None:
                raise ConfigurationError(f"sort {sort!r} is for one folder: give folder, too")
            if prefix is not None and not sort.endswith("name"):
                raise ConfigurationError("with prefix, sort must be name or -name")
            query["sort"] = sort
        for name, text in (("prefix", prefix), ("q", q)):
            if text is not None:
                query[name] = _checked_text(name, text)
        return items(
            self._api,
            "/files",
            query,
            take=FileInfo.of,
            limit=checked_count("limit", limit),
            page_size=LONGEST_PAGE,
            attempts=self._attempts,
        )

    def walk(self, folder: str = "") -> Iterator[FolderInfo | FileInfo]:
        """Everything in a folder: its files by name, then each folder with everything in it.

        Pages are requested when they are needed, two requests or more for each folder.

        Args:
            folder: Path of the folder. Default: the top.

        Raises:
            ConfigurationError: The path is wrong; raised at once, not while iterating.
            NotFoundError: This person has no such folder; raised while iterating, as are the rest.
            ApiError, TransportError: A page can't be read.
        """
        self._check_open()
        return self._walk(checked_folder(folder))

    def _walk(self, folder: str) -> Iterator[FolderInfo | FileInfo]:
        below = [*self.folders(folder)]
        yield from self.list(folder=folder, sort="name")
        while below:
            found = below.pop(0)
            yield found
            try:
                deeper = [*self.folders(found.folder)]
            except NotFoundError as error:
                if error.code != "unknown_folder":
                    raise
                continue  # deleted or moved since it was listed
            yield from self.list(folder=found.folder, sort="name")
            below[:0] = deeper

    def get(self, file_id: str) -> FileInfo:
        """Look a file up.

        Raises:
            NotFoundError: This person has no such file.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        return self._file("GET", file_id)

    def rename(
        self,
        file_id: str,
        name: str,
        *,
        folder: str | None = None,
        if_exists: IfExists = "keep_both",
    ) -> FileInfo:
        """Give a file another name, and another folder if one is given; its content and id stay.

        Args:
            folder: Path of the folder; "" is the top. Default: as it is.
            if_exists: Treatment of the name if another file of the folder has it.

        Raises:
            ConfigurationError: The API takes no such name or folder.
            NotFoundError: This person has no such file.
            ConflictError: Another file has the name (code `name_exists`), with `if_exists="fail"`
                or `"skip"`.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        change = {"name": checked_name(name)}
        if folder is not None:
            change["folder"] = checked_folder(folder)
        if checked_if_exists(if_exists) != "keep_both":
            change["if_exists"] = if_exists
        return self._file("PATCH", file_id, orjson.dumps(change))

    def move(
        self, file_ids: Sequence[str], folder: str, *, if_exists: IfExists = "keep_both"
    ) -> builtins.list[ChangeOutcome]:
        """Move files to a folder, which is made if it isn't there; their names stay.

        Args:
            folder: Path of the folder; "" is the top.
            if_exists: Treatment of a name that another file of the folder has.

        Returns:
            An outcome for each id, in the same order. After a request that failed as a whole, that
            error is the outcome of all further files, too.

        Raises:
            ConfigurationError: An argument is wrong; nothing is moved.
        """
        change = {"folder": checked_folder(folder), "if_exists": checked_if_exists(if_exists)}
        return self._change("/files/move", file_ids, change)

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

    def delete_many(self, file_ids: Sequence[str]) -> builtins.list[ChangeOutcome]:
        """Delete files, up to 100 in one request. It can't be undone.

        Returns:
            An outcome for each id, in the same order, as of `move`.

        Raises:
            ConfigurationError: One is no id; nothing is deleted.
        """
        return self._change(_DELETE, file_ids, {})

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
            page_size=LONGEST_PAGE,
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
        return read_answer("GET", path, answer, UploadInfo.of)

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

    def _file(self, method: str, file_id: str, body: bytes | None = None) -> FileInfo:
        self._check_open()
        path = f"/files/{checked_id('file', file_id)}"
        headers = JSON if body else {}
        try:
            answer = self._api.request(method, path, self._attempts(), headers=headers, body=body)
            return read_file(method, path, answer)
        except WideloadError as error:
            error.file_id = file_id
            raise

    def _change(
        self, path: str, file_ids: Sequence[str], change: dict[str, str]
    ) -> builtins.list[ChangeOutcome]:
        """Make the same change of many files."""
        self._check_open()
        if isinstance(file_ids, str):
            raise ConfigurationError("file_ids is one id: give a list of ids")
        ids = [checked_id("file", file_id) for file_id in file_ids]
        outcomes: builtins.list[ChangeOutcome] = []
        failure: WideloadError | None = None
        for start in range(0, len(ids), _MOST_CHANGED):
            some = ids[start : start + _MOST_CHANGED]
            try:
                for outcome in self._change_some(path, some, change):
                    outcomes.append(outcome)  # noqa: PERF402 - keeps those before a failure
            except WideloadError as error:
                failure = error
                break
        unchanged = ids[len(outcomes) :]
        return outcomes + [ChangeOutcome(file_id=each, error=failure) for each in unchanged]

    def _change_some(
        self, path: str, ids: Sequence[str], change: dict[str, str]
    ) -> Iterable[ChangeOutcome]:
        attempts = self._attempts()
        body = orjson.dumps({"file_ids": ids, **change})
        try:
            answer = self._api.request("POST", path, attempts, headers=JSON, body=body)
        except NotFoundError as error:
            # Deployments of earlier versions have no such route, and only one folder.
            if error.code or path != _DELETE:
                raise
            return self._delete_one_by_one(ids)
        request_id = answer.headers.get("apigw-requestid")

        def outcome(file_id: str, changed: dict[str, Any]) -> ChangeOutcome:
            if "error" in changed:
                problem = {"request_id": request_id, **changed["error"]}
                error = self._api.error(f"POST {path}", problem, int(problem["status"]))
                error.file_id = file_id
                gone = path == _DELETE and error.code == "unknown_file"
                if gone and attempts.ambiguous:  # deleted by an attempt whose answer was lost
                    return ChangeOutcome(file_id=file_id)
                return ChangeOutcome(file_id=file_id, error=error)
            if changed.get("deleted") is True:
                return ChangeOutcome(file_id=file_id)
            file = FileInfo.of(changed["file"])
            return ChangeOutcome(file_id=file_id, file=file, skipped="skipped" in changed)

        return read_answer(
            "POST",
            path,
            answer,
            lambda members: [
                outcome(file_id, changed)
                for file_id, changed in zip(ids, members["files"], strict=True)
            ],
        )

    def _delete_one_by_one(self, ids: Sequence[str]) -> Iterator[ChangeOutcome]:
        for file_id in ids:
            failure = None
            try:
                self.delete(file_id)
            except NotFoundError as error:
                if not error.code:
                    raise
                failure = error
            yield ChangeOutcome(file_id=file_id, error=failure)


def _checked_text(name: str, text: str) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= 255:
        raise ConfigurationError(f"{name} has 1 to 255 characters: leave it out to list all")
    if SURROGATE.search(text):
        raise ConfigurationError(f"{name} holds a byte that is no text: {text!r}")
    return text
