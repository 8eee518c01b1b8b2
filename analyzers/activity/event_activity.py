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


@query(
    names_people=False,
    columns=(
        "phase",
        "start",
        "end",
        "users",
        "newcomers",
        "of_users",
        "of_newcomers",
        "messages",
        "per_day",
        "complete",
    ),
)
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
    seen in it, its `messages` (in all and `per_day`), and `newcomers`: users not seen in the
    look-back before the phase. The look-back is equally long for all phases, the time from the
    start of the range to the phase `before` (diagnostics: `look_back`). Where that is shorter than
    a phase, `newcomers` of `before` is null and the look-back reaches to the occasion; where that
    is too short as well, all are null. `of_newcomers` is how many of the newcomers of the occasion
    are seen in the phase (in `after`: those who stayed); `of_users` is the same for all users of
    the occasion. `complete` is false where the range does not contain the whole phase; `per_day`
    is null there. Let the range begin long before the occasion: a user who was
    away for longer than the look-back counts as new.

    Args:
        events: The selected events.
        since: Start of the range.
        until: End of the range, exclusive.
        from_: Start of the occasion.
        to: End of the occasion, exclusive.
        around: Length of the phases before and after; by default that of the occasion.
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
    look_back, known = _look_back(since, edges, length)
    if look_back is not None:
        notes["look_back"] = look_back
    people = _people(events, spans, look_back or timedelta(0))
    data = []
    for phase, (start, end) in spans.items():
        complete = since <= start and end <= until
        data.append(
            {
                "phase": phase,
                "start": start,
                "end": end,
                "users": people[f"{phase}_users"],
                "newcomers": people[f"{phase}_new"] if phase in known else None,
                "of_users": people[f"{phase}_of_users"],
                "of_newcomers": people[f"{phase}_of_new"] if known else None,
                "messages": messages[phase],
                "per_day": messages[phase] / ((end - start) / DAY) if complete else None,
                "complete": complete,
            }
        )
    return data, notes


def _look_back(
    since: datetime, edges: tuple[datetime, ...], length: timedelta
) -> tuple[timedelta | None, tuple[str, ...]]:
    """Return how far all phases look back for newcomers, and the phases for which that is known."""
    before, during, *_ = edges
    if before - since >= length:
        return before - since, _PHASES
    if during - since >= length:
        return during - since, _PHASES[1:]
    return None, ()


def _inside(at: ir.IntegerValue, span: tuple[datetime, datetime]) -> ir.BooleanValue:
    start, end = map(to_micros, span)
    return (at >= start) & (at < end)


def _messages(events: Events, spans: dict[str, tuple[datetime, datetime]]) -> dict[str, int]:
    at = micros(events.time)
    sums = {phase: _inside(at, span).sum() for phase, span in spans.items()}
    return _single_row(events.table.agg(**sums))


def _people(
    events: Events, spans: dict[str, tuple[datetime, datetime]], look_back: timedelta
) -> dict[str, int]:
    """For each phase: its users, new users, and those also seen or new during the occasion."""
    people = events.unnest_users("time")
    rows = people.select("user", at=micros(people.time))
    each = rows.group_by("user").agg(
        **{phase: _inside(rows["at"], span).any() for phase, span in spans.items()},
        **{
            f"{phase}_seen": _inside(rows["at"], (start - look_back, start)).any()
            for phase, (start, _end) in spans.items()
        },
    )
    new = {phase: each[phase] & ~each[f"{phase}_seen"] for phase in spans}
    sums = {}
    for phase in spans:
        sums[f"{phase}_users"] = each[phase].sum()
        sums[f"{phase}_new"] = new[phase].sum()
        sums[f"{phase}_of_users"] = (each[phase] & each["during"]).sum()
        sums[f"{phase}_of_new"] = (each[phase] & new["during"]).sum()
    return _single_row(each.agg(**sums))


def _single_row(table: ir.Table) -> dict[str, int]:
    """Return the only row of a table of sums; a sum over no rows is 0."""
    [row] = table.to_pyarrow().to_pylist()
    return {name: int(number or 0) for name, number in row.items()}
