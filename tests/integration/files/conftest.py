"""Two people of the deployed user pool, and requests in their names."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Answer, Api

MIB = 1024 * 1024
ONE_PUT = 64 * MIB
"""Bytes up to which an upload is one PUT."""

LONG_AGO = "2020-01-01T00:00:00.000Z"


def token_of(cloud: Cloud, outputs: Outputs, person: int, client_id: str | None = None) -> str:
    """An access token of one of the two people, by name and password."""
    user = outputs["files"]["users"][person]
    client_id = client_id or outputs["files"]["client_id"]
    return sign_in(cloud, client_id, user["username"], user["password"])


def sign_in(cloud: Cloud, client_id: str, username: str, password: str) -> str:
    """An access token."""
    answer = cloud.client("cognito-idp").initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client_id,
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token


@pytest.fixture(scope="session")
def ann(cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager) -> Api:
    return person(cloud, outputs, http, 0)


@pytest.fixture(scope="session")
def ben(cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager) -> Api:
    return person(cloud, outputs, http, 1)


@pytest.fixture
def newcomer(
    cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager, stored: Store
) -> Iterator[Api]:
    """A person without files; all their files are removed at the end."""
    files = outputs["files"]
    user = {"UserPoolId": files["user_pool_id"], "Username": f"{secrets.token_hex(4)}@example.com"}
    cognito, password = cloud.client("cognito-idp"), "Aa1!" + secrets.token_urlsafe(24)
    cognito.admin_create_user(**user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**user, Password=password, Permanent=True)
    token = sign_in(cloud, files["client_id"], user["Username"], password)
    api = Api(http, files["api_url"], {"Authorization": f"Bearer {token}"})
    yield api
    stored.clear(api)
    cognito.admin_delete_user(**user)


@pytest.fixture(scope="session")
def nobody(outputs: Outputs, http: urllib3.PoolManager) -> Api:
    return Api(http, outputs["files"]["api_url"], {})


def person(cloud: Cloud, outputs: Outputs, http: urllib3.PoolManager, number: int) -> Api:
    token = token_of(cloud, outputs, number)
    return Api(http, outputs["files"]["api_url"], {"Authorization": f"Bearer {token}"})


def subject_of(api: Api) -> str:
    """Who a person is in the table."""
    claims = api.headers["Authorization"].split(".")[1]
    subject: str = json.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]
    return subject


@dataclass(frozen=True)
class Store:
    """Read table and bucket, and make their content older."""

    cloud: Cloud
    outputs: Outputs
    sweep_function: str

    @property
    def table(self) -> Any:
        return self.cloud.table(self.outputs["files"]["table"])

    def usage(self, api: Api) -> dict[str, int]:
        """Counters of a person's files and open uploads, without those that are 0."""
        item = self.table.get_item(
            Key={"owner": subject_of(api), "item": "USAGE"}, ConsistentRead=True
        ).get("Item", {})
        return {
            name: int(item[name]) for name in ("bytes", "files", "open_uploads") if item.get(name)
        }

    def item(self, api: Api, name: str) -> dict[str, Any] | None:
        """One of a person's items, such as `UPLOAD#<id>`."""
        found = self.table.get_item(
            Key={"owner": subject_of(api), "item": name}, ConsistentRead=True
        )
        item: dict[str, Any] | None = found.get("Item")
        return item

    def change(self, api: Api, name: str, **members: str) -> None:
        """Change an item, as time would."""
        self.table.update_item(
            Key={"owner": subject_of(api), "item": name},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in members),
            ExpressionAttributeNames={f"#{name}": name for name in members},
            ExpressionAttributeValues={f":{name}": value for name, value in members.items()},
        )

    def items(self, api: Api) -> list[dict[str, Any]]:
        """All that is a person's."""
        found: list[dict[str, Any]] = self.table.query(
            KeyConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": subject_of(api)},
            ConsistentRead=True,
        )["Items"]
        return found

    def end_urls(self, api: Api) -> dict[str, int]:
        """Let the URLs end that what was aborted or deleted waits for, and the sweep look."""
        for item in self.items(api):
            if "held" in item:
                self.change(api, item["item"], due_at=LONG_AGO)
        return self.sweep()

    def clear(self, api: Api) -> None:
        """Forget all that is a person's, with its objects."""
        s3, bucket = self.cloud.client("s3"), self.outputs["files"]["bucket"]
        for item in self.items(api):
            if "s3_upload_id" in item and item["state"] in ("open", "completing"):
                s3.abort_multipart_upload(
                    Bucket=bucket, Key=item["key"], UploadId=item["s3_upload_id"]
                )
            if "key" in item:
                s3.delete_object(Bucket=bucket, Key=item["key"])
            self.table.delete_item(Key={"owner": item["owner"], "item": item["item"]})

    def keys(self, upload_id: str) -> list[str]:
        """Of the objects that belong to an upload."""
        pages = self.cloud.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.outputs["files"]["bucket"], Prefix="files/")
        keys = [item["Key"] for page in found for item in page.get("Contents", [])]
        return [key for key in keys if upload_id in key]

    def multiparts(self, upload_id: str) -> int:
        """How many multipart uploads S3 holds for an upload."""
        found = self.cloud.client("s3").list_multipart_uploads(
            Bucket=self.outputs["files"]["bucket"]
        )
        return sum(upload_id in one["Key"] for one in found.get("Uploads", []))

    def sweep(self) -> dict[str, int]:
        """Run the sweep now; its report."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.sweep_function)
        report: dict[str, int] = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, report
        return report


@pytest.fixture(scope="session")
def stored(cloud: Cloud, outputs: Outputs, functions: dict[str, str]) -> Store:
    return Store(cloud, outputs, functions["files_sweep"])


@contextmanager
def reconfigured(cloud: Cloud, function: str, **variables: str) -> Iterator[None]:
    """Deploy a function with other environment variables for a while."""
    functions = cloud.client("lambda")
    kept = functions.get_function_configuration(FunctionName=function)["Environment"]
    functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": kept["Variables"] | variables}
    )
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Environment=kept)


@contextmanager
def listening(
    cloud: Cloud, environment: str, *detail_types: str
) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Receive a deployment's events in a queue of another team; yield those of a file so far."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    name = f"heard-{secrets.token_hex(6)}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {
        "source": ["wideload"],
        "detail-type": list(detail_types),
        "detail": {"environment": [environment]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule=name, Targets=[target])
    found: list[dict[str, Any]] = []

    def hear(file_id: str) -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in found if event["detail"]["file_id"] == file_id]

    yield hear
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=url)


def judge(cloud: Cloud, api: Api, kept: Store, file_id: str, result: str = "clean") -> None:
    """Publish a scanner's result on a file of the second deployment, and wait until it counts."""
    key = (kept.item(api, f"FILE#{file_id}") or {})["key"]
    detail = {
        "version": "1",
        "environment": "verifying",
        "key": key,
        "result": result,
        "detail": "EICAR-Test-File",
        # Two results may be published in one second, which is all that the event's time tells.
        "scanned_at": datetime.now(UTC).isoformat(),
    }
    entry = {
        "Source": "wideload.scanner",
        "DetailType": "FileScanResult",
        "Detail": json.dumps(detail),
    }
    cloud.client("events").put_events(Entries=[entry])
    expected = None if result == "clean" else result
    deadline = time.monotonic() + 60
    while quarantine_of(api, file_id) != expected:
        assert time.monotonic() < deadline, "the result was not recorded"
        time.sleep(0.2)


