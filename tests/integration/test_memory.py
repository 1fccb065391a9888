"""The memory of a function does not grow with the document."""

from __future__ import annotations

import sys
import zlib

from local.cloud import Cloud
from local.processes import peak_memory
from tests.integration.conftest import Api
from tests.integration.test_ingest import ask_for_url, claim

RECORD = (
    b'{"turn_id":"turn_%09d","user_transcript":"please confirm the order for tomorrow morning",'
    b'"agent_response":"your order is confirmed, anything else I can do for you today?",'
    b'"stt_metrics":{"audio_duration":2.5},"timestamp":1790000000}'
)
MIB = 1024 * 1024


def gzipped_call_log(size: int) -> bytes:
    """A call log of `size` bytes that compresses well, so that it is processed in the request."""
    records = size // len(RECORD % 0)
    deflate = zlib.compressobj(1, wbits=31)
    parts = [deflate.compress(b'{"call_id":"big","transcript_with_metrics":[')]
    for start in range(0, records, 10_000):
        batch = b",".join(RECORD % number for number in range(start, min(start + 10_000, records)))
        parts.append(deflate.compress(b"," * (start > 0) + batch))
    return b"".join([*parts, deflate.compress(b"]}"), deflate.flush()])


def test_200_mb_take_no_more_memory_than_1_mb(
    acme: Api, cloud: Cloud, functions: dict[str, str]
) -> None:
    peaks = []
    for size in (1_000_000, 200_000_000):
        body = gzipped_call_log(size)
        issued = ask_for_url(acme, body)
        acme.put(issued["upload_url"], body, issued["headers"])
        answer = claim(acme, issued["s3_key"])
        assert answer.status == 200, answer.body
        assert answer.json["size"] > size * 0.99
        workers = cloud.function_processes(functions["ingest_api"])
        peaks.append(max(peak_memory(worker) for worker in workers))

    sys.stdout.write(f"peak of the function: {peaks[0] // MIB} MiB, then {peaks[1] // MIB} MiB\n")
    assert peaks[1] - peaks[0] < 64 * MIB
