"""The fake S3 refuses the presigned requests that S3 refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from tests.fake_aws.files import FilesService, serving_files
from tests.fake_aws.s3 import Body
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.core.files.ports import Action

CONTENT = b"content"
BODY = Body.of(CONTENT)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def service() -> Iterator[FilesService]:
    with serving_files() as served:
        yield served


@pytest.fixture(scope="module")
def bucket(service: FilesService) -> FilesBucket:
    return FilesBucket(service.bucket, "s3")


def ask(action: Action, content: bytes = CONTENT, **changes: Any) -> tuple[int, str]:
    """Make an action's request; its status, and the code of S3's error."""
    request = {"method": action["method"], "url": action["href"], "headers": action["headers"]}
    request |= changes
    with urllib3.PoolManager(retries=False) as pool:
        body = content if request["method"] == "PUT" else None
        answer = pool.request(**request, body=body)
    code = re.search(rb"<Code>(\w+)</Code>", answer.data)
    return answer.status, code[1].decode() if code else ""


def put(bucket: FilesBucket, key: str) -> Action:
    return bucket.sign_put(key, size=BODY.size, sha256=BODY.sha256, seconds=60)


def test_what_was_signed_is_stored_once(service: FilesService, bucket: FilesBucket) -> None:
    action = put(bucket, "once")

    assert ask(action) == (200, "")
    assert service.s3.objects["once"] == CONTENT
    assert ask(action) == (412, "PreconditionFailed")


@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [
        ("x-amz-checksum-sha256", None, (403, "SignatureDoesNotMatch")),
        ("x-amz-checksum-sha256", Body.of(b"another").checksum, (403, "SignatureDoesNotMatch")),
        ("If-None-Match", None, (403, "SignatureDoesNotMatch")),
        ("x-amz-acl", "public-read", (403, "AccessDenied")),
        ("Authorization", "Bearer token", (400, "InvalidArgument")),
    ],
)
def test_other_headers_are_refused(
    bucket: FilesBucket, name: str, value: str | None, refusal: tuple[int, str]
) -> None:
    action = put(bucket, "headers")
    headers = {**action["headers"], name: value}

    given = {name: value for name, value in headers.items() if value is not None}
    assert ask(action, headers=given) == refusal


def test_another_length_is_refused(bucket: FilesBucket) -> None:
    action = put(bucket, "length")
    headers = {**action["headers"], "Content-Length": str(BODY.size + 1)}

    assert ask(action, CONTENT + b"!", headers=headers) == (403, "SignatureDoesNotMatch")


def test_other_bytes_are_refused(service: FilesService, bucket: FilesBucket) -> None:
    assert ask(put(bucket, "bytes"), b"CONTENT") == (400, "BadDigest")
    assert "bytes" not in service.s3.objects


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ("/s3/url?", "/s3/other?", (403, "SignatureDoesNotMatch")),
        ("X-Amz-Expires=60", "X-Amz-Expires=6000", (403, "SignatureDoesNotMatch")),
        ("X-Amz-Signature=", "X-Amz-Signature=0", (403, "SignatureDoesNotMatch")),
        ("X-Amz-Signature=", "Signature=", (403, "AccessDenied")),
        ("AWS4-HMAC-SHA256", "AWS2", (400, "InvalidRequest")),
    ],
)
def test_another_url_is_refused(
    bucket: FilesBucket, old: str, new: str, refusal: tuple[int, str]
) -> None:
    action = put(bucket, "url")
    assert old in action["href"]

    assert ask(action, url=action["href"].replace(old, new)) == refusal


def test_another_method_is_refused(bucket: FilesBucket) -> None:
    assert ask(put(bucket, "method"), method="GET", headers={})[0] == 403


def test_a_url_ends(service: FilesService, bucket: FilesBucket) -> None:
    action = put(bucket, "ends")

    service.time += 60

    assert ask(action) == (403, "AccessDenied")


def test_parts_belong_to_an_upload(service: FilesService, bucket: FilesBucket) -> None:
    upload_id = bucket.begin_multipart("parts")
    action = bucket.sign_part("parts", upload_id, 1, size=BODY.size, sha256=BODY.sha256, seconds=60)

    assert ask(action) == (200, "")
    assert service.bucket.multiparts[upload_id].parts[1].checksum == BODY.checksum
    bucket.remove("parts", upload_id)
    assert ask(action) == (404, "NoSuchUpload")


def test_ranges_and_versions_of_an_object(service: FilesService, bucket: FilesBucket) -> None:
    etag = service.bucket.store("ranges", BODY).etag
    action = bucket.sign_get("ranges", content_type="a/b", disposition="attachment", seconds=60)

    assert ask(action, headers={"Range": "bytes=2-3", "If-Match": etag}) == (206, "")
    assert ask(action, headers={"Range": "bytes=7-"}) == (416, "InvalidRange")
    assert ask(action, headers={"If-Match": '"other"'}) == (412, "PreconditionFailed")


def test_a_part_of_an_ended_upload_is_refused(bucket: FilesBucket) -> None:
    s3_upload_id = bucket.begin_multipart("ended")
    action = bucket.sign_part(
        "ended", s3_upload_id, 1, size=BODY.size, sha256=BODY.sha256, seconds=60
    )
    bucket.remove("ended", s3_upload_id)

    assert ask(action) == (404, "NoSuchUpload")
