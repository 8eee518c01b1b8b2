"""The query `what_if`: what would be lost without some people, and who else knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.materialised import materialise
from hubbub.analyzers.common.named import MOST as _MAX_LISTED
from hubbub.analyzers.common.named import Named
from hubbub.registry import query
from hubbub.store.query.globs import matches
from hubbub.store.query.months.kept import KeptMonths, counted, named, union
from hubbub.store.query.months.totals import user_totals
from hubbub.store.query.months.touches import touches
from hubbub.store.query.times import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["what_if"]

#: How many of the other users are named.
_MAX_NAMES = 3
_SUMS = ("messages", "theirs", "lost")


@query(
    names_people=True,
    accounts=("known_by", "without"),
    columns=(
        "kind",
        "name",
        "messages",
        "theirs",
        "lost",
        "share",
        "others",
        "known_by",
        "last_other",
    ),
)
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
    events.audience.note(events)
    sums = _losses(events, without)
    totals = sums["category"].agg(**{name: _[name].sum() for name in _SUMS})
    [row] = events.get_backend().to_pyarrow(totals).to_pylist()
    notes = {"without": without, **{name: int(number or 0) for name, number in row.items()}}
    if not notes["theirs"]:
        notes["note"] = "no user of that name in the range"
        return [], notes
    data = []
    for kind, table in sums.items():
        affected = table.filter(_.theirs > 0).mutate(share=_.theirs / _.messages)
        # Without other users all messages are lost.
        order = [(_.messages == _.lost).desc(), _.lost.desc(), _.share.desc(), _.name]
        rows = events.get_backend().to_pyarrow(affected.order_by(order).limit(top))
        most, names = ibis.memtable(rows), rows["name"].to_pylist()
        others = _others(_people(events, kind, without), most, names)
        listed = most.left_join(others, "name").mutate(others=_.others.fill_null(0))
        listed = listed.order_by(order).select(
            "name", "messages", "theirs", "lost", "share", "others", "known_by", "last_other"
        )
        data += [
            {"kind": kind, **row, "known_by": row["known_by"] or []}
            for row in events.get_backend().to_pyarrow(listed).to_pylist()
        ]
    return data, notes


def _losses(events: Events, without: list[str]) -> dict[str, ir.Table]:
    """Return for categories and for objects: `name`, `messages`, `theirs`, `lost`; in memory.

    Messages of a single user are in the rollups by month; the others have to be read one by one.
    """
    from ibis import _

    removed = Named.of(events, events.persons.widened(events.selection.removed))
    absent = Named.of(events, without, removed.globs)
    sums: dict[str, ir.Table] = {}
    for kind, rollup in (("category", "monthly_users"), ("object", "monthly_touches")):
        kept = KeptMonths.of(events, rollup)
        parts = [events] if kept is None else kept.of_several()
        found = [_counted(_marked(part, absent, removed), kind) for part in parts]
        if kept is not None:
            found.append(_alone(kept, kind, without))
        added = union(found).group_by("name").agg(**{name: _[name].sum() for name in _SUMS})
        sums[kind] = materialise(events, added)
    return sums


def _counted(rows: ir.Table, kind: str) -> ir.Table:
    """Count the messages of each name, those of absent users, and those of only these."""
    import ibis
    from ibis import _

    if kind == "category":
        each = rows.select("theirs", "lost", name="category")
    else:
        # Of most messages it is known without a search that no object is named twice.
        perhaps = (rows.objects.length() > 2) | (rows.objects[0] == rows.objects[1])  # noqa: PLR2004
        objects = ibis.ifelse(perhaps, rows.objects.unique(), rows.objects)
        each = rows.select("theirs", "lost", name=objects.unnest())
    sums = each.group_by("name").agg(messages=_.count(), theirs=_.theirs.sum(), lost=_.lost.sum())
    return sums.select("name", **{name: sums[name].cast("int64") for name in _SUMS})


def _alone(kept: KeptMonths, kind: str, without: list[str]) -> ir.Table:
    """Count the messages that name a single user, of the whole months of a rollup."""
    import ibis
    from ibis import _

    rows = kept.rows().filter(_.alone > 0).select("user", name=_[kind], messages=_.alone)
    sums = counted(kept.events, named(kept.events, rows))
    theirs = ibis.ifelse(matches(sums.user, without), sums.messages, 0)
    sums = sums.select("name", "messages", theirs=theirs, lost=theirs)
    sums = sums.group_by("name").agg(**{name: _[name].sum() for name in _SUMS})
    return sums.select("name", **{name: sums[name].cast("int64") for name in _SUMS})


def _people(events: Events, kind: str, without: list[str]) -> ir.Table:
    """Return `name`, `user`, `messages`, `last` (µs) of the users who remain."""
    rows = user_totals(events) if kind == "category" else touches(events)
    rows = rows.filter(~matches(rows.user, without))
    return rows.select("user", "messages", "last", name=rows[kind])


def _marked(events: Events, absent: Named, removed: Named) -> ir.Table:
    """Each event that names a counted user: `category`, `objects`, `theirs`, `lost`.

    Nothing is grouped by message: there are as many groups as messages. Instead the names that
    `without` and the selection match are looked up first, and counted in each event.
    """
    table = events.table
    if events.by == "agent":
        rows = table.filter(table.agent.notnull())
        rows = rows.filter(~matches(rows.agent, removed.globs)) if removed.globs else rows
        gone = matches(rows.agent, absent.globs)
        return rows.select("category", "objects", theirs=gone, lost=gone)
    rows = table.select(
        "category",
        "objects",
        counted=table.users.length() - removed.count_in(table.users),
        absent=absent.count_in(table.users),
    )
    rows = rows.filter(rows.counted > 0)
    theirs = rows.absent > 0
    return rows.select(
        "category", "objects", theirs=theirs, lost=theirs & (rows.absent == rows.counted)
    )


def _others(rows: ir.Table, most: ir.Table, names: Sequence[str]) -> ir.Table:
    """Who remains of each of these names: `others`, `known_by`, `last_other`.

    A short list is known before rows are read, so that most need not be decoded.
    """
    import ibis
    from ibis import _

    wanted = names if len(names) <= _MAX_LISTED else most.name
    each = rows.filter(rows.name.isin(wanted)).group_by("name", "user")
    ranked = each.agg(n=_.messages.sum(), last=_["last"].max()).mutate(
        rank=ibis.row_number().over(ibis.window(group_by="name", order_by=[_.n.desc(), _.user]))
    )
    return ranked.group_by("name").agg(
        others=_.count(),
        known_by=_.user.collect(where=_["rank"] < _MAX_NAMES, order_by=_["rank"]),
        last_other=moment(_["last"].max()),
    )
