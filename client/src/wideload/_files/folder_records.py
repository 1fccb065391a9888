"""The methods of `Client.files` for folders, and what those for files share with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import orjson

from wideload._api import Api, parse_answer, unexpected
from wideload._auth import Token
from wideload._error_codes import FILE_CODES
from wideload._files.models import FolderInfo
from wideload._files.names import checked_folder
from wideload._http import Answer, Http
from wideload._pages import checked_count, items
from wideload._retry import Attempts, Pacing, RetryPolicy
from wideload.errors import ConfigurationError, NotFoundError

LONGEST_PAGE = 100
JSON = {"Content-Type": "application/json"}

_Read = TypeVar("_Read")


class FolderRecords:
    """Base of `FileRecords`."""

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
            page_size=LONGEST_PAGE,
            attempts=self._attempts,
        )
        return _or_none_of_earlier_deployment(found)

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

    def _folder(self, method: str, paths: dict[str, str], attempts: Attempts) -> FolderInfo:
        answer = self._api.request(
            method, "/files/folders", attempts, headers=JSON, body=orjson.dumps(paths)
        )
        return read_answer(
            method, "/files/folders", answer, lambda members: FolderInfo.of(members["folder"])
        )

    def _attempts(self) -> Attempts:
        return Attempts(self._policy, self._pacing)


def read_answer(
    method: str, path: str, answer: Answer, take: Callable[[dict[str, Any]], _Read]
) -> _Read:
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
