"""A team's own function in the worker's place: what it is granted, and the example of one."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template
from botocore.exceptions import ClientError

from examples.processor import handler as example
from tests.constructs.conftest import EXAMPLES, only
from tests.constructs.ingest.test_ingest_policies import WORKER
from tests.constructs.policies import permissions
from wideload_cdk import PayloadIngest
from wideload_runtime.adapters.ingest_table import IngestTable
from wideload_runtime.core.ingest.payloads import Payload, tenant_call, tenant_shard


def function(stack: cdk.Stack, **options: Any) -> lambda_.Function:
    return lambda_.Function(
        stack,
        "Mine",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        **options,
    )


# The construct


def test_processor_takes_the_workers_place(stack: cdk.Stack, code: lambda_.Code) -> None:
    mine = function(stack)

    ingest = PayloadIngest(stack, "Ingest", code=code, processor=mine, worker_max_concurrency=3)

    template = Template.from_stack(stack)
    assert ingest.worker_function is mine
    functions = template.find_resources("AWS::Lambda::Function")
    assert not [name for name in functions if "IngestWorker" in name]
    mapping = only(template, "AWS::Lambda::EventSourceMapping", "WorkerQueue")
    [mine_id] = [name for name in functions if "Mine" in name]
    assert mapping["FunctionName"] == {"Ref": mine_id}
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 3}


def test_processor_is_granted_what_the_worker_would_be(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    PayloadIngest(stack, "Ingest", code=code, processor=function(stack))

    granted = permissions(Template.from_stack(stack), "MineService")

    assert granted == {
        where: actions - {"sqs:SendMessage"}  # it sends no message again
        for where, actions in WORKER.items()
        if where not in ("*", "<WorkerLogs>")  # its logs and traces are its own
    }


def test_processor_is_granted_the_key_given(stack: cdk.Stack, code: lambda_.Code) -> None:
    key = kms.Key(stack, "Data")

    PayloadIngest(stack, "Ingest", code=code, processor=function(stack), encryption_key=key)

    granted = permissions(Template.from_stack(stack), "MineService")
    assert {where: actions for where, actions in granted.items() if where.startswith("<Data")} == {
        "<Data>": {"kms:Decrypt", "kms:GenerateDataKey"}
    }


def test_imported_processor_is_granted_by_its_role(stack: cdk.Stack, code: lambda_.Code) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/mine")
    mine = lambda_.Function.from_function_attributes(
        stack,
        "Mine",
        function_arn="arn:aws:lambda:eu-central-1:123456789012:function:mine",
        role=role,
    )

    PayloadIngest(stack, "Ingest", code=code, processor=mine)

    policies = [
        policy["Properties"]
        for policy in Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"] == ["mine"]
    ]
    assert "sqs:ReceiveMessage" in str(policies)


def test_imported_processor_without_a_role_is_refused(stack: cdk.Stack, code: lambda_.Code) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:mine"
    mine = lambda_.Function.from_function_arn(stack, "Mine", arn)

    with pytest.raises(ValueError, match="processor was imported without its role"):
        PayloadIngest(stack, "Ingest", code=code, processor=mine)


def test_reservation_for_a_worker_that_is_not_made_is_refused(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    with pytest.raises(ValueError, match="processor and worker_reserved_concurrency are both"):
        PayloadIngest(
            stack, "It", code=code, processor=function(stack), worker_reserved_concurrency=10
        )


# The example


@pytest.fixture(scope="module")
def app(synthesize_example: Callable[[str], Template]) -> Template:
    return synthesize_example("processor_app.py")


def test_example_synthesizes_with_its_processor(app: Template) -> None:
    processor = only(app, "AWS::Lambda::Function", "Processor")

    variables = processor["Environment"]["Variables"]
    assert set(variables) == {"PAYLOADS_TABLE", "ROWS_TABLE", "BUCKET"}
    api = only(app, "AWS::Lambda::Function", "IngestApiFunction")["Environment"]["Variables"]
    assert api["WIDELOAD_IN_REQUEST_LIMIT"] == "1"
    assert variables["BUCKET"] == api["WIDELOAD_BUCKET"]
    assert variables["PAYLOADS_TABLE"] == api["WIDELOAD_PAYLOADS_TABLE"]
    module, _, name = processor["Handler"].rpartition(".")
    assert (EXAMPLES / "processor" / f"{module}.py").is_file()
    assert callable(getattr(example, name))


def test_example_has_its_lease_for_longer_than_it_can_run(app: Template) -> None:
    timeout = only(app, "AWS::Lambda::Function", "Processor")["Timeout"]
    queue = only(app, "AWS::SQS::Queue", "IngestQueue9")

    assert timeout < example.LEASE_SECONDS < queue["VisibilityTimeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == example.MAX_RECEIVES


class FakeTable:
    """The payloads table, of one item: it understands the conditions of a lease."""

    def __init__(self, **item: Any) -> None:
        self.item = item
        self.requests: list[dict[str, Any]] = []

    def update_item(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        values = request["ExpressionAttributeValues"]
        if not self._holds(request["ConditionExpression"], values):
            error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
            raise ClientError(error, "UpdateItem")
        names = request["ExpressionAttributeNames"]
        sets, _, removes = request["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
        for assignment in sets.split(", "):
            name, _, value = assignment.partition(" = ")
            self.item[names.get(name, name)] = values[value]
        for name in filter(None, removes.split(", ")):
            self.item.pop(name, None)
        return {"Attributes": dict(self.item)}

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        return {"Item": dict(self.item)} if self.item else {}

    def _holds(self, condition: str, values: dict[str, Any]) -> bool:
        state = self.item.get("state")
        if ":held" in values:
            return bool(state == values[":held"] and self.item["lease_owner"] == values[":owner"])
        assert "lease_until < :now OR lease_owner = :owner" in condition
        ended = state == "processing" and self.item["lease_until"] < values[":now"]
        ours = state == "processing" and self.item["lease_owner"] == values[":owner"]
        internal = state == "failed" and self.item["error_code"] == "internal"
        return state in ("issued", "expired", "uploaded") or ended or ours or internal


class FakeRows:
    """The team's own table. A row may be written again."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, int], Any] = {}

    def batch_writer(self) -> FakeRows:
        return self

    def __enter__(self) -> FakeRows:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def put_item(self, *, Item: dict[str, Any]) -> None:  # noqa: N803
        self.items[Item["payload_id"], Item["line"]] = Item["row"]


