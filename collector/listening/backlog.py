"""A bounded queue of received messages that wait to be written.

The receive thread puts batches in and never blocks; the writing thread takes them out in the same
order. A batch that does not fit is dropped and counted as overflow, unless its source waits for a
confirmation and can put it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition

import msgspec

__all__ = ["Backlog", "Batch"]


class Batch(msgspec.Struct):
    """Messages of one endpoint that arrived together."""

    source: str  # as in Frame.source
    arrived: int  # µs since the epoch by the local clock, of the first message
    # topic, body, topic, body, …: no object per message for the garbage collector to track
    parts: list[bytes]
    size: int  # bytes of all parts
    reason: str = ""  # why the messages are refused; empty if they are not
    length: int = 0  # bytes of a refused body as received, of which `parts` may hold fewer
    confirm: Callable[[], object] | None = None  # called once the messages are durable

    packed: bytes = b""  # the sink's encoding of the messages, which replaces `parts`
    count: int = 0  # number of packed messages

    def pack(self, records: bytes) -> None:
        """Replace the parts by the sink's encoding of them."""
        self.packed, self.count = records, len(self.parts) // 2
        self.parts, self.size = [], len(records)

    def __len__(self) -> int:
        return self.count or len(self.parts) // 2


class Backlog:
    """A first-in first-out queue of batches between two threads, bounded by messages and bytes.

    Args:
        messages: the most messages that may wait.
        size: the most bytes that may wait; an empty queue accepts a batch of any size.
    """

    def __init__(self, messages: int = 200_000, size: int = 256 << 20) -> None:
        self.max_messages, self.max_size = messages, size
        self.messages = self.size = 0  # waiting now
        self.overflow = self.overflow_size = 0  # dropped since the start
        self.peak = 0
        self._batches: deque[Batch] = deque()
        self._closed = False
        self._changed = Condition()

    def put(self, batch: Batch) -> bool:
        """Append a batch without waiting; False if it did not fit.

        It was dropped then, unless its source waits for a confirmation.
        """
        with self._changed:
            if self._batches and (
                self.messages + len(batch) > self.max_messages
                or self.size + batch.size > self.max_size
            ):
                if batch.confirm is None:
                    self.overflow += len(batch)
                    self.overflow_size += batch.size
                return False
            self._batches.append(batch)
            self.messages += len(batch)
            self.size += batch.size
            self.peak = max(self.peak, self.messages)
            self._changed.notify()
            return True

    def take(self, timeout: float) -> Batch | None:
        """Remove and return the oldest batch; None if none arrives within `timeout` seconds."""
        with self._changed:
            if not self._batches and not self._closed:
                self._changed.wait(timeout)
            if not self._batches:
                return None
            batch = self._batches.popleft()
            self.messages -= len(batch)
            self.size -= batch.size
            return batch

    def close(self) -> None:
        """Declare that no more batches will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def done(self) -> bool:
        """Whether the backlog is closed and empty."""
        with self._changed:
            return self._closed and not self._batches
