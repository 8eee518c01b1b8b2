"""Page through a slice of history, and prove that no row is missing.

Page numbers lose and repeat rows with equal timestamps, so paging goes by key: each request is for
page 1, starting at the last row's second. The proof is the service's own `total` for the same
window: where it differs from the number of rows received, the window is bisected until both match.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from hubbub.collector.history.client import EVERYTHING, ROWS, Filters, History
from hubbub.collector.history.response import Page, Row
from hubbub.errors import SourceError

__all__ = ["Pager", "Piece", "Proof", "Slice", "Step"]

_READS = 3  # of a window whose counts do not match
_MAX_MISMATCHES = 8  # windows; after that the service's counts are wrong, and bisecting is in vain


@dataclass(frozen=True, slots=True)
class Piece:
    """[start, end) in seconds since the epoch, and how many rows it holds."""

    start: int
    end: int
    rows: int
    verified: bool = False  # a single response held all rows, and its total matched
    total: int | None = None  # the service's count, if it never matched `rows`


@dataclass(slots=True, eq=False)
class Slice:
    """[start, end) in seconds, of which [start, position) was read, in adjoining `pieces`."""

    start: int
    position: int
    end: int
    settled: bool = True  # False: rows may still arrive late, so no count proves anything
    pieces: list[Piece] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)  # keys of rows received for second `position`

    def new_rows(self, step: Step) -> list[Row]:
        """Return the step's rows that the previous step did not have."""
        return [row for row in step.rows if row.key not in self.seen]

    def advance(self, step: Step) -> None:
        """Move the position past a step, whose rows are durable now."""
        self.seen = {row.key for row in step.rows[step.count :]}
        self.pieces.append(Piece(self.position, step.until, step.count, verified=step.verified))
        self.position = step.until

    def split(self, parts: int) -> list[Slice]:
        """Keep the first of `parts` equal parts of what is unread; return the others."""
        width = self.end - self.position
        bounds = [self.position + width * n // parts for n in range(1, parts)] + [self.end]
        self.end = bounds[0]
        return [Slice(start, start, end, self.settled) for start, end in pairwise(bounds)]


@dataclass(frozen=True, slots=True)
class Step:
    """The result of one page."""

    rows: tuple[Row, ...]
    until: int  # the slice is read up to this second
    count: int  # leading rows that lie before `until`
    remaining: int  # rows from `until` to the end of the slice, by the service's count
    verified: bool  # as in Piece


@dataclass(frozen=True, slots=True)
class Proof:
    """Pieces checked against the service's count, and the rows that were read again for it.

    The pieces replace the checked ones; one with a `total` never matched.
    """

    rows: tuple[Row, ...]
    pieces: tuple[Piece, ...]


class Pager:
    """Reads and proves windows of one history under one set of filters."""

    def __init__(
        self,
        history: History,
        filters: Filters = EVERYTHING,
        stopped: threading.Event | None = None,
    ) -> None:
        self._history, self._filters, self._stopped = history, filters, stopped
        self._mismatches = 0

    def _window(self, start: int, end: int, rows: int = ROWS) -> Page:
        return self._history.window(start, end, self._filters, rows=rows, stopped=self._stopped)

    def step(self, start: int, end: int) -> Step:
        """Read the next page of [start, end).

        Raises:
            SourceError: of the history, or the rows do not belong to the window.
        """
        for _ in range(_READS):
            page = self._window(start, end)
            if len(page.rows) < ROWS and page.total <= len(page.rows):
                return Step(page.rows, end, len(page.rows), 0, page.is_complete)
            if len(page.rows) == ROWS:
                break  # otherwise the page is not full, although the total promises more rows
        if not page.rows:  # no position to continue from; the proof bisects it or finds a gap
            return Step((), end, 0, 0, verified=False)
        seconds = (row.second for row in reversed(page.rows))
        last = next((s for s in seconds if s is not None and start <= s < end), None)
        if last is None:
            raise SourceError(
                f"no row of the response has a time within the request, {start} to {end}",
                where=self._history.url,
                hint="is this the address of a datagrepper?",
            )
        if last > start:
            trailing = takewhile(lambda row: row.second in {last, None}, reversed(page.rows))
            count = len(page.rows) - len(list(trailing))
            return Step(page.rows, last, count, max(page.total - count, 0), verified=False)
        if end - start == 1 and len(page.rows) < ROWS:
            return Step(page.rows, end, len(page.rows), 0, verified=False)
        second = self._window(start, start + 1, rows=0)  # it holds more rows than a page
        remaining = max(page.total - len(second.rows), 0)
        return Step(second.rows, start + 1, len(second.rows), remaining, second.is_complete)

    def prove(self, pieces: Sequence[Piece]) -> Proof:
        """Compare adjoining pieces with the service's count, and read again those that differ.

        Raises:
            SourceError: of the history.
        """
        results = list(self._prove(pieces))
        return Proof(
            rows=tuple(row for rows, _ in results for row in rows),
            pieces=tuple(piece for _, proven in results for piece in proven),
        )

    def _prove(self, pieces: Sequence[Piece]) -> Iterator[tuple[tuple[Row, ...], list[Piece]]]:
        if len(pieces) == 1 and pieces[0].verified:
            yield (), list(pieces)
            return
        start, end, rows = pieces[0].start, pieces[-1].end, sum(piece.rows for piece in pieces)
        total = self._window(start, end, rows=1).total
        if total == rows:
            yield (), list(pieces)
        elif len(pieces) > 1 and self._mismatches < _MAX_MISMATCHES:
            middle = len(pieces) // 2
            yield from self._prove(pieces[:middle])
            yield from self._prove(pieces[middle:])
        else:
            yield from self._read_again(Piece(start, end, rows, total=total))

    def _read_again(self, piece: Piece) -> Iterator[tuple[tuple[Row, ...], list[Piece]]]:
        """Read a piece without relying on the rows' times: by halves, down to one second."""
        start, end = piece.start, piece.end
        if self._mismatches >= _MAX_MISMATCHES:
            yield (), [piece]
            return
        page = self._window(start, end)
        if end - start > 1 and (page.total > len(page.rows) or len(page.rows) == ROWS):
            middle = (start + end) // 2
            for half in ((start, middle), (middle, end)):
                yield from self._read_again(Piece(*half, len(page.rows), total=page.total))
            return
        for _ in range(_READS):
            if page.is_complete and len(page.rows) < ROWS:
                break
            page = self._window(start, end, rows=0 if end - start == 1 else ROWS)
            if page.is_complete:
                break
        else:
            self._mismatches += 1
        total = None if page.is_complete else page.total
        yield page.rows, [Piece(start, end, len(page.rows), page.is_complete, total)]
