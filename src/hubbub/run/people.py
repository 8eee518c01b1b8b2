"""Who was counted by a query that has run."""

from __future__ import annotations

from typing import NamedTuple

from hubbub.language.plurals import plural
from hubbub.run.scope import Call
from hubbub.store.query.audience import Audience
from hubbub.store.query.events import Events
from hubbub.store.query.globs import matches
from hubbub.store.query.months.touches import touches

__all__ = ["Counted", "count_people"]


class Counted(NamedTuple):
    """The fields of a `Result` that tell who was counted."""

    left_out: int = 0
    naming: int | None = None
    mentions: int | None = None
    touching: bool = False

    def note(self) -> str:
        """Return how many known programs were left out, for the user."""
        them = "it" if self.left_out == 1 else "them"
        return f"{plural(self.left_out, 'known program')} left out; --bots counts {them} too"


def count_people(
    call: Call, everything: Events, *, naming: bool, caller: Audience | None
) -> Counted:
    """Count the known bots that a query left out, and the events that name a person.

    Args:
        call: of a query that has run.
        everything: the events of the call.
        naming: whether to count events; None otherwise, and where no people are counted.
        caller: learns what the query counted.
    """
    if not call.audience:
        return Counted()
    counted, touching = call.audience.events(everything), call.audience.touching
    if caller is not None:
        caller.note(counted)
    bots = 0 if call.options.bots else counted.count_bots()
    if touching:
        bots = _touching_bots(counted) if bots else 0
        counted = counted.filter(counted.objects.length() > 0) if naming else counted
    named, mentions = counted.count_naming() if naming else (None, None)
    return Counted(bots, named, mentions, touching)


def _touching_bots(events: Events) -> int:
    """Count the known bots that events name together with an object."""
    rows = touches(events.everybody())
    bots = rows.filter(matches(rows.user, events.persons.widened(events.selection.bot_names)))
    return int(bots.user.nunique().to_pyarrow().as_py())
