"""Checkpoints of a gather in the ledger: how far slices were read, and which spans are proven."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hubbub.collector.event import DAMAGE_KEY, GATHER_PREFIX, Ledger
from hubbub.collector.history.paging import Piece, Slice
from hubbub.intervals import subtract, whole_seconds
from hubbub.language.plurals import plural

__all__ = ["SECOND", "Checkpoints", "RecordedSpan"]

SECOND = 1_000_000  # µs
_IS, _ARE = "was refused and is no event", "were refused and are no events"
_MAX_OUTSIDE = 64  # unfinished slices outside a run's range that are kept for a later run


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """[start, end) in µs, its state in the ledger, and the proof."""

    start: int
    end: int
    state: str
    proof: str
    refused: int = 0  # rows for which it is a gap: all came, but these cannot become events


class Checkpoints:
    """The ledger's entries for one history and one set of filters."""

    def __init__(
        self, ledger: Ledger, source: str, filters: str, clock: Callable[[], float]
    ) -> None:
        self._ledger, self._source, self._filters, self._clock = ledger, source, filters, clock
        self._key = f"{GATHER_PREFIX}{source} {filters}".rstrip()
        self._initial_damage = ledger.get(DAMAGE_KEY)
        self._outside: list[Any] = []
        self._spans: list[RecordedSpan] = []

    def plan(self, first: int, last: int, settle: int) -> list[Slice]:
        """Return the slices of [first, last), seconds, that are not covered yet.

        Unfinished slices are resumed. Slices of the last `settle` seconds are not `settled`, since
        rows still arrive late there.
        """
        own = self._ledger.spans(self._source, self._filters)
        unfiltered = self._ledger.spans(self._source, "") if self._filters else []
        covered = whole_seconds(
            (start, end)
            for start, end, state in (*own, *unfiltered)
            if state in {"complete", "healed"}
        )
        read_before = whole_seconds((start, end) for start, end, _ in own)
        settled_until = self._settled_until(first, last, settle, read_before)
        slices: dict[int, Slice] = {}  # by the position where reading continues
        for part in _load(self._ledger.get(self._key)):
            read = (part.start, part.position)
            if subtract([read], covered) != [read] or part.position > settled_until:
                continue  # proven since then, or read too early by today's settling time
            if part.position < first or part.start >= last:
                self._outside = [*self._outside, _entry(part)][-_MAX_OUTSIDE:]
            else:
                slices[part.position] = part
        already_read = ((part.start, part.position) for part in slices.values())
        for start, end in subtract([(first, last)], [*covered, *already_read]):
            self._add(slices, start, min(end, settled_until), settled=True)
            self._add(slices, max(start, settled_until), end, settled=False)
        return sorted(slices.values(), key=lambda part: part.start)

    @staticmethod
    def _add(slices: dict[int, Slice], start: int, end: int, *, settled: bool) -> None:
        """Add [start, end) unless it is empty; an unfinished slice that ends at `start` grows."""
        if start < end and settled and start in slices:
            slices[start].end = end
        elif start < end:
            slices[start] = Slice(start, start, end, settled)

    def _settled_until(
        self, first: int, last: int, settle: int, read_before: list[tuple[int, int]]
    ) -> int:
        """Return the second before which a matching count is a proof."""
        settled_by_clock = int(self._clock()) - settle
        trailing = (max(first, last - settle), last)
        if last <= settled_by_clock and not subtract([trailing], read_before):
            return last  # the trailing part was read before, and is old enough now
        return min(last - settle, settled_by_clock)

    def save(self, slices: Iterable[Slice]) -> None:
        """Save unfinished slices; to be called only once all their rows are durable."""
        unfinished = [
            _entry(part) for part in slices if part.settled and part.position > part.start
        ]
        entries = [] if self._damaged() else [*self._outside, *unfinished]
        self._ledger.set(self._key, entries or None)

    def record_proven(self, part: Slice, pieces: Sequence[Piece]) -> None:
        """Record a slice as complete, except where rows are missing: those spans are gaps.

        Rows are missing where the counts never matched, and where rows cannot become events.
        If durable rows were damaged during the run, any slice may have lost some. It is then
        recorded as a gap, and the next run reads it again.
        """
        gaps = [piece for piece in pieces if piece.total is not None]
        for piece in gaps:
            came = plural(piece.rows, "row")
            proof = f"{came} of this time came where history counts {piece.total:,}"
            self._record(piece.start, piece.end, "gap", proof)
        bad = [(piece.start, piece.end) for piece in gaps]
        refused = _refused(piece for piece in pieces if piece.total is None)
        for start, end, rows in refused:
            self._record(start, end, "gap", _refusal(rows), refused=rows)
        without = [(start, end) for start, end, _ in refused]
        for start, end in subtract([(part.start, part.end)], bad):
            within = [piece for piece in pieces if start <= piece.start < end]
            for stretch in subtract([(start, end)], without):
                self._record(*stretch, "complete", _proof(within))
        # Checked after recording: damage reported later reopens the recorded spans.
        if self._damaged():
            self._record(part.start, part.end, "gap", "rows of it were damaged on the disk")

    def record_unproven(self, part: Slice) -> None:
        """Record a slice that was read while rows may still arrive late."""
        self._record(part.start, part.end, "unproven", f"{_rows(part.pieces)}, more may come late")

    def _damaged(self) -> bool:
        return bool(self._ledger.get(DAMAGE_KEY) != self._initial_damage)

    def spans(self) -> tuple[RecordedSpan, ...]:
        """Return the spans that this run recorded, by start."""
        return tuple(sorted(self._spans, key=lambda span: span.start))

    def _record(self, start: int, end: int, state: str, proof: str, *, refused: int = 0) -> None:
        new = RecordedSpan(start * SECOND, end * SECOND, state, proof, refused)
        self._ledger.span(self._source, self._filters, new.start, new.end, state, proof)
        self._spans = [
            span for span in self._spans if not new.start <= span.start < span.end <= new.end
        ]
        self._spans.append(new)


