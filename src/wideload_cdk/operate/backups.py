"""What the backups of a table still hold of what was deleted from it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

# For which point-in-time recovery keeps a table's changes, unless it is set to fewer.
MOST_DAYS = 35


@dataclasses.dataclass(frozen=True, kw_only=True)
class Backups:
    """Copies of a table from before a deletion. Times are ISO 8601, UTC."""

    table: str
    recoverable_until: str | None
    """Until when point-in-time recovery can bring the items back; None: it is off."""
    backups: tuple[str, ...]
    """ARNs of backups that stay until somebody deletes them, those of AWS Backup too."""


def backups_of(dynamodb: Any, table: str, now: dt.datetime) -> Backups:
    """What holds copies of what is deleted from `table` now.

    Needs `dynamodb:DescribeContinuousBackups`, and `ListBackups`, which takes no resource.
    """
    told = dynamodb.describe_continuous_backups(TableName=table)
    recovery = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    until = None
    if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
        days = recovery.get("RecoveryPeriodInDays", MOST_DAYS)
        until = (now + dt.timedelta(days=days)).astimezone(dt.UTC).isoformat(timespec="seconds")
    pages = dynamodb.get_paginator("list_backups").paginate(TableName=table, BackupType="ALL")
    arns = [item["BackupArn"] for page in pages for item in page["BackupSummaries"]]
    return Backups(table=table, recoverable_until=until, backups=tuple(arns))


def sentences(backups: Backups) -> list[str]:
    """What to tell an operator of them."""
    told = []
    if backups.recoverable_until:
        told.append(
            f"Point-in-time recovery of {backups.table} holds what was deleted until "
            f"{backups.recoverable_until}."
        )
    told += [
        f"A backup of {backups.table} stays until you delete it: {arn}" for arn in backups.backups
    ]
    return told or [f"No backup of {backups.table} holds what was deleted."]
