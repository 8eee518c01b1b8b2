"""The backlog: messages that were received and wait for the disk.

Comes in: batches from the receive thread, which must never wait. Goes out: the same batches, in
order, to the thread that writes. What does not fit is dropped, newest first, and counted: a
number is the only honest thing to say about a message that nobody keeps.
"""

from __future__ import annotations

from collections import deque
from threading import Condition

import msgspec

__all__ = ["Backlog", "Batch"]


class Batch(msgspec.Struct):
    """Messages of one endpoint that arrived together."""

    source: str  # as in Frame.source
    arrived: int  # µs since the epoch, our clock, of the first
    # topic, body, topic, body, …: no object per message for the collector of garbage
    parts: list[bytes]
    size: int  # bytes of all parts
    reason: str = ""  # why they are refused; empty: they are not
    length: int = 0  # of a refused one: bytes of the body as it came, of which less may be here

    packed: bytes = b""  # instead of the parts: what the sink made of them
    count: int = 0  # messages of what is packed

    def pack(self, records: bytes) -> None:
        """Keep these instead of the parts."""
        self.packed, self.count = records, len(self.parts) // 2
        self.parts, self.size = [], len(records)

    def __len__(self) -> int:
        return self.count or len(self.parts) // 2


class Backlog:
    """A first-in first-out queue of batches between two threads, bounded by messages and bytes.

    Args:
        messages: at most so many wait.
        size: at most so many bytes wait; one batch is always taken when nothing else waits.
    """

    def __init__(self, messages: int = 200_000, size: int = 256 << 20) -> None:
        self.max_messages, self.max_size = messages, size
        self.messages = self.size = 0  # waiting now
        self.overflow = self.overflow_size = 0  # dropped, ever
        self.peak = 0
        self._batches: deque[Batch] = deque()
        self._closed = False
        self._changed = Condition()

    def put(self, batch: Batch) -> bool:
        """Take a batch without waiting; False: it did not fit, is dropped and counted."""
        with self._changed:
            if self._batches and (
                self.messages + len(batch) > self.max_messages
                or self.size + batch.size > self.max_size
            ):
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
        """The oldest batch, after at most `timeout` seconds; None: there is none."""
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
        """Nothing more will come."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def done(self) -> bool:
        """Closed and empty."""
        with self._changed:
            return self._closed and not self._batches
