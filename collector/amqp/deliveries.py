"""Collect the deliveries of one connection into batches, and learn which of them are durable."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from hubbub.collector.amqp.bindings import Topics
from hubbub.collector.amqp.envelope import wrap
from hubbub.collector.decode.rejected import KEPT_BYTES
from hubbub.collector.listening.backlog import Batch
from hubbub.errors import MessageError

__all__ = ["Deliveries"]

_BATCH = 1_000  # messages
_BATCH_SIZE = 4 << 20  # bytes


class Deliveries:
    """Turns deliveries into batches, in order.

    Args:
        source: of the frames.
        ready: receives the batches; it outlives the connection.
        wake: called by the writing thread after it confirmed a batch.
    """

    def __init__(self, source: str, ready: deque[Batch], wake: Callable[[], object]) -> None:
        self.source, self.ready, self.wake = source, ready, wake
        self.held = 0  # bytes that are not durable
        self.since = 0.0  # `time.monotonic()` when the first message of the open batch came
        self.delivered = 0  # delivery tag of the last message
        self._acknowledged = self._last_confirmed = 0  # delivery tags
        self._parts: list[bytes] = []
        self._size = 0
        self._arrived = 0
        self._open: deque[tuple[int, int]] = deque()  # delivery tag and bytes of each batch
        self._confirmed: deque[int] = deque()  # delivery tags, by the writing thread

    @property
    def unacknowledged(self) -> int:
        """Messages that were delivered and are not acknowledged."""
        return self.delivered - self._acknowledged

    @property
    def open_messages(self) -> int:
        """Messages of the batch that is being collected."""
        return len(self._parts) // 2

    @property
    def waits(self) -> bool:
        """Whether batches are not durable yet."""
        return bool(self._open or self._parts)

    def add(
        self, method: Any, properties: Any, body: bytes, *, topics: Topics, max_message: int
    ) -> None:
        """Take a delivery; one that is no topic of ours is only acknowledged."""
        self.delivered = method.delivery_tag
        raw_topic, topic = _texts(method.routing_key)
        if not topics.match(topic):
            return
        if not self._parts:
            self.since, self._arrived = time.monotonic(), time.time_ns() // 1000
        if len(body) > max_message:
            self._refuse(raw_topic, body, "too-large")
            return
        try:
            wrapped = wrap(
                topic,
                body,
                message_id=_texts(properties.message_id or "")[1],
                headers=properties.headers,
                timestamp=properties.timestamp,
                arrived=self._arrived + self.open_messages,
            )
        except MessageError as error:
            self._refuse(raw_topic, body, error.reason)
            return
        self._parts += (raw_topic, wrapped)
        self._size += len(raw_topic) + len(wrapped)
        if len(self._parts) >= 2 * _BATCH or self._size >= _BATCH_SIZE:
            self.seal()

    def seal(self) -> None:
        """Make a batch of what was collected."""
        if self._parts:
            self._append(Batch(self.source, self._arrived, self._parts, self._size))
            self._parts, self._size = [], 0

    def _refuse(self, topic: bytes, body: bytes, reason: str) -> None:
        """Make a batch of a message that becomes a dead letter; it is acknowledged like others."""
        tag, self.delivered = self.delivered, self.delivered - 1  # of the batch before
        self.seal()
        self.delivered = tag
        parts = [topic, body[:KEPT_BYTES] if reason == "too-large" else body]
        size, arrived = sum(map(len, parts)), time.time_ns() // 1000
        self._append(Batch(self.source, arrived, parts, size, reason, len(body)))

    def _append(self, batch: Batch) -> None:
        batch.confirm = partial(self._confirm, self.delivered)
        self._open.append((self.delivered, batch.size))
        self.held += batch.size
        self.ready.append(batch)

    def _confirm(self, tag: int) -> None:
        """Note that a batch is durable; called by the writing thread."""
        self._confirmed.append(tag)
        self.wake()

    def take_acknowledgement(self) -> int | None:
        """Return the delivery tag to acknowledge now, with all before it; None if there is none."""
        while self._confirmed:
            self._last_confirmed = max(self._last_confirmed, self._confirmed.popleft())
        while self._open and self._open[0][0] <= self._last_confirmed:
            self.held -= self._open.popleft()[1]
        idle = not self._open and not self._parts  # only messages that are not kept came since
        tag = self.delivered if idle else self._last_confirmed
        if tag <= self._acknowledged:
            return None
        self._acknowledged = tag
        return tag


def _texts(value: str | bytes) -> tuple[bytes, str]:
    """Return a short string of AMQP as bytes and text; pika leaves bytes that are not UTF-8."""
    if isinstance(value, bytes):
        return value, value.decode("utf-8", "backslashreplace")
    return value.encode(), value
