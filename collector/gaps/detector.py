"""Gaps of a live bus: which spans were heard, and in which messages may have been missed.

Comes in: the endpoints and counts of a running listener, two clocks. Goes out: spans of the ledger:
`unproven` for what was heard and is durable, `gap` where a message may be missing:

- we did not listen: from the last heartbeat that reached the disk, also after kill -9
- nobody answered, or the connection was made again
- an endpoint was silent against its own habit
- more came than the disk could take
- our clock jumped: what was heard meanwhile is filed under wrong times

(Numbers that a publisher skipped are seen where messages are read: `sequences`.) It has a thread of
its own, because a ledger may wait for a disk, and the receiver must not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread
from typing import Any

import structlog

from hubbub.collector.bus.endpoint import Endpoint
from hubbub.collector.bus.listener import Counts
from hubbub.collector.event import Ledger, alive_key, partial_key
from hubbub.collector.gaps.silence import Habit

__all__ = ["SLACK", "GapDetector"]

SLACK = 10.0  # s; between a message's own stamp and its arrival, and what was on its way
_TICK = 0.25  # s
_BEAT = 5.0  # s; after a kill -9 so much more is asked for again
_JUMP = 2.0  # s; more than a clock is slewed within a tick
_FIRST = 10.0  # s that an endpoint may take to answer the first time
_MICRO = 1_000_000

STOPPED = "we did not listen"
LOST = "nobody answered"
AGAIN = "the connection was lost and made again"
SILENT = "silent against its habit"
OVERFLOW = "more came than the disk could take"
CLOCK = "our clock jumped"
HEARD = "heard"

_log = structlog.get_logger("hubbub.gaps")


@dataclass(slots=True)
class _Open:
    """A gap that has not ended. `after`: it is no gap if it ends before; `told`: up to there."""

    start: float
    why: str
    after: float = 0.0
    told: float | None = None


@dataclass(slots=True)
class _Ear:
    """One endpoint: what it said when it was looked at last."""

    endpoint: Endpoint
    received: int
    losses: int
    heard: float  # told as heard up to there
    gap: _Open | None = None
    habit: Habit = field(default_factory=Habit)

    @property
    def source(self) -> str:
        return self.endpoint.source

    @property
    def there(self) -> bool:
        """Publishers come and go at an address that we bind."""
        return self.endpoint.bound or self.endpoint.state == "connected"


class GapDetector:
    """Watches a listener.

    Args:
        endpoints: of its receiver.
        counts: of the listener.
        ledger: used by this thread alone.
        filters: what the listener is limited to, as the ledger names it; empty: nothing.
        clock: seconds since the epoch.
        monotonic: seconds that no one sets.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        counts: Callable[[], Counts],
        ledger: Ledger,
        *,
        filters: str = "",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints, self._counts, self._ledger = endpoints, counts, ledger
        self._filters = filters
        self._clock, self._monotonic = clock, monotonic
        self._ears: list[_Ear] = []
        self._marks: deque[tuple[float, int]] = deque()  # (clock, received so far)
        self._durable = 0.0  # what arrived before is on the disk
        self._overflow = 0
        self._wall = self._mono = self._beaten = 0.0
        self._unsaid: list[Callable[[], None]] = []  # statements that the ledger has not taken yet
        self._failing = False
        self._stop = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, and go on in a thread of its own.

        Raises:
            StoreError: the ledger cannot be read.
        """
        self.begin()
        self._thread = Thread(target=self._run, name="gaps", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """End with a last heartbeat; False: the ledger does not answer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.wait(_TICK):
            self.tick()
        self.end()

    # what is seen

    def begin(self) -> None:
        """What was missed since we listened last."""
        self._wall, self._mono = self._now()
        self._durable, self._beaten = self._wall, self._mono
        ever = self._ledger.get(alive_key(""))
        for endpoint in self._endpoints:
            ear = _Ear(endpoint, endpoint.received, endpoint.losses, self._wall)
            last = self._ledger.get(alive_key(ear.source)) or ever
            if last is None:
                ear.gap = _Open(self._wall, LOST, after=self._wall + _FIRST)
                # Killed before the first heartbeat, we know all the same that we were to listen.
                self._note(alive_key(ear.source), int(self._wall * _MICRO))
            else:
                # A clock that was set back since then: what was heard is filed under times to come.
                ear.gap = _Open(min(last / _MICRO, self._wall) - SLACK, STOPPED)
                if last / _MICRO > self._wall + _JUMP:
                    self._gap(ear, self._wall, last / _MICRO, CLOCK)
            self._ears.append(ear)
            self._note(partial_key(ear.source), self._filters or None)
        self._tell()

    def tick(self) -> None:
        """Look at everything once."""
        wall, mono = self._now()
        before, passed = self._wall, mono - self._mono
        self._wall, self._mono = wall, mono
        if abs(wall - before - passed) > _JUMP:
            self._jumped(before, wall)
        counts = self._counts()
        if counts.overflow > self._overflow:
            for ear in self._ears:
                self._gap(ear, before - SLACK, wall + SLACK, OVERFLOW)
            self._overflow = counts.overflow
        self._marks.append((wall, counts.received))
        done = counts.received - counts.waiting
        while self._marks and self._marks[0][1] <= done:
            self._durable = self._marks.popleft()[0]
        for ear in self._ears:
            self._look(ear, before, wall, passed)
        if mono - self._beaten >= _BEAT:
            self._beat()

    def _now(self) -> tuple[float, float]:
        """Both clocks at one moment: it is no jump if we are paused between them."""
        while True:
            before, wall, mono = self._monotonic(), self._clock(), self._monotonic()
            if mono - before < _JUMP / 4:
                return wall, mono

    def _jumped(self, before: float, wall: float) -> None:
        _log.warning("our clock jumped", seconds=round(wall - before, 1))
        self._marks.clear()
        self._durable = wall
        low, high = min(before, wall), max(before, wall)
        for ear in self._ears:
            self._gap(ear, low - SLACK, high + SLACK, CLOCK)
            ear.heard = wall
            if ear.gap is not None:
                ear.gap = _Open(wall, ear.gap.why)

    def _look(self, ear: _Ear, before: float, wall: float, passed: float) -> None:
        endpoint = ear.endpoint
        came, ear.received = endpoint.received - ear.received, endpoint.received
        lost, ear.losses = endpoint.losses > ear.losses, endpoint.losses
        if not ear.there:
            if ear.gap is None or ear.gap.why == SILENT:
                start = before if ear.gap is None else ear.gap.start
                ear.gap = _Open(start - SLACK, LOST, told=None if ear.gap is None else ear.gap.told)
                ear.habit.quiet = 0.0
            return
        if ear.gap is not None and ear.gap.why != SILENT:
            self._close(ear, wall)
        elif lost and not endpoint.bound:
            self._gap(ear, before - SLACK, wall + SLACK, AGAIN)
        ear.habit.take(came, passed)
        if ear.gap is None and ear.habit.silent:
            _log.warning(
                "suspiciously silent",
                endpoint=endpoint.address,
                seconds=round(ear.habit.quiet),
                usual=f"{ear.habit.rate:.2g} messages/s",
            )
            ear.gap = _Open(wall - ear.habit.quiet - SLACK, SILENT)
        elif ear.gap is not None and came:
            self._close(ear, wall)

    def _close(self, ear: _Ear, wall: float) -> None:
        gap, ear.gap = ear.gap, None
        assert gap is not None
        if wall >= gap.after:
            self._gap(ear, gap.start if gap.told is None else gap.told, wall + SLACK, gap.why)
        ear.heard = max(ear.heard, wall)

    # what is said

    def _beat(self) -> None:
        """The heartbeat: everything up to `durable` was heard, except in a gap that is open."""
        self._beaten = self._monotonic()
        self._tell()
        if self._unsaid:  # all of this will be so at the next beat too
            return
        for ear in self._ears:
            gap = ear.gap
            if gap is not None:
                if self._wall >= gap.after:
                    self._gap(ear, gap.start if gap.told is None else gap.told, self._wall, gap.why)
                    gap.told = self._wall
            elif self._durable > ear.heard:
                self._span(ear.source, ear.heard, self._durable, "unproven", HEARD)
                ear.heard = self._durable
        at = int(self._durable * _MICRO)
        for source in ("", *(ear.source for ear in self._ears)):
            self._note(alive_key(source), at)
        self._tell()

    def end(self) -> None:
        """The last heartbeat."""
        self.tick()
        self._beat()
        if self._unsaid:
            _log.warning(
                "the ledger does not know what was heard last", statements=len(self._unsaid)
            )

    def _gap(self, ear: _Ear, start: float, end: float, why: str) -> None:
        self._span(ear.source, start, end, "gap", why)

    def _span(self, source: str, start: float, end: float, state: str, why: str) -> None:
        first, last = int(start * _MICRO), int(end * _MICRO)
        if first < last:
            self._say(lambda: self._ledger.span(source, self._filters, first, last, state, why))

    def _note(self, key: str, value: Any) -> None:
        self._say(lambda: self._ledger.set(key, value))

    def _say(self, statement: Callable[[], None]) -> None:
        self._unsaid.append(statement)

    def _tell(self) -> None:
        """Write down what is unsaid; what the ledger does not take is said again next time."""
        while self._unsaid:
            try:
                self._unsaid[0]()
            except Exception as error:  # noqa: BLE001 - any fault of a store; it must not end us
                if not self._failing:
                    _log.warning("the ledger cannot be written, it is tried again", why=str(error))
                self._failing = True
                return
            self._failing = False
            self._unsaid.pop(0)
