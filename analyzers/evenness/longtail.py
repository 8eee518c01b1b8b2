"""The queries `longtail` and `tail`: how evenly work is shared, over time and in the whole range.

`hubbub.analyzers.evenness.metrics` defines the numbers.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.evenness.bootstrap import effective_people
from hubbub.analyzers.evenness.rarefaction import rarefied, smallest_window
from hubbub.analyzers.evenness.windows import Windows, histograms, measure_windows, user_counts
from hubbub.errors import UsageError
from hubbub.registry import query

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["longtail", "tail"]


@query(names_people=False, headline=("start", "effective_people", "absence_factor", "n", "total"))
def longtail(
    events: Events,
    since: datetime,
    until: datetime,
    window: timedelta = timedelta(hours=24),
    step: timedelta | None = None,
    *,
    interval: bool = False,
    rarefy: int | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """How evenly the work is shared in each window [end - window, end).

    Windows end at until, until - step, … and none begins before since; the default step gives at
    most 400 windows. Each has n (users), total (events, once for each of their users), head, tail,
    mean, and longtail, gini, effective_people, absence_factor and related numbers. A window without
    users has n = 0, all else is null. The effective_people of a window count each message as a
    separate action, so runs of messages make them too small. `--interval` adds to the diagnostics
    those of the whole range by actions, with their 90 % interval.

    `--rarefy N` computes the numbers expected of each window had it only N messages, so that busy
    and quiet windows can be compared; 0 takes the smallest total of all windows with at least 50
    messages. Windows with fewer than N messages have n and total only; head, tail and the three
    longtail numbers are null in all of them.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        window: Length of a window.
        step: Time between the ends of two windows; by default such that there are at most 400.
        interval: Add the 90 % interval of the effective number of people to the diagnostics.
        rarefy: Messages that all windows are reduced to; 0: the smallest total of at least 50.
    """
    if rarefy is not None and rarefy < 0:
        raise UsageError(f"a window cannot be rarefied to {rarefy} messages", where="--rarefy")
    windows = Windows.between(since, until, window, step, events.zone)
    people = user_counts(events, windows)
    notes: dict[str, Any] = {"windows": windows.number, "step": windows.step}
    if rarefy is None:
        measured = measure_windows(people, windows)
    else:
        groups = list(histograms(people, windows))
        size = rarefy or smallest_window(histogram for _start, _end, histogram in groups)
        measured = ((start, end, rarefied(histogram, size)) for start, end, histogram in groups)
        notes["rarefied_to"] = size
    data = [{"start": start, "end": end, **asdict(numbers)} for start, end, numbers in measured]
    if not windows.number:
        notes["note"] = "the range is shorter than one window"
    elif not any(row["n"] for row in data) and not events.count_events():
        data = []
    if interval:
        notes["effective_people"] = effective_people(events).document()
    return data, notes


@query(names_people=True, accounts=("user",))
def tail(events: Events) -> ir.Table:
    """Events per user from head to tail, and the straight line between the two.

    `ideal` is the line of `longtail`, which reaches the tail one rank after the last user; the mean
    of ideal - count is the longtail number of the whole range.
    """
    import ibis
    from ibis import _

    weeks = events.in_utc().weekly_users()
    counted = weeks.group_by("user").agg(count=_.messages.sum())
    order = [counted["count"].desc(), counted.user]
    ranked = counted.mutate(
        before=ibis.row_number().over(ibis.window(order_by=order)),
        n=_.count().over(ibis.window()),
        head=_["count"].max().over(ibis.window()),
        tail=_["count"].min().over(ibis.window()),
    )
    return ranked.select(
        rank=_.before + 1,
        user=_.user,
        count=_["count"],
        ideal=_["head"] + (_["tail"] - _["head"]) / _.n * _.before,
    ).order_by("rank")
