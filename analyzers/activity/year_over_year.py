"""The query `year_over_year`: each ISO week compared with the same week of the year before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.periods import Calendar, whole_since
from hubbub.registry import query

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["year_over_year"]


@query(
    names_people=False,
    headline=("week", "year", "messages", "change", "users"),
    columns=(
        "week",
        "year",
        "start",
        "messages",
        "users",
        "messages_before",
        "users_before",
        "change",
    ),
)
def year_over_year(events: Events, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Messages and users of the same ISO week of each year, side by side.

    Only weeks (Monday to Monday) that lie wholly in the range are listed, by week number and
    year; a week without messages has 0. `messages_before` and `users_before` are those of the same
    week of the year before, and `change` is messages / messages_before - 1. These are null where
    the range does not contain that week (few years have a week 53), `change` also where it had no
    messages.
    """
    from ibis import _

    calendar = Calendar.inside("week", whole_since(events, "week", since), until, events.zone)
    sent = events.daily_topics(summed=False)
    sent = sent.select("messages", week=calendar.number_of(sent.time)).group_by("week")
    messages = sent.agg(messages=_.messages.sum())
    people = events.weekly_users()
    users = people.select("user", week=calendar.number_of(people.time)).group_by("week")
    counted = messages.left_join(users.agg(users=_.user.nunique()), "week")
    numbers = {
        row["week"]: (row["messages"], row["users"] or 0)
        for row in counted.select("week", "messages", "users").to_pyarrow().to_pylist()
        if 0 <= row["week"] < calendar.number
    }
    if not numbers:
        return []
    weeks = {
        events.zone.day(start).isocalendar()[:2]: (start, *numbers.get(i, (0, 0)))
        for i, start in enumerate(calendar.starts)
    }
    data = []
    for (year, week), (start, sent, active) in sorted(
        weeks.items(), key=lambda item: (item[0][1], item[0][0])
    ):
        _start, sent_before, active_before = weeks.get((year - 1, week), (None, None, None))
        data.append(
            {
                "week": week,
                "year": year,
                "start": start,
                "messages": sent,
                "users": active,
                "messages_before": sent_before,
                "users_before": active_before,
                "change": sent / sent_before - 1 if sent_before else None,
            }
        )
    return data
