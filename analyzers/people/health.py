"""The query `health`: how many people carry the work, come, stay and leave.

Definitions follow CHAOSS (chaoss.community/kb-metrics-and-metrics-models): Contributor Absence
Factor; New Contributors (first seen in the window); Inactive Contributors, here `drifting` (seen in
the window before, not in this one).

Windows are compared with each other, so all look back equally far: otherwise the first ones, which
know little of the time before, would have the most newcomers and the shortest pauses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import micros, number_since
from hubbub.analyzers.evenness.metrics import measure_histogram
from hubbub.analyzers.evenness.windows import Windows, user_counts
from hubbub.analyzers.people.pauses import median_pauses
from hubbub.registry import query
from hubbub.store.query.actions.intervals import Intervals
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["health"]

_DEFAULT_WINDOW = timedelta(weeks=13)
_MICRO = timedelta(microseconds=1)
_HOUR = timedelta(hours=1) // _MICRO
#: Kinds of users of a window, as numbers in the answer of the engine; 0: a histogram.
_KINDS = ("new", "continuing", "returning")


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
    histograms, kinds_by_window = _visits(rows, begin, window, look_back)
    within = Intervals(to_micros(begin), window // _MICRO, windows.number)
    pauses = median_pauses(events, within)
    data: list[dict[str, Any]] = []
    before: float = 0
    for number, (_, start, end) in enumerate(windows.spans()):
        numbers = measure_histogram(histograms.get(number, ()))
        kinds = dict.fromkeys(_KINDS, 0) | kinds_by_window.get(number, {})
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
                "hours_between_actions": pauses[number] / _HOUR if number in pauses else None,
            }
        )
        before = numbers.n
    notes: dict[str, Any] = {"window": window, "windows": windows.number}
    if windows.number > 1:
        notes["look_back"] = look_back
    if not windows.number:
        notes["note"] = "not enough data: the range is shorter than one window"
    return (data if any(row["people"] for row in data) else []), notes


def _visits(
    rows: ir.Table, begin: datetime, length: timedelta, look_back: timedelta
) -> tuple[dict[int, list[tuple[int, int]]], dict[int, dict[str, int]]]:
    """Return of each window its histogram, and its numbers of new, continuing, returning users.

    A user is new where none of their messages lies in the look-back before the window. Both are
    computed from the same visits, so that the engine groups the rows once.
    """
    import ibis
    from ibis import _

    one = rows.messages if "messages" in rows.columns else ibis.literal(1, "int64")
    placed = rows.select(
        "user",
        messages=one,
        at=micros(rows.time),
        window=number_since(rows.time, begin, length),
    )
    each = placed.group_by("user", "window").agg(count=_.messages.sum(), last=_["at"].max())
    order = ibis.window(group_by="user", order_by="window")
    visits = each.mutate(before=_.window.lag().over(order), seen=_["last"].lag().over(order))
    start = to_micros(begin) + visits.window * (length // _MICRO)
    seen = (visits.seen >= start - look_back // _MICRO).fill_null(False)  # noqa: FBT003
    just = (visits.window - visits.before == 1).fill_null(False)  # noqa: FBT003
    kind = ibis.cases((just, 2), (seen, 3), else_=1).cast("int64")
    kinds = visits.group_by("window", kind=kind).agg(users=_.count())
    counts = visits.group_by("window", "count").agg(users=_.count())
    parts = [
        counts.select("window", "users", "count", kind=ibis.literal(0, "int64")),
        kinds.select("window", "users", count=ibis.null("int64"), kind="kind"),
    ]
    histograms: dict[int, list[tuple[int, int]]] = {}
    numbers: dict[int, dict[str, int]] = {}
    found = parts[0].union(parts[1].select(parts[0].columns)).to_pyarrow()
    columns = (found[name].to_pylist() for name in ("window", "users", "count", "kind"))
    for window, users, count, which in zip(*columns, strict=True):
        if which:
            numbers.setdefault(window, {})[_KINDS[which - 1]] = users
        else:
            histograms.setdefault(window, []).append((int(count), users))
    return histograms, numbers
