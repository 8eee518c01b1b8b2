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
from hubbub.registry import view

__all__ = ["heatmap", "objects_per_user", "users_per_object"]

_BARS = 20
_FRAMES = 120  # in 4.5 seconds
_NOTHING = "No message in this range names both a user and an object"


@view
def heatmap(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    top: int = 24,
    top_objects: int = 30,
) -> Drawing:
    """Who touches what: messages of the busiest users on the busiest objects."""
    from hubbub.charts.graphs.heatmap import draw_heatmap

    result = query.heatmap(since=since, until=until, top=top, top_objects=top_objects)
    rows = records(result)
    totals = result.diagnostics
    users, objects = (list(dict.fromkeys(r[k] for r in rows)) for k in ("user", "object"))
    weight = dict.fromkeys(objects, 0.0)
    for row in rows:
        weight[row["object"]] += finite(row["messages"]) or 0
    objects.sort(key=lambda o: (-weight[o], str(o)))
    shown_users = _top(len(users), totals.get("users", len(users)), "user")
    shown_objects = _top(len(objects), totals.get("objects", len(objects)), "object")
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
        subtitle=f"Messages per user and object; {shown_users}, {shown_objects}; blank is none",
        empty=_NOTHING,
    )


def _top(shown: int, total: int, noun: str) -> str:
    if shown >= total:
        return text.plural(total, noun)
    return f"top {shown} of {text.plural(total, noun)}"


def _pair(rows: Sequence[Mapping[str, Any]], *, everything: bool) -> str:
    """State which user and object occur together most often, of all or of the busiest."""
    if not rows:
        return _NOTHING
    most = max(finite(r["messages"]) or 0 for r in rows)
    best = [r for r in rows if finite(r["messages"]) == most]
    user, touched = text.clean(best[0]["user"], 40), text.clean(best[0]["object"], 40)
    counted = text.plural(most, "message")
    if everything and len(rows) == 1:
        return f"{user} alone touches an object, {touched}: {counted}"
    among = "" if everything else "Among the busiest, "
    if len(best) > 1:
        sentence = f"{len(best):,} pairs of a person and an object meet most often: {counted} each"
        return among + sentence
    return f"{among}{user} and {touched} meet most often: {counted}"


@view
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
        subtitle="Number of users by how many different objects they touched",
        empty=_NOTHING,
    )


def _median_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """State the median of objects per user, and how many touch just one."""
    counts = sorted((int(r["objects"]), int(r["users"])) for r in rows if r["users"])
    people = sum(n for _, n in counts)
    if not people:
        return _NOTHING
    if people == 1:
        return f"The one user touched {text.plural(counts[0][0], 'object')}"
    before, low, high = 0, 0, 0
    for k, n in counts:  # the two users in the middle, without a list of all users
        if before < (people + 1) // 2 <= before + n:
            low = k
        if before < people // 2 + 1 <= before + n:
            high = k
        before += n
    single = sum(n for k, n in counts if k == 1)
    share = text.percent(single / people)
    middle = text.plural((low + high) / 2, "object")
    if len(counts) == 1:
        return f"All {people:,} users touched {text.plural(counts[0][0], 'object')}"
    if low != 1 and single * 3 >= people:
        return f"{share} of users touched a single object; the median {middle}"
    if single * 2 >= people:
        return f"{share} of {people:,} users touched a single object"
    return f"The median user touched {middle}; the most versatile {counts[-1][0]:,}"


@view
def users_per_object(
    query: Any,
    chart: Chart,
    since: datetime,
    until: datetime,
    *,
    top: int = 12,
    frames: int = 84,
) -> Drawing:
    """Distinct users of each object so far, animated: which objects gather people."""
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
    ends = []
    end = until
    while rows and step and end > since:  # also frames without a row
        ends.append(end)
        end -= step
    start = day(since, year=True)
    return draw_race(
        chart,
        result,
        ends=ends[::-1],
        finding=_gathered(rows, top=top),
        subtitle=f"Different people who touched each object since {start}; the {top} with the most",
        empty=_NOTHING,
        x_title="people",
    )


def _gathered(rows: Sequence[Mapping[str, Any]], *, top: int) -> str:
    """State which of the `top` objects gathered most people by the last frame."""
    if not rows:
        return _NOTHING
    last = [r for r in rows if r["end"] == rows[-1]["end"]]
    most = max(int(r["users"]) for r in last)
    best = [text.clean(r["object"], 40) for r in last if r["users"] == most]
    people = text.plural(most, "person", "people")
    alone = len(last) == 1 < top
    if len(best) == 1:
        if most == 1 and alone:
            return f"{text.clean(rows[-1]['object'], 40)} is the one object touched, by {people}"
        return f"{best[0]} gathers the most people: {most:,}"
    names = text.joined(best) if len(best) <= 3 else f"{len(best)} objects"  # noqa: PLR2004
    if len(best) == len(last) > 3:  # noqa: PLR2004
        return f"The busiest {len(best)} objects gather {people} each"
    return f"{names} gather the most people: {most:,} each"
