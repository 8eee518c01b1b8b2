"""The radar: the shares of up to three users over the categories, or bars.

A web has its scale on one spoke, an outline per user with its own dash pattern, and a key. Bars are
drawn instead where a web would have too many spokes or too few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

from pygal.graph.radar import Radar

from hubbub.analyzers.result import Result
from hubbub.charts.graphs.bars import Row, RowPlan, Rows
from hubbub.charts.graphs.common import height_of
from hubbub.charts.picture import scale, text
from hubbub.charts.picture.canvas import EDGE, LINE, Canvas, dot, draw
from hubbub.charts.picture.document import path
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["Web", "WebPlan", "loads"]


@dataclass(frozen=True, slots=True)
class WebPlan:
    """The labels of the axes, clockwise; three or more."""

    axes: tuple[str, ...]


class Web(Canvas, Radar):  # type: ignore[misc]
    """Outlines over spokes."""

    plan: WebPlan

    def _compute(self) -> None:
        top = max((v for s in self.series for v in s.values), default=0)
        axis = scale.values(0, min(max(top, 1e-6), 1))
        self._rmax = axis.high
        self._y_labels = [(text.percent(t), t) for t in axis.ticks if t > 0]
        self._x_pos: list[float] = []

    def _room(self) -> tuple[float, float, float]:
        return 0, 0, 4

    def _set_view(self) -> None:
        super()._set_view()
        wide, high = self.view.width, self.view.height
        longest = max((text.width(a, 12) for a in self.plan.axes), default=0)
        self.radius = max(min(high / 2 - 24, wide / 2 - longest - 14), 60)
        self.middle = (wide / 2, high / 2)

    def at(self, index: int, share: float, beyond: float = 0) -> tuple[float, float]:
        """The point of a share on an axis: the first axis points up, the next is to its right."""
        angle = 2 * pi * index / len(self.plan.axes)
        radius = self.radius * share / self._rmax + beyond
        return self.middle[0] + radius * sin(angle), self.middle[1] - radius * cos(angle)

    def _y_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        if not self._drawable():
            return
        n = range(len(self.plan.axes))
        web = "".join(path([self.at(i, t) for i in n], close=True) for _, t in self._y_labels)
        web += "".join(path([self.middle, self.at(i, self._rmax)]) for i in n)
        self.svg.node(self.nodes["plot"], "path", d=web, class_="ba hair")

    def _x_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        for i, label in enumerate(self.plan.axes if self._drawable() else ()):
            x, y = self.at(i, self._rmax, beyond=9)
            across = sin(2 * pi * i / len(self.plan.axes))
            anchor = "m" if abs(across) < 0.1 else "" if across > 0 else "e"  # noqa: PLR2004
            lift = 4.2 - 4 * cos(2 * pi * i / len(self.plan.axes))
            roles = f"t {anchor}".strip()
            self.svg.text(self.nodes["text_overlay"], x, y + lift, label, roles)

    def _plot(self) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["overlay"]
        for serie in self.series:
            points = [self.at(i, v) for i, v in enumerate(serie.values)]
            i = serie.index
            dash = f" d{i}" if i else ""
            outline = path(points, close=True)
            self.svg.node(plot, "path", d=outline, class_=f"f{i} area")
            self.svg.node(plot, "path", d=outline, class_=f"s{i} l{dash}")
            self.svg.node(overlay, "path", d="".join(dot(x, y) for x, y in points), class_=f"f{i}")
        self._scale_labels()
        self._key()

    def _scale_labels(self) -> None:
        """Between the first two spokes, so that no outline's corner hides them."""
        half = cos(pi / len(self.plan.axes))
        angle = pi / len(self.plan.axes)
        for label, value in self._y_labels:
            radius = self.radius * value / self._rmax * half
            x, y = self.middle[0] + radius * sin(angle), self.middle[1] - radius * cos(angle)
            self.svg.text(self.nodes["text_overlay"], x, y + 4, label, "mu t3 m halo")

    def _key(self) -> None:
        left = EDGE - float(self.margin_box.left)
        for serie in self.series:
            i, y = serie.index, 8 + serie.index * (LINE + 4)
            dash = f" d{i}" if i else ""
            overlay = self.nodes["text_overlay"]
            self.svg.node(overlay, "path", d=f"M{left:.2f} {y}h28", class_=f"s{i} l{dash}")
            self.svg.text(overlay, left + 36, y + 4.2, str(serie.title), f"f{i} b")


_USERS = 3
_SPOKES = range(4, 11)
_MOST = 20  # axes


