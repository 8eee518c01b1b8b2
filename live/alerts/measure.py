"""Read from the store what rules measure: sums by tick, and who shows signs of overload.

The events of alerts themselves (`hubbub.alert.*`) are never measured.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hubbub.collector.topics import ALERTS
from hubbub.live.alerts.averages import Values
from hubbub.live.alerts.evaluate import Measured, Run, Series
from hubbub.live.alerts.rules import AlertRule
from hubbub.store.query.selection import Selection
from hubbub.store.query.sums import exact_sum
from hubbub.store.query.times import micros
from hubbub.times import from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.store import Store

__all__ = ["EMPTY", "overload_series", "person_series", "read_values"]

#: What a subject has that has nothing.
EMPTY = Values(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))
#: Signs of `overload` that are about a time; `alone` is not.
_SIGNS = frozenset({"load", "off_hours", "no_pause"})
_EVERYBODY = 1_000_000


def selection(rule: AlertRule, base: Selection, first: int | None, end: int) -> Selection:
    """Return the events of a rule in the ticks [first, end).

    Args:
        rule: with filters.
        base: who counts, as configured.
        first: a tick; None: from the oldest event.
        end: a tick.
    """
    since = None if first is None else first * rule.tick
    return replace(base, since=since, until=end * rule.tick, **asdict(rule.filters))


def read_values(
    store: Store, rule: AlertRule, base: Selection, first: int, end: int
) -> dict[str, Values]:
    """Return what each subject has in the ticks [first, end); those that have nothing are missing.

    Args:
        store: an open store; waiting messages are not loaded.
        rule: of averages or silence.
        base: who counts, as configured; bots do not count as users.
        first: a tick.
        end: a tick.
    """
    if first >= end:
        return {}
    people = rule.measure == "users" or rule.per == "user"
    events = store.events(selection(rule, replace(base, bots=not people), first, end))
    rows = events.unnest_users("time", "topic", "category", "size", "id") if people else None
    table = _without_alerts(events.stored if rows is None else rows)
    subject = {"topic": "topic", "category": "category", "user": "user"}.get(rule.per)
    columns = [column for column in ("size", "id", "user", subject) if column in table.columns]
    ticked = table.select(*dict.fromkeys(columns), tick=micros(table.time) // rule.tick)
    keys = ["tick"] if subject is None else [subject, "tick"]
    messages = ticked.id.nunique() if people and rule.per != "user" else ticked.count()
    amount = messages
    if rule.measure == "bytes":
        amount = exact_sum(ticked["size"])
    elif rule.measure == "users":
        amount = ticked.user.nunique()
    found = ticked.group_by(keys).agg(amount=amount, messages=messages).order_by(keys).to_pyarrow()
    return _split(found, subject)


def _without_alerts(table: ir.Table) -> ir.Table:
    return table.filter(~table.topic.startswith(ALERTS))


def _split(rows: Any, subject: str | None) -> dict[str, Values]:
    """Return the rows of each subject; they are sorted by subject and tick."""
    ticks = rows["tick"].to_numpy().astype(np.int64)
    messages = rows["messages"].to_numpy().astype(np.int64)
    amounts = _whole(rows["amount"])
    if subject is None:
        return {"": Values(ticks, amounts, messages)} if len(ticks) else {}
    names = rows[subject].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    if not len(codes):
        return {}
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])).tolist()
    ends = [*starts[1:], len(codes)]
    known = names.dictionary.to_pylist()
    return {
        known[codes[a]]: Values(ticks[a:b], amounts[a:b], messages[a:b])
        for a, b in zip(starts, ends, strict=True)
        if known[codes[a]] is not None
    }


def _whole(column: Any) -> Any:
    """Return a column of whole numbers; Python's own where 64 bits may not hold their sums."""
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        numbers = column.to_numpy()
        return numbers.astype(np.int64)
    numbers = [int(value) for value in column.to_pylist()]
    if sum(map(abs, numbers)) < 2**62:
        return np.array(numbers, dtype=np.int64)
    return np.array(numbers, dtype=object)


def overload_series(
    store: Store, rule: AlertRule, base: Selection, start: int, end: int
) -> dict[str, Series]:
    """Return for each person that shows signs in the ticks [start, end) the condition of overload.

    The signs are judged at the end of each tick, from the events before it.

    Args:
        store: an open store.
        rule: of overload.
        base: who counts, as configured.
        start: a tick.
        end: a tick.
    """
    from hubbub.analyzers.people.overload import overload

    recent, found = rule.resolution * rule.short, dict[str, dict[int, Measured]]()
    for tick in range(start, end):
        chosen = replace(selection(rule, base, None, tick + 1), bots=False)
        until = from_micros((tick + 1) * rule.tick)
        people, _ = overload(
            store.events(chosen), until, until, people=True, recent=recent, top=_EVERYBODY
        )
        for person in people:
            signs = [sign for sign in person["signs"] if sign in _SIGNS]
            if len(signs) >= max(rule.minimum, 1):
                details = {"signs": signs, "load": person["load"], "usual": person["usual"]}
                found.setdefault(person["user"], {})[tick] = Measured(
                    len(signs), float(rule.minimum), details
                )
    return {user: person_series(signs, rule, start, end) for user, signs in found.items()}


def person_series(signs: dict[int, Measured], rule: AlertRule, start: int, end: int) -> Series:
    """Return the condition of one person.

    Args:
        signs: the ticks at which the person showed signs.
        rule: of overload.
        start: the first tick.
        end: the tick after the last one.
    """
    runs = [Run(tick, tick + 1, tick in signs) for tick in range(start, end)]
    return Series(runs, lambda tick: signs.get(tick) or Measured(0, float(rule.minimum)))
