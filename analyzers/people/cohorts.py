"""The queries `cohorts` and `returning`: how concentrated work is over time, and who stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import whole_since
from hubbub.analyzers.evenness.metrics import Evenness, measure_top_shares
from hubbub.analyzers.evenness.windows import Windows, measure_windows, user_counts
from hubbub.analyzers.people.active_users import last_day, period_number
from hubbub.errors import UsageError
from hubbub.registry import query

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events
    from hubbub.zones import Zone

__all__ = ["cohorts", "first_months", "returning"]

#: People are new if they were not seen for so many months; in a shorter range for fewer.
_LOOK_BACK, _MONTH = 3, timedelta(days=28)
_MOST_ROWS = 250_000  # of an answer: months of 58 years
_SHARES = ("top_1", "next_9", "next_40", "rest")


@query(
    names_people=False, columns=("start", "end", "n", "total", "top_1", "next_9", "next_40", "rest")
)
def cohorts(
    events: Events,
    since: datetime,
    until: datetime,
    window: timedelta = timedelta(weeks=13),
    step: timedelta = timedelta(weeks=1),
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Shares of the top 1 %, next 9 %, next 40 % and rest of users, over rolling 13 weeks.

    Windows end on Mondays, the newest on the last Monday of the range; with a step that is
    not a whole number of weeks, the newest ends with the range. The cohorts are those of Fedora's
    own contributor charts; they end at the ranks ceil(n/100), ceil(n/10) and ceil(n/2), so the four
    shares add up to 1. A window without users has n = 0 and no shares.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        window: Length of a window.
        step: Time between the ends of two windows.
    """
    end = until
    if step % timedelta(weeks=1) == timedelta(0):
        end = events.zone.floor(until, "week")
    windows = Windows.between(whole_since(events, "week", since), end, window, step, events.zone)
    notes: dict[str, Any] = {"windows": windows.number}
    if not windows.number:
        notes["note"] = f"not enough data: the range holds no {window.days} days that end in time"
    measured = measure_windows(user_counts(events, windows), windows, measure_top_shares)
    data = [
        {"start": start, "end": end, "n": numbers.n, "total": numbers.total, **_shares(numbers)}
        for start, end, numbers in measured
    ]
    if not any(row["n"] for row in data) and not events.count_events():
        data = []
    return data, notes


def _shares(numbers: Evenness) -> dict[str, float | None]:
    return dict(zip(_SHARES, numbers.top_shares or (None,) * len(_SHARES), strict=True))


@query(names_people=False, columns=("group", "people", "after", "active", "share", "complete"))
def returning(
    events: Events, since: datetime, until: datetime
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Of the users first seen in a month, how many were active one, two, … months later.

    `group` is the month in which users were first seen, `people` how many they are; `after` counts
    months from there, `active` is how many were seen in that month, `share` = active / people.
    First seen means: not seen in the look-back, the three calendar months before (in a range of
    less than a year a quarter of its months, at least one; diagnostics: `look_back_months`). It is
    equally long for all groups, so that they can be compared; a user who was away for longer is in
    a second group. `complete` is false where the range cuts the month `after`, so that its numbers
    may still grow, and in groups for which it does not hold the whole look-back. In those `share`
    is null: their users may have been active before.
    """
    from ibis import _

    look_back = min(_LOOK_BACK, max(1, (until - since) // _MONTH // 4))
    notes = {"look_back_months": look_back}
    months = _months(events)
    joined = months.join(first_months(events, look_back), "user").select(
        "group", after=_.month - _.group
    )
    counted = joined.filter(_.after >= 0).group_by("group", "after").agg(active=_.count())
    active_users = {(r["group"], r["after"]): r["active"] for r in counted.to_pyarrow().to_pylist()}
    if not active_users:
        return [], notes
    zone = events.zone
    last = zone.day(until - timedelta(microseconds=1))
    final = last.year * 12 + last.month - 1
    groups = sorted({group for group, _after in active_users})
    rows = sum(final - group + 1 for group in groups)
    if rows > _MOST_ROWS:
        raise UsageError(
            f"the answer has {rows:,} rows, a month of a group each, more than {_MOST_ROWS:,}",
            hint="choose a shorter range with --since and --until",
        )
    end, starts = zone.day(until), _starts(zone, groups[0] - look_back, final)
    ends = {month: last_day("m", month) for month in range(groups[0], final + 1)}
    whole = {month: since <= starts[month] and last < end for month, last in ends.items()}
    data = []
    for group in groups:
        size, label = active_users[group, 0], f"{ends[group]:%Y-%m}"
        comparable = starts[group - look_back] >= since
        for after in range(final - group + 1):
            active = active_users.get((group, after), 0)
            data.append(
                {
                    "group": label,
                    "people": size,
                    "after": after,
                    "active": active,
                    "share": active / size if comparable else None,
                    "complete": comparable and whole[group + after],
                }
            )
    return data, notes


def _starts(zone: Zone, first: int, final: int) -> dict[int, datetime]:
    """Return the beginning of each month in a zone, by the month's number."""
    return {n: zone.midnight(last_day("m", n).replace(day=1)) for n in range(first, final + 1)}


def _months(events: Events) -> ir.Table:
    """Return `user` and `month` (a number) of each month in which a user was seen."""
    weeks = events.weekly_users()
    return weeks.select("user", month=period_number("m", events, weeks.time)).distinct()


def first_months(events: Events, look_back: int) -> ir.Table:
    """Return `user` and `group`, each month in which a user was first seen.

    Args:
        events: of the range.
        look_back: how many months before it the user was not seen.
    """
    import ibis
    from ibis import _

    order = ibis.window(group_by="user", order_by="month")
    pauses = _months(events).mutate(pause=_.month - _.month.lag().over(order))
    return pauses.filter(_.pause.isnull() | (_.pause > look_back)).select("user", group="month")
