"""The query `coverage`: how complete the store is, from the ledger of the range.

It reads no events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from hubbub.registry import query
from hubbub.store.state.coverage import days, timeline
from hubbub.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from hubbub.store.state.ledger import CoverageSpan

__all__ = ["coverage"]

_SECOND = 1e6  # µs
_STATES = ("complete", "healed", "gap", "unproven", "unknown")


@query
def coverage(
    ledger: Sequence[CoverageSpan],
    since: datetime,
    until: datetime,
    per: Literal["source", "stretch", "d", "day"] = "source",
) -> list[dict[str, Any]]:
    """Spans of time that are complete, healed, unproven (received only) or a gap, with the proof.

    `--per source` lists the spans of each source, `stretch` those of all sources together, and
    `day` the seconds of each day by state.
    """
    start, end = to_micros(since), to_micros(until)
    if per == "source":
        return [
            {
                "source": span.source,
                "filters": span.filters,
                "start": iso(from_micros(span.start)),
                "end": iso(from_micros(span.end)),
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
                "start": iso(from_micros(span.start)),
                "end": iso(from_micros(span.end)),
                "state": span.state,
            }
            for span in timeline(ledger, start, end)
        ]
    return [
        {
            "day": from_micros(day.start).date().isoformat(),
            "percent": day.percent,
            **{state: getattr(day, state) / _SECOND for state in _STATES},
        }
        for day in days(ledger, start, end)
    ]
