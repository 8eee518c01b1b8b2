"""A ledger of coverage for the tests of charts: a history, a live bus, sources of strange names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hubbub.analyzers.activity.coverage import coverage as query
from hubbub.analyzers.result import Result
from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.views import coverage as views
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import to_micros

BUS = "zmq:tcp://hub.example.org:9940"
HISTORY = "history:https://history.example.org/datagrepper"


def ledger(since: datetime, until: datetime, objects: tuple[str, ...]) -> list[CoverageSpan]:
    """Proven but for its last eighth; the bus missed three hours, and others that were healed."""
    start, end, hour = to_micros(since), to_micros(until), 3_600_000_000
    last = end - (end - start) // 8
    gap = to_micros(since + timedelta(days=2))
    spans = [
        CoverageSpan(BUS, "", start, gap, "unproven", "heard"),
        CoverageSpan(BUS, "", gap, min(gap + 3 * hour, end), "healed", "history filled it"),
        CoverageSpan(BUS, "", last, last + hour // 60, "gap", "nobody answered"),
        *(CoverageSpan(f"zmq:{name}", name, start, last, "unproven", name) for name in objects[:9]),
        CoverageSpan(HISTORY, "", start, last, "complete", "5 rows, as many as history counts"),
    ]
    return [span for span in spans if span.start < span.end]


class Coverages:
    """The injected query `coverage`."""

    objects: tuple[str, ...]
    _result: Any

    def coverage(self, since: datetime, until: datetime, per: Any = "source") -> Result:
        rows = query(ledger(since, until, self.objects), since, until, per)
        result: Result = self._result("coverage", since, until, rows)
        return result


def coverage(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """The view with its ledger."""
    return views.coverage(query, chart, ledger(since, until, query.objects), since, until)
