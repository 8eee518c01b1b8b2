"""Gather history into a sink: what coverage lacks, several requests side by side, resumable.

Comes in: a `History`, a range of time, filters, a `Sink` and a `Ledger`. Goes out: every row of
the range as a `Frame`, and in the ledger the spans that are now proven complete, that are too young
to be proven, or whose numbers never agreed. Worker threads only ask and read; the calling thread
alone writes to the sink and the ledger, so that neither needs a lock, and a checkpoint is set only
after `Sink.flush` returned. Whatever ends it (an error, Ctrl-C, kill -9), the next run goes on
behind the last checkpoint and asks again for at most one page of each slice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from hubbub.collector.event import Frame, Ledger, Sink
from hubbub.collector.history.checkpoints import SECOND, Notes, Span
from hubbub.collector.history.client import ROWS, Filters, History
from hubbub.collector.history.paging import Piece, Proof, Slice, Step, Walker
from hubbub.collector.history.workers import Outcome, Workers
from hubbub.errors import UsageError
from hubbub.intervals import union
from hubbub.times import iso, to_micros

__all__ = ["SETTLE", "Gathered", "Progress", "Span", "gather"]

SETTLE = timedelta(minutes=10)
_WORTHWHILE = 8  # pages left of a slice that are worth a slice more than there are connections
_LONGEST = 64  # pages of a slice before it is proven, recorded and a new one goes on


class Progress(Protocol):
    """Told after every batch how far the gather is."""

    def __call__(self, done: int, total: int, rows: int, /) -> None:
        """Seconds of history read, seconds to be read, rows received."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a gather did."""

    requests: int
    rows: int  # received; how many are new to the store is the loader's to say
    spans: tuple[Span, ...]  # read in this run, by start
    incomplete: tuple[Span, ...]  # those whose numbers never agreed: gaps


