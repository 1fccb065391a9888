"""Upload the parts of a large file: several at once, while the following ones are hashed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Part
from wideload._files.part_queue import PartQueue
from wideload._files.part_upload import PartUploader
from wideload._files.progress_meter import ProgressMeter
from wideload._files.worker_pool import WorkerPool
from wideload._presigned import RenewableRequest


def send_parts(
    uploader: PartUploader,
    queue: PartQueue,
    parts: Iterable[Part],
    *,
    held: Mapping[int, str],
    threads: int,
    scope: CancelScope,
    meter: ProgressMeter,
) -> int:
    """Upload the parts that S3 doesn't hold.

    A thread hashes parts, another signs them, and `threads` send them.

    Args:
        parts: Gives each part when it is hashed.
        held: Hex SHA-256 of each part that S3 holds, by number from 1; `meter` counts them already.
        threads: Parts that are sent at once, at most.
        scope: The scope of this task alone.

    Returns:
        Bytes of the parts that S3 held.

    Raises:
        NoSuchUpload, WideloadError, OSError: As `PartUploader.upload` and `Hashing.parts`.
    """
    resumed = 0

    def hash_parts() -> None:
        nonlocal resumed
        for part in parts:
            if held.get(part.number) == part.sha256:
                resumed += part.size
                continue
            if part.number in held:
                meter.subtract(part.size)
            queue.put(part)
        queue.close()

    def send() -> None:
        while (taken := queue.take()) is not None:
            part, request = taken
            requests = RenewableRequest(
                partial(queue.sign_again, part), scope.pacing.monotonic, request
            )
            uploader.upload(part, requests)
            queue.sent()

    WorkerPool(scope).run([hash_parts, queue.sign, *[send] * threads], meter.report_if_due)
    return resumed
