"""The query `health`: who carries the work, who came, who went, and how often people act.

Comes in: events. Goes out: a record for each stretch of the range, all of one length.

Definitions follow CHAOSS (chaoss.community/kb-metrics-and-metrics-models): Contributor Absence
Factor; New Contributors (first seen in the stretch); Inactive Contributors, here `drifting` (seen
in the stretch before, not in this one). "Seen before" means: earlier in the range.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import number_since
from hubbub.analyzers.evenness.bootstrap import starts
from hubbub.analyzers.evenness.windows import Windows, measured, people_in
from hubbub.registry import query
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["health"]

_USUAL = timedelta(weeks=13)
_MICRO = timedelta(microseconds=1)


@query
def health(
    events: Events, since: datetime, until: datetime, window: timedelta | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Absence factor, new, returning and drifting users, and the time between a person's actions.

    A record for each `--window` (13 weeks; half the range where that is shorter than two of them),
    the newest ending with the range. `people` = `new` (never seen before in the range) +
    `continuing` (seen in the window before too) + `returning` (seen before, but not in the window
    before). `drifting` were seen in the window before and not in this one. In the first window
    these are null: what came before it is not known.

    `absence_factor` is the fewest users who together have half of the messages, and
    `effective_people` as if so many shared them equally. `hours_between_actions` is the median
    over people of each one's median time from an action to the next (an action is a run of
    messages on one object without a pause of 10 minutes); null where nobody acted twice.
    """
    if window is None:
        window = min(_USUAL, (until - since) / 2) or _MICRO
    windows = Windows.between(since, until, window, window)
    rows = people_in(events, windows)
    begin = until - window * windows.number
    moved = _moved(rows, begin, window)
    pauses = _pauses(events, begin, window)
    data: list[dict[str, Any]] = []
    before: float = 0
    for number, (start, end, numbers) in enumerate(measured(rows, windows)):
        kinds = moved.get(number, {"new": 0, "continuing": 0, "returning": 0})
        known = {**kinds, "drifting": before - kinds["continuing"]}
        data.append(
            {
                "start": start,
                "end": end,
                "people": numbers.n,
                "messages": numbers.total,
                "absence_factor": numbers.absence_factor,
                "effective_people": numbers.effective_people,
                **(known if number else dict.fromkeys(known)),
                "hours_between_actions": pauses.get(number),
            }
        )
        before = numbers.n
    notes: dict[str, Any] = {"window": window, "windows": windows.number}
    if not windows.number:
        notes["note"] = "not enough data: the range is shorter than one window"
    return (data if any(row["people"] for row in data) else []), notes


def _moved(rows: ir.Table, begin: datetime, length: timedelta) -> dict[int, dict[str, int]]:
    """How many users of each window are new, continuing and returning."""
    import ibis
    from ibis import _

    placed = rows.select("user", window=number_since(rows.time, begin, length)).distinct()
    order = ibis.window(group_by="user", order_by="window")
    steps = placed.mutate(before=_.window.lag().over(order))
    apart = steps.window - steps.before
    counted = steps.group_by("window").agg(
        new=steps.before.isnull().sum(),
        continuing=(apart == 1).sum().fill_null(0),
        returning=(apart > 1).sum().fill_null(0),
    )
    names = ("new", "continuing", "returning")
    return {
        row["window"]: {name: int(row[name]) for name in names}
        for row in counted.to_pyarrow().to_pylist()
    }


def _pauses(events: Events, begin: datetime, length: timedelta) -> dict[int, float]:
    """Hours between the beginnings of a person's actions, by the window of the later one."""
    import ibis
    from ibis import _

    done = starts(events).select(
        "user", "start", window=(_.start - to_micros(begin)) // (length // _MICRO)
    )
    order = ibis.window(group_by="user", order_by="start")
    apart = done.mutate(pause=_.start - _.start.lag().over(order)).filter(_.pause.notnull())
    each = apart.group_by("user", "window").agg(pause=_.pause.median())
    middle = each.group_by("window").agg(pause=_.pause.median()).to_pyarrow().to_pylist()
    hour = timedelta(hours=1) // _MICRO
    return {row["window"]: row["pause"] / hour for row in middle}
