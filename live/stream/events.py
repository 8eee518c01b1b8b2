"""The events of a store as they are received, whichever process receives them.

They are decoded here from the frames that the spool's writers append, by the same rules and checks
as when they are loaded. What is refused is left out: the loader counts and keeps it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hubbub.closeable import Closeable
from hubbub.collector.event import Event, Understand
from hubbub.collector.topics import ALERTS
from hubbub.errors import MessageError, UsageError
from hubbub.live.stream.frames import Received
from hubbub.store.query.globs import fits
from hubbub.store.query.identity import Persons
from hubbub.store.query.selection import EventFilters
from hubbub.store.spool.follow import Follower
from hubbub.store.spool.trust import Trusts

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["LiveEvents", "matcher", "with_persons"]


def with_persons(event: Event, persons: Persons) -> Event:
    """Return an event with merged accounts under their persons' names."""
    if not persons:
        return event
    users = tuple(dict.fromkeys(map(persons.name, event.users)))
    agent = None if event.agent is None else persons.name(event.agent)
    return replace(event, users=users, agent=agent)


def matcher(filters: EventFilters, persons: Persons) -> Callable[[Event], bool]:
    """Return whether an event matches filters, as a query would select it.

    Events that alerts are match only where their topic or category is asked for: views show alerts
    by themselves.

    Args:
        filters: the common filters; `not_user` removes users, never events.
        persons: the merged accounts.
    """
    users = persons.widened(filters.user)
    asked = bool(filters.topic or filters.category)

    def matches(event: Event) -> bool:
        return (
            (asked or not event.topic.startswith(ALERTS))
            and (not filters.topic or fits(event.topic, filters.topic))
            and (not filters.category or fits(event.category, filters.category))
            and (not filters.action or fits(event.action or "", filters.action))
            and (not users or any(fits(user, users) for user in event.users))
            and (not filters.object or any(fits(name, filters.object) for name in event.objects))
        )

    return matches


class LiveEvents(Closeable):
    """Reads events from the spool from now on.

    Args:
        store: an open store.
        understand: decodes a frame to its events.
    """

    def __init__(self, store: Store, understand: Understand) -> None:
        self._state, self._understand = store.state, understand
        self._follower = Follower(store.spool_folder)
        self._trusts = Trusts(store.state)

    def poll(self) -> list[Received]:
        """Return the events that were received since the last call, in order of arrival."""
        events: list[Received] = []
        forgotten = self._state.forgotten
        for frame, flags in self._follower.poll():
            try:
                guard = self._trusts.guard(flags)
                if guard is not None:
                    guard.check(frame)
                understood = self._understand(frame)
            except (MessageError, UsageError):  # refused, or it cannot be checked: it waits
                continue
            every = [understood] if isinstance(understood, Event) else understood
            events += [
                (forgotten.event(event), frame.arrived)
                for event in every
                if isinstance(event, Event)
            ]
        return events

    def close(self) -> None:
        """Close the segments of the spool."""
        self._follower.close()
