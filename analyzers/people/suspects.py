"""The query `suspects`: accounts that act with a machine's rhythm.

The result is a list for a person to check, with the measures of each account. It excludes no
account, and guesses nothing from names.

It judges what an account *did* (as agent), not where it was named: the owner of a thousand packages
is named around the clock by other people's programs. Messages at most a minute apart are one
action, since one click can send dozens. Accounts with fewer than 50 actions or on fewer than 7 days
are not judged.

- `night`: share of the active hours in the quietest six hours of the day. Around the clock it is
  0.25, of people, who sleep, near 0.
- `regular`: share of the pauses between actions that are within 5 % of their median. With a timer
  it is near 1, of people 0.02 to 0.04.
- `punctual`: share of the actions in the account's most frequent minute of the hour. With cron it
  is near 1, of people 0.02 to 0.05.

`night` counts each hour of each day once, so that a single busy night has little weight; it needs
100 active hours. The thresholds (half of an even night; half of all pauses; half of all actions)
are far from the values of people: of exponential pauses 3.5 % are within 5 % of the median. A
person who travels far, and an account that several people share, can still appear to have no night.

Sources: Zhang and Paxson, "Detecting and analyzing automated activity on Twitter", PAM 2011
(minutes of the hour); Chu et al., "Detecting automation of Twitter accounts", IEEE TDSC 9(6), 2012
(regular pauses); Goh and Barabási, "Burstiness and memory in complex systems", EPL 81, 48002, 2008
(people act in bursts). The measures here are simpler, so that a person can check them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros, wall
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["suspects"]

#: Messages with at most this pause between them are one action.
SAME_ACTION = timedelta(minutes=1)
#: Accounts with less are not judged; `night` needs so many active hours.
MIN_ACTIONS, MIN_DAYS, MIN_HOURS = 50, 7, 100
#: Thresholds: from these values on the rhythm is a machine's.
NIGHT, REGULAR, PUNCTUAL = 0.125, 0.5, 0.5
_TOLERANCE = 0.05  # of the median pause
_NIGHT_HOURS = 6
_MICRO = timedelta(microseconds=1)
_MINUTE, _HOUR, _DAY = (timedelta(**{unit: 1}) // _MICRO for unit in ("minutes", "hours", "days"))


@query(
    names_people=True,
    accounts=("user",),
    columns=("user", "actions", "days", "hours", "night", "regular", "punctual", "why", "listed"),
)
def suspects(
    events: Events,
    by: str = "agent",  # noqa: ARG001 - the runner takes it as the default of --by
) -> list[dict[str, Any]]:
    """Accounts with a machine's rhythm: no night, regular pauses, or always the same minute.

    It judges what accounts did, if they have at least 50 actions on 7 days (messages at most a
    minute apart are one action). `night` is the share of active hours in the quietest six hours of
    the day (0.25 around the clock), `regular` the share of pauses within 5 % of their median,
    `punctual` the share of actions in the most frequent minute of the hour; `why` lists which of
    them are a machine's (from 0.125, 0.5 and 0.5), and `listed` tells whether the list of bots
    contains the account. The result is for a person to check; it excludes no account.
    """
    rhythms = _rhythms(events, _actions(events))
    bots = events.persons.widened(events.selection.bot_names)
    table = rhythms.mutate(listed=matches(rhythms.user, bots) if bots else False)
    rows = []
    for row in table.order_by("user").to_pyarrow().to_pylist():
        hours = sum(row["clock"])
        night = _night(row["clock"]) if hours >= MIN_HOURS else None
        measures = {"night": night, "regular": row["regular"], "punctual": row["punctual"]}
        why = [
            reason
            for reason, value, threshold in (
                ("round the clock", night, NIGHT),
                ("regular pauses", row["regular"], REGULAR),
                ("same minute", row["punctual"], PUNCTUAL),
            )
            if value is not None and value >= threshold
        ]
        if why:
            totals = {name: row[name] for name in ("user", "actions", "days")}
            rows.append({**totals, "hours": hours, **measures, "why": why, "listed": row["listed"]})
    return sorted(rows, key=lambda row: (-len(row["why"]), -row["actions"], row["user"]))


def _night(clock: list[int]) -> float:
    """Return the smallest share of six consecutive hours of the day, also across midnight."""
    two_days = clock + clock
    return min(sum(two_days[hour : hour + _NIGHT_HOURS]) for hour in range(24)) / sum(clock)


def _actions(events: Events) -> ir.Table:
    """One row for each action: `user`, `begin` (µs), `pause` (µs since the last began, or null)."""
    import ibis
    from ibis import _

    people = events.unnest_users("time")
    rows = people.select("user", at=micros(people.time))
    by_time = ibis.window(group_by="user", order_by="at")
    rows = rows.mutate(gap=_["at"] - _["at"].lag().over(by_time))
    rows = rows.filter(_.gap.isnull() | (_.gap > SAME_ACTION // _MICRO))
    return rows.select("user", begin="at").mutate(
        pause=_.begin - _.begin.lag().over(ibis.window(group_by="user", order_by="begin"))
    )


def _rhythms(events: Events, actions: ir.Table) -> ir.Table:
    """One row for each account with enough actions.

    Its measures, and in `clock` the number of active hours by hour of the day.
    """
    import ibis
    from ibis import _

    actions = actions.mutate(shown=wall(actions.begin, events.selection.offsets()))
    enough = (
        actions.group_by("user")
        .agg(
            actions=_.count(),
            days=(_.shown // _DAY).nunique(),
            median=_.pause.median(),
        )
        .filter((_.actions >= MIN_ACTIONS) & (_.days >= MIN_DAYS))
    )
    rows = actions.join(enough, "user")
    regular = (rows.pause - rows["median"]).abs() <= rows["median"] * _TOLERANCE
    pauses = rows.group_by("user").agg(regular=regular.sum(), pauses=rows.pause.count())
    minutes = (
        rows.group_by("user", minute=rows.shown % _HOUR // _MINUTE)
        .agg(n=_.count())
        .group_by("user")
        .agg(most=_.n.max())
    )
    hours = rows.select("user", hour=rows.shown // _HOUR).distinct()
    hours = hours.mutate(hour=_.hour % 24)
    clock = hours.group_by("user").agg(
        clock=ibis.array([(hours.hour == hour).sum() for hour in range(24)])
    )
    table = enough.join(pauses, "user").join(minutes, "user").join(clock, "user")
    return table.select(
        "user",
        "actions",
        "days",
        "clock",
        regular=table.regular / table.pauses,
        punctual=table.most / table.actions,
    )
