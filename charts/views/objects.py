"""The views `heatmap`, `objects_per_user` and `users_per_object`: who touches what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hubbub.charts.chart import Chart
from hubbub.charts.picture import text
from hubbub.charts.picture.drawing import Drawing
from hubbub.charts.picture.scale import day
from hubbub.charts.picture.sheet import finite, records
from hubbub.errors import UsageError
from hubbub.language import N_, _, ngettext
from hubbub.language.numbers import amount, percent
from hubbub.registry import view
from hubbub.zones import current

__all__ = ["heatmap", "objects_per_user", "users_per_object"]

_BARS = 20
_FRAMES = 120  # in 4.5 seconds
_NOTHING = N_("No message in this range names both a person and an object")


@view(names_people=False)
def heatmap(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    top: int = 24,
    top_objects: int = 30,
) -> Drawing:
    """Who touches what: messages of the busiest users on the busiest objects.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        top: How many users are drawn.
        top_objects: How many objects are drawn.
    """
    from hubbub.charts.graphs.heatmap import draw_heatmap

    result = query.heatmap(since=since, until=until, top=top, top_objects=top_objects)
    rows = records(result)
    totals = result.diagnostics
    users, objects = (list(dict.fromkeys(r[k] for r in rows)) for k in ("user", "object"))
    weight = dict.fromkeys(objects, 0.0)
    for row in rows:
        weight[row["object"]] += finite(row["messages"]) or 0
    objects.sort(key=lambda o: (-weight[o], str(o)))
    drawn = [
        _top_people(len(users), totals.get("users", len(users)), top),
        _top_objects(len(objects), totals.get("objects", len(objects)), top_objects),
    ]
    return draw_heatmap(
        chart,
        result,
        row="user",
        column="object",
        value="messages",
        row_order=users,
        column_order=objects,
        finding=_pair(
            rows,
            everything=len(users) >= totals.get("users", len(users))
            and len(objects) >= totals.get("objects", len(objects)),
        ),
        subtitle="; ".join([_("Messages per person and object"), *drawn, _("blank is none")]),
        empty=_(_NOTHING),
    )


def _top_people(shown: int, total: int, most: int) -> str:
    """State which are drawn: all, or the `most` busiest that occur with one of the objects."""
    if shown >= total:
        return ngettext("{n} person", "{n} people", total)
    facts = {"n": min(most, total), "all": amount(total)}
    if shown == min(most, total):
        return _("the {n} busiest of {all} people", **facts)
    return _(
        "{shown} of the {n} busiest of {all} people, the rest without these objects",
        shown=shown,
        **facts,
    )


def _top_objects(shown: int, total: int, most: int) -> str:
    """State which are drawn: all, or the `most` busiest that occur with one of the people."""
    if shown >= total:
        return ngettext("{n} object", "{n} objects", total)
    facts = {"n": min(most, total), "all": amount(total)}
    if shown == min(most, total):
        return _("the {n} busiest of {all} objects", **facts)
    return _(
        "{shown} of the {n} busiest of {all} objects, the rest without these people",
        shown=shown,
        **facts,
    )


def _pair(rows: Sequence[Mapping[str, Any]], *, everything: bool) -> str:
    """State which user and object occur together most often, of all or of the busiest."""
    if not rows:
        return _(_NOTHING)
    most = max(finite(r["messages"]) or 0 for r in rows)
    best = [r for r in rows if finite(r["messages"]) == most]
    user, touched = (text.in_title(text.clean(best[0][of]), 0.7) for of in ("user", "object"))
    facts = {
        "user": user,
        "object": touched,
        "messages": ngettext("{n} message", "{n} messages", most),
    }
    if everything and len(rows) == 1:
        return _("{user} alone touches an object, {object}: {messages}", **facts)
    if len(best) > 1:
        pairs = {"n": amount(len(best)), "messages": facts["messages"]}
        if everything:
            return _(
                "{n} pairs of a person and an object meet most often: {messages} each", **pairs
            )
        return _(
            "Among the busiest, {n} pairs of a person and an object meet most often: "
            "{messages} each",
            **pairs,
        )
    if everything:
        return _("{user} and {object} meet most often: {messages}", **facts)
    return _("Among the busiest, {user} and {object} meet most often: {messages}", **facts)


@view(names_people=False)
def objects_per_user(query: Any, chart: Chart, since: datetime, until: datetime) -> Drawing:
    """How many users touched so many objects."""
    from hubbub.charts.graphs.histogram import draw_histogram

    result = query.objects_per_user(since=since, until=until)
    return draw_histogram(
        chart,
        result,
        x="objects",
        y="users",
        finding=_median_finding(records(result)),
        subtitle=_("Number of people by how many different objects they touched, if any"),
        empty=_(_NOTHING),
    )


def _median_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """State the median of objects per person who touched any, and how many touched just one."""
    counts = sorted((int(r["objects"]), int(r["users"])) for r in rows if r["users"])
    people = sum(n for k, n in counts)
    if not people:
        return _(_NOTHING)
    if people == 1:
        return ngettext(
            "One person touched an object: {n} object in all",
            "One person touched an object: {n} objects in all",
            counts[0][0],
        )
    before, low, high = 0, 0, 0
    for k, n in counts:  # the two users in the middle, without a list of all users
        if before < (people + 1) // 2 <= before + n:
            low = k
        if before < people // 2 + 1 <= before + n:
            high = k
        before += n
    single = sum(n for k, n in counts if k == 1)
    share = percent(single / people)
    facts = {"share": share, "people": amount(people)}
    if len(counts) == 1:
        return ngettext(
            "Each of {people} people touched {n} object",
            "Each of {people} people touched {n} objects",
            counts[0][0],
            people=facts["people"],
        )
    if low != 1 and single * 3 >= people:
        return ngettext(
            "{share} of the {people} people with an object touched just one; "
            "the median is {n} object",
            "{share} of the {people} people with an object touched just one; "
            "the median is {n} objects",
            (low + high) / 2,
            **facts,
        )
    if single * 2 >= people:
        return _("{share} of the {people} people with an object touched just one", **facts)
    return ngettext(
        "A median of {n} object per person with any; the most is {most}",
        "A median of {n} objects per person with any; the most is {most}",
        (low + high) / 2,
        most=amount(counts[-1][0]),
    )


@view(names_people=False)
def users_per_object(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    top: int = 12,
    frames: int = 84,
) -> Drawing:
    """Distinct users of each object so far, animated: which objects gather people.

    Args:
        query: Calls queries.
        chart: Draws.
        since: Start of the range.
        until: End of the range, exclusive.
        top: How many objects a frame shows.
        frames: Frames at most.
    """
    from hubbub.charts.graphs.common import noun
    from hubbub.charts.graphs.race import draw_race

    if not 1 <= top <= _BARS:
        raise UsageError(f"{top} bars cannot be drawn", where="--top", hint=f"1 to {_BARS}")
    if not 1 <= frames <= _FRAMES:
        raise UsageError(
            f"{frames} frames cannot be shown", where="--frames", hint=f"1 to {_FRAMES}"
        )
    result = query.users_per_object(since=since, until=until, top=top, frames=frames)
    rows = records(result)
    step = timedelta(seconds=result.diagnostics.get("step") or 0)
    ends: list[datetime] = []
    while rows and step:  # also frames without a row
        end = current().plus(until, -step * len(ends))
        if end <= since:
            break
        ends.append(end)
    last = sum(row["end"] == rows[-1]["end"] for row in rows)
    subtitle = _(
        "Different people who touched each object since {date}", date=day(since, year=True)
    )
    return draw_race(
        chart,
        result,
        ends=ends[::-1],
        finding=_gathered(rows, result.diagnostics.get("leading") or 0, top=top),
        subtitle=_listed(subtitle, rows[-last:], result.diagnostics.get("last") or 0, top),
        empty=_(_NOTHING),
        x_title=noun("people"),
    )


def _listed(subtitle: str, last: Sequence[Mapping[str, Any]], alike: int, top: int) -> str:
    """Add that only the `top` are drawn; of the `alike` with the last one's number only some."""
    if len(last) < top:
        return subtitle
    fewest = last[-1]["users"]
    drawn = sum(row["users"] == fewest for row in last)
    if drawn >= alike:
        return _("{subtitle}; the {top} with the most", subtitle=subtitle, top=top)
    return ngettext(
        "{subtitle}; the {top} with the most, {drawn} of the {alike} with {n} person",
        "{subtitle}; the {top} with the most, {drawn} of the {alike} with {n} people",
        fewest,
        subtitle=subtitle,
        top=top,
        drawn=drawn,
        alike=amount(alike),
    )


def _gathered(rows: Sequence[Mapping[str, Any]], leading: int, *, top: int) -> str:
    """State which objects gathered most people by the last frame: `leading` of all, `top` drawn."""
    if not rows:
        return _(_NOTHING)
    last = [r for r in rows if r["end"] == rows[-1]["end"]]
    most = max(int(r["users"]) for r in last)
    best = [text.in_title(text.clean(r["object"])) for r in last if r["users"] == most]
    leading = max(leading, len(best))
    if leading == 1:
        if len(last) == 1 < top:
            return ngettext(
                "{object} is the one object touched, by {n} person",
                "{object} is the one object touched, by {n} people",
                most,
                object=best[0],
            )
        return _("{object} gathers the most people: {n}", object=best[0], n=amount(most))
    objects = ngettext("{n} object", "{n} objects", leading)
    names = text.listed(best, objects) if leading == len(best) else objects
    return _("{objects} gather the most people: {n} each", objects=names, n=amount(most))
