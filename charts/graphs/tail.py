"""The tail: counts in descending order, the ideal straight line, and the gap between them.

The busiest users are named as far as there is room.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pygal.graph.line import Line

from hubbub.charts.graphs.line import thin
from hubbub.charts.picture import text
from hubbub.charts.picture.canvas import Canvas, dot, draw
from hubbub.charts.picture.document import path
from hubbub.charts.picture.sheet import Data, column, finite, messages, records, several
from hubbub.language import N_, _, ngettext, pgettext
from hubbub.language.numbers import amount, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["TailCurve", "TailPlan", "draw_tail"]

_HEADS = 5  # names
_NAMED = 2  # of them in any case: the first may be a program
_IDEAL = N_("even slope from head to tail")
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class TailPlan:
    """Labels of the first users, and the counts at both ends of the ideal line."""

    heads: tuple[str, ...]
    ideal: tuple[float, float]
    x_title: str


def ranks(n: int) -> list[int]:
    """Return up to seven round ranks from 1 to n, both included."""
    if n <= 7:  # noqa: PLR2004
        return list(range(1, n + 1))
    steps = (1, 2, 5, *(d * 10**e for e in range(1, 9) for d in (1, 2, 2.5, 5)))
    step = next(int(s) for s in steps if n / s <= 6)  # noqa: PLR2004
    inner = [r for r in range(step, n, step) if n - r >= step / 2]
    return [1, *(r for r in inner if r > step / 4 and r != 1), n]


class TailCurve(Canvas, Line):  # type: ignore[misc]
    """Draws one series of counts in descending order."""

    plan: TailPlan

    def _compute(self) -> None:
        n = self._len
        self._x_pos = [i / (n - 1) for i in range(n)] if n > 1 else [0.5] * n
        self._points(self._x_pos)
        values = [*self._values, *self.plan.ideal]
        self._values_axis(min(values), max(values), whole=all(v == int(v) for v in values))

    def _compute_x_labels(self) -> None:
        n = self._len
        self._x_labels = [(amount(r), self._x_pos[r - 1]) for r in ranks(n)] if n else []

    def _room(self) -> tuple[float, float, float]:
        return self._axis_room(), 0, 42

    def _plot(self) -> None:
        view, plot = self.view, self.nodes["plot"]
        points = [view(p) for p in self.series[0].points]
        ends = [
            (points[0][0], view.y(self.plan.ideal[0])),
            (points[-1][0], view.y(self.plan.ideal[1])),
        ]
        curve = _corners(points)
        if len(curve) > 1:
            self.svg.node(
                plot, "path", d=path([*curve, *reversed(ends)], close=True), class_="f0 area"
            )
            self.svg.node(plot, "path", d=path(ends), class_="s1 l d1")
            self.svg.node(plot, "path", d=path(curve), class_="s0 l")
        heads, taken = self._heads(points, ends)
        marks = [points[0], points[-1], *heads]
        dots = "".join(dot(x, y) for x, y in dict.fromkeys(marks))
        self.svg.node(self.nodes["overlay"], "path", d=dots, class_="f0")
        self._names(points, ends, taken)
        self.svg.text(
            self.nodes["text_overlay"], view.width / 2, view.height + 36, self.plan.x_title, "mu m"
        )

    def _heads(self, points: list[Point], ends: list[Point]) -> tuple[list[Point], list[Box]]:
        """Write names where there is room between curve and line; return points and text boxes."""
        marked: list[Point] = []
        taken: list[Box] = []
        for (x, y), name in zip(points, self.plan.heads, strict=False):
            wide = text.width(name, 12)
            left = min(x + 5, self.view.width - wide)
            # above the point, else beside it, where the first few must be named in any case
            for lift in (0, 10):
                box = (left + lift, y - 18 + lift, left + lift + wide, y - 2 + lift)
                # The line falls to the right: it is lowest above the end of the name.
                clear = _line_y(ends, box[2]) < box[1] - 2 or len(marked) < _NAMED
                if clear and not _overlaps(box, taken):
                    at = box[0], y - 6 + lift
                    self.svg.text(self.nodes["text_overlay"], *at, name, "t halo")
                    marked.append((x, y))
                    taken.append(box)
                    break
            else:  # a name after one that is left out would seem to be the next
                break
            if len(marked) == _HEADS:
                break
        return marked, taken

    def _names(self, points: list[Point], ends: list[Point], taken: list[Box]) -> None:
        """Label the line and the curve if they are far enough apart."""
        if len(points) < 4:  # noqa: PLR2004 (too short)
            return
        x, y = points[len(points) * 55 // 100]
        actual, even = pgettext("curve", "actual"), _(_IDEAL)
        wide = text.width(actual, 12, bold=True)
        box = (x, y - 20, x + wide, y - 4)
        if y - _line_y(ends, x) < 60 or _overlaps(box, taken):  # noqa: PLR2004 (px for two labels)
            return
        write, overlay = self.svg.text, self.nodes["text_overlay"]
        left = min(x + 14, self.view.width - text.width(even, 12, bold=True))
        # The line falls to the right: a label that begins above it stays above it.
        write(overlay, left, _line_y(ends, left) - 8, even, "f1 b")
        write(overlay, x, y - 9, actual, "f0 b")


def _overlaps(box: Box, taken: list[Box]) -> bool:
    return any(
        box[0] < b[2] + 4 and b[0] < box[2] + 4 and box[1] < b[3] and b[1] < box[3] for b in taken
    )


def _line_y(ends: list[Point], x: float) -> float:
    (x0, y0), (x1, y1) = ends
    return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _corners(points: list[Point]) -> list[Point]:
    """Keep the points where the curve bends: a tail of equal counts takes two points."""
    kept = [
        p
        for i, p in enumerate(points)
        if i in (0, len(points) - 1) or not points[i - 1][1] == p[1] == points[i + 1][1]
    ]
    return thin(kept)


def _finding(names: Sequence[str], counts: Sequence[float], of: str) -> str:
    """State how few people have half of the messages; `of` says which."""
    total, n = sum(counts), len(counts)
    if not total:
        return _("Nobody is named by the messages of this range")
    if n == 1:
        return _("All {of} are of one person, {name}", of=of, name=text.in_title(names[0]))
    if counts[0] == counts[-1]:
        return ngettext(
            "All {people} people have {n} message each",
            "All {people} people have {n} messages each",
            counts[0],
            people=amount(n),
        )
    done, half = 0.0, 0
    while 2 * done < total:
        done += counts[half]
        half += 1
    if half == 1:
        share = percent(counts[0] / total)
        return _(
            "{name} alone, of {n} people, has {share} of all {of}",
            name=text.in_title(names[0]),
            n=amount(n),
            share=share,
            of=of,
        )
    return _("{half} of {n} people have half of all {of}", half=amount(half), n=amount(n), of=of)


def draw_tail(chart: Chart, result: Data) -> Drawing:
    """Draw the result of the query `tail`: rows with user, count and ideal."""
    table = records(result)
    rows = [
        (str(user), count, finite(ideal))
        for user, count, ideal in zip(
            column(table, "user"),
            map(finite, column(table, "count")),
            column(table, "ideal"),
            strict=True,
        )
        if count is not None
    ]
    names = [text.named(row[0]) for row in rows]
    counts = [row[1] for row in rows]
    page = chart.sheet(
        result,
        finding=_finding(names, counts, messages(result)),
        subtitle="; ".join(
            [
                _("Messages per person, sorted"),
                _("the smaller the shaded gap to the line, the flatter the tail"),
                *several(result),
            ]
        ),
        empty=_("No messages in this range name a person"),
    )
    ideal = [row[2] for row in rows if row[2] is not None]
    plan = TailPlan(
        tuple(
            f"{text.fit(n, 180, 12)} {amount(c)}" for n, c in zip(names[:12], counts, strict=False)
        ),
        (ideal[0], ideal[-1]) if ideal else (counts[0], counts[-1]) if counts else (0, 0),
        _("rank of the person (1 = head)"),
    )
    return draw(
        TailCurve,
        page,
        plan,
        [("messages", counts)] if counts else [],
        columns=("rank", "user", "messages", "ideal"),
        rows=[
            (i, n, c, d) for i, (n, (_user, c, d)) in enumerate(zip(names, rows, strict=True), 1)
        ],
    )
