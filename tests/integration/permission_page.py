"""`docs/permissions.md`: the functions' permissions, and the calls that need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from tests.integration.permissions import Call, Permission, Unused

HEAD = """\
# Permissions of the functions

**{count} permissions of {functions} functions: {used} are used, {idle} stay unused for a reason.**

A permission is one action on one resource; each function has its own role. *Used by* lists calls
that the deployed function made in the integration tests, or a client with a URL that the function
had signed, while the embedded cloud enforced IAM and recorded every request. No needed call was
refused; a permission that no call used has its reason here. `s3:ListBucket` is restricted to keys
by the condition `s3:prefix`. With customer managed keys (`-c kms=true`) the roles also have
`kms:Decrypt` and `kms:GenerateDataKey` on those keys, with a private network the permissions that
Lambda needs for its network interfaces: only the tests of the templates cover these, no call does.
The role with which a deployment copies the page's files is missing, too: the embedded cloud gets
its page in another way.

`pytest tests/integration --update-permissions` writes this page; the tests compare it with the
deployed policies and the calls.
"""


def page(
    permissions: Iterable[Permission],
    calls: Iterable[Call],
    reasons: Iterable[Unused],
    descriptions: Mapping[str, str],
) -> str:
    """The page, as Markdown.

    Args:
        permissions: Of all functions.
        calls: What they did.
        reasons: Why some permissions are unused.
        descriptions: Of the functions, by name.
    """
    held, made, excused = sorted(set(permissions)), list(calls), list(reasons)
    used = {one: _operations(one, made) for one in held}
    sections = [
        HEAD.format(
            count=len(held),
            functions=len({one.function for one in held}),
            used=sum(bool(operations) for operations in used.values()),
            idle=sum(not operations for operations in used.values()),
        )
    ]
    for function, theirs in groupby(held, key=lambda one: one.function):
        rows: dict[tuple[str, str], list[str]] = {}
        for one in sorted(theirs, key=lambda one: (not used[one], one.resource, one.action)):
            why = ", ".join(used[one]) or _reason(one, excused)
            rows.setdefault((f"`{one.resource}{one.condition}`", why), []).append(f"`{one.action}`")
        sections.append(
            "\n".join(
                [
                    f"## {function}",
                    "",
                    f"{descriptions[function].rstrip('.')}.",
                    "",
                    "| actions | on | used by |",
                    "| --- | --- | --- |",
                    *(
                        f"| {', '.join(names)} | {on} | {why} |"
                        for (on, why), names in rows.items()
                    ),
                    "",
                ]
            )
        )
    return "\n".join(sections)


def _operations(permission: Permission, calls: Iterable[Call]) -> list[str]:
    return sorted({call.operation for call in calls if call.allowed and permission.covers(call)})


def _reason(permission: Permission, reasons: Iterable[Unused]) -> str:
    known = (one.reason for one in reasons if one.permits(permission))
    return f"*unused:* {next(known, 'no reason is known')}"
