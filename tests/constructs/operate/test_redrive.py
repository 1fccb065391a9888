"""`redrive` and its program, with fake queues that refuse what SQS refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from tests.constructs.operate.running import runner
from wideload_cdk import redrive
from wideload_cdk.redrive.__main__ import cli

QUEUE = "https://sqs/1/queue"
DEAD = "https://sqs/1/dead"
ARN = "arn:aws:sqs:eu-central-1:1:"
POLICY = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 5})


def refusal(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"no {operation}"}}, operation)


class FakeQueues:
    """Two queues; a move task goes on for as many looks as `looks` says."""

    def __init__(self, *bodies: str, looks: int = 2) -> None:
        self.bodies = {DEAD: list(bodies), QUEUE: []}
        self.policies = {QUEUE: POLICY}
        self.looks = looks
        self.task: dict[str, Any] = {}
        self.failure = ""
        self.has_tasks = True

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:  # noqa: N803
        return {"QueueUrl": f"https://sqs/1/{QueueName}"}

    def get_queue_attributes(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        AttributeNames: list[str],  # noqa: N803
    ) -> dict[str, Any]:
        attributes = {
            "QueueArn": ARN + QueueUrl.rpartition("/")[2],
            "ApproximateNumberOfMessages": str(len(self.bodies[QueueUrl])),
        }
        if QueueUrl in self.policies:
            attributes["RedrivePolicy"] = self.policies[QueueUrl]
        return {
            "Attributes": {name: attributes[name] for name in AttributeNames if name in attributes}
        }

    def start_message_move_task(
        self,
        *,
        SourceArn: str,  # noqa: N803
        DestinationArn: str,  # noqa: N803
    ) -> dict[str, str]:
        if not self.has_tasks:
            raise refusal("StartMessageMoveTask", "InvalidAction")
        if self.task:
            raise refusal("StartMessageMoveTask", "InvalidParameterValue")
        assert (SourceArn, DestinationArn) == (f"{ARN}dead", f"{ARN}queue")
        self.task = {"Status": "RUNNING", "TaskHandle": "x"}
        return {"TaskHandle": "x"}

    def list_message_move_tasks(self, *, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        assert (SourceArn, MaxResults) == (f"{ARN}dead", 1)
        self.looks -= 1
        if self.looks < 0 and self.failure:
            self.task = {"Status": "FAILED", "FailureReason": self.failure}
        elif self.looks < 0:
            moved, self.bodies[DEAD] = self.bodies[DEAD], []
            self.bodies[QUEUE] += moved
            self.task = {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": len(moved)}
        return {"Results": [self.task]}

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int) -> dict[str, Any]:  # noqa: N803
        assert 1 <= MaxNumberOfMessages <= 10
        found = self.bodies[QueueUrl][:MaxNumberOfMessages]
        if not found:
            return {}
        return {"Messages": [{"Body": body, "ReceiptHandle": body} for body in found]}

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:  # noqa: N803
        assert DelaySeconds == 0
        self.bodies[QueueUrl].append(MessageBody)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        # Nothing is deleted that isn't in the other queue yet.
        assert ReceiptHandle in self.bodies[QUEUE]
        self.bodies[QueueUrl].remove(ReceiptHandle)


def test_waits_until_all_are_moved() -> None:
    queues = FakeQueues("a", "b", looks=2)
    slept: list[float] = []

    moved = redrive.redrive(queues, QUEUE, sleep=slept.append)

    assert moved == 2
    assert queues.bodies == {DEAD: [], QUEUE: ["a", "b"]}
    assert slept == [1.0, 1.0]


def test_empty_dead_letter_queue_starts_nothing() -> None:
    queues = FakeQueues()

    assert redrive.redrive(queues, QUEUE) == 0
    assert queues.task == {}


def test_queue_without_dead_letters_is_refused() -> None:
    with pytest.raises(ValueError, match=f"The queue {DEAD} has no dead-letter queue"):
        redrive.redrive(FakeQueues("a"), DEAD)


def test_moving_that_stops_says_why() -> None:
    queues = FakeQueues("a", looks=0)
    queues.failure = "AWS.SimpleQueueService.NonExistentQueue"

    with pytest.raises(redrive.RedriveError, match=r"FAILED after 0 messages: AWS.*NonExistent"):
        redrive.redrive(queues, QUEUE, sleep=lambda _: pytest.fail("it waits on"))


def test_moves_each_where_there_are_no_move_tasks() -> None:
    bodies = [f"{number}" for number in range(23)]
    queues = FakeQueues(*bodies)
    queues.has_tasks = False

    moved = redrive.redrive(queues, QUEUE)

    assert moved == 23
    assert queues.bodies == {DEAD: [], QUEUE: bodies}


def test_other_errors_are_passed_on_and_nothing_is_moved() -> None:
    queues = FakeQueues("a")
    queues.task = {"Status": "RUNNING"}

    with pytest.raises(ClientError, match="InvalidParameterValue"):
        redrive.redrive(queues, QUEUE)

    assert queues.bodies == {DEAD: ["a"], QUEUE: []}


# The program

Use = Callable[[FakeQueues], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Put fake queues in AWS's place."""

    def run(queues: FakeQueues) -> None:
        class CloudFormation:
            class meta:  # noqa: N801 - as boto3 has it
                region_name = "eu-central-1"

            def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
                outputs = {
                    "ingest": [{"OutputKey": "QueueUrl", "OutputValue": QUEUE}],
                    "other": [],
                }
                if StackName not in outputs:
                    raise refusal("DescribeStacks", "ValidationError")
                return {"Stacks": [{"Outputs": outputs[StackName]}]}

        class Session:
            def __init__(self, *, region_name: str | None) -> None:
                pass

            def client(self, service: str, **options: Any) -> Any:
                return {"sqs": queues, "cloudformation": CloudFormation()}[service]

        monkeypatch.setattr(boto3, "Session", Session)

    return run


def run(*arguments: str) -> Result:
    return runner().invoke(cli, arguments)


@pytest.mark.parametrize(
    ("bodies", "text"),
    [
        ([], "The dead-letter queue is empty."),
        (["a"], "Put 1 message back into the queue."),
        (["a", "b"], "Put 2 messages back into the queue."),
    ],
)
def test_program_prints_the_number_of_messages(use: Use, bodies: list[str], text: str) -> None:
    use(FakeQueues(*bodies, looks=0))

    done = run("--stack", "ingest")

    assert (done.exit_code, done.stdout.strip(), done.stderr) == (0, text, "")


@pytest.mark.parametrize("where", [("--stack", "ingest"), ("--queue", QUEUE)])
def test_program_as_json(use: Use, where: tuple[str, str]) -> None:
    use(FakeQueues("a", looks=0))

    done = run(*where, "--json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, {"moved": 1})


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "Give either --stack or --queue."),
        (["--stack", "ingest", "--queue", QUEUE], 2, "Give either --stack or --queue."),
        (["--stack", "typo"], 1, "There is no stack typo in eu-central-1."),
        (["--stack", "other"], 1, "has no output QueueUrl; give --queue URL instead."),
        (["--queue", DEAD], 1, "has no dead-letter queue."),
    ],
)
def test_errors_of_the_program(use: Use, arguments: list[str], status: int, message: str) -> None:
    use(FakeQueues("a"))

    done = run(*arguments)

    assert done.exit_code == status
    assert message in done.stderr
    assert done.stdout == ""
