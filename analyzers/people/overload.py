"""The query `overload`: people whose load rose beyond what is usual for themselves.

Comes in: events. Goes out: how often each sign occurs; with `people`, a row for each person. Nobody
is compared with others: the baseline is a person's own past. Signs are reasons to ask somebody how
they are, never a verdict, so that names are given only where they are asked for.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.materialised import held
from hubbub.analyzers.evenness.bootstrap import FEWEST_PEOPLE, starts
from hubbub.analyzers.people.working_hours import off_hours, streaks, zones
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["overload"]

_WEEK = timedelta(weeks=1) // timedelta(microseconds=1)
#: A baseline needs so many weeks since the person was first seen.
_FEWEST_WEEKS = 8
#: Shares of fewer actions than this say nothing.
_FEWEST_ACTIONS = 20
#: An object that one person alone touched so often depends on that person.
_OFTEN = 5
_NO_PAUSE_DAYS = 21
#: A larger share that comes about by chance more often than this is none.
_CHANCE = 0.05

_SIGNS = {
    "load": "more actions a week than in nine of ten weeks before",
    "off_hours": "a larger share of night and weekend work than before",
    "no_pause": "three weeks or more without two free days in a row",
    "alone": "objects or categories that nobody else touches",
}


@query
def overload(
    events: Events,
    since: datetime,
    until: datetime,
    *,
    people: bool = False,
    recent: timedelta = timedelta(weeks=4),
    top: int = 30,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Signs of too much work in the last 4 weeks (`--recent`), against each person's own past.

    Without `--people`: how many of the people who were active show each sign, of how many whose
    data tell (`share` null: not enough data, fewer than 10). With it: a row a person, those with
    most signs first, and the same rates beside the data.

    `load` is actions a week lately (a run of messages on one object is one action), `usual` the
    mean and `usual_high` the value that one in ten whole weeks of the person's past exceeds; these
    are null before 8 weeks. `off_hours` and `off_hours_before` are shares at night (23 to 7 h) or
    on weekends in the `zone` that the person's habits suggest. `weeks_without_pause` runs from the
    last two free days in a row. `alone_objects` (5 messages or more) and `alone_categories` are
    those of the range that nobody else touched.
    """
    if recent <= timedelta(0):
        raise UsageError("--recent must be longer than zero", where="--recent")
    if top < 1:
        raise UsageError(f"there is no top {top}", where="--top", hint="write 1 or more")
    split = to_micros(until - recent)
    done = held(events, starts(events, active_since=until - recent))
    zone = held(events, zones(done.filter(done.start < split)))
    zoned = done.left_join(zone, "user").select("user", "start", "zone")
    loads = _loads(done, to_micros(since), split)
    found = _rows(loads, zone, off_hours(zoned, split), streaks(zoned, split), _alone(events))
    persons = [_person(row, recent) for row in found]
    rates = _rates(persons)
    notes: dict[str, Any] = {"recent_since": until - recent}
    if not people:
        return (rates if persons else []), notes
    persons.sort(key=lambda p: (-len(p["signs"]), -(p["ratio"] or 0), p["user"]))
    return [_shown(p) for p in persons[:top]], {**notes, "base_rates": rates}


