"""A result table: what a query answers, and all that a chart has to say about it.

Comes in: the value a query function returned, with its range and coverage. Goes out: the JSON
document, columns and rows. It never computes a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hubbub.times import iso

__all__ = ["Coverage", "Gap", "Result"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span [start, end) that history or the bus holds and the store does not."""

    start: datetime
    end: datetime
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete a range is: `complete`, `healed` or `unproven`, and the known gaps in it."""

    state: str = "unproven"
    gaps: tuple[Gap, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "state": self.state,
            "gaps": [
                {"start": iso(g.start), "end": iso(g.end), "source": g.source, "why": g.why}
                for g in self.gaps
            ],
        }


@dataclass(frozen=True, slots=True)
class Result:
    """One answer. `data` is JSON-ready: lists, dicts, numbers, texts, None; times as ISO Z."""

    query: str
    parameters: Mapping[str, Any]
    data: Any
    since: datetime
    until: datetime
    events: int  # events in the range after the filters
    coverage: Coverage = field(default_factory=Coverage)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()  # order of the columns where `data` is a list of records

    def document(self) -> dict[str, Any]:
        """The answer of `--format json` and of the HTTP API."""
        out: dict[str, Any] = {
            "query": self.query,
            "parameters": dict(self.parameters),
            "coverage": self.coverage.document(),
            "data": self.data,
        }
        if self.diagnostics:
            out["diagnostics"] = dict(self.diagnostics)
        return out
