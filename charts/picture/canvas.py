"""The page around every plot: title, subtitle, axes, direct labels, source line, badge.

A mixin in front of a pygal graph class. Comes in: a `Sheet` and the series, through pygal's own
configuration. Goes out: nodes of a `Document`. Everything goes through pygal's hooks; nothing of
pygal is replaced from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pygal.config import Config, Key

from hubbub.charts.picture import scale, text
from hubbub.charts.picture.document import Document
from hubbub.charts.picture.drawing import Drawing, Sheet, digest
from hubbub.charts.picture.theme import USUAL
from hubbub.times import iso

__all__ = ["LINE", "Canvas", "Page", "dot", "draw", "spread"]

EDGE = 16  # px from the edge of the picture to its texts
LINE = 14  # px between two lines of labels
_TITLE = 24  # px a line
_SUBTITLE = 18
_FOOT = 30
_BADGE = 18
_EMPTY = 250


class Page(Config):  # type: ignore[misc]
    """pygal's configuration, with what a `Canvas` needs beyond it."""

    sheet = Key(None, object, "hubbub", "What stands around the plot")
    key = Key("", str, "hubbub", "The prefix of every id")
    plan = Key(None, object, "hubbub", "What this type of chart needs to know")
    js = Key((), list, "Misc", "No script", subtype=str)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wanted ones, at least `gap` apart, within [low, high]."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    at = [min(max(wanted[i], low), high) for i in order]
    for i in range(1, len(at)):
        at[i] = max(at[i], at[i - 1] + gap)
    if at and at[-1] > high:
        at[-1] = high
        for i in range(len(at) - 2, -1, -1):
            at[i] = min(at[i], at[i + 1] - gap)
    out = [0.0] * len(at)
    for i, position in zip(order, at, strict=True):
        out[i] = position
    return out


def dot(x: float, y: float, radius: float = 3) -> str:
    """A filled circle as a part of a path."""
    r = f"{radius:g}"
    return (
        f"M{x - radius:.2f} {y:.2f}a{r} {r} 0 1 0 {2 * radius:g} 0a{r} {r} 0 1 0 -{2 * radius:g} 0z"
    )


