"""The audit: what clients were told, held against what table, bucket and queues hold.

Pure: `tests/faults/deployment.py` looks at a cloud, this decides. Every payload that is sent in a
fault test is a document of its own, so that a document found twice was stored twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Told = Literal["stored", "queued", "refused", "deleted", "nothing"]
"""The last word that a client got. `nothing`: it died, or got a 5xx, or no answer at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One document that a client undertook to send, in one or more attempts."""

    tenant: str
    told: Told
    sha256: str
    """Hex, of the document's JSON, or of the bytes if they are none."""
    valid: bool = True
    """Whether it is a document that must be taken."""
    payload_id: str | None = None
    """As the client knows it."""
    uploaded: bool = False
    """S3 took the bytes: from then on they are ours to keep."""
    told_sha256: str | None = None
    """As in the answer."""
    request: str = ""
    """The idempotency key it went under: what goes under one key is one payload. Empty: none."""
    code: str | None = None
    """Why it was refused."""
    name: str = ""
    """A description for the report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The content of a deployment."""

    items: Sequence[Mapping[str, Any]]
    """Items of the payloads table, without idempotency records."""
    documents: Mapping[str, str | None]
    """Payload id → hex SHA-256 of what reads back as its JSON; None: it can't be read."""
    archives: frozenset[str] = frozenset()
    """Keys under `archive/`."""
    transit: frozenset[str] = frozenset()
    """Keys under `transit/`."""
    listed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Tenant → payload ids that the API lists to it."""
    queued: int = 0
    """Messages in the worker's queue, in flight or not."""
    dead: int = 0
    """Messages in the dead-letter queue."""
    open_multipart: int = 0
    """Archives that were begun and neither finished nor aborted."""
    told: Mapping[str, Collection[str]] | None = None
    """Payload id → states of which events told; None: events were not recorded."""


@dataclass(frozen=True, slots=True)
class Report:
    sent: int
    refused: int
    stored: int
    lost: int
    duplicated: int
    foreign: int
    orphaned: int
    misjudged: int
    """Good documents that were refused, and bad ones that were stored."""
    untold: int
    """Payloads that are finished, and no event said so."""
    dead: int
    findings: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        counts = (
            f"payloads sent {self.sent}, refused {self.refused}, stored {self.stored}, "
            f"lost {self.lost}, duplicated {self.duplicated}, foreign {self.foreign}, "
            f"orphaned {self.orphaned}, misjudged {self.misjudged}, untold {self.untold}, "
            f"dead letters {self.dead}"
        )
        return "\n".join([counts, *(f"  {finding}" for finding in self.findings)])


def audit(
    ledger: Iterable[Sent], holdings: Holdings, *, dead_expected: int = 0, killed: int = 0
) -> Report:
    """Compare once all is at rest.

    Args:
        dead_expected: Messages that were meant to end in the dead-letter queue.
        killed: Functions that were killed: each may leave an archive half-written, which the
            bucket's lifecycle aborts.
    """
    books = _Books(list(ledger), holdings, killed)
    kinds: tuple[Callable[[_Books], Iterator[str]], ...] = (
        _lost, _duplicated, _foreign, _orphaned, _misjudged, _untold,
    )  # fmt: skip
    found = {kind.__name__.strip("_"): list(kind(books)) for kind in kinds}
    findings = [f"{kind}: {what}" for kind, whats in found.items() for what in whats]
    if holdings.queued:
        findings.append(f"at rest: {holdings.queued} messages are still in the queue")
    if holdings.dead != dead_expected:
        findings.append(f"dead: {holdings.dead} dead letters where {dead_expected} were meant")
    return Report(
        sent=len({(it.tenant, it.request or number) for number, it in enumerate(books.ledger)}),
        refused=sum(sent.told == "refused" for sent in books.ledger),
        stored=len(books.stored),
        dead=holdings.dead,
        findings=tuple(findings),
        **{kind: len(whats) for kind, whats in found.items()},
    )


class _Books:
    def __init__(self, ledger: list[Sent], holdings: Holdings, killed: int) -> None:
        self.ledger = ledger
        self.holdings = holdings
        self.killed = killed
        self.items = {item["payload_id"]: item for item in holdings.items}
        self.stored = {
            payload_id: item for payload_id, item in self.items.items() if item["state"] == "stored"
        }
        self.copies = Counter((item["tenant"], item["sha256"]) for item in self.stored.values())

    def is_readable(self, payload_id: str) -> bool:
        """Whether what reads back is what the record says."""
        return self.holdings.documents.get(payload_id) == self.stored[payload_id]["sha256"]


