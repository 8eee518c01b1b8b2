"""When people act: the starts of their actions, and the pauses between them.

An action is a run of messages of one user on one target without a pause of ten minutes; the target
of a message is its first object, or its category where it names no object.

Finding actions in events means to sort them all by user and target. So the rollup `actions` keeps
them, and answers where only bots or other users are left out. With other filters messages of a run
may be missing, so the events answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.query.actions.in_events import by_day, messages_with_starts, pauses_between
from hubbub.store.rollups.tables import DAY

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.actions.intervals import Intervals
    from hubbub.store.query.actions.kept import KeptActions
    from hubbub.store.query.events import Events

__all__ = ["action_days", "action_pauses", "action_sizes", "action_starts", "kept_days"]


def action_starts(events: Events) -> ir.Table:
    """Start of every action: columns `user` and `start` (µs since the epoch).

    Args:
        events: by agent or by users.
    """
    events.audience.note(events)
    kept = _kept(events)
    if kept is not None:
        return kept.starts()
    rows = messages_with_starts(events)
    return rows.filter(rows.begins).select("user", start="at")


def action_days(events: Events, origin: int, size: int, since: int | None = None) -> ir.Table:
    """Actions, summed up by day and by intervals.

    A row is of actions of a user whose starts have in common the `interval` (n of [origin + n *
    size, origin + (n + 1) * size)), the `day` of UTC and the day `shown` by clocks of the zone
    (both as numbers since 1970). There may be several such rows. The other columns are `actions`,
    their number; `hours`: the hours of the day (UTC) in which they start, as bits, the lowest for
    0 h; `x`, `y`: the sums of the unit vectors of their starts on a clock face of 24 hours, in
    units of 1 / `SCALE`; and `first`: a start (µs), null in some rows. The least one of the rows of
    a user and interval is that of the first action.

    Args:
        events: by agent or by users.
        origin: where an interval begins, µs since the epoch.
        size: length of an interval, µs.
        since: days before that of this time (µs) are not needed; None: all are.
    """
    events.audience.note(events)
    kept = _kept(events)
    if kept is not None:
        return kept.days(origin, size, since)
    days = by_day(action_starts(events), origin, size, events.selection.offsets())
    return days if since is None else days.filter(days.day >= since // DAY)


def kept_days(events: Events, within: Intervals) -> ir.Table | None:
    """Return `user`, `interval`, `actions` of most days in these intervals: they are cheap to read.

    The days that intervals cut are not among them. None if the rollup cannot answer.
    """
    kept = _kept(events)
    if kept is None:
        return None
    days = kept.sums(within.origin, within.size, within.origin, within.end)
    return days.select("user", "interval", "actions")


def action_pauses(
    events: Events, within: Intervals, without: ir.Table | None = None, *, few: bool = False
) -> ir.Table:
    """Pauses between actions that begin in the same interval.

    Columns: `user`, `start`, `pause` (µs since the action before began), `interval` (its number).

    Args:
        events: by agent or by users.
        within: the intervals.
        without: columns `user` and `interval`: whose pauses are not needed, and where; some of
            them are returned nevertheless.
        few: whether memory suffices for some columns of the others' actions.
    """
    events.audience.note(events)
    kept = _kept(events)
    if kept is not None:
        return kept.pauses(within, without, few=few)
    return pauses_between(action_starts(events), within)


def action_sizes(events: Events) -> ir.Table:
    """Actions by size: columns `user`, `messages` (of an action), `number` (of such actions).

    Of days that the range cuts the events are read.
    """
    from hubbub.store.query.actions.kept import sizes
    from hubbub.store.query.actions.runs import of_messages

    events.audience.note(events)
    kept = _kept(events)

    def messages(part: Events) -> ir.Table:
        return of_messages(part.unnest_users("time", "category", "objects"))

    if kept is not None:
        first, end = kept.reader.oldest, kept.reader.newest + 1
        low = first if kept.since is None else -(-kept.since // DAY) * DAY
        high = end if kept.until is None else kept.until // DAY * DAY
        whole = _kept(events.between(low, high)) if low < high else None
        if whole is not None:
            ends = []
            if kept.since is not None and kept.since < low:
                ends.append(messages(events.between(kept.since, low)))
            if kept.until is not None and high < kept.until:
                ends.append(messages(events.between(high, kept.until)))
            return whole.sizes(*ends)
    counted = sizes(messages(events))
    return counted.rename(number="n")


def _kept(events: Events) -> KeptActions | None:
    """Return the actions in the rollup, the same for each call: it holds some rows in memory."""
    from hubbub.store.query.actions.kept import KeptActions

    if events.actions is None or events.rollups is not events.actions.reader:
        events.actions = KeptActions.of(events)
    return events.actions
