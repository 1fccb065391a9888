"""Folders of one person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.records import TOP


@dataclass(frozen=True, kw_only=True)
class OnlyTop:
    """The folder above all others, alone."""

    def resolve(self, path: str) -> str | None:
        return None if path else TOP

    def ensure(self, path: str) -> str:
        if path:
            raise Refused("invalid_request", "folder is not supported.")
        return TOP

    def paths_of(self, folder_ids: Collection[str]) -> dict[str, str | None]:
        return {each: "" if each == TOP else None for each in folder_ids}
