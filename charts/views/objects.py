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
from hubbub.language.numbers import percent
from hubbub.registry import view
from hubbub.zones import current

__all__ = ["heatmap", "objects_per_user", "users_per_object"]

_BARS = 20
_FRAMES = 120  # in 4.5 seconds
_NOTHING = "No message in this range names both a person and an object"


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
        _top(len(users), totals.get("users", len(users)), top, ("person", "people"), "objects"),
        _top(
            len(objects),
            totals.get("objects", len(objects)),
            top_objects,
            ("object", "objects"),
            "people",
        ),
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
        subtitle="; ".join(["Messages per person and object", *drawn, "blank is none"]),
        empty=_NOTHING,
    )


def _top(shown: int, total: int, most: int, nouns: tuple[str, str], others: str) -> str:
    """State which are drawn: all, or the `most` busiest that occur with one of the others drawn."""
    busiest = f"{min(most, total)} busiest of {total:,} {nouns[1]}"
    if shown >= total:
        return text.plural(total, *nouns)
    if shown == min(most, total):
        return f"the {busiest}"
    return f"{shown} of the {busiest}, the rest without these {others}"


def _pair(rows: Sequence[Mapping[str, Any]], *, everything: bool) -> str:
    """State which user and object occur together most often, of all or of the busiest."""
    if not rows:
        return _NOTHING
    most = max(finite(r["messages"]) or 0 for r in rows)
    best = [r for r in rows if finite(r["messages"]) == most]
    user, touched = (text.in_title(text.clean(best[0][of]), 0.7) for of in ("user", "object"))
    counted = text.plural(most, "message")
    if everything and len(rows) == 1:
        return f"{user} alone touches an object, {touched}: {counted}"
    among = "" if everything else "Among the busiest, "
    if len(best) > 1:
        sentence = f"{len(best):,} pairs of a person and an object meet most often: {counted} each"
        return among + sentence
    return f"{among}{user} and {touched} meet most often: {counted}"


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
        subtitle="Number of people by how many different objects they touched, if any",
        empty=_NOTHING,
    )


def _median_finding(rows: Sequence[Mapping[str, Any]]) -> str:
    """State the median of objects per person who touched any, and how many touched just one."""
    counts = sorted((int(r["objects"]), int(r["users"])) for r in rows if r["users"])
    people = sum(n for _, n in counts)
    if not people:
        return _NOTHING
    if people == 1:
        return f"One person touched an object: {text.plural(counts[0][0], 'object')} in all"
    before, low, high = 0, 0, 0
    for k, n in counts:  # the two users in the middle, without a list of all users
        if before < (people + 1) // 2 <= before + n:
            low = k
        if before < people // 2 + 1 <= before + n:
            high = k
        before += n
    single = sum(n for k, n in counts if k == 1)
    share = percent(single / people)
    middle = text.plural((low + high) / 2, "object")
    if len(counts) == 1:
        return f"Each of {people:,} people touched {text.plural(counts[0][0], 'object')}"
    if low != 1 and single * 3 >= people:
        one = f"{share} of the {people:,} people with an object touched just one"
        return f"{one}; the median is {middle}"
    if single * 2 >= people:
        return f"{share} of the {people:,} people with an object touched just one"
    return f"A median of {middle} per person with any; the most is {counts[-1][0]:,}"


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
    subtitle = f"Different people who touched each object since {day(since, year=True)}"
    return draw_race(
        chart,
        result,
        ends=ends[::-1],
        finding=_gathered(rows, result.diagnostics.get("leading") or 0, top=top),
        subtitle=subtitle + _listed(rows[-last:], result.diagnostics.get("last") or 0, top),
        empty=_NOTHING,
        x_title="people",
    )


def _listed(last: Sequence[Mapping[str, Any]], alike: int, top: int) -> str:
    """State that only the `top` are drawn; of the `alike` with the last one's number only some."""
    if len(last) < top:
        return ""
    fewest = last[-1]["users"]
    drawn = sum(row["users"] == fewest for row in last)
    few = f", {drawn} of the {alike:,} with {text.plural(fewest, 'person', 'people')}"
    return f"; the {top} with the most" + (few if drawn < alike else "")


def _gathered(rows: Sequence[Mapping[str, Any]], leading: int, *, top: int) -> str:
    """State which objects gathered most people by the last frame: `leading` of all, `top` drawn."""
    if not rows:
        return _NOTHING
    last = [r for r in rows if r["end"] == rows[-1]["end"]]
    most = max(int(r["users"]) for r in last)
    best = [text.in_title(text.clean(r["object"])) for r in last if r["users"] == most]
    people = text.plural(most, "person", "people")
    leading = max(leading, len(best))
    if leading == 1:
        if len(last) == 1 < top:
            return f"{best[0]} is the one object touched, by {people}"
        return f"{best[0]} gathers the most people: {most:,}"
    objects = f"{leading:,} objects"
    names = text.listed(best, objects) if leading == len(best) else objects
    return f"{names} gather the most people: {most:,} each"