def quarantine_of(api: Api, file_id: str) -> str | None:
    """Why a file is quarantined."""
    quarantined = api.get(f"/files/{file_id}").json["file"].get("quarantined", {})
    reason: str | None = quarantined.get("reason")
    return reason


def unverified(file: dict[str, Any]) -> dict[str, Any]:
    """A file without what the verifier may change meanwhile."""
    return {name: value for name, value in file.items() if not name.startswith("verified")}


def announced(content: bytes, name: str = "film.bin") -> dict[str, Any]:
    """The members of a file in `POST /files`."""
    return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def create(api: Api, content: bytes, name: str = "film.bin") -> dict[str, Any]:
    """Begin an upload; the answer for this one file."""
    answer = api.post("/files", {"files": [announced(content, name)]})
    assert answer.status == 200, answer.body
    [created] = answer.json["files"]
    return dict(created)


def act(api: Api, action: dict[str, Any], body: bytes = b"") -> Answer:
    """Make the request that the API said, with exactly its headers."""
    answer = api.http.request(
        action["method"], action["href"], body=body or None, headers=action["headers"]
    )
    return Answer(answer.status, answer.headers, answer.data)


def parts_of(content: bytes, part_size: int) -> list[bytes]:
    return [content[at : at + part_size] for at in range(0, len(content), part_size)]


def sign(api: Api, upload_id: str, parts: dict[int, bytes]) -> dict[int, dict[str, Any]]:
    """Have parts signed; number to action."""
    wanted = [
        {"number": number, "sha256": hashlib.sha256(part).hexdigest()}
        for number, part in parts.items()
    ]
    answer = api.post(f"/files/uploads/{upload_id}/parts", {"parts": wanted})
    assert answer.status == 200, answer.body
    return {part["number"]: part["action"] for part in answer.json["parts"]}


def send_parts(api: Api, upload_id: str, content: bytes, part_size: int, *numbers: int) -> None:
    """Upload these parts, or all."""
    pieces = dict(enumerate(parts_of(content, part_size), 1))
    wanted = {number: pieces[number] for number in numbers or pieces}
    for number, action in sign(api, upload_id, wanted).items():
        answer = act(api, action, wanted[number])
        assert answer.status == 200, answer.body


def complete(api: Api, upload_id: str) -> Answer:
    return api.post(f"/files/uploads/{upload_id}/complete", b"")


def completed(api: Api, upload_id: str) -> Answer:
    """Repeat the request until S3 has joined the parts, for at most a minute."""
    deadline = time.monotonic() + 60
    while (answer := complete(api, upload_id)).status == 202:
        assert time.monotonic() < deadline, "still completing"
        time.sleep(0.2)
    assert answer.status == 200, answer.body
    return answer


def store(api: Api, content: bytes, name: str = "film.bin") -> dict[str, Any]:
    """Upload a file that is one PUT; what the API then says of it."""
    created = create(api, content, name)
    assert act(api, created["action"], content).status == 200
    answer = complete(api, created["upload_id"])
    assert answer.status == 200, answer.body
    return dict(answer.json["file"])


def base64_sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