class Canvas:
    """Mixin: `class Lines(Canvas, pygal.Line)`. Subclasses fill in `_room` and `_plot`."""

    sheet: Sheet
    plan: Any
    svg: Any
    view: Any
    nodes: dict[str, Any]
    foot = 0.0  # px between the plot and its x labels

    def _draw(self) -> None:
        self.svg = Document(self)
        self._box.margin = 0  # type: ignore[attr-defined]
        super()._draw()  # type: ignore[misc]

    def _room(self) -> tuple[float, float, float]:
        """Px that the labels need left of the plot, right of it and below it."""
        return self._axis_room(), 0, 24

    def _axis_room(self) -> float:
        labels = getattr(self, "_y_labels", None) or []
        return max((text.width(label, 12) for label, _ in labels), default=0) + 8

    def _compute_margin(self) -> None:
        sheet = self.sheet
        room = sheet.width - 2 * EDGE
        self.titles = text.balanced(sheet.title, room, 19, bold=True)
        self.subtitles = text.balanced(sheet.subtitle, room, 13, most=3) if sheet.subtitle else []
        self.subtitles += text.balanced(sheet.note, room, 13) if sheet.note else []
        left, right, bottom = self._room()
        box = self.margin_box  # type: ignore[attr-defined]
        box.left = EDGE + round(left)
        box.right = EDGE + round(right)
        box.top = 20 + _TITLE * len(self.titles) + _SUBTITLE * len(self.subtitles) + 14
        self.feet = self._feet(room)
        box.bottom = round(bottom) + _FOOT + _BADGE * (len(self.feet) - 1 if self.feet else 0)

    def _feet(self, room: float) -> list[tuple[str, str]]:
        """Source line and badge, side by side where both fit."""
        sheet = self.sheet
        feet = [("mu t3", line) for line in text.wrap(sheet.source, room, 11) if sheet.source]
        if sheet.badge:
            feet.insert(0, ("wa t3 b", text.fit(sheet.badge, room - 16, 11, bold=True)))
        return feet

    def _make_graph(self) -> None:
        node, sheet, box = self.svg.node, self.sheet, self.margin_box  # type: ignore[attr-defined]
        self.nodes["graph"] = node(tag="g")
        node(self.nodes["graph"], "rect", width=sheet.width, height=sheet.height, class_="bg")
        self.nodes["title"] = node(self.nodes["graph"])
        move = f"translate({box.left} {box.top})"
        for name in ("plot", "overlay", "text_overlay"):
            self.nodes[name] = node(self.nodes["graph"], transform=move)

    def _make_title(self) -> None:
        write, parent = self.svg.text, self.nodes["title"]
        y = 10
        for line in self.titles:
            y += _TITLE
            write(parent, EDGE, y, line, "t t1")
        y += 1
        for line in self.subtitles:
            y += _SUBTITLE
            write(parent, EDGE, y, line, "mu t2")
        y = self.sheet.height - 10 - _BADGE * (len(self.feet) - 1)
        for roles, line in self.feet:
            badge = roles.startswith("wa")
            if badge:  # no frame: how wide the text is, its font decides
                self.svg.node(parent, "path", d=f"M{EDGE} {y}l6-10.5 6 10.5z", class_="wa")
                self.svg.node(
                    parent,
                    "path",
                    d=f"M{EDGE + 6} {y - 7}v3.2M{EDGE + 6} {y - 2.4}v1",
                    class_="mark",
                )
            write(parent, EDGE + 17 if badge else EDGE, y, line, roles)
            y += _BADGE

    def _legend(self) -> None:
        """No legend: series are labelled directly."""

    def _make_x_title(self) -> None:
        """The subtitle says what is measured."""

    def _make_y_title(self) -> None:
        """The subtitle says what is measured."""

    def _values_axis(self, low: float, high: float, *, whole: bool = False) -> None:
        """Set the box and the y labels to a scale of round numbers."""
        axis = scale.values(low, high, whole=whole)
        self._box.ymin, self._box.ymax = axis.low, axis.high  # type: ignore[attr-defined]
        suffix = getattr(self.plan, "unit", "")
        factor = 100 if suffix == "%" else 1
        self._y_labels = [
            (text.tick(t * factor, axis.step * factor) + suffix, t) for t in axis.ticks
        ]

    def _compute_y_labels(self) -> None:
        """Done by `_values_axis`, which knows the range."""

    def _compute_x_labels(self) -> None:
        self._x_labels = list(getattr(self.plan, "ticks", ()))

    def _drawable(self) -> bool:
        return bool(self.series and self._values)  # type: ignore[attr-defined]

    def _y_axis(self) -> None:
        view = self.view
        if not self._drawable():  # an empty plot has no scale
            self.svg.node(
                self.nodes["plot"], "path", d=f"M0 {view.height:.2f}h{view.width:.2f}", class_="ba"
            )
            return
        for label, value in self._y_labels or ():
            y = view.y(value)
            roles = "ba" if value == 0 or label == "0" else "g"
            self.svg.node(
                self.nodes["plot"], "path", d=f"M0 {y:.2f}h{view.width:.2f}", class_=roles
            )
            self.svg.text(self.nodes["plot"], -6, y + 4.2, label, "mu e")

    def _x_axis(self) -> None:
        """Labels below small ticks; where they would touch, fewer of them."""
        view, labels = self.view, list(self._x_labels or ())
        placed = self._placed(labels)
        for n in range(2, len(labels)):
            if len(placed) == len(labels) or (some := scale.every(labels, n)) is None:
                break
            if len(fewer := self._placed(some)) == len(some):
                placed = fewer
                break
        for label, x, at in placed:
            self.svg.node(
                self.nodes["plot"],
                "path",
                d=f"M{x:.2f} {view.height + self.foot:.2f}v5",
                class_="ba",
            )
            self.svg.text(self.nodes["plot"], at, view.height + self.foot + 19, label, "mu m")

    def _placed(self, labels: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
        """(label, tick, middle of the label) of those that touch none before them, in px."""
        view, free = self.view, float("-inf")
        left = -float(self.margin_box.left) + 4  # type: ignore[attr-defined]
        right = view.width + float(self.margin_box.right) - 4  # type: ignore[attr-defined]
        out = []
        for label, position in labels:
            x, half = view.x(position), text.width(label, 12) / 2
            at = min(max(x, left + half), right - half)
            if at - half >= free:
                free = at + half + 8
                out.append((label, x, at))
        return out

    def _end_labels(self, labels: Sequence[tuple[float, str, str]]) -> None:
        """Names at the right ends of the series: (y, text, roles), moved apart."""
        at = spread([y for y, _, _ in labels], LINE, 4, self.view.height)
        for y, (_, name, roles) in zip(at, labels, strict=True):
            self.svg.text(self.nodes["text_overlay"], self.view.width + 8, y + 4, name, roles)


def draw(
    kind: Any,
    sheet: Sheet,
    plan: Any,
    series: Sequence[tuple[str, Sequence[Any]]],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[Any]] = (),
) -> Drawing:
    """One picture of the given type; the ids depend on everything that is drawn."""
    if not series:  # an empty plot needs no room
        sheet = replace(sheet, height=min(sheet.height, _EMPTY))
    what = [kind.__name__, repr(sheet), repr(plan), [[n, list(v)] for n, v in series]]
    what += [] if sheet.style == USUAL else [repr(sheet.style)]  # a usual picture keeps its ids
    key = digest(what)[:10]
    graph = kind(Page(), sheet=sheet, key=key, plan=plan, width=sheet.width, height=sheet.height)
    for name, values in series:
        graph.add(name, list(values))
    data = graph.render()
    return Drawing(
        data,
        sheet.title,
        sheet.description or sheet.title,
        tuple(columns),
        tuple(tuple(iso(v) if isinstance(v, datetime) else v for v in r) for r in rows),
        sheet.metadata,
    )
