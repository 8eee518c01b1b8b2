"""Page through a slice of history, and prove that no row is missing.

Page numbers lose and repeat rows with equal timestamps, so paging goes by key: each request is for
page 1, starting at the last row's second. The proof is the service's own `total` for the same
window: where it differs from the number of rows received, the window is bisected until both match.
Rows of another time than the one asked for prove nothing, and rows that the decoder will refuse
are noted: they do not become events, so their seconds are not complete.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, takewhile

from hubbub.collector.decode.message import decode
from hubbub.collector.decode.rejected import LARGEST, digest
from hubbub.collector.event import Frame
from hubbub.collector.history.client import (
    EVERYTHING,
    ROWS,
    Filters,
    History,
    PageTooLargeError,
)
from hubbub.collector.history.response import Page, Row
from hubbub.errors import MessageError, SourceError
from hubbub.logger import get_logger

__all__ = ["Pager", "Piece", "Proof", "Slice", "Step"]

_log = get_logger("hubbub.history")
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
    #: (start, end, rows) in which rows cannot become events; a second each where that is known
    refused: tuple[tuple[int, int, int], ...] = ()


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
        self.seen = {row.key for row in step.rows[step.leading :]}
        self.pieces.append(step.piece)
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
    piece: Piece  # what was read of the slice
    leading: int  # rows of the page that belong to the piece
    remaining: int  # rows from `until` to the end of the slice, by the service's count

    @property
    def until(self) -> int:
        """The slice is read up to this second."""
        return self.piece.end


@dataclass(frozen=True, slots=True)
class Proof:
    """Pieces checked against the service's count, and the rows that were read again for it.

    The pieces replace the checked ones; one with a `total` never matched.
    """

    rows: tuple[Row, ...]
    pieces: tuple[Piece, ...]


class Pager:
    """Reads and proves windows of one history under one set of filters.

    Args:
        history: the service.
        filters: which messages.
        stopped: ends the waiting between attempts once it is set.
        max_message: bytes; a larger row is refused.
        dismissed: digests of rows that are refused, and that the user has declared to be none.
    """

    def __init__(
        self,
        history: History,
        filters: Filters = EVERYTHING,
        stopped: threading.Event | None = None,
        *,
        max_message: int = LARGEST,
        dismissed: Collection[str] = frozenset(),
    ) -> None:
        self._history, self._filters, self._stopped = history, filters, stopped
        self._max_message, self._dismissed = max_message, dismissed
        self._mismatches = 0

    def _window(self, start: int, end: int, rows: int = ROWS) -> Page:
        return self._history.window(start, end, self._filters, rows=rows, stopped=self._stopped)

    def step(self, start: int, end: int) -> Step:
        """Read the next page of [start, end), or of a part of it if the page is too large.

        Raises:
            SourceError: of the history, or the rows do not belong to the window.
        """
        while True:
            try:
                return self._step(start, end)
            except PageTooLargeError as error:
                if end - start <= 1:  # the other seconds can be read; the proof finds a gap here
                    _log.warning("history.too_large", why=error.what, hint=error.hint)
                    return Step((), Piece(start, end, 0), 0, 0)
                end = (start + end) // 2

    def _step(self, start: int, end: int) -> Step:
        for _ in range(_READS):
            page = self._window(start, end)
            is_last = len(page.rows) < ROWS and page.total <= len(page.rows)
            if is_last and len(page.within(start, end)) == len(page.rows):
                return self._whole(page, start, end)
            if len(page.rows) == ROWS:
                break  # otherwise the total promises more rows, or some are of another time
        if is_last:
            piece = self._piece(page.rows, start, end, total=page.total)
            return Step(page.rows, piece, len(page.rows), 0)
        if not page.rows:  # no position to continue from; the proof bisects it or finds a gap
            return Step((), Piece(start, end, 0), 0, 0)
        seconds = (row.second for row in reversed(page.rows))
        last = next((s for s in seconds if s is not None and start <= s < end), None)
        if last is None:
            raise SourceError(
                f"no row of the response has a time within the request, {start} to {end}",
                where=self._history.url,
                hint="is this the address of a datagrepper? does a cache ignore the question?",
            )
        if last > start:
            trailing = takewhile(lambda row: row.second in {last, None}, reversed(page.rows))
            leading = len(page.rows) - len(list(trailing))
            piece = self._piece(page.rows[:leading], start, last)
            return Step(page.rows, piece, leading, max(page.total - leading, 0))
        if end - start == 1 and len(page.rows) < ROWS:
            return Step(page.rows, self._piece(page.rows, start, end), len(page.rows), 0)
        second = self._window(start, start + 1, rows=0)  # it holds more rows than a page
        return self._whole(second, start, start + 1, max(page.total - len(second.rows), 0))

    def _whole(self, page: Page, start: int, end: int, remaining: int = 0) -> Step:
        """Return the step of a page that holds all rows of [start, end)."""
        piece = self._piece(page.rows, start, end, verified=page.proves(start, end))
        return Step(page.rows, piece, len(page.rows), remaining)

    def _piece(
        self,
        rows: Sequence[Row],
        start: int,
        end: int,
        *,
        verified: bool = False,
        total: int | None = None,
    ) -> Piece:
        """Return the piece [start, end) of which these rows came, if they are of that time."""
        within = [row for row in rows if row.may_lie_in(start, end)]
        seconds = [row.second for row in within if self._is_refused(row)]
        refused: tuple[tuple[int, int, int], ...] = ((start, end, len(seconds)),)
        if None not in seconds:
            refused = tuple((s, s + 1, n) for s, n in sorted(Counter(seconds).items()) if s)
        return Piece(start, end, len(within), verified, total, refused)

    def _is_refused(self, row: Row) -> bool:
        """Whether the decoder will refuse the row, which then is a dead letter and no event.

        Not where the user has dismissed that dead letter.
        """
        frame = Frame(self._history.source, 0, row.topic, row.body)
        try:
            decode(frame, max_message=self._max_message)
        except MessageError:
            return digest(row.body) not in self._dismissed
        return False

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
        if len(pieces) == 1 and pieces[0].total is not None:  # rows of another time came
            yield from self._read_again(pieces[0])
            return
        page = self._window(start, end, rows=1)
        if page.total == rows and len(page.within(start, end)) == len(page.rows):
            yield (), [replace(piece, total=None) for piece in pieces]
        elif len(pieces) > 1 and self._mismatches < _MAX_MISMATCHES:
            middle = len(pieces) // 2
            yield from self._prove(pieces[:middle])
            yield from self._prove(pieces[middle:])
        else:
            yield from self._read_again(Piece(start, end, rows, total=page.total))

    def _read_again(self, piece: Piece) -> Iterator[tuple[tuple[Row, ...], list[Piece]]]:
        """Read a piece without relying on the rows' times: by halves, down to one second."""
        start, end = piece.start, piece.end
        if self._mismatches >= _MAX_MISMATCHES:
            yield (), [piece]
            return
        try:
            page = self._window(start, end)
        except PageTooLargeError:
            if end - start <= 1:
                yield (), [piece]
                return
            page = None
        if page is None or (
            end - start > 1 and (page.total > len(page.rows) or len(page.rows) == ROWS)
        ):
            middle = (start + end) // 2
            rows, total = (
                (piece.rows, piece.total) if page is None else (len(page.rows), page.total)
            )
            for half in ((start, middle), (middle, end)):
                yield from self._read_again(Piece(*half, rows, total=total))
            return
        for _ in range(_READS):
            if page.proves(start, end) and len(page.rows) < ROWS:
                break
            try:
                page = self._window(start, end, rows=0 if end - start == 1 else ROWS)
            except PageTooLargeError:  # the rest of this second stays a gap
                self._mismatches += 1
                break
            if page.proves(start, end):
                break
        else:
            self._mismatches += 1
        proven = page.proves(start, end)
        total = None if proven else page.total
        yield page.rows, [self._piece(page.rows, start, end, verified=proven, total=total)]
