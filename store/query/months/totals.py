"""Totals of users and of objects, from whole months where that is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.query.months.kept import KeptMonths, by_person, union
from hubbub.store.query.times import micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["object_totals", "user_totals"]


def user_totals(events: Events) -> ir.Table:
    """Return the columns `user`, `category`, `messages`, `bytes`, `first`, `last` (µs).

    A user and category may have several rows, which a query adds up; `messages` and `bytes` may be
    negative in some, where accounts are merged, but not their sum.
    """
    events.audience.note(events)
    kept = KeptMonths.of(events, "monthly_users")
    if kept is None:
        people = events.unnest_users("time", "category", "size")
        return _single(people.select("user", "category", "time", "size"))
    parts = [_kept(kept.rows(), "user", "category")]
    for rows in kept.missing():
        accounts = rows.select("category", "time", "size", user=rows.users.unnest())
        parts.append(_single(accounts.select("user", "category", "time", "size")))
    return by_person(events, union(parts), "category")


def object_totals(events: Events) -> ir.Table:
    """Return the columns `object`, `messages`, `bytes`, `first`, `last` (µs).

    An object may have several rows, which a query adds up.
    """
    kept = KeptMonths.of(events, "monthly_objects")
    parts = [events.stored] if kept is None else kept.missing()
    rows = [
        _single(part.select("time", "size", object=part.objects.unnest()).relocate("object"))
        for part in parts
    ]
    return union(rows if kept is None else [_kept(kept.rows(), "object"), *rows])


def _kept(rows: ir.Table, *names: str) -> ir.Table:
    last = rows["first"] + rows.length
    return rows.select(*names, "messages", "bytes", "first", last=last)


def _single(rows: ir.Table) -> ir.Table:
    """Count each row: names, `time`, `size`."""
    import ibis

    names = [name for name in rows.columns if name not in {"time", "size"}]
    at = micros(rows.time)
    one = ibis.literal(1, "int64")
    return rows.select(*names, messages=one, bytes=rows["size"], first=at, last=at)
