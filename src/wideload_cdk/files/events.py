"""Events that file transfer publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events

from wideload_cdk.shared.reference import ServiceReference

SOURCE = "wideload"
VERIFIED = "FileVerified"
CORRUPT = "FileCorrupt"
STORED = "FileStored"
DELETED = "FileDeleted"
SCANNED = "FileScanned"


class FilesEvents(ServiceReference):
    """The events of `FileTransfer`, one method each."""

    def on_file_stored(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each file that is stored, whatever its size.

        A further name of content that is there already is a file of its own. An event comes at
        least once, usually within a second. Its members are described by `contract/events/` in the
        repository of this package.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`, for example
                `{"content_type": [{"prefix": "video/"}]}`. Default: every file of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.

        Raises:
            ValueError: The `table` given has no stream, so there are no such events.
        """
        self._check_published(STORED)
        return self._on(id, STORED, target=target, detail=detail, options=options)

    def on_file_deleted(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each file that is deleted, replaced or expired.

        See `on_file_stored`.
        """
        self._check_published(DELETED)
        return self._on(id, DELETED, target=target, detail=detail, options=options)

    def on_file_scanned(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each result of a malware scan.

        See `on_file_stored`. `detail={"result": ["clean"]}` sends files that can be downloaded.

        Raises:
            ValueError: There is no scanner, or the `table` given has no stream.
        """
        self._check_published(SCANNED)
        return self._on(id, SCANNED, target=target, detail=detail, options=options)

    def on_file_verified(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each multipart upload that has its declared SHA-256.

        An event comes at least once. `detail` has `owner`, `file_id` and `key`.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`. Default: every
                file of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.

        Raises:
            ValueError: This app makes the deployment without a verifier.
        """
        self._check_published(VERIFIED)
        return self._on(id, VERIFIED, target=target, detail=detail, options=options)

    def on_file_corrupt(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each multipart upload that has another SHA-256.

        See `on_file_verified`.
        """
        self._check_published(CORRUPT)
        return self._on(id, CORRUPT, target=target, detail=detail, options=options)

    def _check_published(self, detail_type: str) -> None:
        """Raise an error if no such events will come; unknown for a deployment of another app.

        Raises:
            ValueError: The deployment is made without what publishes them.
        """
