"""The views `cohorts` and `returning`: what part the busiest have, and who stays.

Periods that the range cuts off are left out if two whole ones remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.calendar import (
    about_midnight,
)
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, day, ending, needs_year
from hubbub.charts.picture.sheet import finite, messages, records, several
from hubbub.language.numbers import percent
from hubbub.language.wording import duration
from hubbub.registry import view

__all__ = ["cohorts", "returning"]

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_FEW = 10  # people; shares of fewer are not compared
_EXACT = 1e-6  # of a person; sums of shares are rounded
_GROUPS = 24  # rows and columns of the triangle
_LATER = {3: "three", 6: "six", 12: "twelve"}
_SHARES = {
    "top_1": "top 1%",
    "next_9": "next 9%",
    "next_40": "next 40%",
    "rest": "the other half",
}


def _window_and_step(length: timedelta) -> tuple[timedelta, timedelta]:
    """Return 13 weeks every week, or shorter windows if the range holds too few of them."""
    if length >= 15 * _WEEK:
        steps = -(-(length - 13 * _WEEK) // (150 * _WEEK))
        return 13 * _WEEK, steps * _WEEK
    if length >= 6 * _WEEK:
        return 4 * _WEEK, timedelta(days=1)
    if length > _WEEK:
        return _WEEK, _DAY
    return (length or _WEEK), _DAY  # the range of an empty store is empty


@view(names_people=False)
def cohorts(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    window: timedelta | None = None,
) -> Drawing:
    """Share of the top 1 %, next 9 %, next 40 % and the rest of people, over rolling 13 weeks.

    In a range of less than 15 weeks the window is 4 weeks, below 6 weeks it is one week.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        window: Length of a window; by default 13 weeks, less in a short range.
    """
    from hubbub.charts.graphs.areas import draw_areas

    length, step = _window_and_step(until - since)
    if window is not None:
        length = window
    result = query.cohorts(since=since, until=until, window=length, step=step)
    rows = records(result)
    subtitles = [
        f"Share of mentions per group of people, in the {_weeks(length)} before each point"
    ]
    if length != 13 * _WEEK and window is None:
        subtitles.append("13 weeks in ranges of 15 weeks and more")
    if rows and all(row["n"] <= 100 for row in rows):  # noqa: PLR2004 (percent)
        subtitles.append("the top 1% is one person")
    subtitles += several(result)
    note = result.diagnostics.get("note")
    return draw_areas(
        chart,
        result,
        x="end",
        shares=_SHARES,
        finding=_cohorts_finding(rows, length, messages(result), year=needs_year(since, until))
        if rows or not note
        else f"The range holds no whole window of {_weeks(length)}",
        subtitle="; ".join(subtitles),
        empty=str(note) if note else "No messages in this range name a person",
    )


def _weeks(length: timedelta) -> str:
    whole = length % _WEEK == timedelta(0) and length > _WEEK
    return f"{length // _WEEK} weeks" if whole else duration(length)


def _cohorts_finding(
    rows: Sequence[Mapping[str, Any]], length: timedelta, of: str, *, year: bool
) -> str:
    """State the share of the busiest 1 % at the end, and before if as many people were there."""
    known = [row for row in rows if finite(row["top_1"]) is not None]
    if not known:
        return f"Nobody is named in any window of {_weeks(length)}"
    first, last = known[0], known[-1]
    n = int(last["n"])
    end = as_time(last["end"])
    assert end is not None
    when = f"in the {_weeks(length)} to {ending(about_midnight(end), year=year)}"
    if n == 1:
        return f"One person has all {of} {when}"
    if abs(last["top_1"] * n - _hundredth(n)) < _EXACT:
        return f"All {n:,} people have equally many {of} {when}"
    share = percent(last["top_1"])
    sentence = f"The {_busiest(n)} {'has' if n <= 100 else 'have'} {share} of all {of} {when}"  # noqa: PLR2004 (percent)
    before, people = percent(first["top_1"]), int(first["n"])
    # a share of few people, or of a crowd, is no measure for this one
    alike = min(people, n) >= _FEW and max(people, n) <= 2 * min(people, n)
    # two people have more than one, whatever the shares are
    alike = alike and (_hundredth(people) == _hundredth(n) or min(people, n) > 100 * _FEW)
    start = as_time(first["end"])
    if len(known) > 1 and alike and before != share and start is not None:
        sentence += f"; {_weeks(end - start)} earlier the {_busiest(people)} had {before}"
    return sentence


def _hundredth(n: int) -> int:
    """Return how many the busiest 1 % of people are: at least one."""
    return -(-n // 100)


def _busiest(n: int) -> str:
    size = _hundredth(n)
    return f"busiest of {n:,} people" if size == 1 else f"busiest {size:,} of {n:,} people"


@view(names_people=False)
def returning(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """Of the people first seen in a month, how many were active one, two, … months later."""
    from hubbub.charts.graphs.heatmap import draw_heatmap

    result = query.returning(since=since, until=until)
    rows = records(result)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    shown = set(groups[-_GROUPS:])
    size = {row["group"]: row["people"] for row in rows}
    table = [
        {
            "first seen": f"{_month(row['group'])} ({size[row['group']]:,})",
            "months later": int(row["after"]),
            "share": row["share"],
            "group": row["group"],
        }
        for row in rows
        if row["group"] in shown and 0 < row["after"] <= _GROUPS and row["complete"]
    ]
    subtitles = ["Share of the people first seen in a month who were active so many months later"]
    if len(groups) > _GROUPS:
        subtitles.append(f"the newest {_GROUPS} of {len(groups):,} months")
    if table:
        before = text.plural(result.diagnostics.get("look_back") or 1, "month")
        subtitles.append(f"they were not seen in the {before} before")
    return draw_heatmap(
        chart,
        result,
        row="first seen",
        column="months later",
        value="share",
        finding=_returning_finding(rows),
        subtitle="; ".join(subtitles),
        empty="Two complete months are needed to see who returns"
        if rows
        else "No messages in this range name a user",
        percent=True,
        cells=table,
    )


def _month(group: str) -> str:
    start = as_time(group)
    if start is None:
        return group
    _day, month, year = day(start, year=True).split()
    return f"{month[:3]} {year}"


def _returning_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """State the share of newcomers who were active one month later, and some months later."""
    if not rows:
        return "Nobody is named by the messages of this range"
    counted = [r for r in rows if r["complete"] and r["after"]]
    if not counted:
        return "The range is too short to see who returns"

    def share(after: int) -> float:
        selected = [r for r in counted if r["after"] == after]
        return float(sum(r["active"] for r in selected) / sum(r["people"] for r in selected))

    people = sum(r["people"] for r in counted if r["after"] == 1)
    who = f"of {people:,} newcomers were" if people > 1 else "of one newcomer was"
    sentence = f"{percent(share(1))} {who} active in the month after"
    later = max(r["after"] for r in counted)
    later = next((n for n in (12, 6, 3) if n <= later), 1)
    if later > 1:
        of = sum(r["people"] for r in counted if r["after"] == later)
        whose = "" if of == people else f" of {of:,}"
        sentence += f", {percent(share(later))}{whose} {_LATER[later]} months later"
    return sentence
