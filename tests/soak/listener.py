"""Who subscribed to the events of finished payloads, and what it heard."""

from __future__ import annotations

import json
from collections import defaultdict
from types import TracebackType
from typing import Any

from tests.faults.deployment import Deployment

STATES = {"PayloadStored": "stored", "PayloadFailed": "failed"}
RULE = "everything-the-soak-hears"


class Listener:
    """A queue behind a rule on the event bus.

    Attributes:
        told: Payload id → states that events told of it.
        heard: How many events came.
    """

    def __init__(self, deployed: Deployment) -> None:
        self.told: dict[str, set[str]] = defaultdict(set)
        self.heard = 0
        self._sqs = deployed.sqs
        self._events = deployed.cloud.client("events")

    def __enter__(self) -> Listener:
        self._queue = self._sqs.create_queue(QueueName=RULE)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        allow: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        self._sqs.set_queue_attributes(
            QueueUrl=self._queue, Attributes={"Policy": json.dumps({"Statement": [allow]})}
        )
        self._events.put_rule(Name=RULE, EventPattern=json.dumps({"source": ["wideload.ingest"]}))
        self._events.put_targets(Rule=RULE, Targets=[{"Id": "queue", "Arn": arn}])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._events.remove_targets(Rule=RULE, Ids=["queue"])
        self._events.delete_rule(Name=RULE)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def hear(self) -> int:
        """Take in what came since; returns how many events that were."""
        before = self.heard
        while messages := self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                self.told[event["detail"]["payload_id"]].add(STATES[event["detail-type"]])
                self.heard += 1
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
        return self.heard - before