def chosen(users: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """The users to draw: those asked for, in that order, or the three with the most messages."""
    if len(wanted) > _USERS:
        raise UsageError(
            f"a radar shows at most {_USERS} users, and {len(wanted)} were asked for",
            hint="name one to three users with --user",
        )
    if wanted:
        return [u for u in dict.fromkeys(wanted) if u in users]
    return sorted(users, key=lambda u: (-sum(users[u]["counts"]), u))[:_USERS]


def kept(totals: Sequence[int], counts: Sequence[Sequence[int]], most: int) -> list[int]:
    """The axes to draw: those that the drawn users touch most, the busiest where they tie.

    A bus has dozens of categories, and a person works in a few: the web shows these.
    """
    if len(totals) <= most:
        return list(range(len(totals)))
    touched = [sum(of[i] for of in counts) for i in range(len(totals))]
    order = sorted(range(len(totals)), key=lambda i: (-touched[i], -totals[i], i))
    named = sum(1 for n in touched if n)
    return order[: min(most, max(named, 1))]


def finding(names: Sequence[str], axes: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
    """The axis of which each user carries the most."""
    parts: list[str] = []
    for name, share in zip(names, shares, strict=True):
        most = max(range(len(axes)), key=lambda i: (share[i], -i))
        # a verb between, so that a name from right to left does not take the number along
        verb = "carries " if not parts or text.mixed(name) else ""
        parts.append(f"{name} {verb}{text.percent(share[most])} of {axes[most]}")
    return text.joined(parts)


def loads(
    chart: Chart,
    result: Any,
    *,
    users: list[str],
    title: str = "",
    subtitle: str = "",
    most: int = 8,
) -> Drawing:
    """Draw the answer of `radar`, at most so many of its axes.

    Raises:
        UsageError: more than three users, no axes or too many, or data of another shape.
    """
    if not 1 <= most <= _MOST:
        raise UsageError(f"a radar has 1 to {_MOST} axes, and {most} were asked for")
    data = result.data if isinstance(result, Result) else result
    if not isinstance(data, Mapping) or not {"axes", "totals", "users"} <= set(data):
        raise UsageError(
            "a radar needs axes, totals and users", hint="give it the answer of the query radar"
        )
    all_axes, totals, people = list(data["axes"]), list(data["totals"]), data["users"]
    drawn = chosen(people, users)
    keep = kept(totals, [people[u]["counts"] for u in drawn], most)
    web = len(keep) in _SPOKES
    keep = sorted(keep) if web else keep
    short = text.short_names(all_axes)
    axes = [short[all_axes[i]] for i in keep]
    names = [text.named(u) for u in drawn]
    shares = [[float(people[u]["share"][i] or 0) for i in keep] for u in drawn]
    said = [subtitle or "Share of all messages on each axis that name the user, and its messages"]
    if len(keep) < len(all_axes):
        said.append(f"{len(keep)} of {len(all_axes):,} axes, where they are named most")
    if missing := [u for u in users if u not in people]:
        said.append(f"no messages of {text.joined([text.clean(u, 30) for u in missing])}")
    if not users and len(people) > len(drawn):
        said.append(f"the top {len(drawn)} of {text.plural(len(people), 'user')}")
    table = [
        (axes[j], totals[i], *(people[u]["counts"][i] for u in drawn)) for j, i in enumerate(keep)
    ]
    page = chart.sheet(
        result if isinstance(result, Result) else [dict(data)],
        title=title,
        finding=finding(names, axes, shares) if names and axes else "no messages name anybody",
        subtitle="; ".join(said),
        empty="No messages in this range name a user",
        height=540 if web else height_of(len(keep) * 2 if len(names) > 1 else len(keep)),
    )
    labels = [f"{a} ({text.brief(totals[i])})" for a, i in zip(axes, keep, strict=True)]
    more = {"columns": ("axis", "messages", *names), "rows": table}
    series = list(zip(names, shares, strict=True)) if axes else []
    if web:
        return draw(Web, page, WebPlan(tuple(labels)), series, **more)  # type: ignore[arg-type]
    rows = tuple(
        Row(
            label,
            tuple(
                (share[j], f"{text.percent(share[j])} {name}", f"f{k}")
                for k, (name, share) in enumerate(zip(names, shares, strict=True))
                if share[j]
            ),
        )
        for j, label in enumerate(labels)
    )
    return draw(Rows, page, RowPlan(rows), series, **more)  # type: ignore[arg-type]
