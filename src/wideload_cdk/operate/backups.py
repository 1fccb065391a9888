"""Backups of a table, which still hold items that were deleted from it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

# DynamoDB's default, and its maximum:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
DEFAULT_RECOVERY_DAYS = 35


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backups:
    """Copies of a table from before a deletion. Times are ISO 8601, UTC."""

    table: str
    recoverable_until: str | None
    """Until when point-in-time recovery can bring the items back; None: it is off."""
    backups: tuple[str, ...]
    """ARNs of backups, also those of AWS Backup, which stay until they are deleted."""

    def sentences(self) -> Iterator[str]:
        """Describe the backups to an operator."""
        if self.recoverable_until:
            yield (
                f"Point-in-time recovery of {self.table} holds what was deleted until "
                f"{self.recoverable_until}."
            )
        for arn in self.backups:
            yield f"A backup of {self.table} stays until you delete it: {arn}"
        if not self.recoverable_until and not self.backups:
            yield f"No backup of {self.table} holds what was deleted."


def find_backups(dynamodb: Any, table: str, now: dt.datetime) -> Backups:
    """Find the backups of items that are deleted from `table` at the time `now`.

    Needs `dynamodb:DescribeContinuousBackups`, and `ListBackups`, which takes no resource.
    """
    answer = dynamodb.describe_continuous_backups(TableName=table)
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    until = None
    if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
        days = recovery.get("RecoveryPeriodInDays", DEFAULT_RECOVERY_DAYS)
        until = (now + dt.timedelta(days=days)).astimezone(dt.UTC).isoformat(timespec="seconds")
    pages = dynamodb.get_paginator("list_backups").paginate(TableName=table, BackupType="ALL")
    arns = [item["BackupArn"] for page in pages for item in page["BackupSummaries"]]
    return Backups(table=table, recoverable_until=until, backups=tuple(arns))
