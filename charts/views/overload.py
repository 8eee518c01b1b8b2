"""The view `overload`: signs of too much work, against everybody's own past.

Comes in: the answer of the query `overload`. Goes out: a `Drawing`. Names stand in it only where
they are asked for: a sign is a reason to ask somebody how they are, and nothing to publish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.sheet import finite, records
from hubbub.registry import view

__all__ = ["overload"]

_MOST = 15  # people
_QUARTER = 0.25
#: A sign as a row names it, and as a title says it of people.
_SIGNS: Mapping[str, tuple[str, str]] = {
    "load": ("more work than usual for them", "did more work than is usual for them"),
    "off_hours": ("more nights and weekends", "worked more at night or on weekends than before"),
    "no_pause": ("three weeks without a pause", "had no two free days in three weeks or more"),
    "alone": ("alone with something", "had something that nobody else touched"),
}


@view
def overload(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    people: bool = False,
    recent: timedelta = timedelta(weeks=4),
) -> Drawing:
    """Signs of too much work lately, against each person's own past; names only with `--people`."""
    from hubbub.charts.graphs.bars import RowPlan, Rows
    from hubbub.charts.graphs.common import height_of
    from hubbub.charts.picture.canvas import draw

    result = query.overload(since=since, until=until, people=people, recent=recent, top=1000)
    rows = records(result)
    lately = f"in the last {text.amount(recent / timedelta(days=1))} days"
    if people:
        bars, title, table = _persons(rows)
        columns: tuple[str, ...] = ("user", "signs", "load", "usual")
        said = f"Signs of too much work {lately}, against each person's own past"
        if len(rows) > len(bars):
            said += f"; {len(bars)} of {text.plural(len(rows), 'person', 'people')}"
    else:
        bars, title, table = _rates(rows)
        columns = ("sign", "people", "of", "share")
        said = (
            f"Share of the people of whom the data tell who show a sign of too much work {lately}"
        )
    page = chart.sheet(
        result,
        title="",
        finding=title,
        subtitle=f"{said}; a reason to ask, never a verdict",
        empty=title,
        height=height_of(len(bars)) + 20,
    )
    series = [("share", [b[0] for row in bars for b in row.bars])] if bars else []
    # One in five hundred must not look like all of them.
    plan = RowPlan(tuple(bars), least=0.0 if people else _QUARTER)
    return draw(Rows, page, plan, series, columns=columns, rows=table)


def _rates(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    from hubbub.charts.graphs.bars import Row

    bars, known = [], []
    for row in rows:
        name, says = _SIGNS.get(row["sign"], (text.clean(row["sign"]), f"show {row['sign']}"))
        share = finite(row["share"])
        if share is None:
            bars.append(Row(name, ((0.0, f"not enough data ({row['of']:,})", "fo"),)))
            continue
        known.append((share, row["people"], row["of"], says))
        label = f"{text.percent(share)} ({row['people']:,} of {row['of']:,})"
        bars.append(Row(name, ((share, label, "f0"),)))
    table = [(r["sign"], r["people"], r["of"], r["share"]) for r in rows]
    if not rows:
        return [], "Nobody was active in this time", table
    if not known:
        return bars, "Too little is known of too few people to see signs of too much work", table
    share, shown, of, says = max(known, key=lambda k: k[0])
    if not shown:
        return bars, "Nobody shows a sign of too much work", table
    return bars, f"{shown:,} of {text.plural(of, 'person', 'people')} {says}", table


def _persons(rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    from hubbub.charts.graphs.bars import Row

    marked = [r for r in rows if r["signs"]]
    bars = []
    for row in marked[:_MOST]:
        names = ", ".join(_SIGNS.get(s, (text.clean(s), ""))[0] for s in row["signs"])
        label = text.fit(names, 420, 12)
        bars.append(Row(text.named(row["user"]), ((float(len(row["signs"])), label, "f0"),)))
    table = [(text.named(r["user"]), ", ".join(r["signs"]), r["load"], r["usual"]) for r in rows]
    if not rows:
        return [], "Nobody was active in this time", table
    if not marked:
        return [], "Nobody shows a sign of too much work", table
    most = len(marked[0]["signs"])
    first = sum(len(r["signs"]) == most for r in marked)
    who = text.named(marked[0]["user"]) if first == 1 else f"{first:,} people"
    verb = "shows" if first == 1 else "show"
    return bars, f"{who} {verb} {text.plural(most, 'sign')} of too much work", table
