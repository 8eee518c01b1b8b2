"""Bar chart race: bars that grow and overtake each other over time.

The animation is SMIL, plays once, and also runs in `<img>`. Base attributes hold the last frame, so
that rasterisers draw the end. The last frame is drawn a second time, still, for print and for
readers who prefer reduced motion, because CSS cannot stop SMIL. In `<img>`, where browsers tell a
picture of neither, pages show it with a fragment (`Drawing.still`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from pygal.graph.graph import Graph

from hubbub.charts.graphs.bars import box
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.calendar import about_midnight
from hubbub.charts.picture.canvas import Canvas, draw
from hubbub.charts.picture.document import number
from hubbub.charts.picture.scale import as_time
from hubbub.charts.picture.sheet import Data, finite, records
from hubbub.language import ngettext, pgettext
from hubbub.language.numbers import amount, tick

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["Race", "RacePlan", "Track", "draw_race", "kept_frames", "tracks"]

SECONDS = 4.5  # length of the animation; WCAG 2.2.2 allows five without controls
_SLIDE = 3  # frames that a bar takes to its new place
_NAME = 200.0  # px
_BAND = 26  # px above the bars, for the date
_TRACKS = 24  # bars that come and go; more would flicker
_DATES = 20
_ROW = 27  # px


@dataclass(frozen=True, slots=True)
class Track:
    """One bar: its count and its place (from 0; None: hidden) in each frame."""

    name: str
    counts: tuple[int, ...]
    places: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class RacePlan:
    """The tracks, the number of places, and the dates with the last frame that shows each."""

    tracks: tuple[Track, ...]
    places: int
    dates: tuple[tuple[str, int], ...]
    x_title: str

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.tracks[0].counts) if self.tracks else 0


def kept_frames(values: Sequence[float]) -> list[int]:
    """Return the frames needed for linear interpolation: where the rate of change differs."""
    last = len(values) - 1
    kept = [
        i
        for i in range(last + 1)
        if i in (0, last) or values[i - 1] - values[i] != values[i] - values[i + 1]
    ]
    return kept if last > 0 else [0]


class Race(Canvas, Graph):  # type: ignore[misc]
    """Draws the tracks of its plan; the series only mark the chart as not empty."""

    plan: RacePlan

    def _compute(self) -> None:
        self._y_labels = []
        most = max((t.counts[-1] for t in self.plan.tracks), default=0)
        self.axis = scale.values(0, most, whole=True)

    def _compute_x_labels(self) -> None:
        self._x_labels = []

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(t.name, 12) for t in self.plan.tracks), default=0)
        return min(names, _NAME) + 10, text.width(amount(self.axis.high), 12) + 6, 42

    def _compute_margin(self) -> None:
        super()._compute_margin()
        if self._drawable():
            self.margin_box.top += _BAND

    def _y_axis(self) -> None:
        if not self._drawable():
            super()._y_axis()

    def _x_axis(self) -> None:
        """Draw guides and labels; the scale is that of the last frame and does not move."""
        if not self._drawable():
            return
        plot, high = self.nodes["plot"], self.view.height
        for value in self.axis.ticks:
            x = self._x(value)
            self.svg.node(plot, "path", d=f"M{x:.2f} 0v{high:.2f}", class_="g" if value else "ba")
            self.svg.text(plot, x, high + 17, tick(value, self.axis.step), "mu m")
        self.svg.text(plot, self.view.width / 2, high + 36, self.plan.x_title, "mu m")

    def _x(self, count: float) -> float:
        return float(self.view.width) * count / self.axis.high

    def _plot(self) -> None:
        self.pitch = int(self.view.height / self.plan.places)
        self.thick = max(self.pitch - 7, 3)
        overlay = self.nodes["text_overlay"]
        moving = self.svg.node(overlay, class_="moving")
        values = self.svg.node(moving)
        if self.plan.frames > 1:
            self.svg.node(values, "set", attributeName="visibility", to="hidden", dur=f"{SECONDS}s")
        still = self.svg.node(overlay, class_="still")
        d = ""
        for track in self.plan.tracks:
            self._bar(moving, track)
            if (place := track.places[-1]) is not None:
                y, wide = place * self.pitch, self._x(track.counts[-1])
                d += box(0, y, wide, self.thick)
                self._name(still, track, y)
                baseline = y + self.thick / 2 + 4.2
                for parent in (values, still):
                    self.svg.text(parent, wide + 6, baseline, amount(track.counts[-1]), "mu")
        self.svg.node(still, "path", d=d, class_="f0")
        self._dates(moving, still)

    def _name(self, parent: Any, track: Track, y: float) -> None:
        shown = text.fit(track.name, _NAME, 12)
        self.svg.text(parent, -8, y + self.thick / 2 + 4.2, shown, "t e")

    def _bar(self, parent: Any, track: Track) -> None:
        """Draw a group that slides from place to place, with a bar in it that grows."""
        places = _without_gaps(track.places)
        shown = track.places[-1] is not None
        group = self.svg.node(
            parent,
            transform=f"translate(0 {places[-1] * self.pitch})",
            visibility=None if shown else "hidden",
        )
        self._name(group, track, 0)
        wide = round(self._x(track.counts[-1]))
        bar = self.svg.node(group, "rect", width=wide, height=self.thick, class_="f0")
        if self.plan.frames < 2:  # noqa: PLR2004 (nothing moves)
            return
        widths = [round(self._x(c)) for c in track.counts]
        self._animate(bar, "width", widths, kept_frames(widths))
        heights = [p * self.pitch for p in places]
        self._animate(group, "transform", heights, _slides(places), lambda y: f"0 {number(y)}")
        for first, end in _exceptions(track.places, shown=shown):
            self.svg.node(
                group,
                "set",
                attributeName="visibility",
                to="hidden" if shown else "visible",
                begin=f"{self._time(first) * SECONDS:.2f}s",
                dur=f"{(self._time(end) - self._time(first)) * SECONDS:.2f}s",
            )

    def _time(self, frame: int) -> float:
        """Return when a frame is shown, at 0…1 of the animation."""
        return min(frame / (self.plan.frames - 1), 1)

    def _animate(
        self,
        parent: Any,
        name: str,
        values: Sequence[float],
        frames: Sequence[int],
        form: Callable[[float], str] = number,
    ) -> None:
        """Animate an attribute; afterwards its base value applies, so it need not be frozen."""
        if len({values[i] for i in frames}) == 1:
            return
        times = [f"{self._time(i):.3f}".rstrip("0").rstrip(".") or "0" for i in frames]
        self.svg.node(
            parent,
            "animateTransform" if name == "transform" else "animate",
            attributeName=name,
            type="translate" if name == "transform" else None,
            values=";".join(form(values[i]) for i in frames),
            keyTimes=";".join(t.removeprefix("0") if len(t) > 1 else t for t in times),
            dur=f"{SECONDS}s",
        )

    def _dates(self, moving: Any, still: Any) -> None:
        """Draw the changing date and a progress bar."""
        begin, last = 0.0, len(self.plan.dates) - 1
        for i, (date, frame) in enumerate(self.plan.dates):
            node = self.svg.text(moving, 0, -11, date, "t t2 b")
            end = self._time(frame + 1) * SECONDS if i < last else SECONDS
            if i < last:
                node.set("visibility", "hidden")
                to = {"to": "visible", "begin": f"{begin:.2f}s", "dur": f"{end - begin:.2f}s"}
            else:
                to = {"to": "hidden", "dur": f"{begin:.2f}s"}
                self.svg.text(still, 0, -11, date, "t t2 b")
            if begin or i < last:
                self.svg.node(node, "set", attributeName="visibility", **to)
            begin = end
        longest = max((text.width(d, 13, bold=True) for d, _ in self.plan.dates), default=0)
        left = round(longest) + 10
        wide = round(self.view.width) - left
        self.svg.node(self.nodes["plot"], "path", d=f"M{left} -15.5h{wide}", class_="g l")
        if self.plan.frames > 1:
            bar = self.svg.node(moving, "rect", x=left, y=-17, width=wide, height=3, class_="f0")
            filled = [wide * self._time(i) for i in range(self.plan.frames)]
            self._animate(bar, "width", filled, [0, self.plan.frames - 1])


def _without_gaps(places: Sequence[int | None]) -> list[int]:
    """Fill gaps: a hidden bar waits at its next place; after its last one it stays there."""
    following = next((place for place in reversed(places) if place is not None), 0)
    filled = []
    for place in reversed(places):
        following = following if place is None else place
        filled.append(following)
    return filled[::-1]


def _slides(places: Sequence[int]) -> list[int]:
    """Return the frames at which a bar begins or ends to slide."""
    frames = [0]
    for i in range(1, len(places)):
        if places[i] != places[i - 1]:
            before = (i - n for n in range(_SLIDE, 0, -1))
            start = next(
                (f for f in before if f > frames[-1] and places[f] == places[i - 1]), frames[-1]
            )
            frames += [f for f in (start, i) if f > frames[-1]]
    return frames if frames[-1] == len(places) - 1 else [*frames, len(places) - 1]


def _exceptions(places: Sequence[int | None], *, shown: bool) -> list[tuple[int, int]]:
    """Return the runs [first, end) of frames in which a bar is not visible or hidden as `shown`."""
    runs: list[tuple[int, int]] = []
    for i, place in enumerate(places):
        if (place is not None) != shown:
            if runs and runs[-1][1] == i:
                runs[-1] = (runs[-1][0], i + 1)
            else:
                runs.append((i, i + 1))
    return runs


def tracks(
    frames: Sequence[Sequence[Mapping[str, Any]]], most: int = _TRACKS
) -> tuple[list[Track], int]:
    """Return the tracks, and the number of objects left out.

    Objects of the last frame come first, then those that are listed in most frames.

    Args:
        frames: for each frame its rows with `object` and `users`, by rank.
        most: tracks at most, but at least all of the last frame.
    """
    last = [row["object"] for row in frames[-1]] if frames else []
    listed = Counter(row["object"] for rows in frames for row in rows)
    others = sorted((o for o in listed if o not in set(last)), key=lambda o: (-listed[o], str(o)))
    drawn = last + others[: max(most - len(last), 0)]
    counts: dict[Any, list[int | None]] = {o: [None] * len(frames) for o in drawn}
    places: dict[Any, list[int | None]] = {o: [None] * len(frames) for o in drawn}
    for i, rows in enumerate(frames):
        for place, row in enumerate(row for row in rows if row["object"] in counts):
            counts[row["object"]][i] = int(finite(row["users"]) or 0)
            places[row["object"]][i] = place
    return [Track(text.named(o), _filled(counts[o]), tuple(places[o])) for o in drawn], len(
        listed
    ) - len(drawn)


def _filled(counts: Sequence[int | None]) -> tuple[int, ...]:
    """Fill gaps, in which the bar is hidden, with the last known count."""
    return tuple(accumulate(counts, lambda last, n: last if n is None else n, initial=0))[1:]


def draw_race(
    chart: Chart,
    result: Data,
    *,
    ends: Sequence[datetime],
    finding: str,
    subtitle: str,
    empty: str,
    x_title: str,
) -> Drawing:
    """Draw the result of the query `users_per_object`: rows with end, rank, object and users.

    `ends` are the ends of all frames, also of those without a row.
    """
    table = records(result)
    frames: dict[Any, list[Mapping[str, Any]]] = {end: [] for end in ends}
    for row in table:
        frames.setdefault(as_time(row["end"]), []).append(row)
    bars, dropped = tracks(list(frames.values()))
    if dropped:
        subtitle = ngettext(
            "{subtitle}; {n} that was among them for a short time is left out",
            "{subtitle}; {n} that were among them for a short time are left out",
            dropped,
            subtitle=subtitle,
        )
    shown = (sum(t.places[i] is not None for t in bars) for i in range(len(frames)))
    places = max(shown, default=0)
    page = chart.sheet(
        result,
        finding=finding,
        subtitle=subtitle,
        empty=empty,
        height=max(200, 195 + _ROW * places) if bars else 300,
    )
    dates = _dates([end for end in frames if end is not None])
    return draw(
        Race,
        page,
        RacePlan(tuple(bars), places, dates, x_title),
        [("users", [t.counts[-1] for t in bars])] if bars else [],
        columns=("end", "rank", "object", "users"),
        rows=[(r["end"], r["rank"], text.named(r["object"]), r["users"]) for r in table],
    )


def _dates(ends: Sequence[datetime]) -> tuple[tuple[str, int], ...]:
    """Return at most twenty dates, each with the last frame that shows it."""
    size = max(-(-len(ends) // _DATES), 1)
    dates = []
    for i in reversed(range(len(ends) - 1, -1, -size)):  # the last date is exact
        end = about_midnight(ends[i])
        dates.append((pgettext("end of a time", "to {date}", date=scale.ending(end, year=True)), i))
    return tuple(dates)
