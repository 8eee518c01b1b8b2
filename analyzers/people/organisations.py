"""The query `organisations`: messages and people by their organisation at the time.

Affiliations come from a file with dates. Accounts that are not in it count as "unknown"; nothing is
guessed from names or addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hubbub.analyzers.common.named import Named
from hubbub.analyzers.people.active_users import Periods, last_day, period_number, whole_periods
from hubbub.registry import query
from hubbub.store.query.affiliations import ALWAYS, STILL, by_person
from hubbub.store.query.months.kept import KeptMonths, counted, is_direct, named, union
from hubbub.store.query.times import micros
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.affiliations import Affiliation
    from hubbub.store.query.events import Events

__all__ = ["UNKNOWN", "organisations"]

UNKNOWN = "unknown"
#: More people than this with an organisation are not looked for in each message.
_MAX_LISTED = 500
Per = Literal["d", "w", "m", "q", "y", "day", "week", "month", "quarter", "year"]


@query(names_people=False, columns=("period", "organisation", "users", "messages", "share"))
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
    parts: list[Periods | None] = [*whole_periods(events, "monthly_users", per)]
    for part in parts or [None]:
        rows = (
            _shares(_direct(events, affiliations, per))
            if part is None
            else _shares(_of_months(part, affiliations, per))
        )
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


class _Counts(NamedTuple):
    """Tables whose rows are added up.

    Attributes:
        totals: `number` (of the period), `total` (messages that name a counted user).
        messages: `number`, `organisation`, `messages`.
        members: `number`, `organisation`, `user`.
    """

    totals: ir.Table
    messages: ir.Table
    members: ir.Table


def _shares(counts: _Counts) -> ir.Table:
    """Return `number`, `organisation`, `users`, `messages`, `total`, in order."""
    from ibis import _

    members = counts.members.distinct().group_by("number", "organisation").agg(users=_.count())
    sums = counts.messages.group_by("number", "organisation").agg(messages=_.messages.sum())
    totals = counts.totals.group_by("number").agg(total=_.total.sum())
    joined = sums.join(members, ["number", "organisation"]).join(totals, "number")
    return joined.order_by("number", _.messages.desc(), _.users.desc(), "organisation").select(
        "number", "organisation", "users", "messages", "total"
    )


def _direct(events: Events, affiliations: tuple[Affiliation, ...], per: Per) -> _Counts:
    """Count each message."""
    rows = member_rows(events, affiliations, per)
    messages = (rows.id.isnull().sum() + rows.id.nunique()).cast("int64")
    return _Counts(
        rows.group_by("number").agg(total=messages),
        rows.group_by("number", "organisation").agg(messages=messages),
        rows.select("number", "organisation", "user"),
    )


def _of_months(part: Periods, affiliations: tuple[Affiliation, ...], per: Per) -> _Counts:
    """Count by the rollup what it knows: people, and messages that name a single user."""
    kept = KeptMonths.of(part.events, "monthly_users")
    if kept is None:
        return _direct(part.events, affiliations, per)
    moving = _moving(kept, affiliations)
    found = [_known(kept, part, affiliations, moving)]
    found += [_direct(kept.only(rows), affiliations, per) for rows in kept.ends()]
    if (newer := kept.newer()) is not None:
        direct = is_direct(newer, moving)
        found.append(_direct(kept.only(newer.filter(~direct)), affiliations, per))
        # whose messages are counted with those of several users
        members = _direct(kept.only(newer.filter(direct)), affiliations, per).members
        found[0] = found[0]._replace(members=union([found[0].members, members]))
    several = kept.only(kept.within(is_direct(part.events.stored, moving)))
    lines = by_person(affiliations, several.persons)
    placed = sorted({line.account for line in lines if line.organisation})
    if len(placed) > _MAX_LISTED:
        found.append(_direct(several, affiliations, per))
    else:
        theirs = Named(placed, (), placed).count_in(several.users) > 0
        found.append(_nowhere(several.filter(~theirs), part))
        if placed:
            found.append(_direct(several.filter(theirs), affiliations, per))
    return _Counts(*(union([counts[i] for counts in found]) for i in range(len(found[0]))))


def _known(
    kept: KeptMonths, part: Periods, affiliations: tuple[Affiliation, ...], moving: list[str]
) -> _Counts:
    """Return what the rollup knows of people who do not move."""
    from ibis import _

    rows = kept.rows().select("user", "time", messages=_.alone)
    rows = rows.filter(rows.user.notin(moving)) if moving else rows
    rows = counted(kept.events, named(kept.events, rows))
    joined = _affiliated(rows, affiliations, kept.events)
    known = joined.select(
        "user",
        "messages",
        number=part.number(micros(joined.time)),
        organisation=joined.organisation.fill_null(UNKNOWN),
    )
    sums = known.messages.sum().cast("int64")
    return _Counts(
        known.group_by("number").agg(total=sums),
        known.group_by("number", "organisation").agg(messages=sums),
        known.select("number", "organisation", "user"),
    )


def _nowhere(events: Events, part: Periods) -> _Counts:
    """Count messages of which no user has an organisation; their people are known."""
    import ibis
    from ibis import _

    users = events.table.users
    removed = Named.of(part.events, part.events.persons.widened(events.selection.removed))
    rows = events.table.filter(users.length() - removed.count_in(users) > 0)
    sums = rows.group_by(number=part.number(micros(rows.time))).agg(total=_.count())
    unknown = ibis.literal(UNKNOWN)
    none = ibis.literal(value=False)
    return _Counts(
        sums,
        sums.select("number", organisation=unknown, messages=_.total),
        sums.select("number", organisation=unknown, user=unknown).filter(none),
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
