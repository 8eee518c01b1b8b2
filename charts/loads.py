"""Who carries what: a web of shares for up to three users, or bars.

Bars stand where a web would have too many spokes or too few.

Comes in: the answer of the query `radar`. Goes out: a `Drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Result
from hubbub.charts import text
from hubbub.charts.bars import Row, RowPlan, Rows
from hubbub.charts.canvas import draw
from hubbub.charts.plots import height_of
from hubbub.charts.radar import Web, WebPlan
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.charts.chart import Chart
    from hubbub.charts.drawing import Drawing

__all__ = ["loads"]

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
