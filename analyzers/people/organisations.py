"""The query `organisations`: messages and people by their organisation at the time.

Affiliations come from a file with dates. Accounts that are not in it count as "unknown"; nothing is
guessed from names or addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.people.active_users import last_day, period_number
from hubbub.registry import query
from hubbub.store.query.affiliations import by_person

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
    from ibis import _

    rows = member_rows(events, affiliations, per)
    messages = rows.id.isnull().sum() + rows.id.nunique()
    totals = rows.group_by("number").agg(total=messages)
    members = rows.select("number", "organisation", "user").distinct()
    each = rows.group_by("number", "organisation").agg(messages=messages)
    each = each.join(
        members.group_by("number", "organisation").agg(users=_.count()), ["number", "organisation"]
    )
    ordered = each.join(totals, "number").order_by(
        "number", _.messages.desc(), _.users.desc(), "organisation"
    )
    return [
        {
            "period": last_day(per, row["number"]),
            "organisation": row["organisation"],
            "users": row["users"],
            "messages": row["messages"],
            "share": row["messages"] / row["total"],
        }
        for row in ordered.to_pyarrow().to_pylist()
    ]


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
    spans = _table(by_person(affiliations, events.persons))
    joined = people.left_join(
        spans,
        [people.user == spans.account, people.time >= spans.start, people.time < spans.end],
    )
    return joined.select(
        "user",
        "time",
        message=joined.id,
        number=period_number(per, events, joined.time),
        organisation=ibis.coalesce(joined.organisation, UNKNOWN),
        id=ibis.ifelse(joined.several, joined.id, None),
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
