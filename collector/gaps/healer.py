"""Healing: what the live bus missed comes from history, and what it heard is proven by count.

Comes in: a `History`, the spans of the ledger, and how much is stored. Goes out: frames, and the
spans that are complete or healed now. Everything is worked out from the ledger, so that it goes on
after any crash:

- a gap is asked for at once, again when late rows have settled, and then ever more rarely; what
  history then provably gave is `healed`
- of each day since we listen, history's count is held against the store's, up to the settling
  time; where they differ they are bisected, and what differs is read. Counting the whole day again
  finds rows that came late, long after they were due.

History has holes of its own: what it lacks and the bus brought is kept, as a known difference.
It runs in a thread of its own and asks one history with few connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event as Flag
from threading import Thread
from typing import Protocol

import structlog

from hubbub import memory
from hubbub.collector.event import Ledger, Sink
from hubbub.collector.gaps.attempts import Asked
from hubbub.collector.gaps.audit import MINUTE, Part, audit
from hubbub.collector.history.client import History
from hubbub.collector.history.filters import Filters
from hubbub.collector.history.gather import SETTLE, gather
from hubbub.errors import HubbubError
from hubbub.intervals import Spans, subtract, union
from hubbub.times import from_micros, iso

__all__ = ["Healer", "StoreCounts"]

_SECOND = 1_000_000  # µs
_DAY = 86_400  # s
_JOBS = 2  # connections
_PAUSES = 5.0, 600.0  # s; first and longest pause after an error
_RECOUNTED = 2 * _DAY  # s back, days are counted again although they were proven: rows came late
_RECOUNT = 3600.0  # s between two such counts
_KEPT = 7  # days for which differences are remembered

_log = structlog.get_logger("hubbub.heal")


class StoreCounts(Protocol):
    """What is stored by now, of the bus and its history."""

    def stored(self, start: int, end: int) -> int:
        """Messages in [start, end), seconds at whole minutes; each once."""

    def loaded(self) -> int:
        """What arrived before is in the tables, µs."""


class _StoppedError(Exception):
    """Raised where a gather can be ended."""


class Healer:
    """Heals the gaps of some sources from one history.

    Args:
        history: whom to ask.
        sink: where rows go; used by this thread alone.
        ledger: the same.
        heard: counts of the store.
        sources: of the live bus, as frames carry them.
        categories: what the listener is limited to; then nothing can be counted, all is read.
        settle: rows come late within this time.
        every: seconds between two looks.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        history: History,
        sink: Sink,
        ledger: Ledger,
        heard: StoreCounts,
        sources: Sequence[str],
        *,
        categories: Sequence[str] = (),
        settle: timedelta = SETTLE,
        every: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.history, self.sink, self.ledger, self.heard = history, sink, ledger, heard
        self.sources, self.settle = tuple(sources), settle.total_seconds()
        self.every = every if every is not None else min(max(self.settle / 10, 1.0), 60.0)
        self._categories, self._filters = tuple(categories), Filters(tuple(categories))
        self._clock = clock
        self._asked = Asked(self.settle)
        self._unproven = Asked(self.settle)  # of what cannot be counted
        self._read: Spans = []  # read since they were found to differ, seconds
        self._put = clock()  # when rows came last; those of a run that was killed may wait too
        self._counted = float("-inf")  # when was counted last
        self._days: dict[int, float] = {}  # by day: when its whole was counted last
        self._failures, self._looked = 0, float("inf")  # when was looked last
        self._stop = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = Thread(target=self._run, name="heal", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """End; False: it still waits for an answer, which the end of the process cuts off."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            wait = self.look()

    def look(self) -> float:
        """Do what is due; gives the seconds until the next look. Never raises what passes."""
        try:
            self._heal()
        except _StoppedError:
            return 0.0
        except Exception as error:  # noqa: BLE001 - said; all of it is tried again
            if self._stop.is_set():
                return 0.0  # that is why nobody waited for the answer
            self._failures += 1
            first, longest = _PAUSES
            wait = min(first * 2.0 ** (self._failures - 1), longest)
            what = error.what if isinstance(error, HubbubError) else repr(error)
            _log.warning("cannot heal now", why=what, again_in=round(wait), url=self.history.url)
            return wait
        if self._failures:
            _log.info("healing again", url=self.history.url)
        self._failures = 0
        return self.every

    # what the ledger says

    def _spans(self, state: str) -> Spans:
        """In this state (empty: any) of all our sources, µs."""
        return union(
            (start, end)
            for source in self.sources
            for start, end, found in self.ledger.spans(source, self._filters.key)
            if not state or found == state
        )

    def _proven(self) -> Spans:
        """What history is known to hold, and the store with it, µs."""
        every = self.ledger.spans(self.history.source, self._filters.key)
        if self._filters.key:
            every = [*every, *self.ledger.spans(self.history.source, "")]
        return union((a, b) for a, b, state in every if state in {"complete", "healed"})

    # what is done

    def _heal(self) -> None:
        now = int(self._clock())
        if now < self._looked:
            self._back(now)
        self._looked = now
        self._ask(now)
        self._mark()
        if self._clock() - self._counted >= self.settle / 2:
            if self._prove(now):
                self._counted = self._clock()
            self._mark()

    def _back(self, now: int) -> None:
        """The clock was put back: nothing was asked yet, and no time to come is proven."""
        self._asked, self._unproven = Asked(self.settle), Asked(self.settle)
        self._days, self._counted = {}, float("-inf")
        self._put = min(self._put, now)
        source, key, at = self.history.source, self._filters.key, now * _SECOND
        for start, end, state in self.ledger.spans(source, key):
            if end > at and state in {"complete", "healed"}:
                self.ledger.span(source, key, max(start, at), end, "unproven", "clock put back")

    def _ask(self, now: int) -> None:
        """Ask for the gaps that are due."""
        gaps = ((a // _SECOND, min(-(-b // _SECOND), now)) for a, b in self._spans("gap"))
        proven = [(a // _SECOND, b // _SECOND) for a, b in self._proven()]
        lacking = subtract((gap for gap in gaps if gap[0] < gap[1]), proven)
        self._asked.keep(lacking)
        for start, end in lacking:
            if self._asked.due(start, end, now):
                self._gather(start, end, final=now >= end + self.settle)
                self._asked.note(start, end, now)

    def _gather(self, start: int, end: int, *, final: bool) -> None:
        """Read [start, end), seconds; `final`: no rows come late any more."""

        def go_on(*_: int) -> None:
            if self._stop.is_set():
                raise _StoppedError

        done = gather(
            self.history,
            self.sink,
            self.ledger,
            start=from_micros(start * _SECOND),
            end=from_micros(end * _SECOND),
            categories=self._categories,
            jobs=_JOBS,
            settle=timedelta(0 if final else self.settle / _DAY),
            progress=go_on,
            clock=self._clock,
        )
        if done.rows:
            self._put = self._clock()
            memory.trim()  # pages of history; the listener had no more than it needs
        _log.info(
            "asked history for a gap",
            start=iso(from_micros(start * _SECOND)),
            seconds=end - start,
            rows=done.rows,
            settled=final,
            incomplete=len(done.incomplete),
        )

    def _mark(self) -> None:
        """Gaps that history has filled are healed now."""
        proven = self._proven()
        proof = f"{self.history.source} filled it, as many as it counts"
        for source in self.sources:
            gaps = [
                (a, b)
                for a, b, state in self.ledger.spans(source, self._filters.key)
                if state == "gap"
            ]
            for start, end in subtract(gaps, subtract(gaps, proven)):
                self.ledger.span(source, self._filters.key, start, end, "healed", proof)
                _log.info("healed a gap", source=source, seconds=round((end - start) / _SECOND, 1))

    def _prove(self, now: int) -> bool:
        """Hold the counts of what we listened to against each other, day by day.

        False: what was read is not in the tables yet.
        """
        loaded = self.heard.loaded()
        if loaded < self._put * _SECOND:
            return False
        edge = int(min(now, loaded / _SECOND) - self.settle) // MINUTE * MINUTE
        listened = [
            (a // _SECOND // MINUTE * MINUTE, min(-(-b // _SECOND // MINUTE) * MINUTE, edge))
            for a, b in self._spans("")
        ]
        listened = union(span for span in listened if span[0] < span[1])
        proven = [(a // _SECOND, b // _SECOND) for a, b in self._proven()]
        lacking = subtract(listened, proven)
        self._unproven.keep(lacking)
        due = {day for a, b in lacking for day in _days(a, b)}
        due |= {
            day
            for day in _days(edge - _RECOUNTED, edge)
            if self._clock() - self._days.get(day, 0) >= _RECOUNT
        }
        for day in sorted(due):
            for start, end in listened:
                window = max(start, day), min(end, day + _DAY)
                if window[0] < window[1] and self._filters.key:
                    self._read_all(*window, now)
                elif window[0] < window[1]:
                    self._compare(*window)
            self._days[day] = self._clock()
        return True

    def _read_all(self, start: int, end: int, now: int) -> None:
        """Prove one window by reading what of it is not proven: a part of a bus is not counted."""
        proven = [(a // _SECOND, b // _SECOND) for a, b in self._proven()]
        for part in subtract([(start, end)], proven):
            if self._unproven.due(*part, now):
                self._gather(*part, final=True)
                self._unproven.note(*part, now)

    def _compare(self, start: int, end: int) -> None:
        """Prove one window, or read what differs."""
        differs = self._differences(start)

        def stored(a: int, b: int) -> int:
            return self.heard.stored(a, b) + sum(n for at, n in differs.items() if a <= at < b)

        found = audit(
            self._total,
            stored,
            start,
            end,
            read=lambda a, b: any(x < b and a < y for x, y in self._read),
            stop=self._stop.is_set,
        )
        if self._stop.is_set():
            raise _StoppedError
        for part in found.agreed:
            self._read = subtract(self._read, [(part.start, part.end)])
            proof = f"{part.total} messages are stored, as many as history counts"
            self._state(part, "complete", proof)
        for part in found.wrong:
            if part.end - part.start <= MINUTE and not subtract(
                [(part.start, part.end)], self._read
            ):
                # Read, loaded, and still not as many: history counts a message twice, or lacks one.
                differs[part.start] = differs.get(part.start, 0) + part.total - part.stored
                self.ledger.set(self._key, {str(at): n for at, n in differs.items() if n})
                self._read = subtract(self._read, [(part.start, part.end)])
                continue
            why = f"history counts {part.total} messages, {part.stored} are stored"
            self._state(part, "gap", why)
            self._gather(part.start, part.end, final=True)
            self._read = union([*self._read, (part.start, part.end)])

    def _total(self, start: int, end: int) -> int:
        return self.history.window(start, end, rows=1, stopped=self._stop).total

    def _state(self, part: Part, state: str, why: str) -> None:
        start, end = part.start * _SECOND, part.end * _SECOND
        self.ledger.span(self.history.source, self._filters.key, start, end, state, why)

    @property
    def _key(self) -> str:
        return f"heal {self.history.source}"

    def _differences(self, start: int) -> dict[int, int]:
        """Minute → how many more messages history counts than the store can hold."""
        known = self.ledger.get(self._key) or {}
        oldest = start - _KEPT * _DAY
        return {int(at): n for at, n in known.items() if int(at) >= oldest}


def _days(start: int, end: int) -> range:
    """The beginnings of the days that [start, end) touches."""
    return range(start // _DAY * _DAY, end, _DAY)