def _loads(done: ir.Table, since: int, split: int) -> ir.Table:
    """Of everybody active lately: `recent` actions, and `weeks`, `past`, `high` of the baseline.

    Weeks are counted back from the split; only those that lie wholly in the range are baseline.
    """
    import ibis
    from ibis import _

    whole = max(0, (split - since) // _WEEK)
    placed = done.select("user", week=(done.start - split) // _WEEK, late=done.start >= split)
    lately = placed.filter(placed.late).group_by("user").agg(recent=_.count())
    past = placed.filter(~placed.late, placed.week >= -whole)
    weekly = past.group_by("user", "week").agg(actions=_.count())
    both = weekly.mutate(
        weeks=-_.week.min().over(ibis.window(group_by="user")),
        past=_.actions.sum().over(ibis.window(group_by="user")),
        rank=ibis.row_number().over(ibis.window(group_by="user", order_by=_.actions.desc())),
    )
    # Weeks without an action count as 0: they are the end of the descending order.
    each = both.group_by("user").agg(
        weeks=_.weeks.max(),
        past=_.past.max(),
        high=_.actions.max(where=_["rank"] == _.weeks // 10),
    )
    joined = lately.left_join(each, "user")
    return joined.select("user", "recent", "weeks", "past", high=_.high.fill_null(0))


def _alone(events: Events) -> ir.Table:
    """`user`, `objects`, `categories`: how many nobody else touched."""
    import ibis
    from ibis import _

    people = events.unnest_users("objects", "category")
    named = people.select(
        "user", kind=ibis.literal("object"), name=_.objects.unnest().cast("string")
    )
    kinds = people.select("user", kind=ibis.literal("category"), name=_.category.cast("string"))
    each = (
        named.union(kinds)
        .group_by("kind", "name")
        .agg(user=_.user.min(), last=_.user.max(), messages=_.count())  # nunique costs thrice that
    )
    only = each.filter(each.user == each["last"], each.messages >= _OFTEN)
    return only.group_by("user").agg(
        objects=(_.kind == "object").sum(), categories=(_.kind == "category").sum()
    )


def _rows(loads: ir.Table, *more: ir.Table) -> Sequence[Mapping[str, Any]]:
    for other in more:
        loads = loads.left_join(other, "user").drop("user_right")
    rows: list[dict[str, Any]] = loads.order_by("user").to_pyarrow().to_pylist()
    return rows


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _person(row: Mapping[str, Any], recent: timedelta) -> dict[str, Any]:
    """The numbers of one person, and the signs; in `told` those that the data allow to judge."""
    load = row["recent"] / (recent / timedelta(weeks=1))
    known = (row["weeks"] or 0) >= _FEWEST_WEEKS
    usual = row["past"] / row["weeks"] if known else None
    off = _share(row["off_since"], row["of_since"])
    off_before = _share(row["off_before"], row["of_before"])
    days = row["days"] or 0
    told, signs = {"no_pause", "alone"}, set()
    if known:
        told.add("load")
        signs |= {"load"} if load > row["high"] else set()
    if off is not None and off_before is not None and row["of_since"] >= _FEWEST_ACTIONS:
        told.add("off_hours")
        if _clearly_more(row["off_since"], row["of_since"], row["off_before"], row["of_before"]):
            signs.add("off_hours")
    if days >= _NO_PAUSE_DAYS:
        signs.add("no_pause")
    if row["objects"] or row["categories"]:
        signs.add("alone")
    return {
        "user": row["user"],
        "signs": [sign for sign in _SIGNS if sign in signs],
        "load": load,
        "usual": usual,
        "usual_high": row["high"] if known else None,
        "ratio": load / usual if usual else None,
        "zone": row["zone"],
        "off_hours": off,
        "off_hours_before": off_before,
        "weeks_without_pause": days / 7,
        "alone_objects": row["objects"] or 0,
        "alone_categories": row["categories"] or 0,
        "told": told,
    }


def _clearly_more(part: int, whole: int, part_before: int, whole_before: int) -> bool:
    """Whether a share is larger than the one before, beyond chance (Fisher's exact test)."""
    both = part + part_before

    def log_ways(of: int, chosen: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)

    every = log_ways(whole + whole_before, both)
    so_many = range(max(part, both - whole_before), min(whole, both) + 1)
    chance = math.fsum(
        math.exp(log_ways(whole, k) + log_ways(whole_before, both - k) - every) for k in so_many
    )
    return chance < _CHANCE


def _rates(persons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often each sign occurs among those whose data tell."""
    rates = []
    for sign, means in _SIGNS.items():
        judged = [p for p in persons if sign in p["told"]]
        shown = sum(sign in p["signs"] for p in judged)
        enough = len(judged) >= FEWEST_PEOPLE
        rates.append(
            {
                "sign": sign,
                "means": means,
                "people": shown if enough else None,
                "of": len(judged),
                "share": shown / len(judged) if enough else None,
            }
        )
    return rates


def _shown(person: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name != "told"}
