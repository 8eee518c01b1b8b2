"""Radar chart: shares of up to three users on several axes.

Each user is an outline with its own dash pattern. With fewer than four axes or more than ten, bars
are drawn instead.
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
from hubbub.language import _, ngettext, pgettext
from hubbub.language.numbers import amount, brief, percent
from hubbub.language.wording import joined

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.picture.drawing import Drawing

__all__ = ["USERS", "Web", "WebPlan", "draw_radar"]

USERS = 3
_PART, _ROOM = 0.5, 1800  # of a line for a name in the title, and px for the title
_ENOUGH = 20  # messages of an axis, of which a title gives a share
_SPOKES = range(4, 11)
_MOST = 20  # axes


@dataclass(frozen=True, slots=True)
class WebPlan:
    """The labels of the axes, clockwise from the top; three or more."""

    axes: tuple[str, ...]


class Web(Canvas, Radar):  # type: ignore[misc]
    """Outlines over spokes."""

    plan: WebPlan

    def _compute(self) -> None:
        top = max((v for s in self.series for v in s.values), default=0)
        axis = scale.values(0, min(max(top, 1e-6), 1))
        self._rmax = axis.high
        self._y_labels = [(percent(t), t) for t in axis.ticks if t > 0]
        self._x_pos: list[float] = []

    def _room(self) -> tuple[float, float, float]:
        return 0, 0, 4

    def _set_view(self) -> None:
        super()._set_view()
        wide, high = self.view.width, self.view.height
        longest = max((text.width(a, 12) for a in self.plan.axes), default=0)
        self.radius = max(min(high / 2 - 24, wide / 2 - longest - 14), 60)
        self.middle = (wide / 2, high / 2)

    def point(self, index: int, share: float, beyond: float = 0) -> tuple[float, float]:
        """Return the point of a share on an axis, `beyond` px outwards of it."""
        angle = 2 * pi * index / len(self.plan.axes)
        radius = self.radius * share / self._rmax + beyond
        return self.middle[0] + radius * sin(angle), self.middle[1] - radius * cos(angle)

    def _y_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        if not self._drawable():
            return
        n = range(len(self.plan.axes))
        web = "".join(path([self.point(i, t) for i in n], close=True) for _, t in self._y_labels)
        web += "".join(path([self.middle, self.point(i, self._rmax)]) for i in n)
        self.svg.node(self.nodes["plot"], "path", d=web, class_="ba hair")

    def _x_axis(self, draw_axes: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002
        for i, label in enumerate(self.plan.axes if self._drawable() else ()):
            x, y = self.point(i, self._rmax, beyond=9)
            across = sin(2 * pi * i / len(self.plan.axes))
            anchor = "m" if abs(across) < 0.1 else "" if across > 0 else "e"  # noqa: PLR2004
            lift = 4.2 - 4 * cos(2 * pi * i / len(self.plan.axes))
            roles = f"t {anchor}".strip()
            self.svg.text(self.nodes["text_overlay"], x, y + lift, label, roles)

    def _plot(self) -> None:
        plot, overlay = self.nodes["plot"], self.nodes["overlay"]
        for serie in self.series:
            points = [self.point(i, v) for i, v in enumerate(serie.values)]
            i = serie.index
            dash = f" d{i}" if i else ""
            outline = path(points, close=True)
            self.svg.node(plot, "path", d=outline, class_=f"f{i} area")
            self.svg.node(plot, "path", d=outline, class_=f"s{i} l{dash}")
            self.svg.node(overlay, "path", d="".join(dot(x, y) for x, y in points), class_=f"f{i}")
        self._scale_labels()
        self._key()

    def _scale_labels(self) -> None:
        """Write the scale between the first two axes, where no corner of an outline hides it."""
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


def _select_users(users: Mapping[str, Any], wanted: Sequence[str]) -> list[str]:
    """Return the wanted users that occur, in that order; by default those with most messages."""
    if len(wanted) > USERS:
        raise UsageError(
            f"a radar shows at most {USERS} users, not {len(wanted)}",
            hint="name one to three users with --user",
        )
    if wanted:
        return [u for u in dict.fromkeys(wanted) if u in users]
    return sorted(users, key=lambda u: (-sum(users[u]["counts"]), u))[:USERS]


def _select_axes(totals: Sequence[int], counts: Sequence[Sequence[int]], most: int) -> list[int]:
    """Return the indices of at most `most` axes: those that name the drawn users most often.

    Ties are ordered by their totals. A bus has dozens of categories and a person works in a few, so
    axes without the drawn users are left out.
    """
    if len(totals) <= most:
        return list(range(len(totals)))
    touched = [sum(count[i] for count in counts) for i in range(len(totals))]
    order = sorted(range(len(totals)), key=lambda i: (-touched[i], -totals[i], i))
    named = sum(1 for n in touched if n)
    return order[: min(most, max(named, 1))]


def _finding(
    names: Sequence[str],
    axes: Sequence[str],
    totals: Sequence[int],
    shares: Sequence[Sequence[float]],
) -> str:
    """State the axis on which each user has the largest share, of those with enough messages.

    Being named is no share of the work: a message can name several people.
    """
    parts: list[str] = []
    for name, share in zip(names, shares, strict=True):
        most = max(
            range(len(axes)),
            key=lambda i: (bool(share[i]) and totals[i] >= _ENOUGH, share[i], -i),
        )
        axis = text.in_title(axes[most], _PART)
        where = _("none of these")
        if share[most]:
            where = _("{share} of {what}", share=percent(share[most]), what=axis)
        if 0 < totals[most] < _ENOUGH and share[most]:  # a share of so few says little
            where = ngettext(
                "{number} of {n} message of {axis}",
                "{number} of {n} messages of {axis}",
                totals[most],
                number=round(share[most] * totals[most]),
                axis=axis,
            )
        who = text.in_title(name, _PART)
        # a verb in between: a right-to-left name would otherwise reorder the number
        if not parts or text.mixed(name):
            parts.append(_("{name} is named in {where}", name=who, where=where))
        else:
            parts.append(pgettext("named", "{name} in {where}", name=who, where=where))
    while len(parts) > 1 and text.width(joined(parts), 19, bold=True) > _ROOM:
        parts.pop()  # the picture shows it
    return joined(parts)


def _bars(
    labels: Sequence[str], names: Sequence[str], shares: Sequence[Sequence[float]]
) -> tuple[Row, ...]:
    """Return a row per axis with a bar per user."""
    return tuple(
        Row(
            label,
            tuple(
                (share[axis], f"{percent(share[axis])} {name}", f"f{user}")
                for user, (name, share) in enumerate(zip(names, shares, strict=True))
                if share[axis]
            ),
        )
        for axis, label in enumerate(labels)
    )


def draw_radar(
    chart: Chart, result: Any, *, users: Sequence[str] = (), subtitle: str, most: int = 8
) -> Drawing:
    """Draw the result of the query `radar`.

    Args:
        chart: of the view.
        result: of the query: axes, totals, and counts and shares per user.
        users: at most three; by default the three with the most messages.
        subtitle: of the picture.
        most: axes to draw at most: those on which the users are named most.

    Raises:
        UsageError: more than three users, no axes or too many, or data of another shape.
    """
    if not 1 <= most <= _MOST:
        raise UsageError(f"a radar has 1 to {_MOST} axes, not {most}")
    data = result.data if isinstance(result, Result) else result
    if not isinstance(data, Mapping) or not {"axes", "totals", "users"} <= set(data):
        raise UsageError(
            "a radar needs axes, totals and users", hint="pass the result of the query radar"
        )
    all_axes, totals, people = list(data["axes"]), list(data["totals"]), data["users"]
    drawn = _select_users(people, users)
    indices = _select_axes(totals, [people[u]["counts"] for u in drawn], most)
    web = len(indices) in _SPOKES
    indices = sorted(indices) if web else indices
    short = text.short_names(all_axes)
    axes = [short[all_axes[i]] for i in indices]
    names = [text.named(u) for u in drawn]
    shares = [[float(people[u]["share"][i] or 0) for i in indices] for u in drawn]
    subtitles = [subtitle]
    if len(axes) < len(all_axes):
        parts = {"shown": len(axes), "all": amount(len(all_axes))}
        subtitles.append(_("{shown} of {all} axes, where they are named most", **parts))
    if missing := [u for u in users if u not in people]:
        absent = joined([text.clean(u, 30) for u in missing])
        subtitles.append(_("no messages of {names}", names=absent))
    everybody = len(people)
    if isinstance(result, Result):
        everybody = result.diagnostics.get("users", everybody)
    if not users and everybody > len(drawn):
        parts = {"shown": len(drawn), "all": amount(everybody)}
        subtitles.append(_("the {shown} named most of {all} people", **parts))
    nobody = _("Nobody is named by the messages of this range")
    if missing:
        nobody = _("No messages name {names}", names=absent)
    page = chart.sheet(
        result if isinstance(result, Result) else [dict(data)],
        finding=_finding(names, axes, [totals[i] for i in indices], shares)
        if names and axes
        else nobody,
        subtitle="; ".join(subtitles),
        empty=_("No messages in this range name a person"),
        height=540 if web else height_of(len(axes) * 2 if len(names) > 1 else len(axes)),
    )
    labels = [f"{axis} ({brief(totals[i])})" for axis, i in zip(axes, indices, strict=True)]
    return draw(
        Web if web else Rows,
        page,
        WebPlan(tuple(labels)) if web else RowPlan(_bars(labels, names, shares)),
        list(zip(names, shares, strict=True)) if axes else [],
        columns=("axis", "messages", *names),
        rows=[
            (axis, totals[i], *(people[u]["counts"][i] for u in drawn))
            for axis, i in zip(axes, indices, strict=True)
        ],
    )