class FakeS3:
    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Key) == ("bucket", "transit/acme/01ABC")
        if self.content is None:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.content), "ContentLength": len(self.content)}


NOW = 1_800_000_000.0
PAYLOAD = Payload(
    payload_id="01ABC", tenant="acme", state="stored", source="s3", created_at="", call_id="c1"
)
OPEN = {"payload_id": "01ABC", "open_shard": "open#1", "expires_at": 1}


def processor(content: bytes | None, **item: Any) -> example.Processor:
    return example.Processor(
        payloads=FakeTable(**{**OPEN, "state": "uploaded", **item}),
        rows=FakeRows(),
        s3=FakeS3(content),
        bucket="bucket",
        now=lambda: NOW,
    )


def process(made: example.Processor, *, last_try: bool = False) -> dict[str, Any]:
    made.process("transit/acme/01ABC", owner="me", last_try=last_try)
    item: dict[str, Any] = made.payloads.item
    return item


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_example_writes_a_row_for_each_line_and_finishes_the_payload(pack: Any) -> None:
    content = pack(b'{"a": 1}\n{"b": 0.5}\n')
    made = processor(content, call_id="c1")

    item = process(made)

    assert made.rows.items == {("01ABC", 1): {"a": 1}, ("01ABC", 2): {"b": Decimal("0.5")}}
    assert item == {
        "payload_id": "01ABC",
        "call_id": "c1",
        "state": "stored",
        "stored_at": "2027-01-15T08:00:00.000Z",
        "uploaded_size": len(content),
        "tenant_shard": tenant_shard(PAYLOAD),
        "tenant_call": tenant_call(PAYLOAD),
    }


@pytest.mark.parametrize("number", ["1e38", "1e-400", "1" * 39, "1.0e500", "0." + "1" * 40])
def test_example_keeps_numbers_that_dynamodb_can_not_as_text(number: str) -> None:
    made = processor(b'{"a": %b, "b": -0.0}' % number.encode())

    assert process(made)["state"] == "stored"
    assert made.rows.items == {("01ABC", 1): {"a": number, "b": Decimal("-0.0")}}


