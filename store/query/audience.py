"""What a query did with its events, beside its result: it decides about bots and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["Audience"]


@dataclass(slots=True)
class Audience:
    """On which events a query counted people: it decides whether bots were left out of a result.

    `instead` are the events that stand for those of the query, where it counts people of its own.
    """

    counted: list[Events] = field(default_factory=list)
    instead: Events | None = None
    #: Whether days without their events were left out, whose rollups are not of the zone's days.
    incomplete: bool = False
    #: Whether only people count whom a message names together with an object.
    touching: bool = False

    def __bool__(self) -> bool:
        return bool(self.counted)

    def note(self, events: Events) -> None:
        """Note that people of these events are counted."""
        if all(events is not known for known in self.counted):
            self.counted.append(events)

    def events(self, everything: Events) -> Events:
        """Return the events whose people were counted, or `everything` if those are several."""
        if self.instead is not None:
            return self.instead
        return self.counted[0] if len(self.counted) == 1 else everything
