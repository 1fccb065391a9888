"""Ask the team's authorize function about files that people want to upload.

Its input and its answer are described by `contract/authorize-v1.schema.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import orjson

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.records import Content, Unsized
from wideload_runtime.core.files.requests import UploadRequest

VERSION = "1"
"""Version of the input's form. Within a version, members are added, never changed or removed."""
MAX_REASON = 500
"""Characters of a reason that are kept."""
MAX_METADATA = 2048
"""Bytes of one file's metadata as JSON: 40 names of an upload with their metadata fit into its
item."""
RETRY_SECONDS = 5


class AuthorizeError(Exception):
    """The function failed, took too long, or its answer is not of the documented form."""


class AuthorizeFunction(Protocol):
    def ask(self, question: Mapping[str, Any]) -> Any:
        """Return the function's answer, decoded.

        Raises:
            AuthorizeError: There is none.
        """


@dataclass(frozen=True, kw_only=True)
class Authorizing:
    """
    Args:
        failure: Whether files are refused (`closed`) or taken (`open`) if the function fails.
    """

    function: AuthorizeFunction
    failure: Literal["closed", "open"]
    environment: str

    def authorize(
        self, owner: str, requests: Sequence[UploadRequest | Refused]
    ) -> list[UploadRequest | Refused]:
        """Return the requests with the metadata of those that are allowed; others are refused.

        All files are asked about at once.

        Raises:
            AuthorizeError: The function failed, and `failure` is `open`: nothing is decided.
        """
        asked = [each for each in requests if isinstance(each, UploadRequest)]
        if not asked:
            return list(requests)
        question = {
            "version": VERSION,
            "environment": self.environment,
            "owner": owner,
            "files": list(map(_described, asked)),
        }
        try:
            verdicts = _verdicts(self.function.ask(question), len(asked))
        except AuthorizeError as error:
            if self.failure == "open":
                raise
            raise Refused(
                "unavailable",
                "The deployment could not decide whether it takes these files: try again.",
                retry_after=RETRY_SECONDS,
            ) from error
        decided = iter([_decided(*each) for each in zip(asked, verdicts, strict=True)])
        return [next(decided) if isinstance(each, UploadRequest) else each for each in requests]


def _described(request: UploadRequest) -> dict[str, Any]:
    name, announced = request.name, request.announced
    maybe = {
        "size": None if isinstance(announced, Unsized) else announced.size,
        "sha256": announced.sha256 if isinstance(announced, Content) else None,
        "modified_at": name.modified_at,
    }
    return {
        "folder": name.folder,
        "name": name.name,
        "content_type": name.content_type,
        "if_exists": name.if_exists,
        **{key: value for key, value in maybe.items() if value is not None},
    }


def _decided(request: UploadRequest, verdict: Mapping[str, Any]) -> UploadRequest | Refused:
    if not verdict["allow"]:
        reason = str(verdict.get("reason") or "The deployment does not take this file.")
        return Refused("not_allowed", reason[:MAX_REASON])
    metadata = verdict.get("metadata") or None
    return replace(request, name=replace(request.name, metadata=metadata))


def _verdicts(answer: Any, count: int) -> list[Mapping[str, Any]]:
    """Return the verdicts of an answer.

    Raises:
        AuthorizeError: It is not of the documented form.
    """
    verdicts = answer.get("files") if isinstance(answer, dict) else None
    if not isinstance(verdicts, list):
        raise AuthorizeError("the answer has no list files")
    if len(verdicts) != count:
        raise AuthorizeError(f"the answer has {len(verdicts)} files, the question has {count}")
    for index, verdict in enumerate(verdicts):
        if not isinstance(verdict, dict) or not isinstance(verdict.get("allow"), bool):
            raise AuthorizeError(f"files[{index}].allow is neither true nor false")
        if not isinstance(verdict.get("reason", ""), str):
            raise AuthorizeError(f"files[{index}].reason is no string")
        _check_metadata(verdict.get("metadata") or {}, f"files[{index}].metadata")
    return verdicts


def _check_metadata(metadata: Any, where: str) -> None:
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        raise AuthorizeError(f"{where} is not an object of strings")
    try:
        size = len(orjson.dumps(metadata))
    except orjson.JSONEncodeError as error:
        raise AuthorizeError(f"{where} is not UTF-8") from error
    if size > MAX_METADATA:
        raise AuthorizeError(f"{where} has {size} bytes of JSON; allowed are {MAX_METADATA}")
