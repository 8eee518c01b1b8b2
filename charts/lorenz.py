"""The view `lorenz`: which share of the work the busiest people do, with the evenness numbers.

Comes in: the answers of `tail` and, for the whole range as one window, of `longtail`. Goes out: a
`Drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from hubbub.charts import text
from hubbub.charts.chart import Chart
from hubbub.charts.drawing import Drawing
from hubbub.charts.evenness import headline
from hubbub.charts.sheet import finite, records
from hubbub.registry import view

__all__ = ["lorenz"]


def busiest(counts: Sequence[float]) -> tuple[int, float]:
    """How many are the busiest tenth of the people (at least one), and their share of the work."""
    few = -(-len(counts) // 10)
    return few, sum(sorted(counts, reverse=True)[:few]) / sum(counts)


def finding(names: Sequence[str], counts: Sequence[float]) -> str:
    """Which share of the work the busiest tenth does."""
    if not sum(counts):
        return "Nobody is named by the messages of this range"
    if len(counts) == 1:
        return f"All activity comes from one person, {names[0]}"
    if min(counts) == max(counts):
        return f"{len(counts):,} people share the work equally"
    few, share = busiest(counts)
    if few == 1:
        first = names[max(range(len(counts)), key=lambda i: (counts[i], -i))]
        return (
            f"The busiest of {len(counts)} people, {first}, does {text.percent(share)} of the work"
        )
    return f"The busiest {few:,} of {len(counts):,} people do {text.percent(share)} of the work"


def _numbers(row: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> list[str]:
    """The evenness numbers of the whole range, in words."""
    said = []
    if (half := finite(row.get("absence_factor"))) is not None:
        verb = "person does" if half == 1 else "people do"
        said.append(f"{text.amount(half)} {verb} half")
    if (gini := finite(row.get("gini"))) is not None:
        said.append(f"Gini index {gini:.2f}")
    if people := headline(diagnostics):
        said.append(people)
    return said


@view
def lorenz(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Cumulative share of the work over the share of people, with the evenness numbers."""
    whole = max(until - since, timedelta(microseconds=1))
    result = query.tail(since=since, until=until)
    measured = query.longtail(since=since, until=until, window=whole, step=whole, interval=True)
    people = [(text.named(r["user"]), finite(r["count"]) or 0.0) for r in records(result)]
    people.sort(key=lambda p: (p[1], p[0]))
    names, counts = [n for n, _ in people], [c for _, c in people]
    total = sum(counts)
    rows = records(measured)
    said = ["Share of messages of the people with the fewest; nearer to the diagonal is more even"]
    if total and rows:
        said += _numbers(rows[-1], measured.diagnostics)
    curve = [0.0, *(c / total for c in accumulate(counts))] if total else []
    mark, says = None, ""
    if len(counts) > 1 and total:
        few, share = busiest(counts)
        mark = (1 - few / len(counts), 1 - share)
        says = f"{text.plural(len(counts) - few, 'person', 'people')}: {text.percent(1 - share)}"
    return chart.curve(
        result,
        curve,
        mark=mark,
        says=says,
        title=finding(names, counts),
        subtitle="; ".join(said),
        rows=[(i, n, c, s) for i, (n, c, s) in enumerate(zip(names, counts, curve[1:]), 1)],  # noqa: B905 (no curve where nobody did anything)
    )
