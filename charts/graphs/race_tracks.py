"""Tracks of a race out of rows: who stands where in each frame, among those that are drawn.

Comes in: rows `end rank object users`, the frames in order. Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hubbub.charts.graphs.race import Race, RacePlan, Track
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.calendar import about_midnight
from hubbub.charts.picture.canvas import draw
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data, finite, records

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["race", "tracks"]

_TRACKS = 24  # bars that come and go; more are a flicker
_DATES = 20
_ROW = 27  # px


def tracks(
    frames: Sequence[Sequence[Mapping[str, Any]]], most: int = _TRACKS
) -> tuple[list[Track], int]:
    """The tracks, those that end in the last frame first, and how many were left out.

    Args:
        frames: of each frame the rows, by rank, with `object` and `users`.
        most: tracks beyond those of the last frame are those that are listed longest.
    """
    last = [row["object"] for row in frames[-1]] if frames else []
    listed = Counter(row["object"] for rows in frames for row in rows)
    others = sorted((o for o in listed if o not in set(last)), key=lambda o: (-listed[o], str(o)))
    drawn = last + others[: max(most - len(last), 0)]
    keep = set(drawn)
    counts: dict[Any, list[int | None]] = {o: [None] * len(frames) for o in drawn}
    places: dict[Any, list[int | None]] = {o: [None] * len(frames) for o in drawn}
    for i, rows in enumerate(frames):
        for place, row in enumerate(row for row in rows if row["object"] in keep):
            counts[row["object"]][i] = int(finite(row["users"]) or 0)
            places[row["object"]][i] = place
    made = [Track(text.named(o), _filled(counts[o]), tuple(places[o])) for o in drawn]
    return made, len(listed) - len(drawn)


def _filled(counts: Sequence[int | None]) -> tuple[int, ...]:
    """A number in every frame: where it is not known the bar is hidden, and keeps the last."""
    out, known = [], 0
    for count in counts:
        known = known if count is None else count
        out.append(known)
    return tuple(out)


def race(
    chart: Chart,
    result: Data,
    *,
    ends: Sequence[datetime],
    title: str,
    subtitle: str,
    empty: str,
    x_title: str,
) -> Drawing:
    """Bars per frame; `ends` are the ends of all frames, also those without a row."""
    table = records(result)
    frames: dict[Any, list[Mapping[str, Any]]] = {end: [] for end in ends}
    for row in table:
        frames.setdefault(as_time(row["end"]), []).append(row)
    made, dropped = tracks(list(frames.values()))
    if dropped:
        subtitle += f"; {dropped:,} that were among them for a short time are left out"
    shown = (sum(t.places[i] is not None for t in made) for i in range(len(frames)))
    places = max(shown, default=0)
    page = chart.sheet(
        result,
        title="",
        finding=title,
        subtitle=subtitle,
        empty=empty,
        height=max(200, 195 + _ROW * places) if made else 300,
    )
    plan = RacePlan(
        tuple(made), places, _dates([end for end in frames if end is not None]), x_title
    )
    rows = [(r["end"], r["rank"], text.named(r["object"]), r["users"]) for r in table]
    return draw(
        Race,
        page,
        plan,
        [("users", [t.counts[-1] for t in made])] if made else [],
        columns=("end", "rank", "object", "users"),
        rows=rows,
    )


def _dates(ends: Sequence[datetime]) -> tuple[tuple[str, int], ...]:
    """At most twenty dates, each with the last frame that shows it; the last one is exact."""
    size = max(-(-len(ends) // _DATES), 1)
    last = range(len(ends) - 1, -1, -size)
    out = []
    for i in reversed(last):
        end = about_midnight(ends[i])
        midnight = not (end.hour or end.minute)
        said = (
            scale.day(end - timedelta(days=1), year=True)
            if midnight
            else scale.moment(end, year=True)
        )
        out.append((f"to {said}", i))
    return tuple(out)
