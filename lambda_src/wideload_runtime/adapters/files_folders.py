"""One person's folders in DynamoDB."""

from __future__ import annotations

from wideload_runtime.adapters.files_owner_items import OwnerItems, Write
from wideload_runtime.core.files.records import TOP

DIR = "DIR#"


class OwnFolders(OwnerItems):
    """Reads and changes of one person's folders: no method takes an owner."""

    def _folder_there(self, folder_id: str) -> list[Write]:
        """Return the check of a transaction that a folder is there."""
        if folder_id == TOP:
            return []
        return [
            self._check(
                DIR + folder_id, "attribute_exists(#item) AND attribute_not_exists(#deleted_at)"
            )
        ]
