"""The listener: runs receivers into a sink and reports on them.

Each receiver has a thread that receives and packs messages, and another thread writes them; the
thread that called `run` watches them, the connections and the clock. Messages are never decoded
here: that is the loader's job.

Batches are packed by the receiving thread, while their bytes are in the processor's cache. The
writing thread spends its time in system calls, so that the two rarely compete for the GIL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from hubbub.collector.decode.rejected import mark_refused
from hubbub.collector.event import BulkSink, Frame, Sink, Stop
from hubbub.collector.listening import systemd
from hubbub.collector.listening.backlog import Backlog, Batch
from hubbub.collector.listening.receiver import Connection, Receiver
from hubbub.errors import MessageError, NoRoomError, StoreError
from hubbub.language.plurals import plural
from hubbub.logger import get_logger

__all__ = ["Counts", "Listener"]

_FLUSH_RECORDS = 1_000  # records that are flushed together at most
_FLUSH_SECONDS = 0.1  # the longest time that a record waits for its flush
_TICK = 0.2  # s; the longest delay of a stop
_BACK_OFF = 0.05, 5.0  # s; first and longest pause after a failed write
_LAST_WAIT = 0.5  # s; for the writing thread after it was told to give up
_STUCK = 30.0  # s without a turn of the receive loop before the watchdog is no longer fed


@dataclass(frozen=True, slots=True)
class Counts:
    """Message counts: received = stored + refused + waiting + overflow.

    A refused message counts as waiting too until it is stored as a dead letter.
    """

    seconds: float = 0.0  # since the start
    received: int = 0
    bytes: int = 0
    stored: int = 0  # durable
    #: by reason: malformed frames, kept as dead letters; bodies are not decoded yet
    refused: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    overflow: int = 0  # dropped, because the disk was slower than the bus for too long
    failures: int = 0  # failed writes, which were retried
    blocked: str = ""  # why writing fails at present

    def since(self, before: Counts) -> dict[str, Any]:
        """Return the fields of a status line: differences to `before`, and the current state."""
        seconds = max(self.seconds - before.seconds, 1e-9)
        received = self.received - before.received
        refused = {
            reason: n - before.refused.get(reason, 0)
            for reason, n in self.refused.items()
            if n > before.refused.get(reason, 0)
        }
        fields: dict[str, Any] = {
            "received": received,
            "stored": self.stored - before.stored,
            "refused": refused,
            "waiting": self.waiting,
            "overflow": self.overflow - before.overflow,
            "rate": round(received / seconds, 1),
            "total": self.received,
        }
        return fields | ({"blocked": self.blocked} if self.blocked else {})


class Listener:
    """Runs receivers into a sink until `stop` is called.

    Args:
        receivers: open before `run`.
        sink: used only by the writing thread while `run` runs.
        backlog: the queue between the two threads.
        on_minute: returns further fields for the status line (the loader's counts, say).
        on_tick: called five times a second from the thread of `run` (to supervise a loader).
        every: seconds between status lines.
        warn_after: seconds without a connection after which an endpoint is reported.
        grace: seconds that writing may take after a stop.
        stop: ends `run`, as the method does.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        sink: Sink,
        *,
        backlog: Backlog | None = None,
        on_minute: Callable[[], Mapping[str, Any]] = dict,
        on_tick: Callable[[], object] = lambda: None,
        every: float = 60.0,
        warn_after: float = 10.0,
        grace: float = 2.5,
        stop: Stop | None = None,
        log: Any = None,
    ) -> None:
        self.receivers, self.sink, self.backlog = tuple(receivers), sink, backlog or Backlog()
        self._bulk = sink if isinstance(sink, BulkSink) else None
        self.on_minute, self.on_tick = on_minute, on_tick
        self.every, self.warn_after, self.grace = every, warn_after, grace
        self.log = log or get_logger("hubbub.listen")
        self._stop: Stop = stop or Flag()
        self._abandon = Flag()
        self._started = time.monotonic()
        self._stored = self._failures = 0
        self._unflushed = self._unflushed_refused = 0  # given to the sink, not durable yet
        self._refused: dict[str, int] = {}  # by the sink
        self._confirmations: list[Callable[[], object]] = []  # of batches that are not durable yet
        self._ending = Lock()
        self._receiving = len(self.receivers)  # receivers that have not ended
        self._blocked: StoreError | None = None
        self._errors: list[BaseException] = []  # that ended a thread

    @property
    def connections(self) -> list[Connection]:
        """The connections of all receivers."""
        return [connection for each in self.receivers for connection in each.connections]

    @property
    def beat(self) -> float:
        """`time.monotonic()` of the last turn of the receive loop that is furthest behind."""
        return min(receiver.beat for receiver in self.receivers)

    def standstills(self) -> list[tuple[float, float]]:
        """Return when a receive loop stood still; see `Receiver.standstills`."""
        return [span for receiver in self.receivers for span in receiver.standstills()]

    def stop(self) -> None:
        """End `run`, after everything received so far is durable. Safe in a signal handler."""
        self._stop.set()

    def counts(self) -> Counts:
        """Return the current counts."""
        refused: dict[str, int] = {}
        for counts in (*(receiver.refused for receiver in self.receivers), self._refused):
            for reason, n in counts.copy().items():
                refused[reason] = refused.get(reason, 0) + n
        return Counts(
            seconds=time.monotonic() - self._started,
            received=sum(receiver.received for receiver in self.receivers),
            bytes=sum(receiver.size for receiver in self.receivers),
            stored=self._stored,
            refused=refused,
            waiting=self.backlog.messages + self._unflushed,
            overflow=self.backlog.overflow,
            failures=self._failures,
            blocked=blocked.what if (blocked := self._blocked) else "",
        )

    def run(self) -> Counts:
        """Receive, write and report until `stop` is called.

        Raises:
            StoreError: messages could not be made durable by the end.
            BaseException: the error of a failed thread; what was flushed before is durable.
        """
        self._started = time.monotonic()
        receiving = [
            Thread(target=self._guard, args=(partial(self._receive, receiver),), daemon=True)
            for receiver in self.receivers
        ]
        write = Thread(target=self._guard, args=(self._write,), name="write", daemon=True)
        write.start()
        for thread in receiving:
            thread.start()
        systemd.notify("READY=1", "STATUS=listening")
        try:
            last = self._watch()
        finally:
            systemd.notify("STOPPING=1")
            self._stop.set()
            for thread in receiving:
                thread.join()
            write.join(self.grace)
            self._abandon.set()
            write.join(_LAST_WAIT)
        counts = self.counts()
        self._report("stopped", counts, last)
        for error in self._errors:
            if not isinstance(error, StoreError):
                raise error
        if counts.waiting:
            error_type = NoRoomError if isinstance(self._blocked, NoRoomError) else StoreError
            raise error_type(
                f"{plural(counts.waiting, 'received message')} could not be written: "
                f"{counts.blocked or 'the disk does not answer'}",
                hint="free disk space, listen again, and gather the missed time from history",
            )
        return counts

    def _guard(self, work: Callable[[], None]) -> None:
        """Run the work of a thread; an error ends the run, which raises it."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again by `run`, in its own thread
            self._errors.append(error)
            self._stop.set()

    def _watch(self) -> Counts:
        """Watch endpoints, watchdog and clock until the stop; return the counts reported last."""
        last = Counts()
        interval = systemd.watchdog_interval()
        last_ping = 0.0
        while not self._stop.is_set():
            for receiver in self.receivers:
                for notice in receiver.watch(_TICK / len(self.receivers), self.warn_after):
                    hint = {"hint": notice.hint} if notice.hint else {}
                    getattr(self.log, notice.level)(notice.what, endpoint=notice.endpoint, **hint)
            self.on_tick()
            now = time.monotonic()
            if interval and now - last_ping >= interval and now - self.beat < _STUCK:
                systemd.notify("WATCHDOG=1")
                last_ping = now
            counts = self.counts()
            if counts.seconds - last.seconds >= self.every:
                self._report("listening", counts, last)
                last = counts
        return last

    def _report(self, event: str, counts: Counts, before: Counts) -> None:
        fields = counts.since(before) | dict(self.on_minute())
        fields["endpoints"] = {each.address: each.state for each in self.connections}
        log = self.log.warning if counts.blocked or fields["overflow"] else self.log.info
        log(event, **fields)
        blocked = f"; cannot write: {counts.blocked}" if counts.blocked else ""
        systemd.notify(
            f"STATUS={event}: {counts.received:,} received, {counts.waiting:,} waiting, "
            f"{sum(counts.refused.values()):,} refused, {counts.overflow:,} overflowed{blocked}"
        )

    def _receive(self, receiver: Receiver) -> None:
        try:
            receiver.run(self._enqueue, self._stop)
        finally:
            with self._ending:
                self._receiving -= 1
                if not self._receiving:
                    self.backlog.close()

    def _enqueue(self, batch: Batch) -> bool:
        """Pack a batch if the sink supports it, and put it into the backlog."""
        if self._bulk is not None and not batch.reason and not batch.packed:
            with suppress(MessageError):  # one message is too large: they are written one by one
                batch.pack(self._bulk.pack(batch.source, batch.arrived, batch.parts))
        return self.backlog.put(batch)

    def _write(self) -> None:
        """Write batches; flush after `_FLUSH_RECORDS` records or `_FLUSH_SECONDS` seconds."""
        due = 0.0
        while not self.backlog.done:
            remaining = due - time.monotonic()
            batch = self.backlog.take(max(0.0, remaining) if self._unflushed else _TICK)
            if batch:
                if self._unflushed + len(batch) > _FLUSH_RECORDS:
                    self._retry(self._flush)
                if not self._unflushed:
                    due = time.monotonic() + _FLUSH_SECONDS
                self._unflushed += len(batch)
                self._put(batch)
                if batch.confirm is not None:
                    self._confirmations.append(batch.confirm)
            if self._unflushed >= _FLUSH_RECORDS or (self._unflushed and time.monotonic() >= due):
                self._retry(self._flush)
        self._retry(self._flush)

    def _put(self, batch: Batch) -> None:
        source, arrived, reason = batch.source, batch.arrived, batch.reason
        if reason:
            self._unflushed_refused += len(batch)
        elif self._bulk is not None and batch.packed:
            self._retry(partial(self._bulk.put_packed, batch.packed, len(batch)))
            return
        put, parts = self.sink.put, iter(batch.parts)
        for topic, body in zip(parts, parts, strict=True):
            frame = Frame(source, arrived, topic, body)
            if reason:
                frame = mark_refused(frame, reason, batch.length)
            try:
                put(frame)
            except MessageError as error:  # too large for the sink, which keeps the beginning
                self._unflushed_refused += 1
                self._refused[error.reason] = self._refused.get(error.reason, 0) + 1
                self._retry(partial(put, mark_refused(frame, error.reason)))
            except StoreError as error:
                self._retry(partial(put, frame), error)

    def _flush(self) -> None:
        self.sink.flush()
        self._stored += self._unflushed - self._unflushed_refused
        self._unflushed = self._unflushed_refused = 0
        for confirm in self._confirmations:
            confirm()
        self._confirmations.clear()

    def _retry(self, action: Callable[[], object], error: StoreError | None = None) -> None:
        """Call `action` until it succeeds; the sink keeps what it took before a failure.

        Args:
            action: writes to the sink.
            error: of an attempt that the caller made already.
        """
        pause, longest = _BACK_OFF
        while True:
            if error:
                self._note_failure(error)
                if self._abandon.wait(pause):
                    raise error
                pause = min(2 * pause, longest)
            try:
                action()
            except StoreError as next_error:
                error = next_error
                continue
            if self._blocked:
                self.log.info("writing again", waiting=self.backlog.messages)
                self._blocked = None
            return

    def _note_failure(self, error: StoreError) -> None:
        self._failures += 1
        if not self._blocked:
            self.log.warning("cannot write, messages wait", why=error.what, where=error.where)
        self._blocked = error
