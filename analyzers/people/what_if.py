"""The query `what_if`: what would be lost without some people, and who else knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.limits import require_minimum
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["what_if"]

#: How many of the other users are named.
_MAX_NAMES = 3


@query
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
    """
    require_minimum(top, "--top")
    people = events.unnest_users("id", "time", "category", "objects")
    absent = matches(people.user, without)
    totals = _totals(people.select("id", absent=absent))
    notes = {"without": without, **totals}
    if not totals["theirs"]:
        notes["note"] = "nobody of that name in the range"
        return [], notes
    rows = people.select("id", "user", "time", "category", "objects", absent=absent)
    data = []
    for kind in ("category", "object"):
        name = rows.category if kind == "category" else rows.objects.unnest()
        touched = _touched(rows.select("id", "user", "time", "absent", name=name), top)
        data += [
            {"kind": kind, **row, "known_by": row["known_by"] or []}
            for row in touched.to_pyarrow().to_pylist()
        ]
    return data, notes


def _totals(rows: ir.Table) -> dict[str, int]:
    """Count the messages that name a user, that name an absent one, and that name only these."""
    from ibis import _

    each = rows.group_by("id").agg(theirs=_.absent.any(), lost=_.absent.all())
    sums = each.agg(messages=_.count(), theirs=_.theirs.sum(), lost=_.lost.sum())
    [row] = sums.to_pyarrow().to_pylist()
    return {name: int(number or 0) for name, number in row.items()}


def _touched(rows: ir.Table, top: int) -> ir.Table:
    """The categories or objects (`name`) that absent users touch, what is lost and who remains."""
    import ibis
    from ibis import _

    each = rows.group_by("name", "id").agg(theirs=_.absent.any(), lost=_.absent.all())
    sums = each.group_by("name").agg(messages=_.count(), theirs=_.theirs.sum(), lost=_.lost.sum())
    affected = sums.filter(_.theirs > 0).mutate(share=_.theirs / _.messages)
    remaining = rows.filter(~rows.absent).group_by("name", "user")
    ranked = remaining.agg(n=_.count(), last=_.time.max()).mutate(
        rank=ibis.row_number().over(ibis.window(group_by="name", order_by=[_.n.desc(), _.user]))
    )
    others = ranked.group_by("name").agg(
        others=_.count(),
        known_by=_.user.collect(where=_["rank"] < _MAX_NAMES, order_by=_["rank"]),
        last_other=_["last"].max(),
    )
    joined = affected.left_join(others, "name").mutate(others=_.others.fill_null(0))
    return (
        joined.select(
            "name", "messages", "theirs", "lost", "share", "others", "known_by", "last_other"
        )
        .order_by((_.others == 0).desc(), _.lost.desc(), _.share.desc(), "name")
        .limit(top)
    )
