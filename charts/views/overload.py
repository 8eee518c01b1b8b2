"""The view `overload`: signs of too much work, compared with each person's own past.

People are named only on request: a sign is a reason to ask someone how they are, not a thing to
publish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import finite, records
from hubbub.language.numbers import amount, percent
from hubbub.language.wording import duration
from hubbub.registry import view

__all__ = ["overload"]

_MOST = 15  # people
_QUARTER = 0.25
#: Sign → name of its row, and its words after "8 of 80 people" in a title.
_SIGNS: Mapping[str, tuple[str, str]] = {
    "load": ("more work than usual for them", "did more work than is usual for them"),
    "off_hours": ("more nights and weekends", "worked more at night or on weekends than before"),
    "no_pause": ("three weeks without a pause", "had no two free days in three weeks or more"),
    "alone": ("alone with something", "had something that nobody else touched"),
}


@view(names_people=False)
def overload(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    people: bool = False,
    recent: timedelta = timedelta(weeks=4),
) -> Drawing:
    """Signs of too much work lately, against each person's own past; names only with `--people`.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        people: List people with their signs, instead of counting them.
        recent: Length of the time that is compared with the past.
    """
    from hubbub.charts.graphs.bars import RowPlan, Rows
    from hubbub.charts.graphs.common import height_of
    from hubbub.charts.picture.canvas import draw

    result = query.overload(since=since, until=until, people=people, recent=recent, top=1000)
    rows = records(result)
    lately = f"in the last {amount(recent / timedelta(days=1))} days"
    if people:
        bars, finding, table = _persons(rows, result.diagnostics.get("base_rates") or ())
        columns: tuple[str, ...] = ("user", "signs", "load", "usual")
        subtitle = f"Signs of too much work {lately}, against each person's own past"
        if len(rows) > len(bars):
            subtitle += f"; {len(bars)} of {text.plural(len(rows), 'person', 'people')}"
    else:
        begin = as_time(result.diagnostics.get("past_since"))
        bars, finding, table = _rates(rows, recent, None if begin is None else until - begin)
        columns = ("sign", "people", "of", "share")
        subtitle = (
            f"Share of the people of whom the data tell who show a sign of too much work {lately}"
        )
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=f"{subtitle}; a reason to ask, never a verdict",
        empty=finding,
        height=height_of(len(bars)) + 20,
    )
    return draw(
        Rows,
        page,
        # The axis reaches 25%, so that one in five hundred does not fill the width.
        RowPlan(tuple(bars), least=0.0 if people else _QUARTER),
        [("share", [b[0] for row in bars for b in row.bars])] if bars else [],
        columns=columns,
        rows=table,
    )


def _rates(
    rows: Sequence[Mapping[str, Any]], recent: timedelta, stored: timedelta | None
) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    """Return bars, finding and table of the shares of people with each sign.

    Args:
        rows: of the query.
        recent: the time that is judged.
        stored: the time of which anything is stored.
    """
    from hubbub.charts.graphs.bars import Row

    bars, known = [], []
    for row in rows:
        name, words = _SIGNS.get(row["sign"], (text.clean(row["sign"]), f"show {row['sign']}"))
        share = finite(row["share"])
        if share is None:
            why = text.clean(row.get("note") or "too short to tell")
            bars.append(Row(name, ((0.0, f"{why} ({row['of'] or 0:,} people)", "fo"),)))
            continue
        known.append((share, row["people"], row["of"], words))
        label = f"{percent(share)} ({row['people']:,} of {row['of']:,})"
        bars.append(Row(name, ((share, label, "f0"),)))
    table = [(r["sign"], r["people"], r["of"], r["share"]) for r in rows]
    if not rows:
        return [], "Nobody was active in this time", table
    if not known and stored is not None and stored < recent:
        length = f"{duration(stored)} are stored, less than the {duration(recent)} that are judged"
        return bars, f"Too short to see signs of too much work: {length}", table
    if not known:
        return bars, "Too little is known of too few people to see signs of too much work", table
    share, shown, of, words = max(known, key=lambda k: k[0])
    if not shown:
        return bars, _clear(len(known), len(rows)), table
    return bars, f"{shown:,} of {text.plural(of, 'person', 'people')} {words}", table


def _clear(known: int, signs: int) -> str:
    """State that nobody shows a sign, as far as the data tell."""
    if known == signs:
        return "Nobody shows a sign of too much work"
    unknown = signs - known
    return (
        f"Too short to tell: {unknown} of {signs} signs cannot be judged, nobody shows the others"
    )


def _persons(
    rows: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]]
) -> tuple[list[Any], str, list[tuple[Any, ...]]]:
    """Return bars, finding and table of the people with signs; `rates` state who can be judged."""
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
        judged = min((int(rate["of"] or 0) for rate in rates), default=0)
        if judged < len(rows):
            told = f"{judged:,} of {text.plural(len(rows), 'person', 'people')}"
            return [], f"No sign of too much work; the data tell all signs of {told}", table
        return [], "Nobody shows a sign of too much work", table
    most = len(marked[0]["signs"])
    first = sum(len(r["signs"]) == most for r in marked)
    who = text.named(marked[0]["user"]) if first == 1 else f"{first:,} people"
    verb = "shows" if first == 1 else "show"
    return bars, f"{who} {verb} {text.plural(most, 'sign')} of too much work", table
