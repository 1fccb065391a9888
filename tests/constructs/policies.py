"""Policies as the tests of constructs read them."""

from __future__ import annotations

from typing import Any

from aws_cdk.assertions import Template

from tests.constructs.conftest import only

TRACING = {"*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}}
LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}


def permissions(
    template: Template, role: str, *, construct: str = "Ingest", policy: str | None = None
) -> dict[str, set[str]]:
    """Actions by resource of the one policy of `role`, of whose logical id `policy` is a part.

    Resources are written as `<logical id>`, without the id of the construct and the hash, and
    what is behind it; conditions behind `if`.
    """
    found: dict[str, set[str]] = {}
    found_policy = only(template, "AWS::IAM::Policy", policy or f"{role}RoleDefaultPolicy")
    for statement in found_policy["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        for resource in _list(statement["Resource"]):
            where = _write(construct, resource) + _condition(statement.get("Condition"))
            found.setdefault(where, set()).update(_list(statement["Action"]))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _condition(condition: dict[str, Any] | None) -> str:
    if condition is None:
        return ""
    [(operator, tests)] = condition.items()
    [(name, value)] = tests.items()
    word = {"StringLike": "like", "ForAllValues:StringEquals": "all in"}[operator]
    return f" if {name} {word} {value}"


def _write(construct: str, resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if "Fn::Join" in resource:
        parts = resource["Fn::Join"][1]
        if parts[0] == "arn:":
            assert parts[1:-1:2] == [
                {"Ref": f"AWS::{n}"} for n in ("Partition", "Region", "AccountId")
            ]
            assert [parts[2], parts[4]] == [":events:", ":"]
            return str(parts[-1]).removeprefix(":")
        return "".join(_write(construct, part) for part in parts)
    logical_id, attribute = resource["Fn::GetAtt"]
    suffix = "" if attribute == "Arn" else f".{attribute}"
    return f"<{logical_id.removeprefix(construct)[:-8]}{suffix}>"


def senders(template: Template, queue: str) -> list[Any]:
    """Conditions of the statements in the policy of `queue` that allow sending."""
    policy = only(template, "AWS::SQS::QueuePolicy", queue)
    found = []
    for statement in policy["PolicyDocument"]["Statement"]:
        if statement["Effect"] == "Allow":
            assert statement["Action"] == "sqs:SendMessage"
            assert statement["Principal"] == {"Service": "events.amazonaws.com"}
            found.append(statement["Condition"])
    return found


def by_rule(template: Template, id_part: str) -> dict[str, Any]:
    [rule] = [name for name in template.find_resources("AWS::Events::Rule") if id_part in name]
    return {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}}
