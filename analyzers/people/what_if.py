"""The query `what_if`: what falls on whom if somebody is gone.

Comes in: events and names. Goes out: a record for each category and object that they touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["what_if"]

#: So many of the others are named.
_NAMED = 3


@query
def what_if(
    events: Events, without: list[str], top: int = 50
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Which categories and objects lose how much without somebody, and who else knows them.

    For each that `--without` (glob, repeatable) touches: `messages` (that name somebody), `theirs`
    (that name them), `lost` (that name nobody else) and `share` = theirs / messages; `others` is
    how many users remain, `known_by` the up to three with most messages on it, and `last_other`
    when one of the others last was. Categories come first; then what nobody else knows, and what
    loses most. `--top` limits categories and objects each. Beside the data: how much of all
    messages that is.
    """
    if top < 1:
        raise UsageError(f"there is no top {top}", where="--top", hint="write 1 or more")
    people = events.unnest_users("id", "time", "category", "objects")
    gone = matches(people.user, without)
    whole = _whole(people.select("id", gone=gone))
    notes = {"without": without, **whole}
    if not whole["theirs"]:
        notes["note"] = "nobody of that name in the range"
        return [], notes
    rows = people.select("id", "user", "time", "category", "objects", gone=gone)
    data = []
    for kind in ("category", "object"):
        name = rows.category if kind == "category" else rows.objects.unnest()
        touched = _touched(rows.select("id", "user", "time", "gone", name=name), top)
        data += [
            {"kind": kind, **row, "known_by": row["known_by"] or []}
            for row in touched.to_pyarrow().to_pylist()
        ]
    return data, notes


def _whole(rows: ir.Table) -> dict[str, int]:
    """How many messages name somebody, name them, and name nobody else."""
    from ibis import _

    each = rows.group_by("id").agg(theirs=_.gone.any(), lost=_.gone.all())
    sums = each.agg(messages=_.count(), theirs=_.theirs.sum(), lost=_.lost.sum())
    [row] = sums.to_pyarrow().to_pylist()
    return {name: int(number or 0) for name, number in row.items()}


def _touched(rows: ir.Table, top: int) -> ir.Table:
    """One kind of thing: those that the absent touch, what is lost and who remains."""
    import ibis
    from ibis import _

    each = rows.group_by("name", "id").agg(theirs=_.gone.any(), lost=_.gone.all())
    sums = each.group_by("name").agg(messages=_.count(), theirs=_.theirs.sum(), lost=_.lost.sum())
    hit = sums.filter(_.theirs > 0).mutate(share=_.theirs / _.messages)
    remain = rows.filter(~rows.gone).group_by("name", "user")
    ranked = remain.agg(n=_.count(), last=_.time.max()).mutate(
        place=ibis.row_number().over(ibis.window(group_by="name", order_by=[_.n.desc(), _.user]))
    )
    others = ranked.group_by("name").agg(
        others=_.count(),
        known_by=_.user.collect(where=_.place < _NAMED, order_by=_.place),
        last_other=_["last"].max(),
    )
    found = hit.left_join(others, "name").mutate(others=_.others.fill_null(0))
    return (
        found.select(
            "name", "messages", "theirs", "lost", "share", "others", "known_by", "last_other"
        )
        .order_by((_.others == 0).desc(), _.lost.desc(), _.share.desc(), "name")
        .limit(top)
    )
