"""Heal gaps of the live bus from history, and prove the rest by comparing message counts.

- A gap is requested at once, again when late rows have settled, and then with growing pauses. What
  history provably delivered becomes `healed`.
- For each day of listening, up to the settling time, history's count is compared with the store's.
  Where they differ they are bisected, and the differing spans are read. Counting whole days again
  finds rows that arrived long after they were due.

History has gaps itself: messages that only the bus delivered are kept, as a known difference. Where
it has rows that cannot be read, the time stays a gap, and is requested again ever more rarely.

All state is derived from the ledger, so healing continues after any crash. The healer runs in its
own thread and uses few connections to one history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event as Flag
from threading import Thread
from typing import Protocol

from hubbub import memory
from hubbub.collector.event import Ledger, Sink
from hubbub.collector.gaps.attempts import Attempts
from hubbub.collector.gaps.audit import MINUTE, audit, proof_of
from hubbub.collector.gaps.recorded import Recorded
from hubbub.collector.history.client import History
from hubbub.collector.history.filters import Filters
from hubbub.collector.history.gather import SETTLE, gather
from hubbub.errors import HubbubError, SourceError
from hubbub.intervals import Spans, subtract, union
from hubbub.language.plurals import plural
from hubbub.logger import get_logger
from hubbub.times import from_micros, iso

__all__ = ["Healer", "StoreCounts"]

_SECOND = 1_000_000  # µs
_DAY = 86_400  # s
_JOBS = 2  # connections
_BACK_OFF = 5.0, 600.0  # s; first and longest pause after an error
_RECOUNTED = 2 * _DAY  # s back from now; proven days are recounted there, for rows that came late
_RECOUNT_INTERVAL = 3600.0  # s between two such counts of a day
_DIFFERENCE_DAYS = 7  # for which known differences are remembered

_log = get_logger("hubbub.heal")


class StoreCounts(Protocol):
    """What the store holds at present of the bus and its history."""

    def stored(self, start: int, end: int) -> int:
        """Return the number of distinct messages in [start, end), seconds at whole minutes."""

    def loaded(self) -> int:
        """Return the time, µs, before which everything received is in the tables."""


class _StoppedError(Exception):
    """The healer was stopped during a gather or an audit."""


class Healer:
    """Heals the gaps of some sources from one history.

    Args:
        history: the history service.
        sink: takes the rows; used only by the healer's thread.
        ledger: likewise.
        store: counts of the store.
        sources: of the live bus, as in `Frame.source`.
        categories: that limit the listener; if any, messages cannot be counted and all are read.
        settle: time within which late rows arrive.
        every: seconds between rounds.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        history: History,
        sink: Sink,
        ledger: Ledger,
        store: StoreCounts,
        sources: Sequence[str],
        *,
        categories: Sequence[str] = (),
        settle: timedelta = SETTLE,
        every: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.history, self.sink, self.ledger, self.store = history, sink, ledger, store
        self.sources, self.settle = tuple(sources), settle.total_seconds()
        self.every = every if every is not None else min(max(self.settle / 10, 1.0), 60.0)
        self._categories, self._filters = tuple(categories), Filters(tuple(categories))
        self._recorded = Recorded(ledger, history.source, self.sources, self._filters.key)
        self._clock = clock
        self._gap_attempts = Attempts(self.settle)
        self._read_attempts = Attempts(self.settle)  # for spans that cannot be counted
        self._read: Spans = []  # seconds; differing spans that were read
        self._last_rows = clock()  # rows of a run that was killed may still wait for the loader
        self._last_comparison = float("-inf")
        self._last_counts: dict[int, float] = {}  # by day: when all of it was counted last
        self._failures, self._last_round = 0, float("inf")
        self._stop = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start healing in a thread."""
        self._thread = Thread(target=self._run, name="heal", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> bool:
        """Stop the thread; False if it still waits for a response (it is a daemon thread)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            wait = self.run_once()

    def run_once(self) -> float:
        """Do one round; return the seconds until the next one. Errors are logged, not raised."""
        try:
            self._heal()
        except _StoppedError:
            return 0.0
        except Exception as error:  # noqa: BLE001 - logged; the next round tries again
            if self._stop.is_set():
                return 0.0  # the stop interrupted a request
            self._failures += 1
            first, longest = _BACK_OFF
            wait = min(first * 2.0 ** (self._failures - 1), longest)
            why = error.what if isinstance(error, HubbubError) else repr(error)
            _log.warning("cannot heal now", why=why, again_in=round(wait), url=self.history.url)
            return wait
        if self._failures:
            _log.info("healing again", url=self.history.url)
        self._failures = 0
        return self.every

    def _heal(self) -> None:
        now = int(self._clock())
        if now < self._last_round:
            self._clock_set_back(now)
        self._last_round = now
        self._request_gaps(now)
        self._mark_healed()
        if self._clock() - self._last_comparison >= self.settle / 2:
            if self._compare_counts(now):
                self._last_comparison = self._clock()
            self._mark_healed()

    def _clock_set_back(self, now: int) -> None:
        """Forget attempts and counts, and withdraw proofs of times that are now in the future."""
        self._gap_attempts, self._read_attempts = Attempts(self.settle), Attempts(self.settle)
        self._last_counts, self._last_comparison = {}, float("-inf")
        self._last_rows = min(self._last_rows, now)
        source, key, now_micros = self.history.source, self._filters.key, now * _SECOND
        for start, end, state in self.ledger.spans(source, key):
            if end > now_micros and state in {"complete", "healed"}:
                first = max(start, now_micros)
                self.ledger.span(source, key, first, end, "unproven", "clock put back")

    def _request_gaps(self, now: int) -> None:
        """Gather the gaps that are due."""
        gaps = (
            (start // _SECOND, min(-(-end // _SECOND), now)) for start, end in self._recorded.gaps()
        )
        missing = subtract(
            (gap for gap in gaps if gap[0] < gap[1]), self._recorded.proven_seconds()
        )
        self._gap_attempts.retain(missing)
        for start, end in missing:
            if self._gap_attempts.due(start, end, now):
                self._gather(start, end, settled=now >= end + self.settle)
                self._gap_attempts.record(start, end, now)

    def _gather(self, start: int, end: int, *, settled: bool) -> None:
        """Read [start, end), seconds; `settled`: no more rows arrive late."""

        def raise_if_stopped(*_: int) -> None:
            if self._stop.is_set():
                raise _StoppedError

        result = gather(
            self.history,
            self.sink,
            self.ledger,
            start=from_micros(start * _SECOND),
            end=from_micros(end * _SECOND),
            categories=self._categories,
            jobs=_JOBS,
            settle=timedelta(0 if settled else self.settle / _DAY),
            progress=raise_if_stopped,
            clock=self._clock,
        )
        if result.rows:
            self._last_rows = self._clock()
            memory.trim()  # a page of history is large, and the listener runs on
        _log.info(
            "requested a gap from history",
            start=iso(from_micros(start * _SECOND)),
            seconds=end - start,
            rows=result.rows,
            settled=settled,
            incomplete=len(result.incomplete),
            refused=sum(span.refused for span in result.refused),
        )

    def _mark_healed(self) -> None:
        """Record the gaps that history has filled as healed."""
        proven = self._recorded.proven()
        proof = f"{self.history.source} filled it, as many as it counts"
        for source in self.sources:
            spans = self.ledger.spans(source, self._filters.key)
            gaps = [(start, end) for start, end, state in spans if state == "gap"]
            for start, end in subtract(gaps, subtract(gaps, proven)):
                self.ledger.span(source, self._filters.key, start, end, "healed", proof)
                _log.info("healed a gap", source=source, seconds=round((end - start) / _SECOND, 1))

    def _compare_counts(self, now: int) -> bool:
        """Compare the counts of the spans that were listened to, day by day.

        Returns:
            False if rows of history are not in the tables yet, so that counts would be too low.
        """
        loaded = self.store.loaded()
        if loaded < self._last_rows * _SECOND:
            return False
        edge = int(min(now, loaded / _SECOND) - self.settle) // MINUTE * MINUTE
        minute = MINUTE * _SECOND
        listened = (
            (start // minute * MINUTE, min(-(-end // minute) * MINUTE, edge))
            for start, end in self._recorded.listened()
        )
        spans = union(span for span in listened if span[0] < span[1])
        settled = [
            *self._recorded.proven_seconds(),
            *self._recorded.unreadable(self._known_differences(0)),
        ]
        missing = subtract(spans, settled)
        self._read_attempts.retain(missing)
        due = {day for start, end in missing for day in _days(start, end)}
        due |= {
            day
            for day in _days(edge - _RECOUNTED, edge)
            if self._clock() - self._last_counts.get(day, 0) >= _RECOUNT_INTERVAL
        }
        for day in sorted(due):
            for start, end in spans:
                window = max(start, day), min(end, day + _DAY)
                if window[0] < window[1] and self._filters.key:
                    self._read_unproven(*window, now)
                elif window[0] < window[1]:
                    self._compare(*window)
            self._last_counts[day] = self._clock()
        return True

    def _read_unproven(self, start: int, end: int, now: int) -> None:
        """Prove a window by reading it: the messages of a limited listener cannot be counted."""
        for span in subtract([(start, end)], self._recorded.proven_seconds()):
            if self._read_attempts.due(*span, now):
                self._gather(*span, settled=True)
                self._read_attempts.record(*span, now)

    def _compare(self, start: int, end: int) -> None:
        """Prove a window by its counts, and read the spans that differ."""
        differences = self._known_differences(start)

        def stored(start: int, end: int) -> int:
            expected = sum(n for minute, n in differences.items() if start <= minute < end)
            return self.store.stored(start, end) + expected

        result = audit(
            self._total,
            stored,
            start,
            end,
            already_read=lambda start, end: any(a < end and start < b for a, b in self._read),
            stop=self._stop.is_set,
        )
        if self._stop.is_set():
            raise _StoppedError
        unreadable = self._recorded.unreadable(differences)
        for span in result.matching:
            seconds = span.start, span.end
            self._read = subtract(self._read, [seconds])
            for stretch in subtract([seconds], unreadable):
                self._record(*stretch, "complete", proof_of(span, differences))
        for span in result.differing:
            seconds = span.start, span.end
            if span.end - span.start <= MINUTE and not subtract([seconds], self._read):
                # It was read and loaded, and still differs: history lacks a message, or has one
                # twice.
                difference = differences.get(span.start, 0) + span.total - span.stored
                differences[span.start] = difference
                self.ledger.set(self._key, {str(at): n for at, n in differences.items() if n})
                self._read = subtract(self._read, [seconds])
                continue
            messages = plural(span.total, "message")
            proof = f"history counts {messages}, {plural(span.stored, 'is', 'are')} stored"
            self._record(*seconds, "gap", proof)
            self._gather(*seconds, settled=True)
            self._read = union([*self._read, seconds])

    def _total(self, start: int, end: int) -> int:
        page = self.history.window(start, end, rows=1, stopped=self._stop)
        if len(page.within(start, end)) < len(page.rows):
            hint = "does a cache before it ignore the question?"
            raise SourceError("a row of another time came", where=self.history.url, hint=hint)
        return page.total

    def _record(self, start: int, end: int, state: str, proof: str) -> None:
        source, key = self.history.source, self._filters.key
        self.ledger.span(source, key, start * _SECOND, end * _SECOND, state, proof)

    @property
    def _key(self) -> str:
        return f"heal {self.history.source}"

    def _known_differences(self, start: int) -> dict[int, int]:
        """Return by minute how many more messages history counts than the store can hold."""
        differences = self.ledger.get(self._key) or {}
        oldest = start - _DIFFERENCE_DAYS * _DAY
        return {int(minute): n for minute, n in differences.items() if int(minute) >= oldest}


def _days(start: int, end: int) -> range:
    """Return the beginnings of the days that [start, end) overlaps."""
    return range(start // _DAY * _DAY, end, _DAY)
