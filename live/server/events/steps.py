"""Read what some handlers get next: from the journal, from their past, or from the stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hubbub.collector.decode.posted import KIND
from hubbub.run.handling import Turn
from hubbub.store.journal.journal import Journal
from hubbub.store.stream.places import Place
from hubbub.store.stream.reading import Reader, Stored
from hubbub.store.stream.stream import FOLDER, past_folder

__all__ = ["Step", "StepReader"]

_ROWS, _SIZE = 500, 4 << 20  # batches of the journal, and bytes of them, in one step
_JOURNAL_IN_A_ROW = 10  # steps after which stored events get their turn, too


@dataclass(frozen=True, slots=True)
class Step:
    """What handlers get next, and their places afterwards."""

    turns: list[Turn]
    after: dict[str, Place] = field(default_factory=dict)


class StepReader:
    """Reads for the handlers of one lane.

    Args:
        folder: of the store.
        journal: open.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder, self._journal = folder / FOLDER, journal
        self._own_source = f"{KIND}:{journal.key}"
        self._stream = Reader(self._folder)
        self._pasts: dict[str, Reader] = {}
        self._in_a_row = 0

    def next(self, places: Mapping[str, Place], *, single: bool = False) -> Step | None:
        """Return the next step; None if there is nothing yet.

        Those that are behind the others go first, so that all are equally far in the end.

        Args:
            places: of the handlers, in their order.
            single: only one batch of the journal.
        """
        if not places:
            return None
        if self._in_a_row < _JOURNAL_IN_A_ROW and (step := self._posted(places, single=single)):
            self._in_a_row += 1
            return step
        waited, self._in_a_row = self._in_a_row, 0
        step = self._past(places) or self._stored(places)
        if step is None and waited:
            return self._posted(places, single=single)
        return step

    def close(self) -> None:
        """Close the open files."""
        for reader in (self._stream, *self._pasts.values()):
            reader.close()

    def _posted(self, places: Mapping[str, Place], *, single: bool) -> Step | None:
        behind = min(place.journal for place in places.values())
        rows = self._journal.after(behind, 1 if single else _ROWS, _SIZE)
        if not rows:
            return None
        handlers = [name for name, place in places.items() if place.journal == behind]
        return Step(
            [Turn(handlers, row.events()) for row in rows],
            {name: replace(places[name], journal=rows[-1].number) for name in handlers},
        )

    def _past(self, places: Mapping[str, Place]) -> Step | None:
        for name, place in places.items():
            if place.past is None:
                continue
            reader = self._pasts.setdefault(name, Reader(past_folder(self._folder, name)))
            batch = reader.next(place.past)
            if batch is None:
                self._pasts.pop(name).close()
                return Step([], {name: replace(place, past=None)})
            turns = self._turns([name], places, batch.events)
            return Step(turns, {name: replace(place, past=batch.after)})
        return None

    def _stored(self, places: Mapping[str, Place]) -> Step | None:
        behind = min(place.stream for place in places.values())
        handlers = [name for name, place in places.items() if place.stream == behind]
        # of equal positions, the one with more rows left of the file
        lefts = {places[name].stream.left for name in handlers}
        if len(lefts) > 1:
            furthest_behind = -1 if -1 in lefts else max(lefts)
            handlers = [n for n in handlers if places[n].stream.left == furthest_behind]
        batch = self._stream.next(places[handlers[0]].stream)
        if batch is None:
            return None
        return Step(
            self._turns(handlers, places, batch.events),
            {name: replace(places[name], stream=batch.after) for name in handlers},
        )

    def _turns(
        self, handlers: Sequence[str], places: Mapping[str, Place], events: Sequence[Stored]
    ) -> list[Turn]:
        """Return a turn for the handlers that get the same of these events.

        An event that was posted is not handed over again to a handler that gets it, or got it, from
        the journal.
        """
        turns = []
        for since in dict.fromkeys(places[name].since for name in handlers):
            own = [
                stored.event
                for stored in events
                if stored.source != self._own_source or stored.seq < since
            ]
            if own:
                same = [name for name in handlers if places[name].since == since]
                turns.append(Turn(same, own))
        return turns
