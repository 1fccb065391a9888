"""Events of payload ingest: the uploads that it receives, and the results that it publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants
from wideload_cdk.shared.events import RuleTarget
from wideload_cdk.shared.reference import ServiceReference

SOURCE = "wideload.ingest"
STORED = "PayloadStored"
FAILED = "PayloadFailed"


class IngestEvents(ServiceReference):
    """The events of `PayloadIngest`, one method each."""

    def on_payload_stored(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each payload that was stored.

        An event comes at least once, usually within a second. Its members are described by
        `contract/events/` in the repository of this package.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`, for example
                `{"tenant": ["acme"]}`. Default: every payload of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.
        """
        return self._on(id, STORED, target=target, detail=detail, options=options)

    def on_payload_failed(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each payload that failed; see `on_payload_stored`.

        `detail.error` has the error's code and description.
        """
        return self._on(id, FAILED, target=target, detail=detail, options=options)


def queue_uploads(
    scope: Construct,
    id: str,
    *,
    bucket: s3.IBucket,
    prefix: str,
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
) -> events.Rule:
    """Send a message to `queue`, with its default delay, for every new object under `prefix`."""
    rule = events.Rule(
        scope,
        id,
        description="Uploads, in case that nobody claims them",
        event_pattern=events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [bucket.bucket_name]},
                "object": {"key": [{"prefix": prefix}]},
            },
        ),
        targets=[
            RuleTarget(
                queue.queue_arn,
                event_input=events.RuleTargetInput.from_object(
                    {
                        "s3_key": events.EventField.from_path("$.detail.object.key"),
                        "reason": "unclaimed",
                    }
                ),
                dead_letter_queue=dead_letter_queue,
            )
        ],
    )
    grants.grant_rule(queue, rule)
    grants.grant_rule(dead_letter_queue, rule)
    return rule
