"""How far each event handler is: in the journal, and in the stream of stored events.

A place is a JSON document in the state, under `handler:MODULE:NAME`, so that it is committed
together with what the handler keeps.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from hubbub.store.state.database import State

__all__ = ["FOLDER", "LOCK", "PREFIX", "Place", "Position", "places", "put"]

#: The folder of the stream in the store's folder.
FOLDER = "stream"
#: The file in the store's folder that the process locks which runs the handlers.
LOCK = "handlers.lock"
#: Prefix of the keys of places.
PREFIX = "handler:"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where the next event of the stream is.

    `left` counts from the end of the file, since retention may drop rows from its front.
    """

    version: int = 0  # of the events table
    file: int = 0  # of those that this version added
    left: int = field(default=-1, compare=False)  # rows that are left in the file; -1: all


@dataclass(frozen=True, slots=True)
class Place:
    """How far a handler is.

    Attributes:
        journal: number of the last row of the journal that it has passed.
        since: the first row of the journal that it gets from there; it gets events of earlier rows
            from the stream, once they are stored.
        stream: the next stored event.
        past: the next of the events that were stored before the handler was first seen, by number
            of file; None: it does not get those, or had them all.
        seen: when a server last ran it, µs since the epoch.
        failed: batches that it refused with an error, and whose effect was dropped.
        skipped: batches that were passed without it, since its process was killed again and again.
        lapsed: why it missed events, for the user; empty: it missed none.
    """

    journal: int = 0
    since: int = 0
    stream: Position = field(default_factory=Position)
    past: Position | None = None
    seen: int = 0
    failed: int = 0
    skipped: int = 0
    lapsed: str = ""

    def document(self) -> dict[str, Any]:
        """Return the place as JSON-ready data."""
        return asdict(self)

    def without_lapse(self) -> Self:
        """Return the place after its user was told what the handler missed."""
        return replace(self, lapsed="")

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return the place that a document holds."""
        past = document.get("past")
        return replace(
            cls(**{name: document[name] for name in document if name not in {"stream", "past"}}),
            stream=Position(**document["stream"]),
            past=None if past is None else Position(**past),
        )


def places(state: State) -> dict[str, Place]:
    """Return the places of all handlers that were ever run on this store, by `MODULE:NAME`."""
    found = {}
    for key in state.keys(PREFIX):
        document = state.get(key)
        if document is not None:
            found[key.removeprefix(PREFIX)] = Place.of(document)
    return found


def put(state: State, handler: str, place: Place | None) -> None:
    """Store a place; None forgets the handler."""
    state.set(PREFIX + handler, None if place is None else place.document())
