"""Compare the policies of functions with the calls that they made.

Everything has the name that the construct gave it, so that two deployments of a construct are one,
and the same in every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FOLDER = re.compile(r"[^/*?]+/[^/*?]+/")
"""A bucket, and what a pattern must name of its keys."""

S3_OPERATIONS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "partNumber"): "UploadPart",
    ("GET", "uploadId"): "ListParts",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("PUT", ""): "PutObject",
    ("DELETE", ""): "DeleteObject",
}
"""By method, and a query parameter that tells it from the others, those with one first."""


@dataclass(frozen=True, order=True)
class Permission:
    """One action that a function may do, on one resource or on those that a pattern matches.

    `s3:ListBucket` is on the keys that may be listed: its condition `s3:prefix`.
    """

    function: str
    action: str
    resource: str
    condition: str = ""
    """Any other: only the cloud judges it."""

    def __str__(self) -> str:
        return f"{self.function} may {self.action} on {self.resource}{self.condition}"

    def covers(self, call: Call) -> bool:
        return (
            self.function == call.function
            and _matches(self.action.lower(), call.action.lower())
            and _matches(self.resource, call.resource)
        )


@dataclass(frozen=True)
class Call:
    """A call that IAM decided for a function: its own, or one by a URL that it signed."""

    function: str
    action: str
    resource: str
    operation: str
    allowed: bool = True

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} by {self.function} ({self.operation})"


@dataclass(frozen=True)
class Unused:
    """Permissions that no call shows, and why they stay.

    Attributes:
        resources: Their names; `{function}` stands for the function's.
        function: The only function that has no use for them; empty: every one.
    """

    reason: str
    actions: frozenset[str]
    resources: frozenset[str]
    function: str = ""

    def permits(self, permission: Permission) -> bool:
        if self.function not in ("", permission.function):
            return False
        return permission.action in self.actions and permission.resource in {
            name.format(function=permission.function) for name in self.resources
        }


@dataclass(frozen=True)
class Provoked:
    """Calls that a test has the cloud refuse, and why. Both names may be patterns."""

    reason: str
    action: str
    resource: str

    def explains(self, call: Call) -> bool:
        return _matches(self.action, call.action) and _matches(self.resource, call.resource)


@dataclass(frozen=True)
class Deployment:
    """Names of what was deployed.

    Attributes:
        functions: By the names of their roles.
        resources: By their physical ids.
    """

    functions: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, str] = field(default_factory=dict)

    def permissions(self, role: str, policy: Mapping[str, Any]) -> Iterator[Permission]:
        """Of one policy of a role."""
        for statement in policy["Statement"]:
            if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & statement.keys():
                raise ValueError(
                    f"{role} has a statement of a kind that is not judged: {statement}"
                )
            conditions = dict(statement.get("Condition", {}))
            for action in _listed(statement["Action"]):
                for arn in _listed(statement["Resource"]):
                    keys, rest = _split(action, conditions)
                    yield Permission(self.functions[role], action, self._name(arn) + keys, rest)

    def call(self, line: Mapping[str, Any]) -> Call | None:
        """One line of the cloud's record; None if the role is none of these functions'."""
        if line["role"] not in self.functions:
            return None
        keys = f"/{line['prefix'] or ''}" if line["action"] == "s3:ListBucket" else ""
        return Call(
            function=self.functions[line["role"]],
            action=line["action"],
            resource=self._name(line["resource"]) + keys,
            operation=operation_of(line["request"], presigned=line["presigned"]),
            allowed=line["allowed"],
        )

    def _name(self, arn: str) -> str:
        """The part of an ARN behind its account, with the construct's names."""
        name = arn.split(":", 5)[-1]
        for physical_id in sorted(self.resources, key=len, reverse=True):
            name = name.replace(physical_id, self.resources[physical_id])
        # A log group's ARN ends with its streams; a table's stream has the time of its making.
        return re.sub(r"/stream/.*", "/stream", name).removesuffix(":*")


def name_of(logical_id: str) -> str:
    """A logical id without the hash of its path."""
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def operation_of(request: str, *, presigned: bool) -> str:
    """The API's name of a request as the cloud records it."""
    method, *names = request.split(" ")
    operation = next(
        (
            operation
            for (of_method, name), operation in S3_OPERATIONS.items()
            if of_method == method and (not name or name in names)
        ),
        request,
    )
    return f"{operation} by presigned URL" if presigned else operation


def refused(calls: Iterable[Call], provoked: Iterable[Provoked] = ()) -> list[str]:
    """Calls that the cloud did not allow, unless a test wanted that; and what no test wanted."""
    denied, wanted = [call for call in calls if not call.allowed], list(provoked)
    return [
        *(
            f"{call} was refused"
            for call in denied
            if not any(one.explains(call) for one in wanted)
        ),
        *(
            f"no function was refused {one.action} on {one.resource}, which is listed as provoked"
            for one in wanted
            if not any(one.explains(call) for call in denied)
        ),
    ]


def outside(permissions: Iterable[Permission], calls: Iterable[Call]) -> list[str]:
    """Calls that the cloud allowed, though no policy of the function's does."""
    known = list(permissions)
    return [
        f"{call} is outside of its policy"
        for call in calls
        if call.allowed and not any(permission.covers(call) for permission in known)
    ]


def too_wide(permissions: Iterable[Permission], reasons: Iterable[Unused]) -> list[str]:
    """Actions by pattern, and resources by one that is not a folder of a bucket."""
    excused = list(reasons)
    found = []
    for permission in permissions:
        if any(reason.permits(permission) for reason in excused):
            continue
        literal = re.split(r"[*?]", permission.resource)[0]
        by_pattern = literal != permission.resource
        in_folder = permission.action.startswith("s3:") and FOLDER.match(literal)
        if re.search(r"[*?]", permission.action):
            found.append(f"{permission}: name the actions that it needs")
        elif by_pattern and not in_folder:
            found.append(f"{permission}: name the resource, or the folder in its bucket")
    return found


def unused(
    permissions: Iterable[Permission], calls: Iterable[Call], reasons: Iterable[Unused]
) -> list[str]:
    """Permissions that no call needed and that have no reason; reasons that have no permission."""
    made, excused, held = list(calls), list(reasons), sorted(set(permissions))
    idle = [one for one in held if not any(one.covers(call) for call in made)]
    found = [
        f"{one}, and no call needed it"
        for one in idle
        if not any(reason.permits(one) for reason in excused)
    ]
    for reason in excused:
        for action in sorted(reason.actions):
            for resource in sorted(reason.resources):
                pair = replace(reason, actions=frozenset({action}), resources=frozenset({resource}))
                meant = [one for one in held if pair.permits(one)]
                if not meant:
                    found.append(
                        f"no function may {action} on {resource}, which is listed as unused"
                    )
                found += [
                    f"{one}, is listed as unused, and used" for one in meant if one not in idle
                ]
    return found


def _split(action: str, conditions: dict[str, Any]) -> tuple[str, str]:
    """A statement's conditions as the keys that may be listed, and the rest."""
    rest = dict(conditions)
    keys = ""
    if action == "s3:ListBucket":
        like = dict(rest.pop("StringLike", {}))
        keys = f"/{like.pop('s3:prefix', '*')}"
        if like:
            rest["StringLike"] = like
    written = [
        f"{name} {operator} {', '.join(_listed(value))}"
        for operator, tests in rest.items()
        for name, value in tests.items()
    ]
    return keys, "".join(f" if {one}" for one in written)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _matches(pattern: str, value: str) -> bool:
    """As IAM does: `*` is any characters, `?` is one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None
