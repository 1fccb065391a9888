"""Requests of file transfer's adapters to AWS: real signatures, and failures."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

from tests.fake_aws.s3 import Body
from tests.fake_aws.wire import aws_error
from tests.runtime.files.files_world import FilesWorld, large, small
from wideload_runtime.adapters import clients
from wideload_runtime.adapters.files_bucket import FilesBucket, run_for
from wideload_runtime.adapters.files_queue import VerificationQueue
from wideload_runtime.core.files.names import content_disposition
from wideload_runtime.core.files.ports import StoredPart
from wideload_runtime.core.files.transfer import key_prefix
from wideload_runtime.settings import FilesApiSettings, FilesSettings

KEY = key_prefix("ann") + "01ARZ3NDEKTSV4RRFFQ69G5FAV"
BODY = Body.of(b"hello")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> FilesBucket:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    return FilesBucket(clients.s3("virtual"), "bucket")


def signed(href: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(href)
    query = {name: value for name, (value,) in parse_qs(parts.query).items()}
    return f"{parts.scheme}://{parts.netloc}{parts.path}", query


def test_keys_have_a_form_of_their_own() -> None:
    assert key_prefix("ann") == "files/49915e0d7d4b402e3017d010bc1c0e83/"


def test_a_put_is_signed_with_everything_it_must_be(bucket: FilesBucket) -> None:
    action = bucket.sign_put(KEY, size=5, sha256=BODY.sha256, seconds=60)

    where, query = signed(action["href"])
    assert where == f"https://bucket.s3.us-east-1.amazonaws.com/{KEY}"
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-SignedHeaders"] == (
        "content-length;host;if-none-match;x-amz-checksum-sha256"
    )
    # Nothing that a client would have to send, too, but isn't told of.
    assert query.keys() == {
        "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    }  # fmt: skip
    assert action == {
        "method": "PUT",
        "href": action["href"],
        "headers": {
            "Content-Length": "5",
            "x-amz-checksum-sha256": BODY.checksum,
            "If-None-Match": "*",
        },
        "expires_in": 60,
    }


def test_a_put_of_nothing_is_signed_with_its_length(bucket: FilesBucket) -> None:
    action = bucket.sign_put(KEY, size=0, sha256=Body.of(b"").sha256, seconds=60)

    assert "content-length;" in signed(action["href"])[1]["X-Amz-SignedHeaders"]
    assert action["headers"]["Content-Length"] == "0"


def test_a_part_is_signed_with_everything_it_must_be(bucket: FilesBucket) -> None:
    action = bucket.sign_part(KEY, "s3-id", 7, size=5, sha256=BODY.sha256, seconds=60)

    _, query = signed(action["href"])
    assert (query["partNumber"], query["uploadId"]) == ("7", "s3-id")
    assert query["X-Amz-SignedHeaders"] == "content-length;host;x-amz-checksum-sha256"
    assert action["headers"] == {"Content-Length": "5", "x-amz-checksum-sha256": BODY.checksum}


def test_a_get_is_signed_with_the_answers_headers(bucket: FilesBucket) -> None:
    disposition = content_disposition('会議 "録".pdf')
    action = bucket.sign_get(
        KEY, content_type="text/html; charset=utf-8", disposition=disposition, seconds=60
    )

    _, query = signed(action["href"])
    assert query["response-content-disposition"] == disposition
    assert query["response-content-type"] == "text/html; charset=utf-8"
    assert query["response-cache-control"] == "private, no-store"
    assert query["response-content-encoding"] == "identity"
    assert query["X-Amz-SignedHeaders"] == "host"
    assert (action["method"], action["headers"]) == ("GET", {})


@pytest.mark.parametrize("name", ["🎬" * 251 + ".mov", "\ufdfa" * 251 + ".txt", "🎬" * 255])
def test_the_url_of_a_long_name_fits_into_the_head_of_a_request(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t" * 1500)
    world = FilesWorld()
    upload_id = world.ann.create(small(), name=name)["upload_id"]
    world.ann.begin(small())
    world.ann.complete(upload_id)
    signing = replace(world.transfer, bucket=FilesBucket(clients.s3("virtual"), "bucket"))

    file, action = signing.files("ann").download(upload_id)

    _, query = signed(action["href"])
    saved_as = unquote(query["response-content-disposition"].rpartition("UTF-8''")[2])
    stem, _, extension = name.partition(".")
    assert 5800 < len(action["href"]) <= 6 * 1024
    assert file.name == name
    assert saved_as == stem[: saved_as.count(stem[0])] + (f".{extension}" if extension else "")
    assert saved_as.count(stem[0]) > 40


def test_a_multipart_upload_declares_its_checksums(bucket: FilesBucket) -> None:
    with Stubber(bucket._client) as stubber:
        stubber.add_response(
            "create_multipart_upload",
            {"UploadId": "s3-id"},
            {"Bucket": "bucket", "Key": KEY, "ChecksumAlgorithm": "SHA256"},
        )
        stubber.add_response(
            "complete_multipart_upload",
            {},
            {
                "Bucket": "bucket",
                "Key": KEY,
                "UploadId": "s3-id",
                "IfNoneMatch": "*",
                "MultipartUpload": {
                    "Parts": [{"PartNumber": 1, "ETag": '"e"', "ChecksumSHA256": BODY.checksum}]
                },
            },
        )

        assert bucket.begin_multipart(KEY) == "s3-id"
        parts = [StoredPart(1, 5, '"e"', BODY.checksum)]
        assert bucket.complete(KEY, "s3-id", parts, seconds=5) == "done"
        stubber.assert_no_pending_responses()


def test_parts_without_a_checksum_are_not_counted(bucket: FilesBucket) -> None:
    with Stubber(bucket._client) as stubber:
        part: dict[str, Any] = {"PartNumber": 1, "Size": 5, "ETag": '"e"'}
        stubber.add_response("list_parts", {"Parts": [part], "IsTruncated": False})

        assert bucket.parts(KEY, "s3-id") == []


def test_waiting_ends_in_time() -> None:
    started = time.monotonic()
    going_on = threading.Event()

    ended = threading.Event()

    def work() -> None:
        going_on.wait(60)
        ended.set()

    run_for(work, 0.05)
    run_for(work, -1)  # no time: begun all the same

    assert time.monotonic() - started < 30
    assert not ended.is_set()
    going_on.set()
    assert ended.wait(60)


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError"])
def test_an_object_that_cannot_be_removed_is_left_to_the_sweep(code: str) -> None:
    world = FilesWorld()
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id, [1])
    world.wire.refused = lambda name, number: code if name.startswith(("Abort", "Delete")) else None

    world.ann.uploads.abort(upload_id)

    assert world.ann.record(upload_id).state == "aborted"
    assert len(world.s3.multiparts) == 1
    world.wire.refused = lambda name, number: None
    world.clock.time += 24 * 3600
    world.sweep()
    assert world.s3.multiparts == {}


def test_a_loser_that_cannot_be_aborted_is_left_to_the_buckets_rule() -> None:
    world = FilesWorld()
    upload_id = world.ann.begin(large())
    meets = iter([True])

    def another(name: str) -> None:
        if name == "UpdateItem" and next(meets, False):
            world.ann.send_parts(upload_id, [1])

    world.wire.before = another
    world.wire.refused = lambda name, number: "SlowDown" if name.startswith("Abort") else None
    world.ann.send_parts(upload_id)

    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_batches_that_stay_unprocessed_are_an_overload() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    world.dynamo.unprocessed = 10

    with pytest.raises(Exception, match="unavailable"):
        world.ann.create(small())


class FakeSqs:
    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self.error = error

    def send_message(self, **message: Any) -> None:
        if self.error:
            raise self.error
        self.sent.append(message)


def test_the_verifiers_queue() -> None:
    sqs = FakeSqs()
    queue = VerificationQueue(sqs, "https://sqs.test/q")

    assert queue.wants(2**50)
    assert VerificationQueue(sqs, "url", most=5).wants(5)
    assert not VerificationQueue(sqs, "url", most=5).wants(6)
    assert queue.ask("ann", "id")
    assert sqs.sent == [
        {"QueueUrl": "https://sqs.test/q", "MessageBody": '{"owner":"ann","file_id":"id"}'}
    ]


@pytest.mark.parametrize(
    "error", [aws_error("AccessDenied", "SendMessage"), ReadTimeoutError(endpoint_url="x")]
)
def test_a_queue_that_fails_says_so(error: Exception) -> None:
    assert VerificationQueue(FakeSqs(error), "https://sqs.test/q").ask("ann", "id") is False


def test_without_a_verifier_no_message_is_sent() -> None:
    queue = VerificationQueue(None, "")

    assert not queue.wants(1)
    assert queue.ask("ann", "id")  # the sweep has nothing more to do


# Settings

ENVIRONMENT = {
    "WIDELOAD_ENVIRONMENT": "dev",
    "WIDELOAD_BUCKET": "bucket",
    "WIDELOAD_FILES_TABLE": "files",
    "WIDELOAD_FILE_URL_TTL": "3600",
    "WIDELOAD_UPLOAD_SESSION_TTL": "604800",
    "WIDELOAD_MAX_FILE_SIZE": "1000",
    "WIDELOAD_MAX_OPEN_UPLOADS": "100",
    "WIDELOAD_SIGN_IN": '{"issuer": "https://issuer.test"}',
}


def both(environment: dict[str, str]) -> tuple[FilesSettings, FilesApiSettings]:
    return FilesSettings.from_environment(environment), FilesApiSettings.from_environment(
        environment
    )


def test_settings_are_read() -> None:
    shared, api = both(ENVIRONMENT)

    assert (shared.verify_queue_url, shared.life_seconds) == ("", None)
    assert shared.s3_addressing_style == "virtual"
    assert (api.url_seconds, api.session_seconds, api.quota_bytes) == (3600, 604_800, None)
    assert api.quota_files is None
    assert api.sign_in == {"issuer": "https://issuer.test"}


def test_optional_settings_are_read() -> None:
    shared, api = both(
        {
            **ENVIRONMENT,
            "WIDELOAD_QUOTA_BYTES": "5",
            "WIDELOAD_QUOTA_FILES": "6",
            "WIDELOAD_FILE_EXPIRATION_DAYS": "2",
        }
    )

    assert (api.quota_bytes, api.quota_files, shared.life_seconds) == (5, 6, 2 * 24 * 3600)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_variable_names_itself(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        both({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDELOAD_FILE_URL_TTL", "0"),
        ("WIDELOAD_QUOTA_BYTES", "-1"),
        ("WIDELOAD_FILE_EXPIRATION_DAYS", "x"),
        ("WIDELOAD_S3_ADDRESSING_STYLE", "auto"),
        ("WIDELOAD_SIGN_IN", "{"),
        ("WIDELOAD_SIGN_IN", "[]"),
    ],
)
def test_a_wrong_variable_names_itself(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is"):
        both({**ENVIRONMENT, name: value})


def test_no_client_is_made_that_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.core.files.limits import Limits
    from wideload_runtime.core.files.records import Quota
    from wideload_runtime.handlers import _files

    made: list[str] = []
    monkeypatch.setattr(boto3, "client", lambda name, **options: made.append(name))
    limits = Limits(url_seconds=1, session_seconds=1, max_file_size=1, quota=Quota(1, 1))
    monkeypatch.setattr(
        _files,
        "settings",
        FilesSettings("test", "bucket", "files", "virtual", "", None, None, None),
    )

    _files.make_transfer(limits)

    assert made == []
