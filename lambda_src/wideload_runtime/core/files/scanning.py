"""Verdicts of malware scanners on objects, and their record.

A verdict names an object's key alone. It may come before the object is recorded, twice, or after a
later one. So each key has a record of its own, which holds the last verdict and, once there is a
file, whose object it is. Recording an object and recording a verdict are transactions over that
record, so neither can miss the other, in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from wideload_runtime.core.errors import conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.records import Verdict
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

GUARDDUTY = "GuardDuty Malware Protection Object Scan Result"
ANY_SCANNER = "FileScanResult"
"""Detail types: of GuardDuty, and of `contract/events/scan-result-v1.schema.json`."""
METRICS = {
    "clean": "FileCleanCount",
    "malware": "FileMalwareCount",
    "not_scanned": "FileNotScannedCount",
}
MAX_DETAIL = 500
"""Characters of what a scanner says that are kept."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Record of the verdicts on one key."""

    verdict: Verdict | None = None
    owner: str | None = None
    """None: no file has the object yet."""
    object_id: str | None = None


class Scans(Protocol):
    def scan_of(self, key: str) -> Scan: ...

    def record(self, before: Scan, verdict: Verdict) -> bool:
        """Record a verdict with the object's record, if there is one; False if `before` changed."""


@dataclass(frozen=True, kw_only=True)
class Scanning:
    scans: Scans
    metrics: Metrics

    def record(self, verdict: Verdict) -> bool:
        """Record a verdict. Safe to repeat.

        Returns:
            False if a later one is recorded, or the same.

        Raises:
            Refused: `conflict`.
        """
        for _ in range(ROUNDS):
            known = self.scans.scan_of(verdict.key)
            if known.verdict and not verdict.supersedes(known.verdict):
                return False
            if self.scans.record(known, verdict):
                self.metrics.add(METRICS[verdict.result], 1)
                return True
        raise conflict()


def read_verdict(event: Mapping[str, Any]) -> Verdict:
    """Read an EventBridge event of GuardDuty or of another scanner.

    Raises:
        ValueError: It is neither.
    """
    try:
        detail = event["detail"]
        if event["detail-type"] == GUARDDUTY:
            result, said = _of_guardduty(detail)
            key, at = detail["s3ObjectDetails"]["objectKey"], event["time"]
        elif event["detail-type"] == ANY_SCANNER:
            result, said, key = detail["result"], detail.get("detail") or "", detail["key"]
            at = detail.get("scanned_at") or event["time"]
            if result not in METRICS:
                raise ValueError(f"result is {result!r}; allowed are {', '.join(METRICS)}")
        else:
            raise ValueError(f"detail-type is {event['detail-type']!r}")
        prefix, owner, name = key.split("/")
        if prefix != "files" or not owner or not name:
            raise ValueError(f"{key!r} is not the key of a file")
        time = datetime.fromisoformat(at)
        if time.tzinfo is None:
            raise ValueError(f"the time {at!r} has no time zone")
        return Verdict(key, result, str(said)[:MAX_DETAIL], iso(time.timestamp()))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a result of a scan: {error!r}") from error


def _of_guardduty(detail: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the result and what is said about it.

    https://docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html
    """
    found = detail.get("scanResultDetails") or {}
    status = found.get("scanResultStatus") or detail["scanStatus"]
    if status == "NO_THREATS_FOUND":
        return "clean", ""
    if status == "THREATS_FOUND":
        return "malware", ", ".join(each["name"] for each in found.get("threats") or [])
    # UNSUPPORTED, ACCESS_DENIED, FAILED, SKIPPED, and whatever GuardDuty may add.
    return "not_scanned", ", ".join([status, *(found.get("statusReasons") or [])])
