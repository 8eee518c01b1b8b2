"""The query `overload`: people whose load rose above their own usual level.

The baseline is each person's own past; people are not compared with each other. Signs are reasons
to ask a person how they are, never a verdict, so names are listed only on request.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.limits import require_minimum
from hubbub.analyzers.common.materialised import materialise
from hubbub.analyzers.evenness.bootstrap import MIN_PEOPLE, action_starts
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
#: A baseline needs at least this many weeks since the person was first seen.
_MIN_WEEKS = 8
#: Shares of fewer actions are not judged.
_MIN_ACTIONS = 20
#: An object depends on a person who alone touched it at least this often.
_MIN_MESSAGES = 5
_NO_PAUSE_DAYS = 21
#: Significance level of a larger share.
_SIGNIFICANCE = 0.05

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

    Without `--people` it counts how many of the active people show each sign, `of` how many with
    enough data to judge it (with fewer than 10 of them `people` and `share` are null). With it each
    person has a row, those with the most signs first, and these rates are in the diagnostics.

    `load` is the recent number of actions a week (a run of messages on one object is one action),
    `usual` its mean in the past and `usual_high` the value that one in ten whole weeks of the
    person's past exceeds; both are null with a past of less than 8 weeks. `off_hours` and
    `off_hours_before` are shares of actions at night (23 to 7 h) or on weekends, in the time `zone`
    that the person's habits suggest. `weeks_without_pause` counts since the last two free days in a
    row. `alone_objects` (5 messages or more) and `alone_categories` are how many objects and
    categories no other person touched in the range.
    """
    if recent <= timedelta(0):
        raise UsageError("--recent must be longer than zero", where="--recent")
    require_minimum(top, "--top")
    split = to_micros(until - recent)
    actions = materialise(events, action_starts(events, active_since=until - recent))
    zone = materialise(events, zones(actions.filter(actions.start < split)))
    zoned = actions.left_join(zone, "user").select("user", "start", "zone")
    loads = _loads(actions, to_micros(since), split)
    rows = _joined(loads, zone, off_hours(zoned, split), streaks(zoned, split), _alone(events))
    persons = [_person(row, recent) for row in rows]
    rates = _rates(persons)
    notes: dict[str, Any] = {"recent_since": until - recent}
    if not people:
        return (rates if persons else []), notes
    persons.sort(key=lambda p: (-len(p["signs"]), -(p["ratio"] or 0), p["user"]))
    return [_without_judged(p) for p in persons[:top]], {**notes, "base_rates": rates}


def _loads(actions: ir.Table, since: int, split: int) -> ir.Table:
    """Actions of all recently active users: `recent`, and their baseline.

    Weeks are counted back from the split; those that lie wholly in the range are the baseline:
    `weeks` of them, `past` actions, and `high`, the number that one in ten weeks exceeds.
    """
    import ibis
    from ibis import _

    whole_weeks = max(0, (split - since) // _WEEK)
    placed = actions.select(
        "user", week=(actions.start - split) // _WEEK, late=actions.start >= split
    )
    recent = placed.filter(placed.late).group_by("user").agg(recent=_.count())
    past = placed.filter(~placed.late, placed.week >= -whole_weeks)
    weekly = past.group_by("user", "week").agg(actions=_.count())
    ranked = weekly.mutate(
        weeks=-_.week.min().over(ibis.window(group_by="user")),
        past=_.actions.sum().over(ibis.window(group_by="user")),
        rank=ibis.row_number().over(ibis.window(group_by="user", order_by=_.actions.desc())),
    )
    # Weeks without an action have no row; as 0 they would be at the end of the descending order.
    baseline = ranked.group_by("user").agg(
        weeks=_.weeks.max(),
        past=_.past.max(),
        high=_.actions.max(where=_["rank"] == _.weeks // 10),
    )
    joined = recent.left_join(baseline, "user")
    return joined.select("user", "recent", "weeks", "past", high=_.high.fill_null(0))


def _alone(events: Events) -> ir.Table:
    """Columns `user`, `objects` and `categories`: how many of them no other user touched."""
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
        .agg(user=_.user.min(), last=_.user.max(), messages=_.count())  # nunique costs three times
    )
    only = each.filter(each.user == each["last"], each.messages >= _MIN_MESSAGES)
    return only.group_by("user").agg(
        objects=(_.kind == "object").sum(), categories=(_.kind == "category").sum()
    )


def _joined(loads: ir.Table, *others: ir.Table) -> Sequence[Mapping[str, Any]]:
    """Return one row for each user of `loads`, with the columns of all tables."""
    for other in others:
        loads = loads.left_join(other, "user").drop("user_right")
    rows: list[dict[str, Any]] = loads.order_by("user").to_pyarrow().to_pylist()
    return rows


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _person(row: Mapping[str, Any], recent: timedelta) -> dict[str, Any]:
    """Compute the numbers and signs of one person; `judged` are the signs with enough data."""
    load = row["recent"] / (recent / timedelta(weeks=1))
    has_baseline = (row["weeks"] or 0) >= _MIN_WEEKS
    usual = row["past"] / row["weeks"] if has_baseline else None
    off = _share(row["off_since"], row["of_since"])
    off_before = _share(row["off_before"], row["of_before"])
    days = row["days"] or 0
    judged, signs = {"no_pause", "alone"}, set()
    if has_baseline:
        judged.add("load")
        if load > row["high"]:
            signs.add("load")
    if off is not None and off_before is not None and row["of_since"] >= _MIN_ACTIONS:
        judged.add("off_hours")
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
        "usual_high": row["high"] if has_baseline else None,
        "ratio": load / usual if usual else None,
        "zone": row["zone"],
        "off_hours": off,
        "off_hours_before": off_before,
        "weeks_without_pause": days / 7,
        "alone_objects": row["objects"] or 0,
        "alone_categories": row["categories"] or 0,
        "judged": judged,
    }


def _clearly_more(part: int, whole: int, part_before: int, whole_before: int) -> bool:
    """Whether a share is significantly larger than the one before (Fisher's exact test)."""
    both = part + part_before

    def log_ways(of: int, chosen: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)

    log_all = log_ways(whole + whole_before, both)
    at_least = range(max(part, both - whole_before), min(whole, both) + 1)
    p_value = math.fsum(
        math.exp(log_ways(whole, k) + log_ways(whole_before, both - k) - log_all) for k in at_least
    )
    return p_value < _SIGNIFICANCE


def _rates(persons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compute how often each sign occurs among the people with enough data to judge it."""
    rates = []
    for sign, means in _SIGNS.items():
        judged = [p for p in persons if sign in p["judged"]]
        with_sign = sum(sign in p["signs"] for p in judged)
        enough = len(judged) >= MIN_PEOPLE
        rates.append(
            {
                "sign": sign,
                "means": means,
                "people": with_sign if enough else None,
                "of": len(judged),
                "share": with_sign / len(judged) if enough else None,
            }
        )
    return rates


def _without_judged(person: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name != "judged"}
