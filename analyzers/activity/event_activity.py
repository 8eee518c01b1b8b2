"""The query `event_activity`: the effect of a conference, a sprint or a release on traffic.

It compares the time before, during and after such an occasion.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.common.times import DAY, micros
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.times import iso, to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = ["event_activity"]

_PHASES = ("before", "during", "after")


@query
def event_activity(
    events: Events,
    since: datetime,
    until: datetime,
    from_: datetime,
    to: datetime,
    *,
    around: timedelta | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Users and messages before, during and after an occasion from `--from` up to `--to`.

    `before` and `after` are as long as the occasion, or `--around` long. Each phase has the `users`
    seen in it, its `messages` (in all and `per_day`), and `newcomers`: users not seen earlier in
    the range. `of_newcomers` is how many of the newcomers of the occasion are seen in the phase (in
    `after`: those who stayed); `of_users` is the same for all users of the occasion. `complete` is
    false where the range does not contain the whole phase. Let the range begin long before the
    occasion: a user who was away for longer than that counts as new.
    """
    if to <= from_:
        raise UsageError(
            f"the occasion ends at {iso(to)}, not after its beginning at {iso(from_)}",
            where="--from, --to",
        )
    if around is not None and around <= timedelta(0):
        raise UsageError("before and after must be longer than zero", where="--around")
    length = around or to - from_
    edges = (from_ - length, from_, to, to + length)
    spans = dict(zip(_PHASES, pairwise(edges), strict=True))
    notes: dict[str, Any] = {"seen_since": since}
    if to <= since or until <= from_:
        notes["note"] = f"the range, {iso(since)} to {iso(until)}, holds nothing of the occasion"
    messages = _messages(events, spans)
    if not events.count_events():
        return [], notes
    people = _people(events, spans)
    data = []
    for phase, (start, end) in spans.items():
        data.append(
            {
                "phase": phase,
                "start": start,
                "end": end,
                "users": people[f"{phase}_users"],
                "newcomers": people[f"{phase}_new"],
                "of_users": people[f"{phase}_of_users"],
                "of_newcomers": people[f"{phase}_of_new"],
                "messages": messages[phase],
                "per_day": messages[phase] / ((end - start) / DAY),
                "complete": since <= start and end <= until,
            }
        )
    return data, notes


def _inside(at: ir.IntegerValue, span: tuple[datetime, datetime]) -> ir.BooleanValue:
    start, end = map(to_micros, span)
    return (at >= start) & (at < end)


def _messages(events: Events, spans: dict[str, tuple[datetime, datetime]]) -> dict[str, int]:
    at = micros(events.time)
    sums = {phase: _inside(at, span).sum() for phase, span in spans.items()}
    return _single_row(events.table.agg(**sums))


def _people(events: Events, spans: dict[str, tuple[datetime, datetime]]) -> dict[str, int]:
    """For each phase: its users, new users, and those also seen or new during the occasion."""
    people = events.unnest_users("time")
    rows = people.select("user", at=micros(people.time))
    each = rows.group_by("user").agg(
        first=rows["at"].min(),
        **{phase: _inside(rows["at"], span).any() for phase, span in spans.items()},
    )
    new = _inside(each["first"], spans["during"])
    sums = {}
    for phase, span in spans.items():
        sums[f"{phase}_users"] = each[phase].sum()
        sums[f"{phase}_new"] = _inside(each["first"], span).sum()
        sums[f"{phase}_of_users"] = (each[phase] & each["during"]).sum()
        sums[f"{phase}_of_new"] = (each[phase] & new).sum()
    return _single_row(each.agg(**sums))


def _single_row(table: ir.Table) -> dict[str, int]:
    """Return the only row of a table of sums; a sum over no rows is 0."""
    [row] = table.to_pyarrow().to_pylist()
    return {name: int(number or 0) for name, number in row.items()}
