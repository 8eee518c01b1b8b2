"""The AMQP receiver: consumes a queue, and acknowledges what is durable.

The thread of `run` owns the connection: it receives, wraps and acknowledges. Once a batch is
durable, the writing thread reports its delivery tag, and the connection acknowledges all messages
up to it. A connection that is lost is made again; the broker then delivers again what was
not acknowledged, and the store recognises it by its id.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition
from typing import Any, Literal

from hubbub.closeable import Closeable
from hubbub.collector.amqp.bindings import Topics, remembered_queue
from hubbub.collector.amqp.certificates import expires, tls_context
from hubbub.collector.amqp.configuration import client_properties
from hubbub.collector.amqp.consumer import Consumer
from hubbub.collector.amqp.deliveries import Deliveries
from hubbub.collector.amqp.endpoint import Endpoint
from hubbub.collector.amqp.failures import FAILURES, Failure, explain
from hubbub.collector.amqp.settings import Settings
from hubbub.collector.decode.rejected import MAX_MESSAGE, check_max_message
from hubbub.collector.event import Ledger, Stop
from hubbub.collector.listening.backlog import Batch
from hubbub.collector.listening.receiver import Notice
from hubbub.errors import SourceError

__all__ = ["AmqpReceiver"]

_POLL = 0.1  # s; the longest delay of a stop
_COLLECT = 0.01  # s for which a message waits for others of its batch
_MAX_HELD = 256 << 20  # bytes that are not durable, after which the connection is closed
_INSPECT = 2.0  # s between questions for the length of the queue
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0  # s between attempts to connect
_HANG_UPS = 3  # attempts at the first contact, where the broker only closes the connection
_LAST_WAIT = 1.5  # s for the last acknowledgements after a stop


class AmqpReceiver(Closeable):
    """Receives from one queue of one broker.

    Args:
        settings: of the broker.
        topics: prefixes, or binding patterns; all that the settings name if empty.
        ledger: remembers the queue; used by `open` and `subscribe` only.
        version: of hubbub, for the broker's administrators.
        max_message: bytes; a larger body is refused as `too-large` and only its beginning kept.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        ledger: Ledger,
        *,
        version: str = "",
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self.settings, self.max_message = settings, check_max_message(max_message)
        self.endpoint = Endpoint(settings)
        self.received = self.size = 0
        self.refused: dict[str, int] = {}
        self.beat = time.monotonic()
        self._ledger, self._topics = ledger, Topics.of(topics, settings)
        self._properties = client_properties(settings, version)
        self._queue, self._stale = "", list[str]()
        self._rebind = False  # the topics have changed
        self._consumer: Consumer | None = None
        self._ready: deque[Batch] = deque()  # that the backlog has not taken yet
        self._deliveries = Deliveries(self.endpoint.source, self._ready, self._wake)
        self._attempts, self._retry_at, self._inspect_at = 0, 0.0, 0.0
        self._notices: deque[Notice] = deque()
        self._noticed = Condition()

    @property
    def connections(self) -> list[Endpoint]:
        """The one endpoint."""
        return [self.endpoint]

    def open(self) -> None:
        """Make the first contact; a broker that does not respond is tried again by `run`.

        Raises:
            UsageError: a certificate cannot be used.
            SourceError: the broker refuses us, in a way that will not change by itself.
        """
        if not self.settings.temporary:
            self._queue, self._stale = remembered_queue(self.settings, self._topics, self._ledger)
        self.endpoint.expires = expires(self.settings)
        if self.settings.encrypted:
            tls_context(self.settings)
        failure = self._connect()
        for _ in range(_HANG_UPS - 1):
            if failure is None or not failure.hung_up:
                break
            failure = self._connect()  # the reason, sent just before, can be lost on the way
        if failure is not None and (failure.permanent or failure.hung_up):
            raise SourceError(failure.what, where=self.endpoint.address, hint=failure.hint)

    def close(self) -> None:
        """Close the connection; `run` must have returned."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
            self.endpoint.connected = False

    def subscribe(self, topics: Sequence[str]) -> None:
        """Replace the topics; takes effect within a turn of `run`."""
        self._topics = Topics.of(topics, self.settings)
        if not self.settings.temporary:
            self._queue, self._stale = remembered_queue(self.settings, self._topics, self._ledger)
        self._rebind = True

    def standstills(self) -> list[tuple[float, float]]:
        """Return nothing: while we stand still, the broker keeps the messages."""
        return []

    def watch(self, timeout: float, warn_after: float = 10) -> list[Notice]:
        """Wait for notices; see `Receiver.watch`."""
        del warn_after  # a fault is said when it occurs: attempts have time-outs of their own
        with self._noticed:
            if not self._notices:
                self._noticed.wait(timeout)
            notices = list(self._notices)
            self._notices.clear()
        return notices

    def run(self, put: Callable[[Batch], bool], stop: Stop) -> None:
        """Receive until `stop` is set; see `Receiver.run`."""
        while not stop.is_set():
            self.beat = time.monotonic()
            if self._consumer is None and self.beat < self._retry_at:
                self._put(put)
                stop.wait(min(_POLL, self._retry_at - self.beat))
            elif self._consumer is None:
                self._connect()
            else:
                try:
                    self._turn(self._consumer, put)
                except FAILURES as error:
                    self._lost(explain(error, self.settings))
        self._finish(put)

    def _connect(self) -> Failure | None:
        """Try to connect once; return why it failed."""
        try:
            tls = tls_context(self.settings) if self.settings.encrypted else None
            consumer = Consumer(self.settings, self._queue, tls, self._properties)
            deliveries = Deliveries(self.endpoint.source, self._ready, self._wake)
            try:
                consumer.bind(self._topics.keys, self._stale)
                consumer.consume(self._on_message)
            except BaseException:
                consumer.close()
                raise
        except FAILURES as error:
            failure = explain(error, self.settings)
            self._retry(failure)
            return failure
        self._consumer, self._deliveries, self._stale = consumer, deliveries, []
        self._attempts, self._inspect_at = 0, 0.0
        self._connected(existed=consumer.existed)
        return None

    def _connected(self, *, existed: bool) -> None:
        """Note a new connection, and whether the queue still existed."""
        endpoint, first = self.endpoint, not self.endpoint.connects
        lost = not existed if endpoint.retains else not first
        endpoint.losses += lost
        endpoint.connects += 1
        endpoint.connected, endpoint.fault, endpoint.hint = True, "", ""
        self._notify("info", "connected" if first else "reconnected")
        if lost and not first and endpoint.retains:
            hint = "a new one was made; what may be missing is recorded as a gap"
            self._notify("warning", "the queue was deleted, and what waited in it", hint)

    def _turn(self, consumer: Consumer, put: Callable[[Batch], bool]) -> None:
        """Receive for a moment, hand over what came, and acknowledge what is durable."""
        if self._rebind:
            self._rebind = False
            consumer.bind(self._topics.keys, self._stale)
            self._stale = []
        deliveries = self._deliveries
        consumer.process(_COLLECT / 4 if deliveries.open_messages or self._ready else _POLL)
        now = time.monotonic()
        if deliveries.open_messages and now - deliveries.since >= _COLLECT:
            deliveries.seal()
        self._put(put)
        self._acknowledge(consumer)
        if consumer.cancelled:
            raise SourceError("the broker cancelled the consumer: the queue was deleted or moved")
        if deliveries.held > _MAX_HELD:
            what = f"{deliveries.held >> 20:,} MiB wait for the disk, and the broker keeps the rest"
            raise SourceError(what, hint="free space on the store's disk")
        self.endpoint.blocked = consumer.blocked and f"the broker lacks: {consumer.blocked}"
        if now >= self._inspect_at:
            self._inspect(consumer, put)
            self._inspect_at = time.monotonic() + _INSPECT

    def _inspect(self, consumer: Consumer, put: Callable[[Batch], bool]) -> None:
        """Ask for the length of the queue, and note when it was empty."""
        asked = time.time()
        self.endpoint.waiting = consumer.waiting()
        consumer.process(0)  # handles what was delivered before the answer
        self._deliveries.seal()
        if self._put(put) and not self.endpoint.waiting:
            self.endpoint.emptied = asked

    def _on_message(self, _channel: object, method: Any, properties: Any, body: bytes) -> None:
        self.endpoint.redelivered += bool(method.redelivered)
        self._deliveries.add(
            method, properties, body, topics=self._topics, max_message=self.max_message
        )

    def _put(self, put: Callable[[Batch], bool]) -> bool:
        """Put batches into the backlog; False if it has no room for all."""
        while self._ready:
            batch = self._ready[0]
            n, size, reason = len(batch), batch.size, batch.reason
            if not put(batch):
                return False
            self._ready.popleft()
            self.received += n
            self.endpoint.received += n
            self.size += size
            if reason:
                self.refused[reason] = self.refused.get(reason, 0) + n
        return True

    def _acknowledge(self, consumer: Consumer) -> None:
        tag = self._deliveries.take_acknowledgement()
        if tag is not None:
            consumer.acknowledge(tag)
        self.endpoint.unacknowledged = self._deliveries.unacknowledged

    def _finish(self, put: Callable[[Batch], bool]) -> None:
        """Hand over the rest, and wait a moment until it can be acknowledged."""
        self._deliveries.seal()
        end = time.monotonic() + _LAST_WAIT
        while not self._put(put) and time.monotonic() < end:
            time.sleep(_COLLECT)
        self._ready.clear()  # the broker delivers it again
        while (consumer := self._consumer) is not None and time.monotonic() < end:
            try:
                self._acknowledge(consumer)
                if not self._deliveries.waits:
                    return
                consumer.process(_COLLECT)
            except FAILURES as error:
                self._lost(explain(error, self.settings))

    def _lost(self, failure: Failure) -> None:
        """Give up the connection; what was not acknowledged is delivered again."""
        self._deliveries.seal()
        self.close()
        self.endpoint.since = time.monotonic()
        self._retry(failure)

    def _retry(self, failure: Failure) -> None:
        """Say why there is no connection, unless that is known, and plan the next attempt."""
        self._attempts += 1
        pause = min(_FIRST_PAUSE * 2.0 ** min(self._attempts, 20), _LONGEST_PAUSE)
        self._retry_at = time.monotonic() + pause
        if failure.what != self.endpoint.fault:
            self.endpoint.fault, self.endpoint.hint = failure.what, failure.hint
            self._notify("warning", failure.what, failure.hint or "retried until it succeeds")

    def _notify(self, level: Literal["info", "warning"], what: str, hint: str = "") -> None:
        with self._noticed:
            self._notices.append(Notice(level, what, self.endpoint.address, hint))
            self._noticed.notify()

    def _wake(self) -> None:
        """Let the connection acknowledge; called by the writing thread."""
        if (consumer := self._consumer) is not None:
            consumer.wake()
