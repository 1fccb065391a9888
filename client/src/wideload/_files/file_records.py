"""The methods of `Client.files` that read and change the API's records, without content."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import orjson

from wideload._api import Api, checked_id, parse_answer, unexpected
from wideload._auth import Token
from wideload._error_codes import FILE_CODES
from wideload._files.files_api import read_file
from wideload._files.models import FileInfo, FolderInfo, IfExists, UploadInfo
from wideload._files.names import checked_folder, checked_if_exists, checked_name
from wideload._files.results import ChangeOutcome
from wideload._http import Answer, Http
from wideload._pages import checked_count, items
from wideload._retry import Attempts, Pacing, RetryPolicy
from wideload._text import SURROGATE
from wideload.errors import ConfigurationError, NotFoundError, WideloadError

Sort = Literal["created_at", "-created_at", "name", "-name", "size", "-size"]
"""An order of files; with `-` the largest, newest or last comes first."""

_SORTS = ("created_at", "-created_at", "name", "-name", "size", "-size")
_LONGEST_PAGE = 100
# Limit of one request that moves or deletes files.
_MOST_CHANGED = 100
_DELETE = "/files/delete"
_JSON = {"Content-Type": "application/json"}

_Read = TypeVar("_Read")


class FileRecords:
    """Base of `Files`."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        token: Token,
        pacing: Pacing,
        policy: RetryPolicy,
        check_open: Callable[[], None],
    ) -> None:
        self._pacing = pacing
        self._policy = policy
        self._check_open = check_open
        self._api = Api(http, base_url, auth=token, codes=FILE_CODES, pacing=pacing)

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
            page_size=_LONGEST_PAGE,
            attempts=self._attempts,
        )

    def folders(self, folder: str = "", *, limit: int | None = None) -> Iterator[FolderInfo]:
        """The folders directly in a folder, by name. Pages are requested when they are needed.

        Args:
            folder: Path of the folder. Default: the top.
            limit: Items at most. Default: all.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            NotFoundError: This person has no such folder; raised while iterating, as are the rest.
            ApiError, TransportError: A page can't be read.
        """
        self._check_open()
        found = items(
            self._api,
            "/files/folders",
            {"folder": checked_folder(folder)},
            take=FolderInfo.of,
            limit=checked_count("limit", limit),
            page_size=_LONGEST_PAGE,
            attempts=self._attempts,
        )
        return _or_none_of_earlier_deployment(found)

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
            if_exists: What becomes of the name if another file of the folder has it.

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
            if_exists: What becomes of a name that another file of the folder has.

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

    def create_folder(self, folder: str) -> FolderInfo:
        """Make a folder, and those above it, unless they are there. It can be repeated.

        A folder need not be made before files are uploaded or moved to it.

        Raises:
            ConfigurationError: The API takes no such path.
            ApiError, TransportError: The API answered with an error, or not at all.
        """
        self._check_open()
        return self._folder("POST", {"folder": _checked_named_folder(folder)}, self._attempts())

    def move_folder(self, folder: str, to: str) -> FolderInfo:
        """Rename or move a folder with everything in it, at once, however much that is.

        Args:
            folder: Its path.
            to: Its new path, including its name. Folders above it are made if they aren't there.

        Raises:
            ConfigurationError: The API takes no such path.
            NotFoundError: This person has no such folder (code `unknown_folder`).
            ConflictError: There is a folder of the new path (code `name_exists`).
            FileRefusedError: The new path lies within the folder itself.
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        self._check_open()
        paths = {"folder": _checked_named_folder(folder), "to": _checked_named_folder(to)}
        attempts = self._attempts()
        try:
            return self._folder("PATCH", paths, attempts)
        except NotFoundError as error:
            # An earlier attempt, whose answer was lost, may have moved it.
            if error.code == "unknown_folder" and attempts.ambiguous:
                above = to.rpartition("/")[0]
                for found in self.folders(above):
                    if found.folder == to:
                        return found
            raise

    def delete_folder(self, folder: str) -> None:
        """Delete a folder with everything in it. It can't be undone.

        When it returns, nothing of it is listed or found any more; the content of many files is
        removed in the background. Deleting it again raises NotFoundError, as with `delete`.

        Raises:
            ConfigurationError: That is no path of a folder. The top can't be deleted.
            NotFoundError: This person has no such folder (any more).
            ApiError, TransportError: The API answered with another error, or not at all.
        """
        self._check_open()
        query = {"folder": _checked_named_folder(folder)}
        attempts = self._attempts()
        try:
            self._api.request("DELETE", "/files/folders", attempts, query=query)
        except NotFoundError as error:
            if error.code != "unknown_folder" or not attempts.ambiguous:
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
        return _read("GET", path, answer, UploadInfo.of)

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
        headers = _JSON if body else {}
        try:
            answer = self._api.request(method, path, self._attempts(), headers=headers, body=body)
            return read_file(method, path, answer)
        except WideloadError as error:
            error.file_id = file_id
            raise

    def _folder(self, method: str, paths: dict[str, str], attempts: Attempts) -> FolderInfo:
        answer = self._api.request(
            method, "/files/folders", attempts, headers=_JSON, body=orjson.dumps(paths)
        )
        return _read(
            method, "/files/folders", answer, lambda members: FolderInfo.of(members["folder"])
        )

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
            answer = self._api.request("POST", path, attempts, headers=_JSON, body=body)
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

        return _read(
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

    def _attempts(self) -> Attempts:
        return Attempts(self._policy, self._pacing)


def _read(method: str, path: str, answer: Answer, take: Callable[[dict[str, Any]], _Read]) -> _Read:
    """Read an answer.

    Raises:
        ApiError: It isn't as the contract says.
    """
    members = parse_answer(method, path, answer)
    try:
        return take(members)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise unexpected(method, path, answer) from None


def _or_none_of_earlier_deployment(folders: Iterator[FolderInfo]) -> Iterator[FolderInfo]:
    """The folders; none if a deployment of an earlier version has looked for a file "folders"."""
    try:
        yield from folders
    except NotFoundError as error:
        if error.code != "unknown_file":
            raise


def _checked_named_folder(folder: str) -> str:
    if folder == "":
        raise ConfigurationError("the top can't be made, moved or deleted: give a folder's path")
    return checked_folder(folder)


def _checked_text(name: str, text: str) -> str:
    if not isinstance(text, str) or not 1 <= len(text) <= 255:
        raise ConfigurationError(f"{name} has 1 to 255 characters: leave it out to list all")
    if SURROGATE.search(text):
        raise ConfigurationError(f"{name} holds a byte that is no text: {text!r}")
    return text
