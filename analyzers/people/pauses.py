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

#: Pauses are not read of people with more than so many times the median of actions. Of people who
#: act at random, those with 2.9 times that median have a bound below the median of all.
_BUSY = 4
#: Actions of others that are held in memory at once; about 60 bytes each.
_HELD = 3_000_000
#: In shorter intervals (µs) most days may have times of two, and are not known.
_LEAST = timedelta(days=7) // timedelta(microseconds=1)
#: Where it is not known how many actions intervals have, they are read in so many parts.
_PARTS = 8
#: Before all pauses.
_LESS = -1.0


class _Known(NamedTuple):
    """What is known of the actions in the intervals, before any pause is read.

    Attributes:
        busiest: columns `interval`, `user`: people whose pauses are not needed.
        bounds: columns `interval`, `bound`: none of these people has a longer median, µs; null
            where nobody is busy.
        others: by interval, the actions of the other people.
    """

    busiest: ir.Table
    bounds: ir.Table
    others: dict[int, int]


def median_pauses(events: Events, within: Intervals) -> dict[int, float]:
    """Return the median of each interval (µs), by its number; those without a pause have none.

    Both actions begin in the interval: a pause that began earlier could be longer in a later
    interval than in an earlier one.

    Args:
        events: by agent or by users.
        within: the intervals.
    """
    known = _known(events, within) if within.size >= _LEAST else None
    if known is None:
        at_once = max(1, -(-within.number // _PARTS))
        starts = range(0, within.number, at_once)
        parts = (range(low, min(low + at_once, within.number)) for low in starts)
        return _of_all(events, within, parts)
    found: dict[int, float] = {}
    again: list[range] = []
    for part in _parts(within.number, known.others):
        for number, (median, proven) in _medians(events, within, part, known).items():
            if proven:
                found[number] = median
            else:
                again.append(range(number, number + 1))
    return found | _of_all(events, within, again)


def _known(events: Events, within: Intervals) -> _Known | None:
    """Return those with many times the median of actions; None where this is not known."""
    from ibis import _

    days = kept_days(events, within)
    if days is None:
        return None
    counts = days.group_by("user", "interval").agg(n=_.actions.sum().cast("int64"))
    counts = materialise(events, counts.filter(_.n > 1))
    typical = counts.group_by("interval").agg(high=_.n.median() * _BUSY)
    ranked = counts.inner_join(typical, "interval")
    ranked = ranked.mutate(busy=ranked.n > ranked.high)
    facts = ranked.group_by("interval").agg(
        others=_.n.sum(where=~_.busy), bound=2 * within.size / _.n.min(where=_.busy)
    )
    facts = materialise(events, facts)
    busiest = materialise(events, ranked.filter(_.busy).select("interval", "user"))
    rows = facts.select("interval", "others").to_pyarrow().to_pylist()
    others = {row["interval"]: int(row["others"]) for row in rows}
    return _Known(busiest, facts.select("interval", "bound"), others) if others else None


def _parts(number: int, others: dict[int, int]) -> Iterator[range]:
    """Yield consecutive intervals whose actions fit into memory, or single ones."""
    first, held = 0, 0
    for interval in range(number):
        more = others.get(interval, 0)
        if held + more > _HELD and interval > first:
            yield range(first, interval)
            first, held = interval, 0
        held += more
    if first < number:
        yield range(first, number)


def _of_all(events: Events, within: Intervals, parts: Iterable[range]) -> dict[int, float]:
    """Return the medians of these intervals, from the pauses of all people."""
    found: dict[int, float] = {}
    for part in parts:
        medians = _medians(events, within, part, None)
        found |= {number: median for number, (median, _) in medians.items()}
    return found


def _medians(
    events: Events, within: Intervals, part: range, known: _Known | None
) -> dict[int, tuple[float, bool]]:
    """Return the medians of some intervals, and whether they are proven to be right."""
    import ibis
    from ibis import _

    less: ir.Table | None = None
    few = False
    if known is not None:
        less = known.busiest.filter(_.interval >= part.start, _.interval < part.stop)
        less = less.select("user", interval=_.interval - part.start)
        few = sum(known.others.get(number, 0) for number in part) <= _HELD
    pauses = action_pauses(events, within.part(part.start, len(part)), less, few=few)
    each = pauses.group_by("user", "interval").agg(pause=_.pause.median().cast("float64"))
    sums = {"median": _.pause.median(), "people": _.count()}
    if known is None or less is None:
        medians = each.group_by("interval").agg(**sums, less=ibis.literal(0))
    else:
        each = each.anti_join(less, ["user", "interval"]).select("interval", "pause")
        each = each.union(less.select("interval", pause=ibis.literal(_LESS)))
        bounds = known.bounds.mutate(interval=_.interval - part.start)
        bounded = each.left_join(bounds, "interval")
        medians = bounded.group_by("interval").agg(**sums, less=(_.pause < _.bound).sum())
    return {
        part.start + row["interval"]: (
            row["median"],
            (row["less"] or 0) <= (row["people"] - 1) // 2,
        )
        for row in medians.to_pyarrow().to_pylist()
    }