def gather(
    history: History,
    sink: Sink,
    ledger: Ledger,
    *,
    start: datetime,
    end: datetime,
    categories: Iterable[str] = (),
    topics: Iterable[str] = (),
    users: Iterable[str] = (),
    jobs: int = 4,
    settle: timedelta = SETTLE,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.time,
) -> Gathered:
    """Gather what the ledger does not show as complete in [start, end).

    The range is widened to whole seconds. Its last `settle` is read but recorded as unproven, since
    rows still come late there: the next run reads it again, and from then on takes it as proven if
    it is older than `settle` by the clock.

    Raises:
        UsageError: `start` is not before `end`, or `jobs` is less than one.
        SourceError: the history cannot be reached or makes no sense; what came before is kept.
        StoreError: what the sink or the ledger raise.
    """
    if start >= end:
        raise UsageError(f"the range is empty: it starts {iso(start)} and ends {iso(end)}")
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: at least one request at a time")
    filters = Filters(tuple(categories), tuple(topics), tuple(users))
    first, last = max(to_micros(start) // SECOND, 1), -(-to_micros(end) // SECOND)
    notes = Notes(ledger, history.source, filters.key, clock)
    run = _Run(history, sink, notes, filters=filters, jobs=jobs, progress=progress, clock=clock)
    return run.gather(first, last, int(settle.total_seconds()))


class _Run:
    """One gather: what is still to be asked, what is under way, what is known."""

    def __init__(
        self,
        history: History,
        sink: Sink,
        notes: Notes,
        *,
        filters: Filters,
        jobs: int,
        progress: Progress | None,
        clock: Callable[[], float],
    ) -> None:
        self._history, self._sink = history, sink
        self._progress, self._clock = progress, clock
        self._notes = notes
        self._jobs, self._slots = jobs, 2 * jobs if jobs > 1 else 1
        self._workers: Workers[Slice, Step | Proof] = Workers(jobs)
        self._walker = Walker(history, filters, self._workers.stopped)
        self._waiting: deque[Slice] = deque()
        self._active: list[Slice] = []
        self._proven: list[tuple[int, int, tuple[Piece, ...]]] = []
        self._rows = self._done = self._total = 0
        self._reached = False

    def gather(self, first: int, last: int, settle: int) -> Gathered:
        """Gather [first, last), seconds."""
        asked = self._history.requests
        self._waiting.extend(self._notes.plan(first, last, settle))
        self._total = sum(part.end - part.start for part in self._waiting)
        self._done = sum(part.at - part.start for part in self._waiting)
        try:
            self._hand_out()
            while self._active:
                self._go_on(self._workers.results())
            self._last_look()
        finally:  # an error or Ctrl-C: what has come is kept all the same
            self._workers.stop()
            self._keep(self._workers.rest())
        spans = self._notes.spans()
        gaps = tuple(span for span in spans if span.state == "gap")
        return Gathered(self._history.requests - asked, self._rows, spans, gaps)

    def _go_on(self, results: list[Outcome[Slice, Step | Proof]]) -> None:
        """Keep a batch of results, then ask for what follows from each."""
        self._keep(results)
        self._reached = True
        for _, _, error in results:
            if error is not None:
                raise error
        for part, result, _ in results:
            if isinstance(result, Step):
                self._share(part, result.left)
                self._next(part)
        self._hand_out()

    def _hand_out(self) -> None:
        slots = (
            self._slots if self._reached else 1
        )  # one request finds out whether anybody is there
        while self._waiting and len(self._active) < slots:
            part = self._waiting.popleft()
            self._active.append(part)
            self._next(part)

    def _next(self, part: Slice) -> None:
        """Ask for a slice's next page, or for its proof."""
        if len(part.pieces) >= _LONGEST and part.at < part.end:
            rest = Slice(part.at, part.at, part.end, part.settled, seen=part.seen)
            self._waiting.appendleft(rest)
            part.end = part.at
        if part.at < part.end:
            self._workers.ask(part, partial(self._walker.step, part.at, part.end))
        elif part.settled:
            self._workers.ask(part, partial(self._walker.prove, tuple(part.pieces)))
        else:
            self._active.remove(part)
            self._notes.unproven(part)

    def _share(self, part: Slice, left: int) -> None:
        """Cut what is left of a slice in parts: for idle connections, or for one that soon will be.

        Two slices to a connection keep it busy while what it brought is made durable.
        """
        under_way = len(self._active) + len(self._waiting)
        parts = min(self._jobs - under_way + 1, -(-left // ROWS))
        if parts <= 1 and under_way < self._slots and left > _WORTHWHILE * ROWS:
            parts = 2
        parts = min(parts, part.end - part.at)
        if parts > 1:
            self._waiting.extend(part.cut(parts))

    def _keep(self, results: list[Outcome[Slice, Step | Proof]]) -> None:
        """Make what has come durable: the rows first, then how far they reach."""
        arrived = int(self._clock() * SECOND)
        rows = [
            row
            for part, result, _ in results
            if result is not None
            for row in (part.fresh(result) if isinstance(result, Step) else result.rows)
        ]
        for row in rows:
            self._sink.put(Frame(self._history.source, arrived, row.topic, row.body))
        if rows:
            self._sink.flush()
            self._rows += len(rows)
        for part, result, _ in results:
            if isinstance(result, Step):
                self._done += result.until - part.at
                part.take(result)
            elif result is not None:
                if part in self._active:
                    self._active.remove(part)
                self._proven.append((part.start, part.end, result.pieces))
                self._notes.proven(part, result.pieces)
        if results:
            self._notes.save([*self._active, *self._waiting])
        if self._progress is not None:
            self._progress(self._done, self._total, self._rows)

    def _last_look(self) -> None:
        """Count each stretch of slices once more: rows may have come late into those read first."""
        for start, end in union((start, end) for start, end, _ in self._proven):
            parts = sorted(part for part in self._proven if start <= part[0] < end)
            pieces = tuple(piece for _, _, some in parts for piece in some)
            if len(parts) > 1 and all(piece.total is None for piece in pieces):
                self._workers.ask(Slice(start, end, end), partial(self._walker.prove, pieces))
                self._go_on(self._workers.results())
