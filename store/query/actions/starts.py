"""When people act: the starts of their actions, and the pauses between them.

An action is a run of messages of one user on one target without a pause of ten minutes; the target
of a message is its first object, or its category where it names no object.

Finding actions in events means to sort them all by user and target. So the rollup `actions` keeps
them, and answers where only bots or other users are left out. With other filters messages of a run
may be missing, so the events answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from hubbub.store.query.actions.in_events import messages_with_starts, pauses_between
from hubbub.store.query.engine import hold
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["action_pauses", "action_starts", "are_kept"]


_ALWAYS = -(2**62)  # before all times, µs


def are_kept(events: Events) -> bool:
    """Whether the rollup answers: reading the actions several times is cheap, holding them not."""
    from hubbub.store.query.actions.kept import KeptActions

    return KeptActions.of(events) is not None


def action_starts(events: Events, active_since: datetime | None = None) -> ir.Table:
    """Start of every action: columns `user` and `start` (µs since the epoch).

    Args:
        events: by agent or by users.
        active_since: only actions of users whom a message names since then; None: of all users.
    """
    from hubbub.store.query.actions.kept import KeptActions

    events.audience.note(events)
    kept = KeptActions.of(events)
    if kept is None:
        rows = messages_with_starts(events)
        starts = rows.filter(rows.begins).select("user", start="at")
    else:
        starts = kept.starts()
    if active_since is None:
        return starts
    return starts.filter(starts.user.isin(_active_users(events, active_since).user))


def action_pauses(events: Events, since: int, until: int) -> ir.Table:
    """Pauses between actions: columns `user`, `start`, `pause` (µs since the action before began).

    Args:
        events: by agent or by users.
        since: both actions begin at or after it, µs.
        until: both actions begin before it, µs.
    """
    from hubbub.store.query.actions.kept import KeptActions

    events.audience.note(events)
    kept = KeptActions.of(events)
    if kept is not None:
        return kept.pauses(since, until)
    starts = action_starts(events)
    return pauses_between(starts.filter((starts.start >= since) & (starts.start < until)))


def _active_users(events: Events, since: datetime) -> ir.Table:
    """Return the column `user`: the users whom a message names since then."""
    import ibis

    if events.rollups is None:
        named = events.filter(events.time >= ibis.timestamp(since)).unnest_users("time")
        return named.select("user").distinct()
    first = max(to_micros(since), events.selection.since or _ALWAYS)
    recent = events.between(first, events.selection.until).daily_users(summed=False)
    users = recent.select("user").distinct()
    return hold(events.rollups.backend, users)  # few, and used several times
