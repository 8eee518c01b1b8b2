"""The tail curve of a `tail` answer: what it says, and who is at its head.

Comes in: rows `rank user count ideal`. Goes out: a `Drawing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.charts import text
from hubbub.charts.canvas import draw
from hubbub.charts.sheet import Data, column, finite, records
from hubbub.charts.tail import TailCurve, TailPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.charts.chart import Chart
    from hubbub.charts.drawing import Drawing

__all__ = ["heads"]


def finding(names: Sequence[str], counts: Sequence[float]) -> str:
    """How few people do half of it all."""
    total, n = sum(counts), len(counts)
    if not total:
        return "Nobody is named by the messages of this range"
    if n == 1:
        return f"All activity comes from one person, {names[0]}"
    if counts[0] == counts[-1]:
        return f"{n} people share the work equally"
    done, half = 0.0, 0
    while 2 * done < total:
        done += counts[half]
        half += 1
    if half == 1:
        return (
            f"{names[0]} alone does {text.percent(counts[0] / total)} of the work of {n:,} people"
        )
    return f"Half of all activity comes from {half:,} of {n:,} people"


def heads(chart: Chart, result: Data, *, title: str, subtitle: str) -> Drawing:
    """Draw the answer of `tail`."""
    table = records(result)
    rows = [
        (str(user), count, finite(ideal))
        for user, count, ideal in zip(
            column(table, "user"),
            map(finite, column(table, "count")),
            column(table, "ideal"),
            strict=True,
        )
        if count is not None
    ]
    names = [text.named(u) for u, _, _ in rows]
    counts = [c for _, c, _ in rows]
    page = chart.sheet(
        result,
        title=title,
        finding=finding(names, counts),
        subtitle=subtitle
        or "Messages per contributor, sorted; the smaller the shaded gap to the line, the flatter "
        "the tail",
        empty="No messages in this range name a user",
    )
    ideal = [i for _, _, i in rows if i is not None]
    plan = TailPlan(
        tuple(
            f"{text.fit(n, 180, 12)} {text.amount(c)}"
            for n, c in zip(names[:12], counts, strict=False)
        ),
        (ideal[0], ideal[-1]) if ideal else (counts[0], counts[-1]) if counts else (0, 0),
    )
    return draw(
        TailCurve,
        page,
        plan,
        [("messages", counts)] if counts else [],
        columns=("rank", "user", "messages", "ideal"),
        rows=[(i, n, c, d) for i, (n, (_, c, d)) in enumerate(zip(names, rows, strict=True), 1)],
    )
