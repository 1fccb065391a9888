"""Send a large file's parts: several at once, each signed shortly before it is sent."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from itertools import chain, islice

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Digest
from wideload._files.files_api import MOST_PARTS, FilesApi
from wideload._files.part_upload import Part, PartUploader
from wideload._files.progress_meter import ProgressMeter
from wideload._files.worker_pool import WorkerPool
from wideload._presigned import PresignedRequest


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
    """Send what S3 doesn't hold.

    Args:
        held: Hex SHA-256 of each part that S3 holds, by number from 1.
        parallel: Parts at once, at most.
        scope: Of this work alone.

    Raises:
        UploadMissing, WideloadError, OSError: As `PartUploader.put`.
    """
    pieces = {
        number: piece
        for number, piece in _pieces(digest).items()
        if held.get(number) != piece.sha256
    }
    if not pieces:
        return
    queue = _Queue(files_api, upload_id, pieces, ahead=parallel, scope=scope)

    def send() -> None:
        while (number := queue.take()) is not None:
            scope.check()
            uploader.put(pieces[number], lambda number=number: queue.action(number))  # type: ignore[misc]

    WorkerPool(scope).run(min(parallel, len(pieces)), send, meter.poll)


def held_bytes(digest: Digest, held: Mapping[int, str]) -> int:
    """Bytes of the parts that needn't be sent."""
    pieces = _pieces(digest)
    return sum(
        pieces[number].size
        for number, sha256 in held.items()
        if number in pieces and pieces[number].sha256 == sha256
    )


def _pieces(digest: Digest) -> dict[int, Part]:
    return {
        number: Part(
            offset := (number - 1) * digest.part_size,
            min(digest.part_size, digest.size - offset),
            sha256,
        )
        for number, sha256 in enumerate(digest.parts, 1)
    }


class _Queue:
    """Parts in the order in which they are sent, and their actions.

    Args:
        ahead: How many actions are kept in hand.
    """

    def __init__(
        self,
        files_api: FilesApi,
        upload_id: str,
        pieces: Mapping[int, Part],
        *,
        ahead: int,
        scope: CancelScope,
    ) -> None:
        self._files_api = files_api
        self._upload_id = upload_id
        self._pieces = pieces
        self._ahead = min(ahead, MOST_PARTS)
        self._scope = scope
        self._waiting = deque(pieces)
        self._signed: dict[int, PresignedRequest] = {}
        self._wanted: set[int] = set()  # taken, and still without an action
        # The first answer comes soonest, and few are lost if the transfer soon ends.
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
        """An action for a part that was taken; another one at each call.

        Raises:
            ApiError, TransportError: None can be had.
        """
        with self._lock:
            if number not in self._wanted:  # its action was refused, and so may the others be
                self._forget()
                self._wanted.add(number)
        action = self._in_hand(number)
        if action is None:
            with self._signing:
                # Whoever was signing until now may have signed this one too.
                action = self._in_hand(number) or self._sign(number)[number]
        elif self._low() and self._signing.acquire(blocking=False):
            # Ahead of need, while the other threads send.
            try:
                self._sign()
            finally:
                self._signing.release()
        with self._lock:
            self._wanted.discard(number)
            self._signed.pop(number, None)
        return action

    def _in_hand(self, number: int) -> PresignedRequest | None:
        with self._lock:
            action = self._signed.get(number)
            if action and action.deadline <= self._scope.pacing.monotonic():
                self._forget()
                return None
            return action

    def _low(self) -> bool:
        """Whether few are in hand besides the one that is being given out."""
        with self._lock:
            return len(self._signed) <= min(self._ahead, len(self._waiting))

    def _forget(self) -> None:
        """Sign anew what is in hand, and fewer at a time."""
        self._signed.clear()
        self._batch = self._ahead

    def _sign(self, *first: int) -> dict[int, PresignedRequest]:
        """Sign `first`, and what comes next."""
        with self._lock:
            order = chain(first, self._wanted - {*first}, self._waiting)
            numbers = list(
                islice((number for number in order if number not in self._signed), self._batch)
            )
            self._batch = min(2 * self._batch, MOST_PARTS)
        if not numbers:  # other threads have taken the last
            return {}
        signed = self._files_api.sign(
            self._upload_id, [(number, self._pieces[number].sha256) for number in numbers]
        )
        with self._lock:
            self._signed |= signed
        return signed
