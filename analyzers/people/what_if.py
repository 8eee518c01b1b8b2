"""The query `what_if`: what would be lost without some people, and who else knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.materialised import materialise
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["what_if"]

#: How many of the other users are named.
_MAX_NAMES = 3
#: More users than this are not compared one by one.
_MAX_LISTED = 64
_SUMS = ("messages", "theirs", "lost")


@query(names_people=True, accounts=("known_by", "without"))
def what_if(
    events: Events, without: list[str], top: int = 50
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """How much categories and objects would lose without some people, and who else knows them.

    For each category and object that the people of `--without` (glob, repeatable) touch:
    `messages` that name a user, `theirs` that name one of them, `lost` that name only them, and
    `share` = theirs / messages; `others` is the number of remaining users, `known_by` lists up to
    three of these with the most messages, and `last_other` is the time of their last message.
    Categories come first, then objects; in each those without other users, then those that lose
    most. `--top` limits categories and objects each. The diagnostics have the same numbers for all
    messages.

    Args:
        events: The selected events.
        without: The people who would be missing (glob).
        top: How many categories, and how many objects, are listed.
    """
    import ibis
    from ibis import _

    require_minimum(top, "--top")
    people = events.unnest_users("time", "category", "objects")
    people = people.filter(~matches(people.user, without))
    rows = _marked(events, without)
    categories = rows.group_by(name="category").agg(**_sums(rows))
    several = rows.objects.length() > 1
    named = ibis.ifelse(several, rows.objects.unique(), rows.objects)
    each = rows.select("theirs", "lost", name=named.unnest())
    objects = each.group_by("name").agg(**_sums(each))
    sums = {"category": materialise(events, categories), "object": objects}
    totals = sums["category"].agg(**{name: _[name].sum() for name in _SUMS})
    [row] = events.get_backend().to_pyarrow(totals).to_pylist()
    notes = {"without": without, **{name: int(number or 0) for name, number in row.items()}}
    if not notes["theirs"]:
        notes["note"] = "no user of that name in the range"
        return [], notes
    data = []
    for kind, counted in sums.items():
        affected = counted.filter(_.theirs > 0).mutate(share=_.theirs / _.messages)
        # Without other users all messages are lost.
        order = [(_.messages == _.lost).desc(), _.lost.desc(), _.share.desc(), _.name]
        most = materialise(events, affected.order_by(order).limit(top))
        name = people.category if kind == "category" else people.objects.unnest()
        others = _others(people.select("user", "time", name=name), most)
        listed = most.left_join(others, "name").mutate(others=_.others.fill_null(0))
        listed = listed.order_by(order).select(
            "name", "messages", "theirs", "lost", "share", "others", "known_by", "last_other"
        )
        data += [
            {"kind": kind, **row, "known_by": row["known_by"] or []}
            for row in events.get_backend().to_pyarrow(listed).to_pylist()
        ]
    return data, notes


def _sums(rows: ir.Table) -> dict[str, ir.IntegerScalar]:
    """Count the messages, those that name an absent user, and those that name only these."""
    return {"messages": rows.count(), "theirs": rows.theirs.sum(), "lost": rows.lost.sum()}


def _marked(events: Events, without: list[str]) -> ir.Table:
    """Each event that names a counted user: `category`, `objects`, `theirs`, `lost`.

    Nothing is grouped by message: there are as many groups as messages. Instead the names that
    `without` and the selection match are looked up first, and counted in each event.
    """
    import ibis

    table, removed = events.table, events.persons.widened(events.selection.removed)
    if events.by == "agent":
        rows = table.filter(table.agent.notnull())
        rows = rows.filter(~matches(rows.agent, removed)) if removed else rows
        absent = matches(rows.agent, without)
        return rows.select("category", "objects", theirs=absent, lost=absent)
    everybody = events.with_everybody().in_utc().weekly_users().select("user").distinct()
    left_out = matches(everybody.user, removed) if removed else ibis.literal(value=False)
    counted = everybody.filter(matches(everybody.user, without), ~left_out)
    absent = _number(events, table.users, counted, without, removed)
    others = table.users.length()
    if removed:
        others -= _number(events, table.users, everybody.filter(left_out), removed, ())
    rows = table.select("category", "objects", counted=others, absent=absent)
    rows = rows.filter(rows.counted > 0)
    theirs = rows.absent > 0
    return rows.select(
        "category", "objects", theirs=theirs, lost=theirs & (rows.absent == rows.counted)
    )


def _number(
    events: Events, users: ir.ArrayValue, named: ir.Table, globs: Sequence[str], but: Sequence[str]
) -> ir.IntegerValue:
    """Count the users of each event who match globs, but not others.

    Args:
        events: the events.
        users: their users.
        named: the column `user`: all users that match.
        globs: what matches.
        but: what does not.
    """
    import ibis

    found = events.get_backend().to_pyarrow(named.order_by("user").limit(_MAX_LISTED + 1))
    names: list[str] = found["user"].to_pylist()
    if not names:
        return ibis.literal(0, "int64")
    if len(names) <= _MAX_LISTED:
        return users.intersect(ibis.array(names)).length()
    return users.filter(
        lambda user: matches(user, globs) & ~matches(user, but) if but else matches(user, globs)
    ).length()


def _others(rows: ir.Table, names: ir.Table) -> ir.Table:
    """Who remains of each of these names: `others`, `known_by`, `last_other`."""
    import ibis
    from ibis import _

    each = rows.filter(rows.name.isin(names.name)).group_by("name", "user")
    ranked = each.agg(n=_.count(), last=_.time.max()).mutate(
        rank=ibis.row_number().over(ibis.window(group_by="name", order_by=[_.n.desc(), _.user]))
    )
    return ranked.group_by("name").agg(
        others=_.count(),
        known_by=_.user.collect(where=_["rank"] < _MAX_NAMES, order_by=_["rank"]),
        last_other=_["last"].max(),
    )
