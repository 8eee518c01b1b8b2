"""The views `cohorts` and `returning`: what part the busiest have, and who stays.

Periods that the range cuts off are left out if two whole ones remain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture.calendar import (
    about_midnight,
)
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import as_time, ending, needs_year
from hubbub.charts.picture.sheet import finite, messages, records, several
from hubbub.language import N_, _, ngettext, npgettext
from hubbub.language.dates import short_month
from hubbub.language.numbers import amount, percent
from hubbub.language.wording import duration, duration_after_in
from hubbub.registry import view
from hubbub.zones import current

__all__ = ["cohorts", "returning"]

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_FEW = 10  # people; shares of fewer are not compared
_EXACT = 1e-6  # of a person; sums of shares are rounded
_GROUPS = 24  # rows and columns of the triangle
#: Months → the share of the same newcomers, and that of part of them.
_LATER = {
    3: (
        N_("{sentence}, {share} three months later"),
        N_("{sentence}, {share} of {n} three months later"),
    ),
    6: (
        N_("{sentence}, {share} six months later"),
        N_("{sentence}, {share} of {n} six months later"),
    ),
    12: (
        N_("{sentence}, {share} twelve months later"),
        N_("{sentence}, {share} of {n} twelve months later"),
    ),
}
_SHARES = {
    "top_1": N_("top 1%"),
    "next_9": N_("next 9%"),
    "next_40": N_("next 40%"),
    "rest": N_("the other half"),
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
        _(
            "Share of mentions per group of people, in the {length} before each point",
            length=_weeks_after_in(length),
        )
    ]
    if length != 13 * _WEEK and window is None:
        subtitles.append(_("13 weeks in ranges of 15 weeks and more"))
    if rows and all(row["n"] <= 100 for row in rows):  # noqa: PLR2004 (percent)
        subtitles.append(_("the top 1% is one person"))
    subtitles += several(result)
    note = result.diagnostics.get("note")
    nothing = _("The range holds no whole window of {length}", length=_weeks_after_in(length))
    return draw_areas(
        chart,
        result,
        x="end",
        shares=_SHARES,
        finding=_cohorts_finding(rows, length, messages(result), year=needs_year(since, until))
        if rows or not note
        else nothing,
        subtitle="; ".join(subtitles),
        empty=ngettext(
            "not enough data: the range holds no {n} days that end in time",
            "not enough data: the range holds no {n} days that end in time",
            length.days,
            n=length.days,
        )
        if note
        else _("No messages in this range name a person"),
    )


def _weeks(length: timedelta) -> str:
    if length % _WEEK == timedelta(0) and length > _WEEK:
        return ngettext("{n} week", "{n} weeks", length // _WEEK, n=length // _WEEK)
    return duration(length)


def _weeks_after_in(length: timedelta) -> str:
    if length % _WEEK == timedelta(0) and length > _WEEK:
        n = length // _WEEK
        return npgettext("after 'in'", "{n} week", "{n} weeks", n, n=n)
    return duration_after_in(length)


def _cohorts_finding(
    rows: Sequence[Mapping[str, Any]], length: timedelta, of: str, *, year: bool
) -> str:
    """State the share of the busiest 1 % at the end, and before if as many people were there."""
    known = [row for row in rows if finite(row["top_1"]) is not None]
    if not known:
        return _("Nobody is named in any window of {length}", length=_weeks_after_in(length))
    first, last = known[0], known[-1]
    n = int(last["n"])
    end = as_time(last["end"])
    assert end is not None
    last_day = ending(about_midnight(end), year=year)
    when = _("in the {length} to {end}", length=_weeks_after_in(length), end=last_day)
    if n == 1:
        return _("One person has all {of} {when}", of=of, when=when)
    if abs(last["top_1"] * n - _hundredth(n)) < _EXACT:
        return _("All {n} people have equally many {of} {when}", n=amount(n), of=of, when=when)
    share = percent(last["top_1"])
    sentence = ngettext(
        "The busiest of {people} people has {share} of all {of} {when}",
        "The busiest {n} of {people} people have {share} of all {of} {when}",
        _hundredth(n),
        people=amount(n),
        share=share,
        of=of,
        when=when,
    )
    before, people = percent(first["top_1"]), int(first["n"])
    # a share of few people, or of a crowd, is no measure for this one
    alike = min(people, n) >= _FEW and max(people, n) <= 2 * min(people, n)
    # two people have more than one, whatever the shares are
    alike = alike and (_hundredth(people) == _hundredth(n) or min(people, n) > 100 * _FEW)
    start = as_time(first["end"])
    if len(known) > 1 and alike and before != share and start is not None:
        sentence = ngettext(
            "{sentence}; {length} earlier the busiest of {people} people had {share}",
            "{sentence}; {length} earlier the busiest {n} of {people} people had {share}",
            _hundredth(people),
            sentence=sentence,
            length=_weeks(end - start),
            people=amount(people),
            share=before,
        )
    return sentence


def _hundredth(n: int) -> int:
    """Return how many the busiest 1 % of people are: at least one."""
    return -(-n // 100)


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
            "first seen": f"{_month(row['group'])} ({amount(size[row['group']])})",
            "months later": int(row["after"]),
            "share": row["share"],
            "group": row["group"],
        }
        for row in rows
        if row["group"] in shown and 0 < row["after"] <= _GROUPS and row["complete"]
    ]
    subtitles = [
        _("Share of the people first seen in a month who were active so many months later")
    ]
    if len(groups) > _GROUPS:
        parts = {"shown": _GROUPS, "all": amount(len(groups))}
        subtitles.append(_("the newest {shown} of {all} months", **parts))
    if table:
        subtitles.append(
            ngettext(
                "they were not seen in the {n} month before",
                "they were not seen in the {n} months before",
                result.diagnostics.get("look_back_months") or 1,
            )
        )
    return draw_heatmap(
        chart,
        result,
        row="first seen",
        column="months later",
        value="share",
        finding=_returning_finding(rows),
        subtitle="; ".join(subtitles),
        empty=_("Two complete months are needed to see who returns")
        if rows
        else _("No messages in this range name a user"),
        percent=True,
        cells=table,
    )


def _month(group: str) -> str:
    start = as_time(group)
    if start is None:
        return group
    return short_month(current().local(start), year=True)


def _returning_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """State the share of newcomers who were active one month later, and some months later."""
    if not rows:
        return _("Nobody is named by the messages of this range")
    counted = [r for r in rows if r["complete"] and r["after"]]
    if not counted:
        return _("The range is too short to see who returns")

    def share(after: int) -> float:
        selected = [r for r in counted if r["after"] == after]
        return float(sum(r["active"] for r in selected) / sum(r["people"] for r in selected))

    people = sum(r["people"] for r in counted if r["after"] == 1)
    sentence = ngettext(
        "{share} of one newcomer was active in the month after",
        "{share} of {n} newcomers were active in the month after",
        people,
        share=percent(share(1)),
    )
    later = max(r["after"] for r in counted)
    later = next((n for n in (12, 6, 3) if n <= later), 1)
    if later > 1:
        of = sum(r["people"] for r in counted if r["after"] == later)
        facts = {"sentence": sentence, "share": percent(share(later))}
        same, fewer = _LATER[later]
        return _(same, **facts) if of == people else _(fewer, n=amount(of), **facts)
    return sentence
