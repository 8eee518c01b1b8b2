"""Draw a view from canned query results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from tests.support.charts.svg_faults import faults

START = datetime(2026, 1, 5, tzinfo=UTC)


class Answers:
    """An injected `query` that returns the same data for every query and records the calls.

    Args:
        data: of every result; a dict: data by name of the query, or by `NAME --per VALUE`.
        diagnostics: of every result.
    """

    def __init__(self, data: Any, diagnostics: dict[str, Any] | None = None) -> None:
        self.data, self.diagnostics = data, diagnostics or {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def query(since: datetime, until: datetime, **options: Any) -> Result:
            self.calls.append((name, {"since": since, "until": until, **options}))
            rows = self.data
            if isinstance(rows, dict):
                rows = rows.get(f"{name} --per {options.get('per')}", rows.get(name, []))
            return Result(name, {}, rows, since, until, 9, diagnostics=self.diagnostics)

        return query


def view(function: Any, data: Any, days: float = 28, /, notes: Any = None, **options: Any) -> Any:
    """Draw a view of canned data, over a range from 5 January 2026; it has no faults."""
    until = START + timedelta(days=days)
    query = Answers(data, notes)
    if "alert_rules" in signature(function).parameters:
        options = {"alert_rules": lambda _since, _until: ()} | options
    drawing = function(query=query, chart=Chart(), since=START, until=until, **options)
    assert faults(drawing.svg()) == []
    return drawing
