"""The guard of least privilege: each fault in a policy is found, and named. Needs no cloud."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.integration.permission_page import page
from tests.integration.permissions import (
    Call,
    Deployment,
    Permission,
    Provoked,
    Unused,
    name_of,
    operation_of,
    outside,
    refused,
    too_wide,
    unused,
)

ROLE = "stack-IngestWorkerRole-1"
TABLE = "stack-IngestPayloads-2"
TABLE_ARN = f"arn:aws:dynamodb:us-east-1:000000000000:table/{TABLE}"
BUCKET_ARN = "arn:aws:s3:::stack-bucket-3"
DEPLOYMENT = Deployment(
    functions={ROLE: "IngestWorker"},
    resources={TABLE: "IngestPayloads", "stack-bucket-3": "IngestBucket"},
)
POLICY: dict[str, Any] = {
    "Statement": [
        {"Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": "*"},
        {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE_ARN},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"{BUCKET_ARN}/transit/*",
        },
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": BUCKET_ARN,
            "Condition": {"StringLike": {"s3:prefix": "transit/*"}},
        },
    ]
}
TABLE_STATEMENT, OBJECT_STATEMENT, LIST_STATEMENT = 1, 2, 3
KEY = "transit/acme/01M8"
UNUSED = [
    Unused("X-Ray has no resources.", frozenset({"xray:PutTraceSegments"}), frozenset({"*"})),
]


def line(
    action: str, resource: str, request: str, prefix: str | None = None, **changed: Any
) -> dict[str, Any]:
    """As the cloud records a call."""
    return {
        "role": ROLE,
        "action": action,
        "resource": resource,
        "prefix": prefix,
        "allowed": True,
        "request": request,
        "presigned": False,
        **changed,
    }


RECORD = [
    line("dynamodb:GetItem", TABLE_ARN, "GetItem"),
    line("s3:GetObject", f"{BUCKET_ARN}/{KEY}", "GET"),
    line("s3:PutObject", f"{BUCKET_ARN}/{KEY}", "PUT", presigned=True),
    line("s3:ListBucket", BUCKET_ARN, "GET list-type prefix", prefix=KEY),
]


def calls(*more: dict[str, Any]) -> list[Call]:
    return [call for one in [*RECORD, *more] if (call := DEPLOYMENT.call(one))]


def permissions(statement: int = 0, **changed: Any) -> list[Permission]:
    """Of the policy, with one statement changed."""
    policy = copy.deepcopy(POLICY)
    policy["Statement"][statement] |= changed
    return list(DEPLOYMENT.permissions(ROLE, policy))


def findings(held: list[Permission], made: list[Call]) -> list[str]:
    return [
        *refused(made),
        *outside(held, made),
        *too_wide(held, UNUSED),
        *unused(held, made, UNUSED),
    ]


def test_nothing_is_found_where_policy_and_calls_agree() -> None:
    assert findings(permissions(), calls()) == []


@pytest.mark.parametrize(
    ("statement", "changed", "found"),
    [
        (
            TABLE_STATEMENT,
            {"Action": ["dynamodb:GetItem", "dynamodb:Scan"]},
            "IngestWorker may dynamodb:Scan on table/IngestPayloads, and no call needed it",
        ),
        (
            TABLE_STATEMENT,
            {"Resource": [TABLE_ARN, f"{TABLE_ARN}/index/*"]},
            "IngestWorker may dynamodb:GetItem on table/IngestPayloads/index/*: "
            "name the resource, or the folder in its bucket",
        ),
        (
            OBJECT_STATEMENT,
            {"Action": ["s3:*"]},
            "IngestWorker may s3:* on IngestBucket/transit/*: name the actions that it needs",
        ),
        (
            OBJECT_STATEMENT,
            {"Resource": f"{BUCKET_ARN}/*"},
            "IngestWorker may s3:GetObject on IngestBucket/*: "
            "name the resource, or the folder in its bucket",
        ),
        (
            OBJECT_STATEMENT,
            {"Resource": f"{BUCKET_ARN}/transit*"},
            "IngestWorker may s3:GetObject on IngestBucket/transit*: "
            "name the resource, or the folder in its bucket",
        ),
        (
            OBJECT_STATEMENT,
            {"Resource": [f"{BUCKET_ARN}/transit/*", f"{BUCKET_ARN}/archive/*"]},
            "IngestWorker may s3:GetObject on IngestBucket/archive/*, and no call needed it",
        ),
        (
            LIST_STATEMENT,
            {"Condition": {}},
            "IngestWorker may s3:ListBucket on IngestBucket/*: "
            "name the resource, or the folder in its bucket",
        ),
    ],
)
def test_a_wider_policy_is_found(statement: int, changed: dict[str, Any], found: str) -> None:
    assert found in findings(permissions(statement, **changed), calls())


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (
            line("dynamodb:Scan", TABLE_ARN, "Scan"),
            "dynamodb:Scan on table/IngestPayloads by IngestWorker (Scan) is outside of its policy",
        ),
        (
            line("s3:ListBucket", BUCKET_ARN, "GET list-type prefix", prefix="archive/"),
            "s3:ListBucket on IngestBucket/archive/ by IngestWorker (ListObjectsV2) "
            "is outside of its policy",
        ),
        (
            line("s3:GetObject", f"{BUCKET_ARN}/archive/x", "HEAD", allowed=False),
            "s3:GetObject on IngestBucket/archive/x by IngestWorker (HeadObject) was refused",
        ),
    ],
)
def test_a_call_outside_of_the_policy_is_found(call: dict[str, Any], found: str) -> None:
    assert findings(permissions(), calls(call)) == [found]


def test_a_refusal_that_a_test_wants_is_none_and_one_that_it_lacks_is_found() -> None:
    made = calls(line("s3:GetObject", f"{BUCKET_ARN}/{KEY}", "GET", allowed=False))
    wanted = Provoked("A test forbids it.", "s3:GetObject", "IngestBucket/transit/acme/*")
    idle = Provoked("No test forbids it.", "dynamodb:*", "table/elsewhere*")

    assert refused(made, [wanted]) == []
    assert refused(made, [wanted, idle]) == [
        "no function was refused dynamodb:* on table/elsewhere*, which is listed as provoked"
    ]


def test_a_condition_is_named() -> None:
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}}

    [permission] = [
        one for one in permissions(TABLE_STATEMENT, Condition=condition) if one.condition
    ]

    assert permission.condition == " if dynamodb:LeadingKeys ForAllValues:StringEquals mine"
    assert findings(permissions(TABLE_STATEMENT, Condition=condition), calls()) == []


def test_a_reason_that_explains_nothing_is_found() -> None:
    used = Unused("It isn't.", frozenset({"s3:GetObject"}), frozenset({"IngestBucket/transit/*"}))
    gone = Unused(
        "No function may.", frozenset({"sqs:SendMessage"}), frozenset({"{function}Letters"})
    )

    assert unused(permissions(), calls(), [*UNUSED, used, gone]) == [
        "IngestWorker may s3:GetObject on IngestBucket/transit/*, is listed as unused, and used",
        "no function may sqs:SendMessage on {function}Letters, which is listed as unused",
    ]


def test_a_statement_that_is_no_list_of_what_is_allowed_is_not_judged() -> None:
    for changed in ({"Effect": "Deny"}, {"NotAction": "s3:GetObject"}):
        with pytest.raises(ValueError, match="is not judged"):
            permissions(OBJECT_STATEMENT, **changed)


def test_calls_of_other_roles_are_left_out() -> None:
    assert DEPLOYMENT.call(line("s3:GetObject", BUCKET_ARN, "GET", role="another")) is None


@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        ("PUT", "PutObject"),
        ("PUT partNumber uploadId", "UploadPart"),
        ("POST uploads", "CreateMultipartUpload"),
        ("POST uploadId", "CompleteMultipartUpload"),
        ("GET response-content-disposition", "GetObject"),
        ("GET max-parts uploadId", "ListParts"),
        ("TransactWriteItems", "TransactWriteItems"),
    ],
)
def test_requests_are_named_as_the_api_does(request_: str, operation: str) -> None:
    assert operation_of(request_, presigned=False) == operation
    assert operation_of(request_, presigned=True) == f"{operation} by presigned URL"


def test_names_carry_no_hash_and_no_time() -> None:
    stream = f"{TABLE_ARN}/stream/2026-11-22T17:00:00.000"

    [permission] = DEPLOYMENT.permissions(
        ROLE,
        {"Statement": [{"Effect": "Allow", "Action": "dynamodb:GetRecords", "Resource": stream}]},
    )

    assert name_of("IngestPayloadsAD6DBC25") == "IngestPayloads"
    assert permission.resource == "table/IngestPayloads/stream"


def test_the_page_says_what_is_used_and_what_is_not() -> None:
    text = page(permissions(), calls(), UNUSED, {"IngestWorker": "Processes payloads"})

    assert "**5 permissions of 1 functions: 4 are used, 1 stay unused for a reason.**" in text
    assert "## IngestWorker\n\nProcesses payloads.\n" in text
    assert "| `s3:PutObject` | `IngestBucket/transit/*` | PutObject by presigned URL |" in text
    assert "| `xray:PutTraceSegments` | `*` | *unused:* X-Ray has no resources. |" in text
