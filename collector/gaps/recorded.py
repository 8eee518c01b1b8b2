"""What the ledger holds of a bus and of the history that heals it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubbub.collector.event import Ledger
from hubbub.collector.gaps.audit import MINUTE
from hubbub.intervals import Spans, subtract, union

__all__ = ["Recorded"]

_SECOND = 1_000_000  # µs
_PROVEN = frozenset({"complete", "healed"})


class Recorded:
    """The spans of some sources of a bus and of one history, under one filter.

    Args:
        ledger: the ledger.
        history: the source of the history.
        sources: of the bus.
        filters: key of the filters, as in the ledger; empty for none.
    """

    def __init__(self, ledger: Ledger, history: str, sources: Sequence[str], filters: str) -> None:
        self._ledger, self._history = ledger, history
        self._sources, self._filters = tuple(sources), filters

    def gaps(self) -> Spans:
        """Return what is missing, µs: the gaps of the bus, and within its time those of history.

        Those of history have rows that were refused, or that it counts and does not deliver. With
        filters the healer reads whatever is not proven, so only those of the bus are returned.
        """
        bus = union(
            (start, end)
            for source in self._sources
            for start, end, state in self._ledger.spans(source, self._filters)
            if state == "gap"
        )
        if self._filters:
            return bus
        own, listened = self._own_gaps(), self.listened()
        return union([*bus, *subtract(own, subtract(own, listened))])

    def listened(self) -> Spans:
        """Return the spans in any state of all sources of the bus, µs."""
        return union(
            (start, end)
            for source in self._sources
            for start, end, _ in self._ledger.spans(source, self._filters)
        )

    def proven(self) -> Spans:
        """Return the spans that the store provably has as completely as history, µs."""
        spans = self._ledger.spans(self._history, self._filters)
        if self._filters:
            spans = [*spans, *self._ledger.spans(self._history, "")]
        return union((start, end) for start, end, state in spans if state in _PROVEN)

    def proven_seconds(self) -> Spans:
        """Return the same in whole seconds."""
        return [(start // _SECOND, end // _SECOND) for start, end in self.proven()]

    def unreadable(self, differences: Mapping[int, int]) -> Spans:
        """Return the gaps of history, seconds, that explain why the store has fewer messages.

        Args:
            differences: by minute, how many more messages history counts than the store can hold.
        """
        gaps = [(start // _SECOND, -(-end // _SECOND)) for start, end in self._own_gaps()]
        fewer = union((minute, minute + MINUTE) for minute, n in differences.items() if n > 0)
        return subtract(gaps, subtract(gaps, fewer))

    def _own_gaps(self) -> Spans:
        spans = self._ledger.spans(self._history, self._filters)
        return union((start, end) for start, end, state in spans if state == "gap")
