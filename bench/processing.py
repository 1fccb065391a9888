"""Speed and memory of checking and archiving a document.

    PYTHONPATH=lambda_src python -m bench.processing [megabytes]

The reference is the whole document in memory: gunzipped, parsed by `orjson.loads`, and gzipped for
"whole"; for the ratio, gunzipped and parsed only.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import orjson
from isal import isal_zlib

from local.call_log import make_call_log
from wideload_runtime.adapters.ingest_bucket import S3Archive
from wideload_runtime.adapters.s3_objects import CHUNK
from wideload_runtime.core.ingest.document import Archive, Document, keep

S3_SPEED = 15e6
"""Bytes a second of one connection: slow on purpose, so that waiting shows."""
BATCH = orjson.dumps(make_call_log(8_000_000)["transcript_with_metrics"])[1:-1]
PREFIX = b'{"call_id":"bench","transcript_with_metrics":['


class Nowhere:
    """An archive that keeps nothing, since S3's speed isn't what is measured."""

    def write(self, data: bytes) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


class SlowS3:
    """Takes parts at `S3_SPEED` each, and keeps nothing."""

    waited = 0.0

    def create_multipart_upload(self, **_: object) -> dict[str, str]:
        return {"UploadId": "u"}

    def upload_part(self, *, Body: bytes, **_: object) -> dict[str, str]:  # noqa: N803
        seconds = len(Body) / S3_SPEED
        time.sleep(seconds)
        self.waited += seconds
        return {"ETag": "e"}

    def complete_multipart_upload(self, **_: object) -> None: ...


def document(megabytes: int) -> Iterator[bytes]:
    yield PREFIX
    for number in range(max(1, megabytes // 8)):
        batch = b"," * (number > 0) + BATCH
        for start in range(0, len(batch), 1024 * 1024):
            yield batch[start : start + 1024 * 1024]
    yield b"]}"


def compressed(megabytes: int) -> Iterator[bytes]:
    deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    for piece in document(megabytes):
        yield deflate.compress(piece)
    yield deflate.flush()


def kept(chunks: Iterable[bytes], open_archive: Callable[[], Archive]) -> Document:
    return keep(
        chunks,
        open_archive=open_archive,
        records_field="transcript_with_metrics",
        max_size=1 << 40,
        has_time=lambda: True,
    )


def stream(megabytes: int) -> int:
    return kept(compressed(megabytes), Nowhere).size


def slowly(megabytes: int) -> None:
    """Print how much longer sending the parts takes than computing alone."""
    s3 = SlowS3()
    chunks = list(compressed(megabytes))
    seconds = []
    for open_archive in (Nowhere, lambda: S3Archive(s3, "bucket", "key")):
        started = time.monotonic()
        kept(chunks, open_archive)
        seconds.append(time.monotonic() - started)
    alone, beside = seconds
    print(
        f"archived at {S3_SPEED / 1e6:.0f} MB/s: {alone:.1f} s of computing, {s3.waited:.1f} s of "
        f"sending, {beside:.1f} s in all"
    )


def whole(megabytes: int) -> int:
    data = isal_zlib.decompress(b"".join(compressed(megabytes)), 31)
    orjson.loads(data)
    isal_zlib.compress(data, 1, 31)
    return len(data)


def measure(name: str, megabytes: int) -> None:
    started = time.process_time()
    size = {"stream": stream, "whole": whole}[name](megabytes)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:<8} {size / 1e6:8.0f} MB {size / 1e6 / seconds:8.0f} MB/s {peak:8.0f} MiB peak")


def compare(megabytes: int) -> None:
    """Print the speed of processing beside gunzip and one `orjson.loads` of the same bytes.

    Both have the gzip in memory and take turns; the run with the least CPU time counts.
    """
    gzipped = b"".join(compressed(megabytes))
    chunks = [gzipped[at : at + CHUNK] for at in range(0, len(gzipped), CHUNK)]
    processing, parsing, size = [], [], 0
    for _ in range(max(2, 100 // megabytes)):
        started = time.process_time()
        size = kept(chunks, Nowhere).size
        processing.append(time.process_time() - started)
        started = time.process_time()
        orjson.loads(isal_zlib.decompress(gzipped, 31))
        parsing.append(time.process_time() - started)
    speeds = [size / 1e6 / min(seconds) for seconds in (processing, parsing)]
    print(
        f"{size / 1e6:.0f} MB: processed {speeds[0]:.0f} MB/s, gunzipped and parsed "
        f"{speeds[1]:.0f} MB/s: {speeds[0] / speeds[1]:.2f} x"
    )


def main() -> None:
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("document gunzipped, checked, hashed and archived (CPU time includes making its gzip)")
    for name, size in (("stream", 8), ("stream", megabytes), ("whole", megabytes)):
        # Each in a process of its own: peak memory never goes down again.
        subprocess.run([sys.executable, "-m", "bench.processing", name, str(size)], check=True)
    for size in (8, megabytes):
        compare(size)
    slowly(megabytes)


if __name__ == "__main__":
    main()
