"""Who touched what: the messages of each user and object, from whole months where that is the same.

Only messages that name both a user and an object count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from hubbub.store.query.engine import view
from hubbub.store.query.identity_join import person_names
from hubbub.store.query.months.kept import KeptMonths, by_person, counted, union
from hubbub.store.query.times import micros, stamp
from hubbub.store.rollups.monthly import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["has_unique_touches", "touch_parts", "touches"]

# Rows: 8 bytes for each in memory are few, 80 are many.
_UNDIVIDED = 12_000_000
_ROWS = 6_000_000  # of a part, about


def touches(events: Events, *, months: bool = True) -> ir.Table:
    """Return the columns `user`, `object`, `messages`, `first`, `last` (µs since the epoch).

    A user and object may have several rows, which a query adds up; `messages` may be negative in
    some, where accounts are merged, but not their sum.

    Args:
        events: the events.
        months: whether a row may count the messages of a month (UTC); else each row is a message.
    """
    events.audience.note(events)
    kept = KeptMonths.of(events, "monthly_touches") if months else None
    return _of_events(events) if kept is None else touches_of(kept)


def touches_of(kept: KeptMonths) -> ir.Table:
    """Return `touches` of these months, and of the ends that the range cuts off."""
    parts = [_accounts(kept.rows()), *map(_unnested, kept.missing_touches())]
    return by_person(kept.events, union(parts), "objects")


def has_unique_touches(events: Events) -> bool:
    """Whether `touches` has one row for each month, user and object."""
    kept = KeptMonths.of(events, "monthly_touches")
    return kept is not None and kept.is_unique and not kept.missing_touches()


def touch_parts(events: Events) -> list[ir.Table]:
    """Return `touches` in parts of bounded size: all rows of a user are in the same one."""
    kept = KeptMonths.of(events, "monthly_touches")
    number = 1
    if kept is not None and kept.size() > _UNDIVIDED:
        while number < PARTS and kept.size() > number * _ROWS:
            number *= 2
    if kept is None or number == 1:
        return [touches(events)]
    events.audience.note(events)
    return list(_split(kept, number))


def _split(kept: KeptMonths, number: int) -> Iterator[ir.Table]:
    """Yield so many parts, and one of the persons with several accounts."""
    import ibis
    from ibis import _

    rows, persons = _accounts(kept.rows()), kept.events.persons
    missing = kept.missing_touches()
    others = union(list(map(_unnested, missing))) if missing else None
    merged = person_names(persons).merged if persons else None
    if others is not None:
        places = ibis.memtable(_parts_of(kept, others))
    width = PARTS // number
    for first in range(0, PARTS, width):
        part = union(list(_months(kept, first, first + width)))
        if others is not None:
            inside = places.filter(places.part >= first, places.part < first + width)
            part = union([part, others.filter(others.user.isin(inside.user))])
        yield counted(kept.events, part if merged is None else part.filter(_.user.notin(merged)))
    if merged is not None:
        part = rows if others is None else union([rows, others])
        yield by_person(kept.events, part.filter(part.user.isin(merged)), "objects")


def _months(kept: KeptMonths, first: int, end: int) -> Iterator[ir.Table]:
    """Yield the rows of these parts of each month: by its own files and by time, few are read."""
    floor = kept.usable.rollup.floor
    for month in kept.months:
        files = [file.uri for file in kept.usable.files if floor(file.first) == month]
        if files:
            rows = view(kept.reader.backend, kept.usable.rollup.name, files)
            rows = rows.filter(rows.time >= stamp(month + first), rows.time < stamp(month + end))
            yield _accounts(kept.rows(rows))


def _parts_of(kept: KeptMonths, rows: ir.Table) -> Any:
    """Return the columns `user` and `part`, of all users of these rows."""
    import pyarrow as pa

    users = kept.reader.backend.to_pyarrow(rows.select("user").distinct())["user"].to_pylist()
    parts = [crc32(user.encode()) % PARTS for user in users]
    return pa.table({"user": pa.array(users, pa.string()), "part": pa.array(parts, pa.int64())})


def _accounts(rows: ir.Table) -> ir.Table:
    """Return the columns of `touches` for rows of the rollup, by account."""
    rows = rows.filter(rows.user != "")
    return rows.select("user", "object", "messages", "first", last=rows["first"] + rows.length)


def _unnested(stored: ir.Table) -> ir.Table:
    """Return the columns of `touches` for stored events, by account."""
    rows = stored.select("objects", at=micros(stored.time), user=stored.users.unnest())
    return _single(rows.select("user", "at", object=rows.objects.unnest()))


def _of_events(events: Events) -> ir.Table:
    people = events.unnest_users("time", "objects")
    at = micros(people.time)
    return _single(people.select("user", at=at, object=people.objects.unnest()))


def _single(rows: ir.Table) -> ir.Table:
    import ibis

    one = ibis.literal(1, "int64")
    return rows.select("user", "object", messages=one, first=rows["at"], last=rows["at"])
