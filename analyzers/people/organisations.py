"""The query `organisations`: messages and people by the organisation they were with at the time.

Comes in: events and the dated affiliations of the user's file. Goes out: a row for each period and
organisation. Whoever is not in the file counts as "unknown": nothing is guessed.
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


@query
def organisations(
    events: Events, affiliations: tuple[Affiliation, ...], per: Per = "m"
) -> list[dict[str, Any]]:
    """Users and messages of each organisation per day, week, month, quarter or year.

    A message belongs to the organisations of whom it names (`--by agent`: of who did it), at its
    time. `share` is its part of the period's messages that name anybody; where messages name people
    of several organisations the shares add up to more than 1. `period` is its last day. The
    affiliations come from the file that the configuration names; without one, or for whoever is
    not in it, the organisation is "unknown".
    """
    import ibis
    from ibis import _

    # A message of one person needs no set of ids. (Accounts that are merged are joined to events
    # without their users; there every message goes through the set.)
    whom = [] if events.persons or events.by == "agent" else ["users"]
    people = events.unnest_users("id", "time", *whom)
    several = people.users.length() > 1 if whom else ibis.literal(events.by != "agent")
    people = people.select("id", "user", "time", several=several)
    lines = _table(by_person(affiliations, events.persons))
    joined = people.left_join(
        lines,
        [people.user == lines.account, people.time >= lines.start, people.time < lines.end],
    )
    rows = joined.select(
        "user",
        number=period_number(per, joined.time),
        organisation=ibis.coalesce(joined.organisation, UNKNOWN),
        id=ibis.ifelse(joined.several, joined.id, None),
    )
    messages = rows.id.isnull().sum() + rows.id.nunique()
    totals = rows.group_by("number").agg(total=messages)
    members = rows.select("number", "organisation", "user").distinct()
    each = rows.group_by("number", "organisation").agg(messages=messages)
    each = each.join(
        members.group_by("number", "organisation").agg(users=_.count()), ["number", "organisation"]
    )
    found = each.join(totals, "number").order_by(
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
        for row in found.to_pyarrow().to_pylist()
    ]


def _table(lines: list[Affiliation]) -> ir.Table:
    """The lines as a table; an organisation that is not stated is null."""
    import ibis
    import pyarrow as pa

    moment = pa.timestamp("us", tz="UTC")
    names = ("account", "organisation", "start", "end")
    kinds = (pa.string(), pa.string(), moment, moment)
    rows = [
        {
            "account": line.account,
            "organisation": line.organisation or None,
            "start": line.start,
            "end": line.end,
        }
        for line in lines
    ]
    schema = pa.schema(list(zip(names, kinds, strict=True)))
    return ibis.memtable(pa.Table.from_pylist(rows, schema=schema))
