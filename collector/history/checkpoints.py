"""What a gather writes down and reads again: how far each slice is, and which spans are proven.

Comes in: slices and their proofs. Goes out: entries of the `Ledger`, and from them the slices that
a run still has to read. It never asks a history for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hubbub.collector.event import DAMAGE_KEY, GATHER_PREFIX, Ledger
from hubbub.collector.history.paging import Piece, Slice
from hubbub.intervals import subtract, whole_seconds

__all__ = ["SECOND", "Notes", "Span"]

SECOND = 1_000_000  # µs
_ELSEWHERE = 64  # begun slices outside a run's range that are kept for a later run


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in µs, its state in the ledger, and why."""

    start: int
    end: int
    state: str
    proof: str


class Notes:
    """The part of a ledger that is about one history under one set of filters."""

    def __init__(
        self, ledger: Ledger, source: str, filters: str, clock: Callable[[], float]
    ) -> None:
        self._ledger, self._source, self._filters, self._clock = ledger, source, filters, clock
        self._key = f"{GATHER_PREFIX}{source} {filters}".rstrip()
        self._damage = ledger.get(DAMAGE_KEY)  # as it was before the first row came
        self._elsewhere: list[Any] = []
        self._spans: list[Span] = []

    def plan(self, first: int, last: int, settle: int) -> list[Slice]:
        """The slices of [first, last), seconds, that the ledger lacks; begun ones are gone on with.

        Rows still come late into the last `settle` seconds: slices there are not `settled`.
        """
        known = self._ledger.spans(self._source, self._filters)
        every = [*known, *(self._ledger.spans(self._source, "") if self._filters else ())]
        covered = whole_seconds((a, b) for a, b, state in every if state in {"complete", "healed"})
        once = whole_seconds((a, b) for a, b, _ in known)
        settled = self._settled(first, last, settle, once)
        begun: dict[int, Slice] = {}
        for part in _saved(self._ledger.get(self._key)):
            inside = subtract([(part.start, part.at)], covered) == [(part.start, part.at)]
            if not inside or part.at > settled:
                continue  # proven since then, or asked too early by today's settling time
            if part.at < first or part.start >= last:
                self._elsewhere = [*self._elsewhere, _entry(part)][-_ELSEWHERE:]
            else:
                begun[part.at] = part
        read = ((part.start, part.at) for part in begun.values())
        for a, b in subtract([(first, last)], [*covered, *read]):
            for start, end, is_settled in ((a, min(b, settled), True), (max(a, settled), b, False)):
                if start < end and is_settled and start in begun:
                    begun[start].end = end
                elif start < end:
                    begun[start] = Slice(start, start, end, is_settled)
        return sorted(begun.values(), key=lambda part: part.start)

    def _settled(self, first: int, last: int, settle: int, once: list[tuple[int, int]]) -> int:
        """The second before which an agreeing count is a proof."""
        old = int(self._clock()) - settle
        if last <= old and not subtract([(max(first, last - settle), last)], once):
            return last  # the trailing part was read before, and is old enough now
        return min(last - settle, old)

    def save(self, parts: Iterable[Slice]) -> None:
        """Set the checkpoint; to be called only when the rows of all these slices are durable."""
        begun = [_entry(part) for part in parts if part.settled and part.at > part.start]
        kept = [] if self._damaged() else [*self._elsewhere, *begun]
        self._ledger.set(self._key, kept or None)

    def proven(self, part: Slice, pieces: Sequence[Piece]) -> None:
        """Record a slice as complete, but pieces whose numbers never agreed as gaps.

        Where rows of this run were damaged on the disk meanwhile, nobody can tell whose: nothing
        that it reads is complete any more, and the next run reads it again.
        """
        bad = [piece for piece in pieces if piece.total is not None]
        for piece in bad:
            what = f"{piece.rows} rows came where history counts {piece.total}"
            self._record(piece.start, piece.end, "gap", what)
        for start, end in subtract([(part.start, part.end)], ((p.start, p.end) for p in bad)):
            rows = sum(piece.rows for piece in pieces if start <= piece.start < end)
            self._record(start, end, "complete", f"{rows} rows, as many as history counts")
        if self._damaged():  # asked after that was said: either whoever found it knows, or we do
            self._record(part.start, part.end, "gap", "rows of it were damaged on the disk")

    def unproven(self, part: Slice) -> None:
        """Record a slice that was read while rows may still come late."""
        rows = sum(piece.rows for piece in part.pieces)
        self._record(part.start, part.end, "unproven", f"{rows} rows, more may come late")

    def _damaged(self) -> bool:
        return bool(self._ledger.get(DAMAGE_KEY) != self._damage)

    def spans(self) -> tuple[Span, ...]:
        """What this run recorded, by start."""
        return tuple(sorted(self._spans, key=lambda span: span.start))

    def _record(self, start: int, end: int, state: str, why: str) -> None:
        span = Span(start * SECOND, end * SECOND, state, why)
        self._ledger.span(self._source, self._filters, span.start, span.end, span.state, span.proof)
        inside = (span.start, span.end)
        self._spans = [s for s in self._spans if not inside[0] <= s.start < s.end <= inside[1]]
        self._spans.append(span)


def _entry(part: Slice) -> list[Any]:
    """[start, [[end, rows, agreed] of each piece]], as JSON keeps it."""
    return [part.start, [[piece.end, piece.rows, piece.agreed] for piece in part.pieces]]


def _saved(entries: Any) -> list[Slice]:
    parts = []
    for start, pieces in entries or ():
        part = Slice(start, start, start)
        for end, rows, agreed in pieces:
            part.pieces.append(Piece(part.at, end, rows, agreed=agreed))
            part.at = part.end = end
        parts.append(part)
    return parts
