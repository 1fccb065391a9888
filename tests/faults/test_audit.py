"""The audit finds what went wrong: each fault here is made to matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.audit import Holdings, Sent, audit

A, B, BAD = "a" * 64, "b" * 64, "c" * 64

LEDGER = [
    Sent(tenant="acme", told="stored", sha256=A, payload_id="P1", told_sha256=A),
    Sent(tenant="globex", told="nothing", sha256=B, payload_id="P2", uploaded=True),
    Sent(tenant="acme", told="refused", sha256=BAD, valid=False, code="invalid_json"),
    Sent(tenant="acme", told="queued", sha256=BAD, valid=False, payload_id="P3", uploaded=True),
    Sent(tenant="acme", told="nothing", sha256=B, payload_id="P4"),
]


def item(payload_id: str, tenant: str, state: str, **members: Any) -> dict[str, Any]:
    return {"payload_id": payload_id, "tenant": tenant, "state": state, **members}


def healthy() -> Holdings:
    return Holdings(
        items=[
            item("P1", "acme", "stored", sha256=A, archive_key="archive/acme/P1.json.gz"),
            item("P2", "globex", "stored", sha256=B, s3_key="transit/globex/P2"),
            item("P3", "acme", "failed", error_code="invalid_json", s3_key="transit/acme/P3"),
            item("P4", "acme", "expired", s3_key="transit/acme/P4"),
        ],
        documents={"P1": A, "P2": B},
        archives=frozenset({"archive/acme/P1.json.gz"}),
        transit=frozenset({"transit/globex/P2", "transit/acme/P3"}),
        listed={"acme": ["P3", "P1"], "globex": ["P2"]},
        told={"P1": {"stored"}, "P2": {"stored"}, "P3": {"failed"}},
    )


def without(holdings: Holdings, payload_id: str) -> Holdings:
    kept = [found for found in holdings.items if found["payload_id"] != payload_id]
    return replace(holdings, items=kept)


def changed(holdings: Holdings, payload_id: str, **members: Any) -> Holdings:
    """With members of an item replaced, or removed if None."""
    items: list[dict[str, Any]] = []
    for found in holdings.items:
        if found["payload_id"] == payload_id:
            both = {**found, **members}
            items.append({name: value for name, value in both.items() if value is not None})
        else:
            items.append(dict(found))
    return replace(holdings, items=items)


def added(holdings: Holdings, *items: dict[str, Any], **documents: str) -> Holdings:
    return replace(
        holdings,
        items=[*holdings.items, *items],
        documents={**holdings.documents, **documents},
        listed={},
        told=None,
    )


def test_all_well() -> None:
    report = audit(LEDGER, healthy())

    assert report.clean, report
    assert str(report) == (
        "payloads sent 5, refused 1, stored 2, lost 0, duplicated 0, foreign 0, orphaned 0, "
        "misjudged 0, untold 0, dead letters 0"
    )


FAULTS: dict[str, tuple[str, Callable[[Holdings], Holdings]]] = {
    "an item was removed": ("lost", lambda it: without(it, "P1")),
    "an upload has no item": ("lost", lambda it: without(it, "P2")),
    "an archive is gone": ("lost", lambda it: replace(it, documents={"P2": B})),
    "an archive is damaged": ("lost", lambda it: replace(it, documents={"P1": None, "P2": B})),
    "an archive is another's": ("lost", lambda it: replace(it, documents={"P1": B, "P2": B})),
    "a record went back": ("lost", lambda it: changed(it, "P1", state="processing")),
    "an upload is stuck": ("lost", lambda it: changed(it, "P2", state="uploaded")),
    "a bad upload is stuck": ("lost", lambda it: changed(it, "P3", state="processing")),
    "a failure of ours": ("lost", lambda it: changed(it, "P3", error_code="internal")),
    "a good upload failed": (
        "lost",
        lambda it: changed(it, "P2", state="failed", error_code="invalid_json"),
    ),
    "another document": (
        "lost",
        lambda it: replace(changed(it, "P1", sha256=BAD), documents={"P1": BAD, "P2": B}),
    ),
    "stored twice": (
        "duplicated",
        lambda it: added(it, item("P9", "acme", "stored", sha256=A), P9=A),
    ),
    "one id, two items": (
        "duplicated",
        lambda it: added(it, item("P4", "acme", "expired")),
    ),
    "an item of another tenant": ("foreign", lambda it: changed(it, "P1", tenant="globex")),
    "an archive of another tenant": (
        "foreign",
        lambda it: changed(it, "P1", archive_key="archive/globex/P1.json.gz"),
    ),
    "listed to another tenant": (
        "foreign",
        lambda it: replace(it, listed={"acme": ["P3", "P2", "P1"]}),
    ),
    "never listed": ("foreign", lambda it: replace(it, listed={"acme": ["P1"]})),
    "what nobody sent": (
        "foreign",
        lambda it: added(it, item("P9", "globex", "stored", sha256=A), P9=A),
    ),
    "an archive without a record": (
        "orphaned",
        lambda it: replace(it, archives=it.archives | {"archive/acme/P9.json.gz"}),
    ),
    "an upload without a record": (
        "orphaned",
        lambda it: replace(it, transit=it.transit | {"transit/acme/P9"}),
    ),
    "an archive left half-written": ("orphaned", lambda it: replace(it, open_multipart=1)),
    "no event": ("untold", lambda it: replace(it, told={"P1": {"stored"}, "P2": {"stored"}})),
    "another event": (
        "untold",
        lambda it: replace(it, told={"P1": {"failed"}, "P2": {"stored"}, "P3": {"failed"}}),
    ),
    "a bad document was stored": (
        "misjudged",
        lambda it: added(
            replace(changed(it, "P3", state="stored", sha256=BAD, error_code=None)), P3=BAD
        ),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_matters_is_found(fault: str) -> None:
    kind, happen = FAULTS[fault]

    report = audit(LEDGER, happen(healthy()))

    assert not report.clean
    assert getattr(report, kind) > 0, report


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (Sent(tenant="acme", told="refused", sha256=BAD, code="invalid_json"), "misjudged"),
        (Sent(tenant="acme", told="stored", sha256=BAD, payload_id="P8"), "lost"),
        (Sent(tenant="acme", told="queued", sha256=BAD, payload_id="P8"), "lost"),
        (Sent(tenant="acme", told="deleted", sha256=A, payload_id="P1"), "orphaned"),
        (
            Sent(tenant="acme", told="stored", sha256=A, payload_id="P1", told_sha256=BAD),
            "lost",
        ),
    ],
)
def test_a_word_that_was_not_kept_is_found(sent: Sent, kind: str) -> None:
    report = audit([*LEDGER, sent], healthy())

    assert getattr(report, kind) == 1, report


def test_what_is_not_at_rest_is_found() -> None:
    queued = audit(LEDGER, replace(healthy(), queued=1))
    dead = audit(LEDGER, replace(healthy(), dead=1))

    assert not queued.clean
    assert not dead.clean
    assert audit(LEDGER, replace(healthy(), dead=1), dead_expected=1).clean


def test_a_repeated_upload_is_one_payload() -> None:
    """Its second upload failed as a duplicate of the first, which is stored."""
    again = Sent(tenant="globex", told="stored", sha256=B, payload_id="P2", uploaded=True)
    second = Sent(tenant="globex", told="nothing", sha256=B, payload_id="P5", uploaded=True)
    duplicate = item("P5", "globex", "failed", error_code="duplicate", s3_key="transit/globex/P5")
    holdings = replace(
        added(healthy(), duplicate),
        transit=healthy().transit | {"transit/globex/P5"},
    )

    assert audit([*LEDGER, again, second], holdings).clean
    assert audit([*LEDGER, again, second], without(holdings, "P2")).lost


def test_a_document_sent_twice_on_purpose_may_be_there_twice() -> None:
    again = Sent(tenant="acme", told="stored", sha256=A, payload_id="P9")
    twice = added(healthy(), item("P9", "acme", "stored", sha256=A), P9=A)

    assert audit([*LEDGER, again], twice).clean


def test_a_document_sent_twice_under_one_key_may_not() -> None:
    first = Sent(tenant="acme", told="stored", sha256=BAD, payload_id="P8", request="key")
    second = replace(first, payload_id="P9")
    once = added(healthy(), item("P8", "acme", "stored", sha256=BAD), P8=BAD)
    twice = added(once, item("P9", "acme", "stored", sha256=BAD), P9=BAD)
    others = LEDGER[:2]

    assert audit([*others, first, first], once).clean
    # The copy that is there, and the second answer.
    assert audit([*others, first, second], twice).duplicated == 2
    assert audit([*others, first, replace(first, told="nothing")], twice).duplicated == 1


def test_what_was_killed_may_leave_an_archive_half_written() -> None:
    left = replace(healthy(), open_multipart=2)

    assert audit(LEDGER, left, killed=2).clean
    assert audit(LEDGER, left, killed=1).orphaned == 1
