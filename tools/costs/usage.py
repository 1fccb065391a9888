"""Usage of AWS's services by a payload, a file, and a deployment without traffic.

Numbers of requests and units are counted in the code; times and sizes are measured, or said to
be assumed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

MB = 1_000_000
MIB = 1024**2
GB = 1024**3
"""As AWS bills it."""

MONTH_DAYS = 730 / 24
MONTH_HOURS = 730
MONTH_SECONDS = MONTH_HOURS * 3600

# Sizes, in bytes.
API_INCREMENT = 512 * 1024
INLINE_LIMIT = 4 * MIB
IN_REQUEST_LIMIT = 25 * MB
IN_ITEM_LIMIT = 8 * 1024
ARCHIVE_PART = 8 * MIB
SINGLE_PUT_LIMIT = 64 * MIB
LEAST_PART = 8 * MIB
MOST_PARTS = 10_000

# How long an upload lies in transit.
TRANSIT_DAYS = 7

# One vCPU; and what needs boto3 and little else (`_function.py`).
WORK_MEMORY_GB = 1769 / 1024
SMALL_MEMORY_GB = 512 / 1024

# JSON gunzipped, checked, hashed and archived, bytes a second: less than bench/results.md has.
PROCESSING = 82 * MB
# S3 to one function and back, bytes a second: assumed; AWS states no figure for one stream.
S3_STREAM = 50 * MB
# Largest file that is verified by default.
VERIFIED = 32 * 1024**3
# A file through SHA-256 alone, bytes a second: assumed, bounded by the same stream.
VERIFYING = S3_STREAM
# What a request takes besides, seconds: assumed, for five calls of some 10 ms.
REQUEST_SECONDS = 0.05
# A look into the table, or one batch of events, seconds: assumed.
LOOK_SECONDS = 0.03

# Item sizes, bytes, counted on records of local/call_log.py: 1,216 at 15 MB of JSON, 2,491 at
# 60 MB, since the index of the archive grows with it; less where nothing was uploaded. And what
# two indexes repeat of it, with DynamoDB's 100 bytes of overhead each.
ITEM = 791
INLINE_ITEM = 610
ITEM_PER_MB = 28.3
INDEX_ITEMS = 276 + 272 + 3 * 100

# The items that stay of a file with a name of 54 characters (test_counts.py measures them), with
# DynamoDB's 100 bytes of overhead each: the file, its object, what these are found and sorted by;
# and of a file in parts, its first part.
FILE_ITEMS, FIRST_PART_ITEM = 2_133, 329
# The record of a scan.
SCAN_ITEM = 294

# Log lines of an invocation (start, report, our own, metrics), and of a request to the API.
LOG_OF_INVOCATION = 1_200
LOG_OF_REQUEST = 500
# Logs are billed for storage as gzip.
LOG_RATIO = 0.15
LOG_MONTHS = 3

# An answer of the API with its headers: an upload URL has some 1,500 bytes.
ANSWER = 2_500

# The sweep holds each object against the table once an hour, for as long as it is 15 minutes to 3
# hours old, a hundred at a time; half a unit each, as it needn't be consistent.
SWEEP_READS = 2.75 * 0.5

# Custom metrics, one for each name in an environment.
INGEST_METRICS = 14
FILES_METRICS = 11
SCAN_METRICS = 4
# Request metrics of a bucket that has requests of all kinds.
BUCKET_METRICS = 16
# Metrics that alarms watch: an expression counts each of its own (test_counts.py compares).
INGEST_ALARM_METRICS = 47
FILES_ALARM_METRICS = 41
SCAN_ALARM_METRICS = 5
# Lambda keeps five long polls of 20 seconds going at a queue.
IDLE_POLLS = 5 * MONTH_SECONDS / 20

# A private network's availability zones, and its interface endpoints but for X-Ray's.
ZONES = 2
ENDPOINTS = 2

# What a run of the canary sends: counted, as JSON and as gzip.
CANARY_LARGE, CANARY_LARGE_GZIP = 6.29 * MB, 4.87 * MB
CANARY_SMALL = 200
# A run, seconds: assumed.
CANARY_SECONDS = 5
# Metrics that its alarm watches.
CANARY_ALARM_METRICS = 2


@dataclasses.dataclass(frozen=True)
class Line:
    """So much of something that has a price."""

    price: str
    what: str
    quantity: float


@dataclasses.dataclass(frozen=True)
class Function:
    """Invocations of one function in a month."""

    what: str
    invocations: float
    seconds: float
    """Of one."""
    memory_gb: float

    def lines(self, tracing: bool) -> Iterator[Line]:
        yield Line("lambda.request", self.what, self.invocations)
        gb_seconds = self.invocations * self.seconds * self.memory_gb
        yield Line("lambda.duration", self.what, gb_seconds)
        if tracing:
            yield Line("xray.trace", self.what, traced(self.invocations))


def traced(invocations: float) -> float:
    """Traces that Lambda records of so many invocations, spread evenly over a month: the first in
    each second and 5 % of the others, per function.
    https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"""
    first = min(invocations, MONTH_SECONDS)
    return first + 0.05 * (invocations - first)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payloads:
    """Payloads of a month.

    Args:
        count: How many.
        size: Bytes of JSON of each.
        ratio: How many times smaller gzip makes them.
        keep_months: How long documents and records are kept; the month shown is one in which
            all of them are there.
        reads: How often each document is fetched, by URL.
        tracing: Whether functions send traces to X-Ray.
    """

    count: float
    size: float
    ratio: float
    keep_months: float = 1
    reads: float = 0
    tracing: bool = True

    @property
    def compressed(self) -> float:
        """Bytes of each as it is sent."""
        return self.size / self.ratio

    @property
    def inline(self) -> bool:
        """Whether they come in the body of a request."""
        return self.compressed < INLINE_LIMIT

    @property
    def queued(self) -> bool:
        """Whether the worker processes them, not the request that claims them."""
        return not self.inline and self.compressed > IN_REQUEST_LIMIT

    @property
    def archived(self) -> bool:
        """Whether documents become objects of their own, not part of the record."""
        return self.compressed > IN_ITEM_LIMIT

    def lines(self) -> Iterator[Line]:
        """Their usage."""
        yield from self._api()
        for function in self._functions():
            yield from function.lines(self.tracing)
        yield from self._s3()
        yield from self._dynamodb()
        yield from self._messages()
        yield from self._logs()
        out = self.requests * ANSWER + self.reads * self.compressed
        yield Line("transfer.out", "answers and documents", self.count * out / GB)

    @property
    def requests(self) -> float:
        """Requests to the API of each."""
        return (1 if self.inline else 2) + self.reads

    def _api(self) -> Iterator[Line]:
        # A body is metered, and so is a claim, in steps.
        body = math.ceil(self.compressed / API_INCREMENT) if self.inline else 2
        yield Line("api.request", "requests", self.count * (body + self.reads))

    def _functions(self) -> Iterator[Function]:
        moved = 0 if self.inline else self.compressed
        moved += self.compressed if self.archived else 0
        work = self.size / PROCESSING + moved / S3_STREAM
        answer = REQUEST_SECONDS + (0 if self.queued else work)
        yield Function("send or claim", self.count, answer, WORK_MEMORY_GB)
        if not self.inline:
            yield Function("upload URL", self.count, LOOK_SECONDS, WORK_MEMORY_GB)
            # Every upload is announced to the worker, which mostly sees that it is done.
            look = LOOK_SECONDS + (work if self.queued else 0)
            yield Function("worker", self.count, look, WORK_MEMORY_GB)
        if self.queued:
            # The claim is queued as well as the upload's event.
            yield Function("worker, again", self.count, LOOK_SECONDS, WORK_MEMORY_GB)
        yield Function("events", self.count, LOOK_SECONDS, SMALL_MEMORY_GB)
        if self.reads:
            yield Function("reading", self.count * self.reads, LOOK_SECONDS, WORK_MEMORY_GB)

    def _s3(self) -> Iterator[Line]:
        if not self.inline:
            yield Line("s3.put", "uploads", self.count)
            yield Line("s3.get", "uploads", self.count)
            days = self.count * self.compressed / GB * TRANSIT_DAYS / MONTH_DAYS
            yield Line("s3.storage", f"uploads, {TRANSIT_DAYS} days", days)
        if self.archived:
            parts = math.ceil(self.compressed / ARCHIVE_PART)
            yield Line("s3.put", "archive", self.count * (1 if parts == 1 else parts + 2))
            kept = self.count * self.compressed / GB * self.keep_months
            yield Line("s3.storage", f"archive, {self.keep_months:g} months", kept)
        if self.reads:
            # HEAD, before the URL is signed, and GET.
            yield Line("s3.get", "documents read", self.count * self.reads * 2)

    @property
    def item(self) -> float:
        """Bytes of the record of each."""
        document = 0 if self.archived else self.compressed
        fixed = INLINE_ITEM if self.inline else ITEM
        return fixed + ITEM_PER_MB * self.size / MB + document

    def _dynamodb(self) -> Iterator[Line]:
        record = math.ceil(self.item / 1024)
        if self.inline:
            # The idempotency key; the record; its entries in two indexes.
            writes, reads = 1 + record + 2, 0
        else:
            # The idempotency key, for the URL and the claim; the record with its entry among the
            # open ones, the lease with the same; the result, one entry less, two more.
            # The claim looks three times, the worker twice.
            writes, reads = 2 + 2 + 2 + record + 3, 5
        if self.queued:
            writes, reads = writes + 2, reads + 2
        yield Line("dynamodb.write", "records and indexes", self.count * writes)
        units = math.ceil(self.item / 4096)
        yield Line("dynamodb.read", "records", self.count * (reads + self.reads) * units)
        objects = self.archived + (not self.inline)
        yield Line("dynamodb.read", "the sweep", self.count * objects * SWEEP_READS * units)
        kept = self.count * (self.item + INDEX_ITEMS) / GB * self.keep_months
        yield Line("dynamodb.storage", f"records, {self.keep_months:g} months", kept)
        yield Line("dynamodb.recovery", f"records, {self.keep_months:g} months", kept)

    def _messages(self) -> Iterator[Line]:
        if not self.inline:
            # Send, receive, delete; again for a claim that is queued.
            yield Line("sqs.request", "uploads", self.count * (6 if self.queued else 3))
            # The whole bucket tells, of expiry too.
            yield Line("eventbridge.event", "uploads made and expired", self.count * 2)
        if self.archived:
            yield Line("eventbridge.event", "archives made", self.count)
        yield Line("eventbridge.event", "payloads stored", self.count)

    def _logs(self) -> Iterator[Line]:
        invocations = sum(function.invocations for function in self._functions())
        size = invocations * LOG_OF_INVOCATION + self.count * self.requests * LOG_OF_REQUEST
        yield Line("cloudwatch.logs", "logs", size / GB)
        yield Line("cloudwatch.log_storage", "logs", size / GB * LOG_RATIO * LOG_MONTHS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Files:
    """Files of a month.

    Args:
        count: How many are uploaded.
        size: Bytes of each.
        downloads: How often each is downloaded.
        keep_months: How long files are kept; the month shown is one in which all are there.
        people: Who sign in to the deployment's own user pool.
        verify: Whether multipart uploads are read again and checked.
        scan: Whether GuardDuty scans them for malware.
        tracing: Whether functions send traces to X-Ray.
    """

    count: float
    size: float
    downloads: float = 1
    keep_months: float = 1
    people: float = 0
    verify: bool = False
    scan: bool = False
    tracing: bool = True

    @property
    def parts(self) -> int:
        """Parts of each; 0 for a single PUT."""
        if self.size <= SINGLE_PUT_LIMIT:
            return 0
        part = max(LEAST_PART, math.ceil(self.size / MOST_PARTS / MIB) * MIB)
        return math.ceil(self.size / part)

    @property
    def requests(self) -> float:
        """Requests to the API of each: begin, sign parts by the hundred, complete, download."""
        return 2 + math.ceil(self.parts / 100) + self.downloads

    def lines(self) -> Iterator[Line]:
        """Their usage."""
        yield Line("api.request", "requests", self.count * self.requests)
        yield from Function(
            "files API", self.count * self.requests, REQUEST_SECONDS, WORK_MEMORY_GB
        ).lines(self.tracing)
        # One PUT; or beginning, parts, joining them, and their list, a thousand at a time.
        puts = self.parts + 2 + math.ceil(self.parts / 1000) if self.parts else 1
        yield Line("s3.put", "files sent", self.count * puts)
        # A look at what was stored.
        yield Line("s3.get", "files sent", self.count)
        yield Line("s3.get", "files downloaded", self.count * self.downloads)
        stored = self.count * self.size / GB * self.keep_months
        yield Line("s3.storage", f"files, {self.keep_months:g} months", stored)
        # Begin: content, upload and usage; complete: these, the object, the file, and the four
        # items by which files are found and sorted; as transactions they count twice. The upload
        # enters the index of what is due, and leaves it.
        writes = 2 * 3 + 2 * 9 + 2
        # Parts: S3's id is noted; completing is, and moves the upload within the index; the first
        # part, by which the content is found, is claimed and then recorded. With S3's id the upload
        # is over 1 KB in the end.
        writes += 1 + 1 + 2 + 4 + 2 if self.parts else 0
        yield Line("dynamodb.write", "files", self.count * writes)
        # By content; upload, name and object to complete; the upload to sign; the file, and its
        # object twice, to download.
        reads = 4 + math.ceil(self.parts / 100) + 3 * self.downloads
        yield Line("dynamodb.read", "files", self.count * reads)
        items = FILE_ITEMS + (FIRST_PART_ITEM if self.parts else 0)
        kept = self.count * items / GB * self.keep_months
        yield Line("dynamodb.storage", f"files, {self.keep_months:g} months", kept)
        yield Line("dynamodb.recovery", f"files, {self.keep_months:g} months", kept)
        # A bucket's events can't be had for a part of it.
        yield Line("eventbridge.event", "files made", self.count)
        # Each is told when it is stored, with a look at its object; its deletion costs the same.
        yield Line("eventbridge.event", "files stored", self.count)
        yield Line("dynamodb.read", "files stored", self.count)
        yield from Function("files events", self.count, LOOK_SECONDS, SMALL_MEMORY_GB).lines(
            self.tracing
        )
        if self.verify and self.parts:
            yield from self._verifying()
        if self.scan:
            yield from self._scanning()
        out = self.requests * ANSWER + self.downloads * self.size
        yield Line("transfer.out", "files downloaded", self.count * out / GB)
        size = self.count * self.requests * (LOG_OF_INVOCATION + LOG_OF_REQUEST)
        yield Line("cloudwatch.logs", "logs", size / GB)
        yield Line("cloudwatch.log_storage", "logs", size / GB * LOG_RATIO * LOG_MONTHS)
        if self.people:
            yield Line("cognito.person", "people", self.people)

    def _verifying(self) -> Iterator[Line]:
        yield Line("s3.get", "verifying", self.count)
        yield Line("sqs.request", "verifying", self.count * 3)
        # The upload is settled when the message was sent, with two units; the object is changed.
        yield Line("dynamodb.write", "verifying", self.count * 3)
        # The object twice, and the file.
        yield Line("dynamodb.read", "verifying", self.count * 3)
        yield Line("eventbridge.event", "files verified", self.count)
        yield from Function("verifier", self.count, self.size / VERIFYING, WORK_MEMORY_GB).lines(
            self.tracing
        )

    def _scanning(self) -> Iterator[Line]:
        yield Line("guardduty.object", "scanning", self.count)
        yield Line("guardduty.scanned", "scanning", self.count * self.size / GB)
        # GuardDuty's own request; AWS bills neither its rule nor its events.
        yield Line("s3.get", "scanning", self.count)
        yield Line("sqs.request", "scan results", self.count * 3)
        # The record is made with the object, changed with it by the result, and enters and leaves
        # the index.
        yield Line("dynamodb.write", "scan results", self.count * (2 + 4 + 2))
        yield Line("dynamodb.read", "scan results", self.count * 2)
        kept = self.count * SCAN_ITEM / GB * self.keep_months
        yield Line("dynamodb.storage", "scan results", kept)
        yield Line("dynamodb.recovery", "scan results", kept)
        yield Line("eventbridge.event", "files scanned", self.count)
        for what in ("scan results", "files scanned"):
            yield from Function(what, self.count, LOOK_SECONDS, SMALL_MEMORY_GB).lines(self.tracing)


def canary(minutes: float, *, tracing: bool, monitoring: bool) -> Iterator[Line]:
    """Usage by a canary that runs every so many minutes; its payloads are removed at once."""
    runs = MONTH_SECONDS / 60 / minutes
    yield from Function("canary", runs, CANARY_SECONDS, SMALL_MEMORY_GB).lines(tracing)
    for size, ratio in ((CANARY_LARGE, CANARY_LARGE / CANARY_LARGE_GZIP), (CANARY_SMALL, 1)):
        payloads = Payloads(
            count=runs, size=size, ratio=ratio, reads=1, keep_months=0, tracing=tracing
        )
        # It reads within the region, which costs nothing.
        yield from (line for line in payloads.lines() if line.price != "transfer.out")
    # Each deletes its two payloads.
    yield Line("api.request", "canary", runs * 2)
    if monitoring:
        yield Line("cloudwatch.alarm_metric", "canary", CANARY_ALARM_METRICS)


def standing(
    *,
    ingest: bool,
    files: bool,
    monitoring: bool,
    verify: bool = False,
    scan: bool = False,
    kms: bool = False,
    private_network: bool = False,
    tracing: bool = True,
) -> Iterator[Line]:
    """Usage by a deployment without traffic."""
    services = ingest + files
    if kms:
        yield Line("kms.key", "of each stack", services + private_network)
    if private_network:
        hours = (ENDPOINTS + tracing) * ZONES * MONTH_HOURS
        yield Line("vpc.endpoint", "private network", hours)
    if ingest:
        yield Line("sqs.request", "polling, idle", IDLE_POLLS)
        yield Line("cloudwatch.metric", "ingest's own metrics", INGEST_METRICS)
    if files:
        yield Line("sqs.request", "polling, idle", IDLE_POLLS * (verify + scan))
        own = FILES_METRICS + SCAN_METRICS * scan
        yield Line("cloudwatch.metric", "files' own metrics", own)
    if monitoring and services:
        in_files = FILES_ALARM_METRICS + SCAN_ALARM_METRICS * scan
        watched = INGEST_ALARM_METRICS * ingest + in_files * files + 1
        yield Line("cloudwatch.alarm_metric", "alarms", watched)
        yield Line("cloudwatch.composite_alarm", "unhealthy", services)
        yield Line("cloudwatch.metric", "S3 request metrics", BUCKET_METRICS * services)
        yield Line("cloudwatch.dashboard", "dashboard", 1)
        yield Line("kms.key", "alarm topic", 1)
