"""The listener: receiver → backlog → sink, and what it says about itself.

Comes in: a `Receiver` and a `Sink`. Goes out: frames that are durable, counts, and a line a minute.
Two threads work, one receives and packs, one writes; the thread that called `run` watches both,
the endpoints and the clock. It never decodes a message: that is the loader's. A batch is packed by
the thread that received it, while its bytes are in the processor's cache; the other one spends its
time in the kernel, so that the two do not take the interpreter from each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any

import structlog

from hubbub.collector.bus import systemd
from hubbub.collector.bus.backlog import Backlog, Batch
from hubbub.collector.bus.receiver import Receiver
from hubbub.collector.decode.rejected import mark_refused
from hubbub.collector.event import BulkSink, Frame, Sink
from hubbub.errors import MessageError, NoRoomError, StoreError

__all__ = ["Counts", "Listener"]

_RECORDS = 1_000  # durable after so many
_SECONDS = 0.2  # or so long
_TICK = 0.2  # s; how late a signal is seen
_BACK_OFF = 0.05, 5.0  # s; first and longest pause after a failed write
_LAST_BREATH = 0.5  # s; for a thread that was told to give up
_STUCK = 30.0  # s without a turn of the receive loop: let the watchdog bite

Log = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the messages are: received = stored + refused + waiting + overflow.

    A refused message that still waits for its place among the dead letters counts twice meanwhile.
    """

    seconds: float = 0.0  # since the start
    received: int = 0
    bytes: int = 0
    stored: int = 0  # durable
    #: for their frames, not yet for their content; kept as dead letters
    refused: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    overflow: int = 0  # lost here, because the disk was slower than the bus for too long
    failures: int = 0  # writes that failed and were tried again
    blocked: str = ""  # why nothing can be written now

    def since(self, before: Counts) -> dict[str, Any]:
        """The fields of a status line: what came since `before`, and what is so now."""
        seconds = max(self.seconds - before.seconds, 1e-9)
        came = self.received - before.received
        refused = {
            reason: n - before.refused.get(reason, 0)
            for reason, n in self.refused.items()
            if n > before.refused.get(reason, 0)
        }
        fields: dict[str, Any] = {
            "received": came,
            "stored": self.stored - before.stored,
            "refused": refused,
            "waiting": self.waiting,
            "overflow": self.overflow - before.overflow,
            "rate": round(came / seconds, 1),
            "total": self.received,
        }
        return fields | ({"blocked": self.blocked} if self.blocked else {})


