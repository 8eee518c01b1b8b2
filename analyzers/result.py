"""The result of a query: its data with the range, coverage and diagnostics that belong to it.

Charts and output formats read these classes. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hubbub.times import spelled
from hubbub.zones import UNIVERSAL, Zone

__all__ = ["Coverage", "Gap", "Result"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A half-open span [start, end) of messages that a source has and the store lacks."""

    start: datetime
    end: datetime
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete a range is (`complete`, `healed` or `unproven`) and its known gaps."""

    state: str = "unproven"
    gaps: tuple[Gap, ...] = ()

    def document(self, zone: Zone = UNIVERSAL) -> dict[str, Any]:
        """Return it as JSON-ready data, with times in a zone."""
        iso = zone.iso
        return {
            "state": self.state,
            "gaps": [
                {"start": iso(g.start), "end": iso(g.end), "source": g.source, "why": g.why}
                for g in self.gaps
            ],
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one query.

    `data` is JSON-ready: lists, dicts, numbers, strings and None; times are ISO 8601 in `zone`,
    with offset (`Z` in UTC).
    """

    query: str
    parameters: Mapping[str, Any]
    data: Any
    since: datetime
    until: datetime
    events: int  # events in the range after the filters
    coverage: Coverage = field(default_factory=Coverage)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    durations: tuple[str, ...] = ()  # names of those diagnostics that are durations, in seconds
    columns: Sequence[str] = ()  # order of the columns where `data` is a list of records
    left_out: int = 0  # known bots that the data leave out
    naming: int | None = None  # events that name a person; None: no people are counted
    mentions: int | None = None  # the same events, once for each person that they name
    touching: bool = False  # whether `naming` counts only events that name an object too
    zone: Zone = UNIVERSAL  # in which days are cut and times are written

    @property
    def shown_diagnostics(self) -> dict[str, Any]:
        """The diagnostics for people: durations as users type them."""
        return {
            name: spelled(timedelta(seconds=value)) if name in self.durations else value
            for name, value in self.diagnostics.items()
        }

    @property
    def bare(self) -> Any:
        """What the function returned, JSON-ready: the answer of a function without events."""
        return [self.data, dict(self.diagnostics)] if self.diagnostics else self.data

    def document(self) -> dict[str, Any]:
        """Return the document that `--format json` and the HTTP API answer with."""
        document: dict[str, Any] = {
            "query": self.query,
            "parameters": dict(self.parameters),
            "coverage": self.coverage.document(self.zone),
            "data": self.data,
        }
        if self.diagnostics:
            document["diagnostics"] = dict(self.diagnostics)
        return document
