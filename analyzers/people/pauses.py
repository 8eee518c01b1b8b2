"""The median over people of each person's median pause between actions, in many intervals.

Most pauses are those of the busiest people, and need not be read: at least half of a person's n - 1
pauses between n actions are no shorter than their median, so that it is at most 2 / n of the
interval. Where that is below the result, they only count as people with less.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from hubbub.analyzers.common.materialised import materialise
from hubbub.store.query.actions.starts import action_pauses, kept_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import ibis.expr.types as ir

    from hubbub.store.query.actions.intervals import Intervals
    from hubbub.store.query.events import Events

__all__ = ["median_pauses"]

#: The share of people whose pauses are not read: those with the most actions.
_BUSY = 0.1
#: Actions of others that are held in memory at once; about 60 bytes each.
_HELD = 3_000_000
#: In shorter intervals (µs) most days may have times of two, and are not known.
_LEAST = timedelta(days=7) // timedelta(microseconds=1)
#: Where it is not known how many actions intervals have, they are read in so many parts.
_PARTS = 8
#: Before all pauses.
_LESS = -1.0


class _Known(NamedTuple):
    """What is known of the actions in an interval, before any pause is read."""

    others: int  # actions of those who are not among the busiest
    fewest: int | None  # actions of the one of the busiest who has the fewest; None: nobody is


def median_pauses(events: Events, within: Intervals) -> dict[int, float]:
    """Return the median of each interval (µs), by its number; those without a pause have none.

    Both actions begin in the interval: a pause that began earlier could be longer in a later
    interval than in an earlier one.

    Args:
        events: by agent or by users.
        within: the intervals.
    """
    busiest = _busiest(events, within) if within.size >= _LEAST else None
    known = {} if busiest is None else _facts(busiest)
    if not known:
        at_once = max(1, -(-within.number // _PARTS))
        starts = range(0, within.number, at_once)
        parts = (range(low, min(low + at_once, within.number)) for low in starts)
        return _of_all(events, within, parts)
    found: dict[int, float] = {}
    again: list[range] = []
    for part in _parts(within.number, known):
        medians = _medians(events, within, part, busiest, known)
        for number in part:
            if number in medians:
                median, proven = medians[number]
                if proven:
                    found[number] = median
                else:
                    again.append(range(number, number + 1))
    return found | _of_all(events, within, again)


def _busiest(events: Events, within: Intervals) -> ir.Table | None:
    """Return a tenth of the people of each interval, and for each one the one with most actions.

    Columns: `interval`, `user`, `n` (actions, at least), `busy` (whether of the tenth), `total` (of
    the interval). None where this is not known.
    """
    import ibis
    from ibis import _

    days = kept_days(events, within)
    if days is None:
        return None
    counts = days.group_by("user", "interval").agg(n=_.actions.sum().cast("int64"))
    counts = counts.filter(_.n > 1)
    of_interval = ibis.window(group_by="interval")
    ranked = counts.mutate(
        place=ibis.row_number().over(ibis.window(group_by="interval", order_by=ibis.desc("n"))),
        people=_.count().over(of_interval),
        total=_.n.sum().over(of_interval).cast("int64"),
    )
    ranked = ranked.mutate(busy=_.place < _.people * _BUSY - 1)
    chosen = ranked.filter(_.busy | (_.place == 0))
    return materialise(events, chosen.select("interval", "user", "n", "busy", "total"))


def _facts(busiest: ir.Table) -> dict[int, _Known]:
    """Return what is known of each interval; no row: nothing is."""
    from ibis import _

    facts = busiest.group_by("interval").agg(
        total=_.total.max(), busy=_.n.sum(where=_.busy), fewest=_.n.min(where=_.busy)
    )
    return {
        row["interval"]: _Known(row["total"] - (row["busy"] or 0), row["fewest"])
        for row in facts.to_pyarrow().to_pylist()
    }


def _parts(number: int, known: dict[int, _Known]) -> Iterator[range]:
    """Yield consecutive intervals whose actions fit into memory, or single ones."""
    first, held = 0, 0
    for interval in range(number):
        others = known[interval].others if interval in known else 0
        if held + others > _HELD and interval > first:
            yield range(first, interval)
            first, held = interval, 0
        held += others
    if first < number:
        yield range(first, number)


def _of_all(events: Events, within: Intervals, parts: Iterable[range]) -> dict[int, float]:
    """Return the medians of these intervals, from the pauses of all people."""
    found: dict[int, float] = {}
    for part in parts:
        medians = _medians(events, within, part, None, {})
        found |= {number: median for number, (median, _) in medians.items()}
    return found


def _medians(
    events: Events,
    within: Intervals,
    part: range,
    busiest: ir.Table | None,
    known: dict[int, _Known],
) -> dict[int, tuple[float, bool]]:
    """Return the medians of some intervals, and whether they are proven to be right."""
    import ibis
    import pyarrow as pa
    from ibis import _

    less: ir.Table | None = None
    few = False
    if busiest is not None:
        busy = busiest.filter(_.busy, _.interval >= part.start, _.interval < part.stop)
        less = busy.select("user", interval=_.interval - part.start)
        few = sum(known[n].others for n in part if n in known) <= _HELD
    pauses = action_pauses(events, within.part(part.start, len(part)), less, few=few)
    each = pauses.group_by("user", "interval").agg(pause=_.pause.median().cast("float64"))
    if less is not None:
        each = each.anti_join(less, ["user", "interval"])
    each = each.select("interval", "pause")
    if less is not None:
        each = each.union(less.select("interval", pause=ibis.literal(_LESS)))
    fewest = [known[n].fewest if n in known else None for n in part]
    bounds = pa.table(
        {
            "interval": pa.array(range(len(part)), pa.int64()),
            "bound": pa.array([2 * within.size / n if n else 0.0 for n in fewest], pa.float64()),
        }
    )
    bounded = each.inner_join(ibis.memtable(bounds), "interval")
    medians = bounded.group_by("interval").agg(
        median=_.pause.median(), less=(_.pause < _.bound).sum(), people=_.count()
    )
    return {
        part.start + row["interval"]: (row["median"], row["less"] <= (row["people"] - 1) // 2)
        for row in medians.to_pyarrow().to_pylist()
    }
