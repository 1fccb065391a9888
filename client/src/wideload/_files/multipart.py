"""Upload the parts of a large file, several at once, each signed shortly before it is sent."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from functools import partial
from itertools import chain, islice

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Digest
from wideload._files.files_api import MOST_PARTS, FilesApi
from wideload._files.part_upload import Part, PartUploader
from wideload._files.progress_meter import ProgressMeter
from wideload._files.worker_pool import WorkerPool
from wideload._presigned import PresignedRequest, RenewableRequest


def send_parts(
    uploader: PartUploader,
    files_api: FilesApi,
    upload_id: str,
    digest: Digest,
    *,
    held: Mapping[int, str],
    parallel: int,
    scope: CancelScope,
    meter: ProgressMeter,
) -> None:
    """Upload the parts that S3 doesn't hold.

    Args:
        held: Hex SHA-256 of each part that S3 holds, by number from 1.
        parallel: Parts at once, at most.
        scope: The scope of this task alone.

    Raises:
        NoSuchUpload, WideloadError, OSError: As `PartUploader.upload`.
    """
    parts = {
        number: part
        for number, part in _parts_of(digest).items()
        if held.get(number) != part.sha256
    }
    if not parts:
        return
    queue = _PartQueue(files_api, upload_id, parts, ahead=parallel, scope=scope)

    def send() -> None:
        while (number := queue.take()) is not None:
            scope.check()
            uploader.upload(
                parts[number],
                RenewableRequest(partial(queue.action, number), scope.pacing.monotonic),
            )

    WorkerPool(scope).run(min(parallel, len(parts)), send, meter.report_if_due)


def held_bytes(digest: Digest, held: Mapping[int, str]) -> int:
    """Bytes of the parts that S3 holds already."""
    parts = _parts_of(digest)
    return sum(
        parts[number].size
        for number, sha256 in held.items()
        if number in parts and parts[number].sha256 == sha256
    )


def _parts_of(digest: Digest) -> dict[int, Part]:
    return {
        number: Part(
            offset := (number - 1) * digest.part_size,
            min(digest.part_size, digest.size - offset),
            sha256,
        )
        for number, sha256 in enumerate(digest.parts, 1)
    }


class _PartQueue:
    """The parts in the order of sending, with presigned requests that are asked for ahead of need.

    Args:
        ahead: How many requests to hold ready.
    """

    def __init__(
        self,
        files_api: FilesApi,
        upload_id: str,
        parts: Mapping[int, Part],
        *,
        ahead: int,
        scope: CancelScope,
    ) -> None:
        self._files_api = files_api
        self._upload_id = upload_id
        self._parts = parts
        self._ahead = min(ahead, MOST_PARTS)
        self._scope = scope
        self._waiting = deque(parts)
        self._signed: dict[int, PresignedRequest] = {}
        self._wanted: set[int] = set()  # taken, and still without a request
        # Small at first: it is answered sooner, and few URLs are wasted if the transfer ends soon.
        self._batch = min(2 * self._ahead, MOST_PARTS)
        self._lock = threading.Lock()
        self._signing = threading.Lock()

    def take(self) -> int | None:
        """The number of the next part, None after the last."""
        with self._lock:
            if not self._waiting:
                return None
            number = self._waiting.popleft()
            self._wanted.add(number)
            return number

    def action(self, number: int) -> PresignedRequest:
        """A presigned request for a part that was taken; another one at each call.

        Raises:
            ApiError, TransportError: The API gave none.
        """
        with self._lock:
            if number not in self._wanted:  # S3 refused its request, and may refuse the others
                self._drop_ready()
                self._wanted.add(number)
        action = self._ready(number)
        if action is None:
            with self._signing:
                # The thread that was signing until now may have signed this part too.
                action = self._ready(number) or self._sign(number)[number]
        elif self._few_ready() and self._signing.acquire(blocking=False):
            # Ahead of need: no thread waits for it.
            try:
                self._sign()
            finally:
                self._signing.release()
        with self._lock:
            self._wanted.discard(number)
            self._signed.pop(number, None)
        return action

    def _ready(self, number: int) -> PresignedRequest | None:
        with self._lock:
            action = self._signed.get(number)
            if action and action.deadline <= self._scope.pacing.monotonic():
                self._drop_ready()
                return None
            return action

    def _few_ready(self) -> bool:
        """Whether few are ready besides the one that is returned now."""
        with self._lock:
            return len(self._signed) <= min(self._ahead, len(self._waiting))

    def _drop_ready(self) -> None:
        """Drop the requests that are ready, and sign fewer at a time from now on."""
        self._signed.clear()
        self._batch = self._ahead

    def _sign(self, *first: int) -> dict[int, PresignedRequest]:
        """Sign `first`, and parts that follow."""
        with self._lock:
            order = chain(first, self._wanted - {*first}, self._waiting)
            numbers = list(
                islice((number for number in order if number not in self._signed), self._batch)
            )
            self._batch = min(2 * self._batch, MOST_PARTS)
        if not numbers:  # other threads have taken the last
            return {}
        signed = self._files_api.sign(
            self._upload_id, [(number, self._parts[number].sha256) for number in numbers]
        )
        with self._lock:
            self._signed |= signed
        return signed
