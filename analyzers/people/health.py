"""The query `health`: how many people carry the work, come, stay and leave.

Definitions follow CHAOSS (chaoss.community/kb-metrics-and-metrics-models): Contributor Absence
Factor; New Contributors (first seen in the window); Inactive Contributors, here `drifting` (seen in
the window before, not in this one). "Seen before" means: earlier in the range.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import number_since
from hubbub.analyzers.evenness.bootstrap import action_starts
from hubbub.analyzers.evenness.windows import Windows, measure_windows, user_counts
from hubbub.registry import query
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["health"]

_DEFAULT_WINDOW = timedelta(weeks=13)
_MICRO = timedelta(microseconds=1)


@query
def health(
    events: Events, since: datetime, until: datetime, window: timedelta | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Absence factor, new, returning and drifting users, and the time between a person's actions.

    Each `--window` (13 weeks, or half the range if it is shorter than 26 weeks) has a record; the
    newest ends with the range. `people` = `new` (not seen earlier in the range) + `continuing`
    (also seen in the window before) + `returning` (seen earlier, but not in the window before).
    `drifting` were seen in the window before and not in this one. These are null in the first
    window, since it has none before it.

    `absence_factor` is the smallest number of users who together have half of the messages;
    `effective_people` is how many users with equal shares would be as concentrated.
    `hours_between_actions` is the median over people of each person's median time from an action to
    the next (an action is a run of messages on one object without a pause of 10 minutes); null
    where no person acted twice.
    """
    if window is None:
        window = min(_DEFAULT_WINDOW, (until - since) / 2) or _MICRO
    windows = Windows.between(since, until, window, window)
    rows = user_counts(events, windows)
    begin = until - window * windows.number
    kinds_by_window = _kinds(rows, begin, window)
    pauses = _pauses(events, begin, window)
    data: list[dict[str, Any]] = []
    before: float = 0
    for number, (start, end, numbers) in enumerate(measure_windows(rows, windows)):
        kinds = kinds_by_window.get(number, {"new": 0, "continuing": 0, "returning": 0})
        kinds_and_drifting = {**kinds, "drifting": before - kinds["continuing"]}
        data.append(
            {
                "start": start,
                "end": end,
                "people": numbers.n,
                "messages": numbers.total,
                "absence_factor": numbers.absence_factor,
                "effective_people": numbers.effective_people,
                **(kinds_and_drifting if number else dict.fromkeys(kinds_and_drifting)),
                "hours_between_actions": pauses.get(number),
            }
        )
        before = numbers.n
    notes: dict[str, Any] = {"window": window, "windows": windows.number}
    if not windows.number:
        notes["note"] = "not enough data: the range is shorter than one window"
    return (data if any(row["people"] for row in data) else []), notes


def _kinds(rows: ir.Table, begin: datetime, length: timedelta) -> dict[int, dict[str, int]]:
    """Map each window to its numbers of new, continuing and returning users."""
    import ibis
    from ibis import _

    placed = rows.select("user", window=number_since(rows.time, begin, length)).distinct()
    order = ibis.window(group_by="user", order_by="window")
    visits = placed.mutate(before=_.window.lag().over(order))
    distance = visits.window - visits.before
    counted = visits.group_by("window").agg(
        new=visits.before.isnull().sum(),
        continuing=(distance == 1).sum().fill_null(0),
        returning=(distance > 1).sum().fill_null(0),
    )
    names = ("new", "continuing", "returning")
    return {
        row["window"]: {name: int(row[name]) for name in names}
        for row in counted.to_pyarrow().to_pylist()
    }


def _pauses(events: Events, begin: datetime, length: timedelta) -> dict[int, float]:
    """Map each window to the median hours between the starts of a person's actions.

    A pause belongs to the window of the later action.
    """
    import ibis
    from ibis import _

    actions = action_starts(events).select(
        "user", "start", window=(_.start - to_micros(begin)) // (length // _MICRO)
    )
    order = ibis.window(group_by="user", order_by="start")
    pauses = actions.mutate(pause=_.start - _.start.lag().over(order)).filter(_.pause.notnull())
    each = pauses.group_by("user", "window").agg(pause=_.pause.median())
    medians = each.group_by("window").agg(pause=_.pause.median()).to_pyarrow().to_pylist()
    hour = timedelta(hours=1) // _MICRO
    return {row["window"]: row["pause"] / hour for row in medians}
