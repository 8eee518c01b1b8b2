"""Page layout of all charts: title, subtitle, axes, direct labels, source line and badge.

`Canvas` is a mixin for pygal graph classes. It overrides pygal's own drawing hooks and writes into
a `Document`; pygal is not monkeypatched. `draw` renders one chart.
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
from hubbub.charts.picture.theme import DEFAULT_STYLE
from hubbub.language.numbers import tick
from hubbub.zones import current

__all__ = ["LINE", "Canvas", "Page", "dot", "draw", "spread"]

EDGE = 16  # px from the edge of the picture to its texts
LINE = 14  # px between two lines of labels
_TITLE = 24  # px per line
_SUBTITLE = 18
_FOOT = 30
_BADGE = 18
_EMPTY = 250  # px; height of a picture without data


class Page(Config):  # type: ignore[misc]
    """pygal's configuration, extended with the settings of a `Canvas`."""

    sheet = Key(None, object, "hubbub", "Texts around the plot")
    key = Key("", str, "hubbub", "Prefix of all ids")
    plan = Key(None, object, "hubbub", "Data of this chart type")
    js = Key((), list, "Misc", "No scripts", subtype=str)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return positions close to the wanted ones, at least `gap` apart, within [low, high]."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    gap = min(gap, (high - low) / max(len(wanted) - 1, 1))
    moved = [min(max(wanted[i], low), high) for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    if moved and moved[-1] > high:
        moved[-1] = high
        for i in range(len(moved) - 2, -1, -1):
            moved[i] = min(moved[i], moved[i + 1] - gap)
    positions = [0.0] * len(moved)
    for i, position in zip(order, moved, strict=True):
        positions[i] = position
    return positions


def dot(x: float, y: float, radius: float = 3) -> str:
    """Return SVG path data for a filled circle."""
    r = f"{radius:g}"
    return (
        f"M{x - radius:.2f} {y:.2f}a{r} {r} 0 1 0 {2 * radius:g} 0a{r} {r} 0 1 0 -{2 * radius:g} 0z"
    )


class Canvas:
    """Mixin: `class Lines(Canvas, pygal.Line)`. Subclasses implement `_room` and `_plot`."""

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
        """Return the px that labels need left of, right of and below the plot."""
        return self._axis_room(), 0, 24

    def _axis_room(self) -> float:
        labels = getattr(self, "_y_labels", None) or []
        return max((text.width(label, 12) for label, _ in labels), default=0) + 8

    def _compute_margin(self) -> None:
        sheet = self.sheet
        room = sheet.width - 2 * EDGE
        self.titles = text.balanced(sheet.title, room, 19, bold=True, most=3)
        self.subtitles = text.balanced(sheet.subtitle, room, 13, most=4) if sheet.subtitle else []
        self.subtitles += text.balanced(sheet.note, room, 13) if sheet.note else []
        left, right, bottom = self._room()
        box = self.margin_box  # type: ignore[attr-defined]
        box.left = EDGE + round(left)
        box.right = EDGE + round(right)
        box.top = 20 + _TITLE * len(self.titles) + _SUBTITLE * len(self.subtitles) + 14
        self.feet = self._feet(room)
        box.bottom = round(bottom) + _FOOT + _BADGE * (len(self.feet) - 1 if self.feet else 0)

    def _feet(self, room: float) -> list[tuple[str, str]]:
        """Return (roles, text) of the lines at the foot: the badge, then the source."""
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
            if badge:  # a sign, not a frame: the text's exact width depends on the reader's font
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
        """No axis title: the subtitle states what is measured."""

    def _make_y_title(self) -> None:
        """No axis title: the subtitle states what is measured."""

    def _values_axis(self, low: float, high: float, *, whole: bool = False) -> None:
        """Set the value range and the y labels to a scale of round numbers."""
        axis = scale.values(low, high, whole=whole)
        self._box.ymin, self._box.ymax = axis.low, axis.high  # type: ignore[attr-defined]
        suffix = getattr(self.plan, "unit", "")
        factor = 100 if suffix == "%" else 1
        self._y_labels = [(tick(t * factor, axis.step * factor) + suffix, t) for t in axis.ticks]

    def _compute_y_labels(self) -> None:
        """Already set by `_values_axis`."""

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
        """Draw labels below small ticks; fewer of them where they would touch."""
        view, labels = self.view, list(self._x_labels or ())
        placed = self._placed(labels)
        for n in range(2, len(labels)):
            if len(placed) == len(labels) or (some := scale.every(labels, n)) is None:
                break
            if len(fewer := self._placed(some)) == len(some):
                placed = fewer
                break
        for label, x, middle in placed:
            self.svg.node(
                self.nodes["plot"],
                "path",
                d=f"M{x:.2f} {view.height + self.foot:.2f}v5",
                class_="ba",
            )
            self.svg.text(self.nodes["plot"], middle, view.height + self.foot + 19, label, "mu m")

    def _placed(self, labels: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
        """Return (label, tick in px, middle in px) of the labels that do not touch earlier ones."""
        view, free = self.view, float("-inf")
        left = -float(self.margin_box.left) + 4  # type: ignore[attr-defined]
        right = view.width + float(self.margin_box.right) - 4  # type: ignore[attr-defined]
        placed = []
        for label, position in labels:
            x, half = view.x(position), text.width(label, 12) / 2
            middle = min(max(x, left + half), right - half)
            if middle - half >= free:
                free = middle + half + 8
                placed.append((label, x, middle))
        return placed

    def _end_labels(self, labels: Sequence[tuple[float, str, str]]) -> None:
        """Write names, given as (y, text, roles), at the right ends of the series, moved apart."""
        heights = spread([y for y, _, _ in labels], LINE, 4, self.view.height)
        for y, (_, name, roles) in zip(heights, labels, strict=True):
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
    """Render one picture.

    The prefix of its ids is a hash of everything drawn. Names of graph classes, of plan classes and
    of their fields are part of it, so renaming one changes the bytes of existing pictures.

    Args:
        kind: the graph class, a `Canvas`.
        sheet: texts around the plot.
        plan: the data that this graph class needs beyond the series.
        series: (name, values); empty for an empty plot.
        columns: names of the columns of the table behind the picture.
        rows: the rows of that table.
    """
    if not series:  # an empty plot needs little height
        sheet = replace(sheet, height=min(sheet.height, _EMPTY))
    hashed = [kind.__name__, repr(sheet), repr(plan), [[n, list(v)] for n, v in series]]
    hashed += [] if sheet.style == DEFAULT_STYLE else [repr(sheet.style)]
    key = digest(hashed)[:10]
    graph = kind(Page(), sheet=sheet, key=key, plan=plan, width=sheet.width, height=sheet.height)
    for name, values in series:
        graph.add(name, list(values))
    data = graph.render()
    return Drawing(
        data,
        sheet.title,
        sheet.description or sheet.title,
        tuple(columns),
        tuple(tuple(current().iso(v) if isinstance(v, datetime) else v for v in r) for r in rows),
        sheet.metadata,
        "" if series else sheet.empty,
    )
