"""The query `health`: how many people carry the work, come, stay and leave.

Definitions follow CHAOSS (chaoss.community/kb-metrics-and-metrics-models): Contributor Absence
Factor; New Contributors (first seen in the window); Inactive Contributors, here `drifting` (seen in
the window before, not in this one).

Windows are compared with each other, so all look back equally far: otherwise the first ones, which
know little of the time before, would have the most newcomers and the shortest pauses.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros, number_since
from hubbub.analyzers.evenness.windows import Windows, measure_windows, user_counts
from hubbub.registry import query
from hubbub.store.query.actions.starts import action_pauses, kept_days
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["health"]

_DEFAULT_WINDOW = timedelta(weeks=13)
_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
#: The pauses are read in so many parts: the engine holds those of a part to find their medians.
_PARTS = 8
#: The share of people with fewer actions than those whose pauses are not read.
_BUSY = 0.9


@query(
    names_people=False,
    columns=(
        *("start", "end", "people", "messages", "absence_factor", "effective_people"),
        *("new", "continuing", "returning", "drifting", "hours_between_actions"),
    ),
    headline=("start", "people", "absence_factor", "effective_people", "new", "continuing"),
)
def health(
    events: Events, since: datetime, until: datetime, window: timedelta | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Absence factor, new, returning and drifting users, and the time between a person's actions.

    Each `--window` (13 weeks, or half the range if it is shorter than 26 weeks) has a record; the
    newest ends with the range. `people` = `new` + `continuing` (also seen in the window before) +
    `returning` (seen in the look-back, but not in the window before). `new` were not seen in the
    look-back. It is equally long before each window: the time from the start of the range to the
    middle window (diagnostics: `look_back`); in the windows before that `new` and `returning` are
    null. `drifting` were seen in the window before and not in this one. `continuing` and `drifting`
    are null in the first window, since it has none before it.

    `absence_factor` is the smallest number of users who together have half of the messages;
    `effective_people` is how many users with equal shares would be as concentrated, with each
    message counted as a separate action.
    `hours_between_actions` is the median over people of each person's median time from an action to
    the next in the same window (an action is a run of messages on one object without a pause of 10
    minutes); null where no person acted twice.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        window: Length of a window; by default 13 weeks, or half of a shorter range.
    """
    if window is None:
        window = min(_DEFAULT_WINDOW, (until - since) / 2) or _MICRO
    windows = Windows.between(since, until, window, window)
    begin = until - window * windows.number
    middle = max(1, windows.number // 2)
    look_back = begin + window * middle - since
    starts = [begin + window * number - look_back for number in range(middle, windows.number)]
    rows = user_counts(events, windows, starts)
    kinds_by_window = _kinds(rows, begin, window, look_back)
    pauses = _pauses(events, begin, window, windows.number)
    data: list[dict[str, Any]] = []
    before: float = 0
    for number, (start, end, numbers) in enumerate(measure_windows(rows, windows)):
        kinds = kinds_by_window.get(number, {"new": 0, "continuing": 0, "returning": 0})
        kinds_and_drifting: dict[str, float | None] = {
            **(kinds if number >= middle else dict.fromkeys(kinds)),
            "continuing": kinds["continuing"] if number else None,
            "drifting": before - kinds["continuing"] if number else None,
        }
        data.append(
            {
                "start": start,
                "end": end,
                "people": numbers.n,
                "messages": numbers.total,
                "absence_factor": numbers.absence_factor,
                "effective_people": numbers.effective_people,
                **kinds_and_drifting,
                "hours_between_actions": pauses.get(number),
            }
        )
        before = numbers.n
    notes: dict[str, Any] = {"window": window, "windows": windows.number}
    if windows.number > 1:
        notes["look_back"] = look_back
    if not windows.number:
        notes["note"] = "not enough data: the range is shorter than one window"
    return (data if any(row["people"] for row in data) else []), notes


def _kinds(
    rows: ir.Table, begin: datetime, length: timedelta, look_back: timedelta
) -> dict[int, dict[str, int]]:
    """Map each window to its numbers of new, continuing and returning users.

    A user is new where none of their messages lies in the look-back before the window.
    """
    import ibis
    from ibis import _

    placed = rows.select(
        "user", at=micros(rows.time), window=number_since(rows.time, begin, length)
    )
    each = placed.group_by("user", "window").agg(last=_["at"].max())
    order = ibis.window(group_by="user", order_by="window")
    visits = each.mutate(before=_.window.lag().over(order), seen=_["last"].lag().over(order))
    start = to_micros(begin) + visits.window * (length // _MICRO)
    seen = (visits.seen >= start - look_back // _MICRO).fill_null(False)  # noqa: FBT003
    just = (visits.window - visits.before == 1).fill_null(False)  # noqa: FBT003
    counted = visits.group_by("window").agg(
        new=(~seen & ~just).sum(), continuing=just.sum(), returning=(seen & ~just).sum()
    )
    names = ("new", "continuing", "returning")
    return {
        row["window"]: {name: int(row[name]) for name in names}
        for row in counted.to_pyarrow().to_pylist()
    }


def _pauses(events: Events, begin: datetime, length: timedelta, number: int) -> dict[int, float]:
    """Map each window to the median hours between the starts of a person's actions.

    Both ends of a pause lie in the window: a pause that began earlier could be longer in a later
    window than in an earlier one.
    """
    from ibis import _

    origin, size = to_micros(begin), length // _MICRO
    medians: dict[int, float] = {}
    if number <= _PARTS:
        for window in range(number):
            low = origin + window * size
            if (pause := _median_pause(events, low, low + size)) is not None:
                medians[window] = pause / _HOUR
        return medians
    at_once = -(-number // _PARTS)
    for first in range(0, number, at_once):
        low, high = origin + first * size, origin + min(first + at_once, number) * size
        pauses = action_pauses(events, low, high)
        window = (_.start - origin) // size
        pauses = pauses.filter((_.start - _.pause - origin) // size == window)
        each = pauses.group_by("user", window=window).agg(pause=_.pause.median())
        found = each.group_by("window").agg(pause=_.pause.median()).to_pyarrow().to_pylist()
        medians |= {row["window"]: row["pause"] / _HOUR for row in found}
    return medians


def _median_pause(events: Events, low: int, high: int) -> float | None:
    """Return the median over people of each one's median pause in [low, high), all µs.

    The pauses of the busiest people, who have most of them, need not be read: at least half of a
    person's n - 1 pauses between n actions are no shorter than the median, so that it is at most
    2 / n of the window. If that is below the result, they only count as people with less.
    """
    busiest = _busiest(events, low, high)
    while len(busiest):
        bound = 2 * (high - low) / busiest["n"][0].as_py()
        value = _middle(events, low, high, busiest)
        if value is not None and value[0] >= bound:
            return sum(value) / 2
        least = 2 * (high - low) / value[0] if value is not None and value[0] else math.inf
        fewer = busiest.filter([n >= least for n in busiest["n"].to_pylist()])
        busiest = fewer if len(fewer) < len(busiest) else fewer.slice(len(fewer))
    value = _middle(events, low, high, None)
    return None if value is None else sum(value) / 2


def _busiest(events: Events, low: int, high: int) -> Any:
    """Return `user` and `n`, how many actions they have at least, of a tenth; fewest first."""
    import ibis
    import pyarrow as pa
    from ibis import _

    days = kept_days(events, low, high)
    if days is None:
        return pa.table({"user": [], "n": []})
    counts = days.group_by("user").agg(n=_.actions.sum().cast("int64")).filter(_.n > 1)
    ranked = counts.mutate(rank=ibis.percent_rank().over(ibis.window(order_by="n")))
    return ranked.filter(_["rank"] > _BUSY).order_by("n").select("user", "n").to_pyarrow()


def _middle(events: Events, low: int, high: int, busiest: Any) -> tuple[float, float] | None:
    """Return the two middle ones of all people's median pauses, of which `busiest` have the least.

    None if there is none, or one of the two is of the busiest.
    """
    import ibis
    from ibis import _

    without = None if busiest is None else ibis.memtable(busiest.select(["user"]))
    pauses = action_pauses(events, low, high, without)
    each = pauses.group_by("user").agg(pause=_.pause.median()).select("pause")
    medians = sorted(each.to_pyarrow()["pause"].to_pylist())
    left_out = 0 if busiest is None else len(busiest)
    people = len(medians) + left_out
    first, second = (people - 1) // 2 - left_out, people // 2 - left_out
    return (medians[first], medians[second]) if 0 <= first < len(medians) else None
