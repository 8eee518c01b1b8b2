"""The queries `cohorts` and `returning`: how concentrated work is over time, and who stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import Calendar, whole_since
from hubbub.analyzers.common.times import day_start
from hubbub.analyzers.evenness.metrics import Evenness
from hubbub.analyzers.evenness.windows import Windows, measure_windows, user_counts
from hubbub.analyzers.people.active_users import last_day, period_number
from hubbub.registry import query

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["cohorts", "returning"]

#: People are new if they were not seen for at least so many months; a shorter range has fewer.
_LOOK_BACK, _MONTH = 3, timedelta(days=28)
_SHARES = ("top_1", "next_9", "next_40", "rest")


@query
def cohorts(
    events: Events,
    since: datetime,
    until: datetime,
    window: timedelta = timedelta(weeks=13),
    step: timedelta = timedelta(weeks=1),
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Shares of the top 1 %, next 9 %, next 40 % and rest of users, over rolling 13 weeks.

    Windows end on Mondays (UTC), the newest on the last Monday of the range; with a step that is
    not a whole number of weeks, the newest ends with the range. The cohorts are those of Fedora's
    own contributor charts; they end at the ranks ceil(n/100), ceil(n/10) and ceil(n/2), so the four
    shares add up to 1. A window without users has n = 0 and no shares.
    """
    end = until
    if step % timedelta(weeks=1) == timedelta(0):
        end = Calendar.touched("week", until, until + timedelta(microseconds=1)).first
    windows = Windows.between(whole_since(events, "week", since), end, window, step)
    notes: dict[str, Any] = {"windows": windows.number}
    if not windows.number:
        notes["note"] = f"not enough data: the range holds no {window.days} days that end in time"
    data = [
        {"start": start, "end": end, "n": numbers.n, "total": numbers.total, **_shares(numbers)}
        for start, end, numbers in measure_windows(user_counts(events, windows), windows)
    ]
    if not any(row["n"] for row in data) and not events.count_events():
        data = []
    return data, notes


def _shares(numbers: Evenness) -> dict[str, float | None]:
    return dict(zip(_SHARES, numbers.top_shares or (None,) * len(_SHARES), strict=True))


@query
def returning(events: Events, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Of the users first seen in a month, how many were active one, two, … months later.

    `group` is the month in which users were first seen in the range, `people` how many they are;
    `after` counts months from there, `active` is how many were seen in that month, `share` = active
    / people. `complete` is false where the range cuts the month `after`, so that its numbers may
    still grow, and in groups before which the range holds too little to tell who is new: less than
    three months, or in a range of less than a year less than a quarter of its months, at least one
    (of 28 days). In those groups `share` is null: their people may have been active before, and
    would be compared with people who were not.
    """
    from ibis import _

    weeks = events.weekly_users()
    months = weeks.select("user", month=period_number("m", weeks.time)).distinct()
    first = months.group_by("user").agg(group=_.month.min())
    joined = months.join(first, "user").select("group", after=_.month - _.group)
    counted = joined.group_by("group", "after").agg(active=_.count())
    active_users = {(r["group"], r["after"]): r["active"] for r in counted.to_pyarrow().to_pylist()}
    if not active_users:
        return []
    known_since = _known_since(since, until)
    final = (until.year * 12 + until.month - 1) - (until == _month_start(until))
    data = []
    for group in sorted({group for group, _after in active_users}):
        size = active_users[group, 0]
        comparable = day_start(last_day("m", group).replace(day=1)) >= known_since
        for after in range(final - group + 1):
            active, month = active_users.get((group, after), 0), last_day("m", group + after)
            data.append(
                {
                    "group": f"{last_day('m', group):%Y-%m}",
                    "people": size,
                    "after": after,
                    "active": active,
                    "share": active / size if comparable else None,
                    "complete": comparable
                    and since <= day_start(month.replace(day=1))
                    and month < until.date(),
                }
            )
    return data


def _known_since(since: datetime, until: datetime) -> datetime:
    """Return from when on the range tells who is new; groups of earlier months do not count."""
    months = min(_LOOK_BACK, max(1, (until - since) // _MONTH // 4))
    return since.replace(hour=0, minute=0, second=0, microsecond=0) + months * _MONTH


def _month_start(when: datetime) -> datetime:
    """Return the start of the month of a time."""
    return when.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
