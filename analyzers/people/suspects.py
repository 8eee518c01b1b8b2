"""The query `suspects`: accounts that act with a machine's rhythm.

Comes in: events. Goes out: a row for each account that looks like a program, with the measures that
say so. It is a list of questions for a person: nobody is excluded by it, and no name is guessed
from.

What is judged is what an account *did* (its agent), not where it was named: the owner of a thousand
packages is named around the clock by other people's programs. Messages that follow each other
within a minute are one action, since one click can send dozens. Accounts with fewer than 50 actions
or on fewer than 7 days are not judged.

- `night`: the share of the active hours that lies in the quietest six hours of the day. Around the
  clock it is 0.25; people, who sleep, are near 0.
- `regular`: the share of the pauses between actions that lie within 5 % of their median. By a timer
  it is near 1, of people 0.02 to 0.04.
- `punctual`: the share of the actions that begin in the account's own commonest minute of the hour.
  By cron it is near 1, of people 0.02 to 0.05.

`night` counts each hour of each day once, so that one busy night does not decide; it is judged from
100 active hours on. The thresholds (half of an even night; half of all pauses; half of all actions)
lie far from people: of exponential pauses 3.5 % lie within 5 % of the median. Who travels far, and
accounts that several people share, can still pass for one without a night.

That times tell programs from people: Zhang and Paxson, "Detecting and analyzing automated activity
on Twitter", PAM 2011 (minutes of the hour); Chu et al., "Detecting automation of Twitter accounts",
IEEE TDSC 9(6), 2012 (regular pauses); that people act in bursts: Goh and Barabási, "Burstiness and
memory in complex systems", EPL 81, 48002, 2008. The measures here are simpler than theirs, so that
a person can check them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["suspects"]

#: Messages that follow each other within this are one action.
TOGETHER = timedelta(minutes=1)
FEWEST_ACTIONS, FEWEST_DAYS, FEWEST_HOURS = 50, 7, 100
NIGHT, REGULAR, PUNCTUAL = 0.125, 0.5, 0.5  # from here on
_NEAR = 0.05  # of the median pause
_REST = 6  # hours
_MICRO = timedelta(microseconds=1)
_MINUTE, _HOUR, _DAY = (timedelta(**{unit: 1}) // _MICRO for unit in ("minutes", "hours", "days"))


@query
def suspects(
    events: Events,
    by: str = "agent",  # noqa: ARG001 - the runner takes it as the default of --by
) -> list[dict[str, Any]]:
    """Accounts with a machine's rhythm: no night, regular pauses, or always the same minute.

    Measures what an account did, from 50 actions on 7 days on (actions: messages within a minute
    of each other count once). `night` is the share of its active hours in its quietest six hours
    of the day (an even clock has 0.25), `regular` the share of its pauses within 5 % of their
    median, `punctual` the share of its actions in one and the same minute of the hour; `why` says
    which of them are a machine's (0.125, 0.5, 0.5 and more), `listed` whether the list of bots has
    the account. It only asks: nobody is left out because of it.
    """
    rhythms = _rhythms(_actions(events))
    known = events.persons.widened(events.selection.bot_names)
    table = rhythms.mutate(listed=matches(rhythms.user, known) if known else False)
    found = []
    for row in table.order_by("user").to_pyarrow().to_pylist():
        hours = sum(row["clock"])
        night = _night(row["clock"]) if hours >= FEWEST_HOURS else None
        measures = {"night": night, "regular": row["regular"], "punctual": row["punctual"]}
        why = [
            word
            for word, value, least in (
                ("round the clock", night, NIGHT),
                ("regular pauses", row["regular"], REGULAR),
                ("same minute", row["punctual"], PUNCTUAL),
            )
            if value is not None and value >= least
        ]
        if why:
            its = {name: row[name] for name in ("user", "actions", "days")}
            found.append({**its, "hours": hours, **measures, "why": why, "listed": row["listed"]})
    return sorted(found, key=lambda row: (-len(row["why"]), -row["actions"], row["user"]))


def _night(clock: list[int]) -> float:
    """The smallest part of the 24 numbers that six neighbours hold, midnight being no border."""
    twice = clock + clock
    return min(sum(twice[hour : hour + _REST]) for hour in range(24)) / sum(clock)


def _actions(events: Events) -> ir.Table:
    """A row for each action: `user`, `begin` (µs), `pause` (µs since the last began, or null)."""
    import ibis
    from ibis import _

    people = events.unnest_users("time")
    rows = people.select("user", at=micros(people.time))
    line = ibis.window(group_by="user", order_by="at")
    rows = rows.mutate(gap=_["at"] - _["at"].lag().over(line))
    rows = rows.filter(_.gap.isnull() | (_.gap > TOGETHER // _MICRO))
    return rows.select("user", begin="at").mutate(
        pause=_.begin - _.begin.lag().over(ibis.window(group_by="user", order_by="begin"))
    )


def _rhythms(actions: ir.Table) -> ir.Table:
    """A row for each account with enough actions: its measures, and `clock`, hours of the day."""
    import ibis
    from ibis import _

    enough = (
        actions.group_by("user")
        .agg(
            actions=_.count(),
            days=(_.begin // _DAY).nunique(),
            median=_.pause.median(),
        )
        .filter((_.actions >= FEWEST_ACTIONS) & (_.days >= FEWEST_DAYS))
    )
    rows = actions.join(enough, "user")
    near = (rows.pause - rows["median"]).abs() <= rows["median"] * _NEAR
    pauses = rows.group_by("user").agg(near=near.sum(), pauses=rows.pause.count())
    minutes = (
        rows.group_by("user", minute=rows.begin % _HOUR // _MINUTE)
        .agg(n=_.count())
        .group_by("user")
        .agg(most=_.n.max())
    )
    hours = rows.select("user", hour=rows.begin // _HOUR).distinct()
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
        regular=table.near / table.pauses,
        punctual=table.most / table.actions,
    )