class Listener:
    """Runs a receiver into a sink until told to stop.

    Args:
        receiver: open before `run`.
        sink: used by the writing thread alone while `run` runs.
        backlog: what may wait between the two.
        on_minute: further fields for the status line (the loader's counts, say).
        on_tick: called five times a second from the thread of `run` (to look after a loader).
        every: seconds between status lines.
        patience: seconds until an endpoint that nobody answers at is reported.
        grace: seconds that writing may take after a stop.
    """

    def __init__(
        self,
        receiver: Receiver,
        sink: Sink,
        *,
        backlog: Backlog | None = None,
        on_minute: Callable[[], Mapping[str, Any]] = dict,
        on_tick: Callable[[], object] = lambda: None,
        every: float = 60.0,
        patience: float = 10.0,
        grace: float = 2.5,
        log: Log | None = None,
    ) -> None:
        self.receiver, self.sink, self.backlog = receiver, sink, backlog or Backlog()
        self._bulk = sink if isinstance(sink, BulkSink) else None
        self.on_minute, self.on_tick = on_minute, on_tick
        self.every, self.patience, self.grace = every, patience, grace
        self.log: Log = log or structlog.get_logger("hubbub.listen")
        self._stop = Flag()
        self._abandon = Flag()
        self._begun = time.monotonic()
        self._stored = self._failures = 0
        self._hand = self._hand_refused = 0  # given to the sink, not durable yet
        self._refused: dict[str, int] = {}  # by the sink
        self._blocked: StoreError | None = None
        self._faults: list[BaseException] = []

    def stop(self) -> None:
        """End `run`: what was received by now is made durable. Safe in a signal handler."""
        self._stop.set()

    def counts(self) -> Counts:
        """Where the messages are now."""
        refused = dict(self.receiver.refused)
        for reason, n in self._refused.items():
            refused[reason] = refused.get(reason, 0) + n
        return Counts(
            seconds=time.monotonic() - self._begun,
            received=self.receiver.received,
            bytes=self.receiver.size,
            stored=self._stored,
            refused=refused,
            waiting=self.backlog.messages + self._hand,
            overflow=self.backlog.overflow,
            failures=self._failures,
            blocked=blocked.what if (blocked := self._blocked) else "",
        )

    def run(self) -> Counts:
        """Receive, write and report until `stop`.

        Raises:
            StoreError: at the end, messages could not be made durable.
            BaseException: whatever a thread failed with; what was flushed before is durable.
        """
        self._begun = time.monotonic()
        receive = Thread(target=self._guard, args=(self._receive,), name="receive", daemon=True)
        write = Thread(target=self._guard, args=(self._write,), name="write", daemon=True)
        write.start()
        receive.start()
        systemd.notify("READY=1", "STATUS=listening")
        try:
            last = self._watch()
        finally:
            systemd.notify("STOPPING=1")
            self._stop.set()
            receive.join()
            write.join(self.grace)
            self._abandon.set()
            write.join(_LAST_BREATH)
        counts = self.counts()
        self._say("stopped", counts, last)
        for fault in self._faults:
            if not isinstance(fault, StoreError):
                raise fault
        if counts.waiting:
            kind = NoRoomError if isinstance(self._blocked, NoRoomError) else StoreError
            raise kind(
                f"{counts.waiting:,} received messages could not be written: "
                f"{counts.blocked or 'the disk does not answer'}",
                hint="make room, listen again, and gather the time between from history",
            )
        return counts

    def _guard(self, work: Callable[[], None]) -> None:
        """A thread that fails ends the run, and its error is the error of the run."""
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again by `run`, in its own thread
            self._faults.append(error)
            self._stop.set()

    def _watch(self) -> Counts:
        """The main thread's part; returns the counts that were reported last."""
        last = Counts()
        interval = systemd.watchdog_interval()
        ping = 0.0
        while not self._stop.is_set():
            for notice in self.receiver.watch(_TICK, self.patience):
                hint = {"hint": notice.hint} if notice.hint else {}
                getattr(self.log, notice.level)(notice.what, endpoint=notice.endpoint, **hint)
            self.on_tick()
            now = time.monotonic()
            if interval and now - ping >= interval and now - self.receiver.beat < _STUCK:
                systemd.notify("WATCHDOG=1")
                ping = now
            counts = self.counts()
            if counts.seconds - last.seconds >= self.every:
                self._say("listening", counts, last)
                last = counts
        return last

    def _say(self, event: str, counts: Counts, before: Counts) -> None:
        fields = counts.since(before) | dict(self.on_minute())
        fields["endpoints"] = {e.address: e.state for e in self.receiver.endpoints}
        say = self.log.warning if counts.blocked or fields["overflow"] else self.log.info
        say(event, **fields)
        blocked = f"; cannot write: {counts.blocked}" if counts.blocked else ""
        systemd.notify(
            f"STATUS={event}: {counts.received:,} received, {counts.waiting:,} waiting, "
            f"{sum(counts.refused.values()):,} refused, {counts.overflow:,} overflowed{blocked}"
        )

    def _receive(self) -> None:
        try:
            self.receiver.run(self._arrive, self._stop)
        finally:
            self.backlog.close()

    def _arrive(self, batch: Batch) -> bool:
        """A batch, as small as the sink can make it, into the backlog."""
        if self._bulk is not None and not batch.reason:
            with suppress(MessageError):  # one of them: all are taken one by one
                batch.pack(self._bulk.pack(batch.source, batch.arrived, batch.parts))
        return self.backlog.put(batch)

    def _write(self) -> None:
        """Batches to the sink; durable after every `_RECORDS` records or `_SECONDS` seconds."""
        due = 0.0
        while not self.backlog.done:
            left = due - time.monotonic()
            batch = self.backlog.take(max(0.0, left) if self._hand else _TICK)
            if batch:
                if self._hand + len(batch) > _RECORDS:
                    self._insist(self._flush)
                if not self._hand:
                    due = time.monotonic() + _SECONDS
                self._hand += len(batch)
                self._put(batch)
            if self._hand >= _RECORDS or (self._hand and time.monotonic() >= due):
                self._insist(self._flush)
        self._insist(self._flush)

    def _put(self, batch: Batch) -> None:
        source, arrived, reason = batch.source, batch.arrived, batch.reason
        if reason:
            self._hand_refused += len(batch)
        elif self._bulk is not None and batch.packed:
            self._insist(partial(self._bulk.put_packed, batch.packed, len(batch)))
            return
        put, parts = self.sink.put, iter(batch.parts)
        for topic, body in zip(parts, parts, strict=True):
            frame = Frame(source, arrived, topic, body)
            if reason:
                frame = mark_refused(frame, reason, batch.length)
            try:
                put(frame)
            except MessageError as error:  # more than the sink can hold: it keeps the beginning
                self._hand_refused += 1
                self._refused[error.reason] = self._refused.get(error.reason, 0) + 1
                self._insist(partial(put, mark_refused(frame, error.reason)))
            except StoreError as error:
                self._insist(partial(put, frame), error)

    def _flush(self) -> None:
        self.sink.flush()
        self._stored += self._hand - self._hand_refused
        self._hand = self._hand_refused = 0

    def _insist(self, action: Callable[[], object], error: StoreError | None = None) -> None:
        """Do it until it works: a full disk gets room again. What the sink took, it keeps.

        Args:
            action: what to do.
            error: how the first attempt, made elsewhere, ended.
        """
        pause, longest = _BACK_OFF
        while True:
            if error:
                self._fail(error)
                if self._abandon.wait(pause):
                    raise error
                pause = min(2 * pause, longest)
            try:
                action()
            except StoreError as again:
                error = again
                continue
            if self._blocked:
                self.log.info("writing again", waiting=self.backlog.messages)
                self._blocked = None
            return

    def _fail(self, error: StoreError) -> None:
        self._failures += 1
        if not self._blocked:
            self.log.warning("cannot write, messages wait", why=error.what, where=error.where)
        self._blocked = error