def test_example_takes_the_same_lease_as_the_runtime() -> None:
    made, other = processor(b""), FakeTable(**OPEN, state="uploaded", tenant="acme")
    process(made)

    until = int(NOW * 1000) + example.LEASE_SECONDS * 1000
    other.item |= {"source": "s3", "created_at": ""}
    IngestTable(other).lease("01ABC", owner="me", now=int(NOW * 1000), until=until)

    assert made.payloads.requests[0] == other.requests[0]


@pytest.mark.parametrize(
    ("content", "code", "detail"),
    [
        (b'{"a": 1}\nnope\n', "invalid_json", "Line 2 is not a JSON object."),
        (b"[]\n", "invalid_json", "Line 1 is not a JSON object."),
        (b"[" * 90_000, "invalid_json", "Line 1 is not a JSON object."),
        (b'{"a": NaN}\n', "invalid_json", "Line 1 is not a JSON object."),
        (b"\xff\n", "invalid_json", "Line 1 is not a JSON object."),
        (b'"' + b"a" * 100_000, "document_too_large", "Line 1 is too long"),
        (gzip.compress(b"{}\n", mtime=0)[:-5], "invalid_gzip", "The gzip is damaged"),
    ],
)
def test_example_fails_invalid_payloads(content: bytes, code: str, detail: str) -> None:
    item = process(processor(content))

    assert (item["state"], item["error_code"]) == ("failed", code)
    assert detail in item["error_detail"]
    assert "open_shard" not in item
    assert "lease_owner" not in item
    assert item["tenant_shard"] == tenant_shard(PAYLOAD)


def test_example_takes_no_more_lines_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "MAX_LINES", 2)

    assert process(processor(b"{}\n{}\n"))["state"] == "stored"
    assert process(processor(b"{}\n{}\n{}\n"))["error_code"] == "document_too_large"


@pytest.mark.parametrize(
    "item",
    [
        {"state": "stored"},
        {"state": "failed", "error_code": "invalid_json"},
    ],
)
def test_example_ignores_finished_payloads(item: dict[str, Any]) -> None:
    made = processor(b"{}\n", **item)

    assert process(made) == {**OPEN, **item}
    assert made.rows.items == {}


def test_example_does_not_disturb_the_holder_of_a_lease() -> None:
    held = {"state": "processing", "lease_owner": "other", "lease_until": int(NOW * 1000) + 1}
    made = processor(b"{}\n", **held)

    with pytest.raises(example.BusyError):
        process(made)

    assert made.payloads.item == {**OPEN, **held}
    assert made.rows.items == {}


@pytest.mark.parametrize(
    "item",
    [
        {"state": "processing", "lease_owner": "dead", "lease_until": int(NOW * 1000) - 1},
        {"state": "processing", "lease_owner": "me", "lease_until": int(NOW * 1000) + 1},
        {"state": "failed", "error_code": "internal", "error_detail": "before"},
    ],
)
def test_example_resumes_unfinished_payloads(item: dict[str, Any]) -> None:
    done = process(processor(b"{}\n", **item))

    assert done["state"] == "stored"
    assert "error_code" not in done


def test_example_gives_up_with_a_reason_at_the_last_receive() -> None:
    made = processor(None)

    with pytest.raises(ClientError):
        process(made)
    assert made.payloads.item["state"] == "processing"

    made.payloads.item["lease_until"] = 0
    with pytest.raises(ClientError):
        process(made, last_try=True)
    assert made.payloads.item["state"] == "failed"
    assert made.payloads.item["error_code"] == "internal"


def test_example_says_which_message_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Processor:
        def process(self, s3_key: str, *, owner: str, last_try: bool) -> None:
            seen.append((s3_key, owner, last_try))
            if s3_key.endswith("2"):
                raise OSError

    monkeypatch.setattr(example, "processor", Processor)
    records = [
        {
            "messageId": f"m{number}",
            "body": json.dumps({"s3_key": f"transit/acme/{number}", "reason": "sweep"}),
            "attributes": {"ApproximateReceiveCount": str(3 + number)},
        }
        for number in (1, 2)
    ]

    answer = example.handler({"Records": records}, SimpleNamespace(aws_request_id="r"))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert seen == [("transit/acme/1", "r/m1", False), ("transit/acme/2", "r/m2", True)]
