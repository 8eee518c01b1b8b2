"""The query `coverage`: how complete the store is.

It is read from the ledger of the range; only the estimate for repositories reads events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.activity.numbering import completeness
from hubbub.analyzers.common.periods import require_periods
from hubbub.analyzers.common.times import DAY
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.state.coverage import days, timeline
from hubbub.times import from_micros, to_micros

if TYPE_CHECKING:
    from hubbub.store.query.events import Events
    from hubbub.store.state.ledger import CoverageSpan
    from hubbub.zones import Zone

__all__ = ["NOT_ESTIMATED", "coverage"]

_SECOND = 1e6  # µs
#: Filters under which opened numbers would be left out that are in the store.
NOT_ESTIMATED = ("topic", "user", "action")
_STATES = ("complete", "healed", "gap", "unproven", "unknown")


@query(names_people=False, headline=("source", "start", "end", "state"))
def coverage(  # noqa: PLR0917  injected by name
    events: Events,
    ledger: Sequence[CoverageSpan],
    since: datetime,
    until: datetime,
    zone: Zone,
    per: Literal["source", "stretch", "d", "day", "repository"] = "source",
) -> list[dict[str, Any]]:
    """Spans of time that are complete, healed, unproven (received only) or a gap, with the proof.

    `--per source` lists the spans of each source, `stretch` those of all sources together, and
    `day` the seconds of each day by state.

    `--per repository` estimates of each repository of a forge how many of the issues and pull
    requests that were opened in the range are stored, from the numbers that the forge gave them:
    `first` and `last`, how many came as `opened`, how many were `missed`, and the `percent`. A
    number that was deleted or transferred counts as missed: it is an estimate, never a proof.

    Args:
        events: The selected events.
        ledger: The spans of coverage.
        since: Start of the range.
        until: End of the range, exclusive.
        zone: Time zone in which days begin.
        per: What a row is about.
    """
    if per == "repository":
        given = [f"--{name}" for name in NOT_ESTIMATED if getattr(events.selection, name)]
        if given:
            raise UsageError(
                "the estimate needs all events of a repository",
                where=given[0],
                hint="leave it out; --object and --category select repositories",
            )
        return completeness(events)
    start, end = to_micros(since), to_micros(until)
    if per == "source":
        return [
            {
                "source": span.source,
                "filters": span.filters,
                "start": from_micros(span.start),
                "end": from_micros(span.end),
                "state": span.state,
                "proof": span.proof,
            }
            for span in ledger
        ]
    if start >= end:
        return []
    if per == "stretch":
        return [
            {
                "start": from_micros(span.start),
                "end": from_micros(span.end),
                "state": span.state,
            }
            for span in timeline(ledger, start, end)
        ]
    require_periods((until - since) // DAY, "day")
    return [
        {
            "day": zone.day(from_micros(day.start)).isoformat(),
            "percent": day.percent,
            **{state: getattr(day, state) / _SECOND for state in _STATES},
        }
        for day in days(ledger, start, end, zone)
    ]
