"""Events that the verifier of file transfer publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events

from wideload_cdk.shared.reference import ServiceReference

SOURCE = "wideload"
VERIFIED = "FileVerified"
CORRUPT = "FileCorrupt"


class FilesEvents(ServiceReference):
    """The events of `FileTransfer`, one method each."""

    def on_file_verified(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each multipart upload that has its declared SHA-256.

        An event comes at least once. `detail` has `owner` and `file_id`.

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