def _rows(pieces: Iterable[Piece]) -> str:
    """Say how many rows came, and how many of them cannot become events."""
    rows, refused = 0, 0
    for piece in pieces:
        rows, refused = rows + piece.rows, refused + sum(n for *_, n in piece.refused)
    if refused:
        return f"{plural(rows, 'row')}, of which {plural(refused, _IS, _ARE)}"
    return plural(rows, "row")


def _refused(pieces: Iterable[Piece]) -> list[tuple[int, int, int]]:
    """Return the (start, end, rows) in which rows were refused; adjoining ones are joined."""
    joined: list[tuple[int, int, int]] = []
    for start, end, rows in sorted(span for piece in pieces for span in piece.refused):
        if joined and joined[-1][1] == start:
            first, _, before = joined.pop()
            joined.append((first, end, before + rows))
        else:
            joined.append((start, end, rows))
    return joined


def _refusal(rows: int) -> str:
    return f"{plural(rows, f'row {_IS}', f'rows {_ARE}')} (see hubbub dead-letters)"


def _proof(pieces: Sequence[Piece]) -> str:
    return f"{_rows(pieces)}, as many as history counts"


def _entry(part: Slice) -> list[Any]:
    """Return [start, [[end, rows, verified, refused] of each piece]], a slice as JSON."""
    pieces = [[piece.end, piece.rows, piece.verified, piece.refused] for piece in part.pieces]
    return [part.start, pieces]


def _load(entries: Any) -> list[Slice]:
    slices = []
    for start, pieces in entries or ():
        part = Slice(start, start, start)
        for end, rows, verified, *rest in pieces:  # older entries lack `refused`, or count it
            spans = rest[0] if rest else ()
            if isinstance(spans, int):
                spans = [(part.position, end, spans)] if spans else ()
            refused = tuple((first, last, n) for first, last, n in spans)
            part.pieces.append(Piece(part.position, end, rows, verified, refused=refused))
            part.position = part.end = end
        slices.append(part)
    return slices