def _lost(books: _Books) -> Iterator[str]:
    for sent in books.ledger:
        where = f"{sent.tenant} {sent.payload_id}"
        item = books.items.get(sent.payload_id or "")
        if sent.told == "deleted":
            continue
        if sent.told == "stored" and (item is None or item["state"] != "stored"):
            yield f"{where} was told stored, but is {item['state'] if item else 'not there'}"
        elif sent.told in ("stored", "queued") and item is None:
            yield f"{where} was told {sent.told}, but is not there"
        elif (sent.uploaded or sent.told == "queued") and not _is_settled(sent, item, books):
            state = f"{item['state']} {item.get('error_code', '')}" if item else "not there"
            yield f"{where} was uploaded, but is {state.strip()}"
        elif item and item["state"] == "stored" and sent.told_sha256 not in (None, item["sha256"]):
            yield f"{where} was told another sha256 than was recorded"
        elif item and item["state"] == "stored" and sent.valid and item["sha256"] != sent.sha256:
            yield f"{where} holds another document than was sent"
    for payload_id in books.stored:
        if not books.is_readable(payload_id):
            yield f"{payload_id} is stored, but doesn't read back as it was recorded"


def _is_settled(sent: Sent, item: Mapping[str, Any] | None, books: _Books) -> bool:
    """Whether a document that S3 took has come to the end that it deserves."""
    if item is None:
        return False
    if item["state"] == "stored":
        return True
    if item["state"] != "failed" or item.get("error_code") == "internal":
        return False
    repeats = item.get("error_code") == "duplicate" and books.copies[sent.tenant, sent.sha256] > 0
    return not sent.valid or repeats


def _duplicated(books: _Books) -> Iterator[str]:
    requests: dict[tuple[str, str], set[str]] = defaultdict(set)
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    for number, sent in enumerate(books.ledger):
        requests[sent.tenant, sent.sha256].add(sent.request or str(number))
        if sent.request and sent.told in ("stored", "queued") and sent.payload_id:
            answers[sent.tenant, sent.request].add(sent.payload_id)
    for document, copies in books.copies.items():
        if copies > max(1, len(requests[document])):
            yield f"{document[0]} has {document[1][:12]}… {copies} times"
    for (tenant, request), payload_ids in answers.items():
        if len(payload_ids) > 1:
            yield f"{tenant} was told of {len(payload_ids)} payloads under {request}"
    ids = Counter(item["payload_id"] for item in books.holdings.items)
    yield from (f"{payload_id} has {count} items" for payload_id, count in ids.items() if count > 1)


def _foreign(books: _Books) -> Iterator[str]:
    sent_by_tenant = {(sent.tenant, sent.sha256) for sent in books.ledger}
    owners = {sent.payload_id: sent.tenant for sent in books.ledger if sent.payload_id}
    for payload_id, item in books.items.items():
        tenant = item["tenant"]
        if owners.get(payload_id, tenant) != tenant:
            yield f"{payload_id} is {tenant}'s, but {owners[payload_id]} was told of it"
        for name in ("s3_key", "archive_key"):
            if name in item and item[name].split("/")[1] != tenant:
                yield f"{payload_id} is {tenant}'s, but its {name} is {item[name]}"
        if item["state"] == "stored" and (tenant, item["sha256"]) not in sent_by_tenant:
            yield f"{payload_id} holds what {tenant} never sent"
    for tenant, listed in books.holdings.listed.items():
        for payload_id in listed:
            item = books.items.get(payload_id, {})
            if item.get("tenant") != tenant:
                yield f"{payload_id} is {item.get('tenant', 'nobody')}'s, but listed to {tenant}"
        finished = {
            payload_id
            for payload_id, item in books.items.items()
            if item["tenant"] == tenant and _is_listed(item)
        }
        if missing := finished - set(listed):
            yield f"{len(missing)} finished payloads are not listed to {tenant}: {min(missing)} …"


def _is_listed(item: Mapping[str, Any]) -> bool:
    """A duplicate of another payload is not listed beside it."""
    return item["state"] == "stored" or (
        item["state"] == "failed" and item.get("error_code") != "duplicate"
    )


def _orphaned(books: _Books) -> Iterator[str]:
    named = {item["archive_key"] for item in books.stored.values() if "archive_key" in item}
    yield from (f"{key} is named by no record" for key in books.holdings.archives - named)
    uploads = {item["s3_key"] for item in books.items.values() if "s3_key" in item}
    yield from (f"{key} is named by no record" for key in books.holdings.transit - uploads)
    for number in range(books.killed, books.holdings.open_multipart):
        yield f"multipart upload {number + 1} of {books.holdings.open_multipart} was left open"
    for sent in books.ledger:
        if sent.told == "deleted" and sent.payload_id in books.items:
            yield f"{sent.payload_id} was told deleted, but is there"


def _misjudged(books: _Books) -> Iterator[str]:
    for sent in books.ledger:
        item = books.items.get(sent.payload_id or "", {})
        if sent.valid and sent.told == "refused":
            yield f"{sent.tenant} {sent.payload_id} is good, but was refused: {sent.code}"
        if not sent.valid and (sent.told == "stored" or item.get("state") == "stored"):
            yield f"{sent.tenant} {sent.payload_id} is bad ({sent.name}), but was stored"


def _untold(books: _Books) -> Iterator[str]:
    if books.holdings.told is None:
        return
    for payload_id, item in books.items.items():
        if _is_listed(item) and item["state"] not in books.holdings.told.get(payload_id, ()):
            yield f"{payload_id} is {item['state']}, but no event told it"
