"""The query `organisations`: messages and people by their organisation at the time.

Affiliations come from a file with dates. Accounts that are not in it count as "unknown"; nothing is
guessed from names or addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.people.active_users import last_day, period_number, whole_periods
from hubbub.registry import query
from hubbub.store.query.affiliations import ALWAYS, STILL, by_person
from hubbub.store.query.months.kept import KeptMonths, counted, named, union
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.affiliations import Affiliation
    from hubbub.store.query.events import Events

__all__ = ["UNKNOWN", "organisations"]

UNKNOWN = "unknown"
Per = Literal["d", "w", "m", "q", "y", "day", "week", "month", "quarter", "year"]


@query(names_people=False)
def organisations(
    events: Events, affiliations: tuple[Affiliation, ...], per: Per = "m"
) -> list[dict[str, Any]]:
    """Users and messages of each organisation per day, week, month, quarter or year.

    A message belongs to the organisations of its users (`--by agent`: of its agent) at its time.
    `share` is the organisation's part of those messages of the period that name a user; where
    messages name people of several organisations the shares add up to more than 1. `period` is the
    last day of the period. Affiliations come from the file that the configuration names; people who
    are not in it, and all people without such a file, count as "unknown".

    Args:
        events: The selected events.
        affiliations: Organisations of people, by time.
        per: Length of a period.
    """
    events.audience.note(events)
    found = []
    parts = whole_periods(events, "monthly_users", per)
    for part in parts or [events]:
        kept = KeptMonths.of(part, "monthly_users") if parts else None
        rows = _shares(part, kept, affiliations, per)
        found += events.get_backend().to_pyarrow(rows).to_pylist()
    return [
        {
            "period": last_day(per, row["number"]),
            "organisation": row["organisation"],
            "users": row["users"],
            "messages": row["messages"],
            "share": row["messages"] / row["total"],
        }
        for row in found
    ]


def _shares(
    events: Events, kept: KeptMonths | None, affiliations: tuple[Affiliation, ...], per: Per
) -> ir.Table:
    """Return `number` (of the period), `organisation`, `users`, `messages`, `total`, in order."""
    from ibis import _

    moving = [] if kept is None else _moving(kept, affiliations)
    parts = [events] if kept is None else kept.of_several(moving)
    rows = union([member_rows(part, affiliations, per) for part in parts])
    messages = (rows.id.isnull().sum() + rows.id.nunique()).cast("int64")
    totals = [rows.group_by("number").agg(total=messages)]
    each = [rows.group_by("number", "organisation").agg(messages=messages)]
    members = [rows.select("number", "organisation", "user")]
    if kept is not None:
        alone = _alone(kept, affiliations, per, moving)
        sums = alone.messages.sum().cast("int64")
        totals.append(alone.group_by("number").agg(total=sums))
        each.append(alone.group_by("number", "organisation").agg(messages=sums))
        members.append(alone.select("number", "organisation", "user"))
    people = union(members).distinct().group_by("number", "organisation").agg(users=_.count())
    messages_of = union(each).group_by("number", "organisation").agg(messages=_.messages.sum())
    total = union(totals).group_by("number").agg(total=_.total.sum())
    joined = messages_of.join(people, ["number", "organisation"]).join(total, "number")
    return joined.order_by("number", _.messages.desc(), _.users.desc(), "organisation").select(
        "number", "organisation", "users", "messages", "total"
    )


def _moving(kept: KeptMonths, affiliations: tuple[Affiliation, ...]) -> list[str]:
    """Return the accounts whose organisation changes within one of these whole months."""
    persons, floor = kept.events.persons, kept.usable.rollup.floor
    accounts: set[str] = set()
    for line in by_person(affiliations, persons):
        edges = [edge for edge in (line.start, line.end) if edge not in {ALWAYS, STILL}]
        if any(kept.includes(edge) and floor(edge) != edge for edge in map(to_micros, edges)):
            accounts |= {line.account, *persons.accounts.get(line.account, ())}
    return sorted(accounts)


def _alone(
    kept: KeptMonths, affiliations: tuple[Affiliation, ...], per: Per, moving: list[str]
) -> ir.Table:
    """Return messages that name a single user: `number`, `organisation`, `user`, `messages`."""
    from ibis import _

    events = kept.events
    rows = kept.rows().filter(_.alone > 0).select("user", "time", messages=_.alone)
    rows = rows.filter(rows.user.notin(moving)) if moving else rows
    joined = _affiliated(counted(events, named(events, rows)), affiliations, events)
    return joined.select(
        "user",
        "messages",
        number=period_number(per, events, joined.time),
        organisation=joined.organisation.fill_null(UNKNOWN),
    )


def member_rows(events: Events, affiliations: tuple[Affiliation, ...], per: Per) -> ir.Table:
    """Return a row for each message, person and organisation of the person at the time.

    Args:
        events: the events.
        affiliations: of accounts.
        per: the period of `number`.

    Returns:
        Columns `user`, `number` (of the period), `organisation`, `message` (its id), `time`, and
        `id`, which is null where the message names one person only.
    """
    import ibis

    # Messages of a single person are counted without a set of distinct ids. (Where accounts are
    # merged the column `users` is not available, so that all messages go through the set.)
    extra = [] if events.persons or events.by == "agent" else ["users"]
    people = events.unnest_users("id", "time", *extra)
    several = people.users.length() > 1 if extra else ibis.literal(events.by != "agent")
    people = people.select("id", "user", "time", several=several)
    joined = _affiliated(people, affiliations, events)
    return joined.select(
        "user",
        "time",
        message=joined.id,
        number=period_number(per, events, joined.time),
        organisation=ibis.coalesce(joined.organisation, UNKNOWN),
        id=ibis.ifelse(joined.several, joined.id, None),
    )


def _affiliated(
    people: ir.Table, affiliations: tuple[Affiliation, ...], events: Events
) -> ir.Table:
    """Add the column `organisation` at the `time` of each row to the columns of people."""
    spans = _table(by_person(affiliations, events.persons))
    return people.left_join(
        spans,
        [people.user == spans.account, people.time >= spans.start, people.time < spans.end],
    )


def _table(affiliations: list[Affiliation]) -> ir.Table:
    """Return the affiliations as a table; an empty organisation becomes null."""
    import ibis
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [("account", pa.string()), ("organisation", pa.string()), ("start", time), ("end", time)]
    )
    rows = [
        {
            "account": affiliation.account,
            "organisation": affiliation.organisation or None,
            "start": affiliation.start,
            "end": affiliation.end,
        }
        for affiliation in affiliations
    ]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
