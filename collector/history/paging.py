"""The walk over one slice of history, page by page, and the proof that nothing is missing.

Comes in: a `Slice` of time. Goes out: rows, and `Piece`s that say how many rows each second-aligned
part of the slice holds. It keeps nothing durable and knows no threads: gather does.

Page numbers lose and repeat rows among equal stamps, so the walk goes by key: always page 1, the
next start is the last row's second. The proof is the service's own `total` for the same window:
where it differs from the rows that came, the window is bisected until both agree.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from hubbub.collector.history.client import EVERYTHING, ROWS, Filters, History
from hubbub.collector.history.response import Answer, Row
from hubbub.errors import SourceError

__all__ = ["Piece", "Proof", "Slice", "Step", "Walker"]

_TRIES = 3  # times that a window whose numbers do not agree is read
_DOUBTS = 8  # windows that never agree, after which no more are bisected: the service's counts lie


@dataclass(frozen=True, slots=True)
class Piece:
    """[start, end) in seconds since the epoch, and how many rows it holds."""

    start: int
    end: int
    rows: int
    agreed: bool = False  # one answer held all its rows and counted as many
    total: int | None = None  # what the service counts, where that never agreed with `rows`


@dataclass(slots=True, eq=False)
class Slice:
    """[start, end) in seconds; [start, at) has been read, in `pieces` without holes."""

    start: int
    at: int
    end: int
    settled: bool = True  # False: rows may still come late, so no count proves anything
    pieces: list[Piece] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # keys of rows at the second `at`

    def fresh(self, step: Step) -> list[Row]:
        """The step's rows that the step before did not bring already."""
        return [row for row in step.rows if row.key not in self.seen]

    def take(self, step: Step) -> None:
        """Move on by one step, whose rows are durable now."""
        self.seen = {row.key for row in step.rows[step.count :]}
        self.pieces.append(Piece(self.at, step.until, step.count, agreed=step.agreed))
        self.at = step.until

    def cut(self, parts: int) -> list[Slice]:
        """Keep the first of `parts` equal parts of what is unread; the others as new slices."""
        width = self.end - self.at
        marks = [self.at + width * n // parts for n in range(1, parts)] + [self.end]
        self.end = marks[0]
        return [Slice(a, a, b, self.settled) for a, b in pairwise(marks)]


@dataclass(frozen=True, slots=True)
class Step:
    """What one page brought: its rows, the second up to which it is whole, and what is left."""

    rows: tuple[Row, ...]
    until: int  # the slice is read up to here
    count: int  # the first so many rows are before `until`
    left: int  # rows from `until` to the end of the slice, as the service counts
    agreed: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Pieces that the service's count was held against, and the rows that were read again for it.

    The pieces replace those that were given; one with a `total` never agreed.
    """

    rows: tuple[Row, ...]
    pieces: tuple[Piece, ...]


class Walker:
    """Reads and proves windows of one history under one set of filters."""

    def __init__(
        self,
        history: History,
        filters: Filters = EVERYTHING,
        stopped: threading.Event | None = None,
    ) -> None:
        self._history, self._filters, self._stopped = history, filters, stopped
        self._doubts = 0

    def _window(self, start: int, end: int, rows: int = ROWS) -> Answer:
        return self._history.window(start, end, self._filters, rows=rows, stopped=self._stopped)

    def step(self, start: int, end: int) -> Step:
        """Read the next page of [start, end).

        Raises:
            SourceError: what the history raises, or rows that belong elsewhere.
        """
        for _ in range(_TRIES):
            page = self._window(start, end)
            if len(page.rows) < ROWS and page.total <= len(page.rows):
                return Step(page.rows, end, len(page.rows), 0, page.agrees)
            if len(page.rows) == ROWS:
                break  # otherwise the page is not full although more are said to be there
        if not page.rows:  # nothing to go by; the proof will bisect it, or call it a gap
            return Step((), end, 0, 0, agreed=False)
        seconds = (row.second for row in reversed(page.rows))
        last = next((s for s in seconds if s is not None and start <= s < end), None)
        if last is None:
            raise SourceError(
                f"asked for {start} to {end}, it sends rows of another time, or of none",
                where=self._history.url,
                hint="this service cannot be walked; is it a datagrepper?",
            )
        if last > start:
            later = takewhile(lambda row: row.second in {last, None}, reversed(page.rows))
            count = len(page.rows) - len(list(later))
            return Step(page.rows, last, count, max(page.total - count, 0), agreed=False)
        if end - start == 1 and len(page.rows) < ROWS:
            return Step(page.rows, end, len(page.rows), 0, agreed=False)
        whole = self._window(start, start + 1, rows=0)  # a second that holds more than a page
        left = max(page.total - len(whole.rows), 0)
        return Step(whole.rows, start + 1, len(whole.rows), left, whole.agrees)

    def prove(self, pieces: Sequence[Piece]) -> Proof:
        """Compare adjoining pieces with the service's count, and read again what differs.

        Raises:
            SourceError: what the history raises.
        """
        parts = list(self._prove(pieces))
        return Proof(
            rows=tuple(row for rows, _ in parts for row in rows),
            pieces=tuple(piece for _, some in parts for piece in some),
        )

    def _prove(self, pieces: Sequence[Piece]) -> Iterator[tuple[tuple[Row, ...], list[Piece]]]:
        if len(pieces) == 1 and pieces[0].agreed:
            yield (), list(pieces)
            return
        start, end, rows = pieces[0].start, pieces[-1].end, sum(piece.rows for piece in pieces)
        total = self._window(start, end, rows=1).total
        if total == rows:
            yield (), list(pieces)
        elif len(pieces) > 1 and self._doubts < _DOUBTS:
            middle = len(pieces) // 2
            yield from self._prove(pieces[:middle])
            yield from self._prove(pieces[middle:])
        else:
            yield from self._read_again(Piece(start, end, rows, total=total))

    def _read_again(self, doubtful: Piece) -> Iterator[tuple[tuple[Row, ...], list[Piece]]]:
        """Read a piece without trusting any row's time: halves of it, down to one second."""
        start, end = doubtful.start, doubtful.end
        if self._doubts >= _DOUBTS:
            yield (), [doubtful]
            return
        page = self._window(start, end)
        if end - start > 1 and (page.total > len(page.rows) or len(page.rows) == ROWS):
            middle = (start + end) // 2
            for half in ((start, middle), (middle, end)):
                yield from self._read_again(Piece(*half, len(page.rows), total=page.total))
            return
        for _ in range(_TRIES):
            if page.agrees and len(page.rows) < ROWS:
                break
            page = self._window(start, end, rows=0 if end - start == 1 else ROWS)
            if page.agrees:
                break
        else:
            self._doubts += 1
        total = None if page.agrees else page.total
        piece = Piece(start, end, len(page.rows), agreed=page.agrees, total=total)
        yield page.rows, [piece]
