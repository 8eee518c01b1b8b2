"""Gather history into a sink: only what coverage lacks, with parallel requests, resumable.

Every row of the range becomes a `Frame`. The ledger records which spans are now proven complete,
which are too recent to be proven, and which have counts that never matched.

Worker threads only send requests and parse responses; the calling thread alone writes to the sink
and the ledger, so that neither needs a lock. A checkpoint is set only after `Sink.flush` returned:
after an error, Ctrl-C or kill -9 the next run resumes at the last checkpoint, and repeats at most
a page of each slice.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from typing import Protocol

from hubbub.collector.decode.rejected import LARGEST
from hubbub.collector.event import DISMISSED_KEY, Frame, Ledger, Sink, Stop
from hubbub.collector.history.checkpoints import SECOND, Checkpoints, RecordedSpan
from hubbub.collector.history.client import ROWS, Filters, History
from hubbub.collector.history.estimate import Estimate, estimate
from hubbub.collector.history.paging import Pager, Piece, Proof, Slice, Step
from hubbub.collector.history.workers import Outcome, Workers
from hubbub.errors import UsageError
from hubbub.intervals import union
from hubbub.times import from_micros, iso, to_micros

__all__ = ["SETTLE", "Gathered", "Progress", "gather"]

SETTLE = timedelta(minutes=10)
_MIN_SPLIT = 8  # remaining pages of a slice for which it is split although no connection is idle
_WAIT = 0.2  # s; the longest delay of a stop
_MAX_PAGES = 64  # pages of a slice before it is proven and recorded, and a new slice continues


class Progress(Protocol):
    """Called after every batch."""

    def __call__(self, done: int, total: int, rows: int, /) -> None:
        """Report the seconds of history read, the seconds to be read, and the rows received."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The result of a gather."""

    requests: int
    rows: int  # received, including those that the store has already
    spans: tuple[RecordedSpan, ...]  # read in this run, by start
    incomplete: tuple[RecordedSpan, ...]  # the gaps among them, whose counts never matched
    refused: tuple[RecordedSpan, ...]  # the gaps among them of which all rows came, some unreadable


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
    max_message: int = LARGEST,
    progress: Progress | None = None,
    expect: Callable[[Estimate], None] | None = None,
    reached: Callable[[datetime], None] | None = None,
    stop: Stop | None = None,
    clock: Callable[[], float] = time.time,
) -> Gathered:
    """Gather what the ledger does not record as complete in [start, end).

    The range is widened to whole seconds. The last `settle` of it is recorded as unproven, since
    rows still arrive late there: the next run reads it again, and proves it if it is older than
    `settle` by the clock. Rows that the decoder refuses (or larger than `max_message` bytes, as the
    sink refuses them) are put into the sink like all others; their seconds are recorded as gaps.

    Besides `progress`, `expect` is called once, after the first response and before the requests
    that follow it, and `reached` after every batch, with the time before which all is read.

    `stop` ends the gather early: what was received is kept, and the next run continues there.

    Raises:
        UsageError: `start` is not before `end`, or `jobs` is less than one.
        SourceError: the history cannot be reached or its responses are invalid; rows received
            before are kept.
        StoreError: of the sink or the ledger.
    """
    if start >= end:
        raise UsageError(f"the range is empty: it starts {iso(start)} and ends {iso(end)}")
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: at least one request at a time")
    filters = Filters(tuple(categories), tuple(topics), tuple(users))
    first, last = max(to_micros(start) // SECOND, 1), -(-to_micros(end) // SECOND)
    run = _Run(
        history,
        sink,
        Checkpoints(ledger, history.source, filters.key, clock),
        filters=filters,
        jobs=jobs,
        max_message=max_message,
        dismissed=frozenset(ledger.get(DISMISSED_KEY) or ()),
        progress=progress,
        expect=expect,
        reached=reached,
        stop=stop or Flag(),
        clock=clock,
    )
    return run.gather(first, last, int(settle.total_seconds()))


class _Run:
    """The state of one gather: waiting, active and proven slices."""

    def __init__(
        self,
        history: History,
        sink: Sink,
        checkpoints: Checkpoints,
        *,
        filters: Filters,
        jobs: int,
        max_message: int,
        dismissed: frozenset[str],
        progress: Progress | None,
        expect: Callable[[Estimate], None] | None,
        reached: Callable[[datetime], None] | None,
        stop: Stop,
        clock: Callable[[], float],
    ) -> None:
        self._history, self._sink = history, sink
        self._progress, self._clock = progress, clock
        self._expect, self._report_reached = expect, reached
        self._stop = stop
        self._checkpoints = checkpoints
        self._jobs, self._slots = jobs, 2 * jobs if jobs > 1 else 1
        self._workers: Workers[Slice, Step | Proof] = Workers(jobs)
        self._pager = Pager(
            history,
            filters,
            self._workers.stopped,
            max_message=max_message,
            dismissed=dismissed,
        )
        self._waiting: deque[Slice] = deque()
        self._active: list[Slice] = []
        self._proven: list[tuple[int, int, tuple[Piece, ...]]] = []  # start, end, pieces
        self._rows = self._done = self._total = 0
        self._end = 0  # of the range, s
        self._reached = False  # whether the service has answered

    def gather(self, first: int, last: int, settle: int) -> Gathered:
        """Gather [first, last), seconds."""
        requests_before = self._history.requests
        self._waiting.extend(self._checkpoints.plan(first, last, settle))
        self._total = sum(part.end - part.start for part in self._waiting)
        self._done = sum(part.position - part.start for part in self._waiting)
        self._end = last
        try:
            self._start_slices()
            while self._active and not self._stop.is_set():
                if results := self._workers.wait(_WAIT):
                    self._handle(results)
            self._prove_again()
        finally:  # also after an error or Ctrl-C
            self._workers.stop()
            self._keep(self._workers.finished())
        spans = self._checkpoints.spans()
        gaps = [span for span in spans if span.state == "gap"]
        return Gathered(
            self._history.requests - requests_before,
            self._rows,
            spans,
            incomplete=tuple(span for span in gaps if not span.refused),
            refused=tuple(span for span in gaps if span.refused),
        )

    def _handle(self, results: list[Outcome[Slice, Step | Proof]]) -> None:
        """Keep a batch of results, then request what follows each of them."""
        if not self._reached and self._expect is not None:
            self._estimate(results, self._expect)
        self._keep(results)
        self._reached = True
        for _, _, error in results:
            if error is not None:
                raise error
        for part, result, _ in results:
            if isinstance(result, Step):
                self._split(part, result.remaining)
                self._continue(part)
        self._start_slices()

    def _estimate(
        self, results: list[Outcome[Slice, Step | Proof]], expect: Callable[[Estimate], None]
    ) -> None:
        for part, result, _ in results[:1]:
            if isinstance(result, Step):
                unread = self._total - self._done
                expect(estimate(part, result, unread=unread, slices=self._slots))

    def _start_slices(self) -> None:
        # A single request finds out whether the service can be reached.
        slots = self._slots if self._reached else 1
        while self._waiting and len(self._active) < slots:
            part = self._waiting.popleft()
            self._active.append(part)
            self._continue(part)

    def _continue(self, part: Slice) -> None:
        """Request a slice's next page, or its proof."""
        if len(part.pieces) >= _MAX_PAGES and part.position < part.end:
            position = part.position
            rest = Slice(position, position, part.end, part.settled, seen=part.seen)
            self._waiting.appendleft(rest)
            part.end = position
        if part.position < part.end:
            self._workers.submit(part, partial(self._pager.step, part.position, part.end))
        elif part.settled:
            self._workers.submit(part, partial(self._pager.prove, tuple(part.pieces)))
        else:
            self._active.remove(part)
            self._checkpoints.record_unproven(part)

    def _split(self, part: Slice, remaining: int) -> None:
        """Split the rest of a slice for connections that are idle or soon will be.

        Two slices per connection keep it busy while received rows are made durable.
        """
        slices = len(self._active) + len(self._waiting)
        parts = min(self._jobs - slices + 1, -(-remaining // ROWS))
        if parts <= 1 and slices < self._slots and remaining > _MIN_SPLIT * ROWS:
            parts = 2
        parts = min(parts, part.end - part.position)
        if parts > 1:
            self._waiting.extend(part.split(parts))

    def _keep(self, results: list[Outcome[Slice, Step | Proof]]) -> None:
        """Make results durable: the rows first, then the checkpoints."""
        arrived = int(self._clock() * SECOND)
        rows = [
            row
            for part, result, _ in results
            if result is not None
            for row in (part.new_rows(result) if isinstance(result, Step) else result.rows)
        ]
        for row in rows:
            self._sink.put(Frame(self._history.source, arrived, row.topic, row.body))
        if rows:
            self._sink.flush()
            self._rows += len(rows)
        for part, result, _ in results:
            if isinstance(result, Step):
                self._done += result.until - part.position
                part.advance(result)
            elif result is not None:
                if part in self._active:
                    self._active.remove(part)
                self._proven.append((part.start, part.end, result.pieces))
                self._checkpoints.record_proven(part, result.pieces)
        if results:
            self._checkpoints.save([*self._active, *self._waiting])
        if self._progress is not None:
            self._progress(self._done, self._total, self._rows)
        if self._report_reached is not None:
            unread = [part.position for part in (*self._active, *self._waiting)]
            self._report_reached(from_micros(min(unread, default=self._end) * SECOND))

    def _prove_again(self) -> None:
        """Prove each stretch of slices as a whole: rows may have come late into the first ones."""
        for start, end in union((start, end) for start, end, _ in self._proven):
            slices = sorted(proven for proven in self._proven if start <= proven[0] < end)
            pieces = tuple(piece for _, _, proven in slices for piece in proven)
            if len(slices) > 1 and all(piece.total is None for piece in pieces):
                whole = Slice(start, end, end)
                self._workers.submit(whole, partial(self._pager.prove, pieces))
                while not self._stop.is_set():
                    if results := self._workers.wait(_WAIT):
                        self._handle(results)
                        break
