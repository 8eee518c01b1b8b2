"""Bars that grow and overtake one another: an animation in SMIL that plays once, in `<img>` too.

Comes in: a track per name: how many it has in each frame, and its place there. Goes out: bars whose
base attributes hold the last frame, so that a rasteriser shows the end; and the same frame once
more, still, for readers who asked for less motion and for paper (CSS cannot stop SMIL).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pygal.graph.graph import Graph

from hubbub.charts.graphs.bars import box
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import Canvas
from hubbub.charts.picture.document import number

__all__ = ["Race", "RacePlan", "Track", "kept_frames"]

SECONDS = 4.5  # the whole of it; five at most
_SLIDE = 3  # frames that a bar takes to its new place
_NAME = 200.0  # px
_BAND = 26  # px above the bars, for the date


@dataclass(frozen=True, slots=True)
class Track:
    """One bar: how many in each frame, and its place from 0 on; None where it is not shown."""

    name: str
    counts: tuple[int, ...]
    places: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class RacePlan:
    """The tracks, how many places there are, and dates by the frame at which they end."""

    tracks: tuple[Track, ...]
    places: int
    dates: tuple[tuple[str, int], ...]
    x_title: str

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.tracks[0].counts) if self.tracks else 0


def kept_frames(values: Sequence[float]) -> list[int]:
    """The frames that straight lines between them need: where a value begins or ends to change."""
    last = len(values) - 1
    kept = [
        i
        for i in range(last + 1)
        if i in (0, last) or values[i - 1] - values[i] != values[i] - values[i + 1]
    ]
    return kept if last > 0 else [0]


class Race(Canvas, Graph):  # type: ignore[misc]
    """The tracks of a plan; the series only say that there is something to draw."""

    plan: RacePlan

    def _compute(self) -> None:
        self._y_labels = []
        most = max((t.counts[-1] for t in self.plan.tracks), default=0)
        self.axis = scale.values(0, most, whole=True)

    def _compute_x_labels(self) -> None:
        self._x_labels = []

    def _room(self) -> tuple[float, float, float]:
        names = max((text.width(t.name, 12) for t in self.plan.tracks), default=0)
        return min(names, _NAME) + 10, text.width(text.amount(self.axis.high), 12) + 6, 42

    def _compute_margin(self) -> None:
        super()._compute_margin()
        if self._drawable():
            self.margin_box.top += _BAND

    def _y_axis(self) -> None:
        if not self._drawable():
            super()._y_axis()

    def _x_axis(self) -> None:
        """Guides and their numbers; the scale is that of the last frame and does not move."""
        if not self._drawable():
            return
        plot, high = self.nodes["plot"], self.view.height
        for tick in self.axis.ticks:
            x = self._x(tick)
            self.svg.node(plot, "path", d=f"M{x:.2f} 0v{high:.2f}", class_="g" if tick else "ba")
            self.svg.text(plot, x, high + 17, text.tick(tick, self.axis.step), "mu m")
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
                for parent in (values, still):
                    at = y + self.thick / 2 + 4.2
                    self.svg.text(parent, wide + 6, at, text.amount(track.counts[-1]), "mu")
        self.svg.node(still, "path", d=d, class_="f0")
        self._dates(moving, still)

    def _name(self, parent: Any, track: Track, y: float) -> None:
        shown = text.fit(track.name, _NAME, 12)
        self.svg.text(parent, -8, y + self.thick / 2 + 4.2, shown, "t e")

    def _bar(self, parent: Any, track: Track) -> None:
        """A group that slides from place to place, and in it a bar that grows."""
        places = _held(track.places)
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
        slides = _slides(places)
        self._animate(
            group,
            "transform",
            [p * self.pitch for p in places],
            slides,
            lambda y: f"0 {number(y)}",
        )
        for first, end in _other(track.places, shown=shown):
            self.svg.node(
                group,
                "set",
                attributeName="visibility",
                to="hidden" if shown else "visible",
                begin=f"{self._time(first) * SECONDS:.2f}s",
                dur=f"{(self._time(end) - self._time(first)) * SECONDS:.2f}s",
            )

    def _time(self, frame: int) -> float:
        """When a frame is shown, from 0 to 1."""
        return min(frame / (self.plan.frames - 1), 1)

    def _animate(
        self,
        parent: Any,
        name: str,
        values: Sequence[float],
        frames: Sequence[int],
        said: Callable[[float], str] = number,
    ) -> None:
        """What the base attribute says at the end needs no freezing."""
        if len({values[i] for i in frames}) == 1:
            return
        times = [f"{self._time(i):.3f}".rstrip("0").rstrip(".") or "0" for i in frames]
        self.svg.node(
            parent,
            "animateTransform" if name == "transform" else "animate",
            attributeName=name,
            type="translate" if name == "transform" else None,
            values=";".join(said(values[i]) for i in frames),
            keyTimes=";".join(t.removeprefix("0") if len(t) > 1 else t for t in times),
            dur=f"{SECONDS}s",
        )

    def _dates(self, moving: Any, still: Any) -> None:
        """The date, and a line that fills up to it."""
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
        left = (
            round(max((text.width(d, 13, bold=True) for d, _ in self.plan.dates), default=0)) + 10
        )
        wide = round(self.view.width) - left
        self.svg.node(self.nodes["plot"], "path", d=f"M{left} -15.5h{wide}", class_="g l")
        if self.plan.frames > 1:
            bar = self.svg.node(moving, "rect", x=left, y=-17, width=wide, height=3, class_="f0")
            filled = [wide * self._time(i) for i in range(self.plan.frames)]
            self._animate(bar, "width", filled, [0, self.plan.frames - 1])


def _held(places: Sequence[int | None]) -> list[int]:
    """Places without gaps: where a bar is not shown it waits at its next place, or its last."""
    out: list[int | None] = list(places)
    known: int | None = None
    for i in range(len(out) - 1, -1, -1):
        known = out[i] if out[i] is not None else known
        out[i] = known
    last = 0
    for i, place in enumerate(out):
        last = place if place is not None else last
        out[i] = last
    return [p for p in out if p is not None]


def _slides(places: Sequence[int]) -> list[int]:
    """The frames between which a bar stands still or slides, some frames long where it can."""
    frames = [0]
    for i in range(1, len(places)):
        if places[i] != places[i - 1]:
            before = (i - n for n in range(_SLIDE, 0, -1))
            start = next(
                (f for f in before if f > frames[-1] and places[f] == places[i - 1]), frames[-1]
            )
            frames += [f for f in (start, i) if f > frames[-1]]
    return frames if frames[-1] == len(places) - 1 else [*frames, len(places) - 1]


def _other(places: Sequence[int | None], *, shown: bool) -> list[tuple[int, int]]:
    """The stretches of frames [first, end) in which a bar is not as at the end."""
    out: list[tuple[int, int]] = []
    for i, place in enumerate(places):
        if (place is not None) != shown:
            if out and out[-1][1] == i:
                out[-1] = (out[-1][0], i + 1)
            else:
                out.append((i, i + 1))
    return out
