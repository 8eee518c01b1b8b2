"""The built-in views as a site presents them: groups, names, badges, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.charts.picture import text
from hubbub.language import N_, _
from hubbub.language.numbers import percent

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing
    from hubbub.registry import Function

__all__ = ["GROUPS", "MORE", "PROFILES", "badge_number", "label"]

#: Headings of the overview, each with views and their names.
GROUPS: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        N_("How the work is shared"),
        {
            "tail": N_("Messages per person"),
            "longtail": N_("Evenness over time"),
            "lorenz": N_("Shares of the work"),
            "cohorts": N_("Shares of the busiest people"),
            "radar": N_("What the busiest people do"),
            "overload": N_("Signs of overload"),
        },
    ),
    (
        N_("Who takes part"),
        {
            "active_users": N_("Active people"),
            "daily_users": N_("New and known people"),
            "returning": N_("Who stays"),
        },
    ),
    (
        N_("What happens"),
        {
            "volume": N_("Messages over time"),
            "weekly_diff": N_("Change since the week before"),
            "daily_diff": N_("Change from day to day"),
            "users_per_object": N_("What most people work on"),
            "objects_per_user": N_("On how many things people work"),
            "heatmap": N_("Who works on what"),
            "alerts": N_("Unusual activity"),
            "traffic": N_("Web traffic"),
        },
    ),
    (N_("How complete the data are"), {"coverage": N_("Coverage")}),
)
#: The heading of all other views.
MORE = N_("More")
#: Views that show what single people do: not drawn without their names, since who knows the project
#: would recognise people by it.
PROFILES = frozenset({"heatmap", "radar"})
_STATES = {"complete": N_("complete"), "healed": N_("healed"), "unproven": N_("unproven")}
_LABELS = {name: title for _heading, views in GROUPS for name, title in views.items()}


def label(function: Function) -> str:
    """Return the name of a view for readers."""
    known = _LABELS.get(function.name)
    return _(known) if known else text.clean(function.title or function.name, 60)


def _last(rows: Sequence[Sequence[Any]], column: int) -> float | None:
    """Return the last number of a column."""
    values = (row[column] for row in reversed(rows))
    return next((v for v in values if isinstance(v, int | float)), None)


def _sum(rows: Sequence[Sequence[Any]], column: int) -> float | None:
    """Add up the numbers of a column."""
    values = [row[column] for row in rows if isinstance(row[column], int | float)]
    return sum(values) if values else None


def _share(rows: Sequence[Sequence[Any]]) -> str | None:
    """Return the last number of the second column as percent."""
    last = _last(rows, 1)
    return None if last is None else percent(last)


def _busiest(rows: Sequence[Sequence[Any]]) -> str:
    """Return the share of the busiest tenth; rows end with the share of all people up to them."""
    others = len(rows) - -(-len(rows) // 10)
    return percent(1 - float(rows[others - 1][-1] if others else 0.0))


def badge_number(name: str, drawing: Drawing) -> tuple[str, float | str | None]:
    """Return the label and the number of a view's badge, from the rows behind its picture.

    Args:
        name: of the view.
        drawing: the picture.
    """
    rows, columns = drawing.rows, list(drawing.columns)
    numbers: Mapping[str, tuple[str, Callable[[], float | str | None]]] = {
        "active_users": (N_("active people"), lambda: _last(rows, 1)),
        "cohorts": (N_("share of the busiest 1%"), lambda: _share(rows)),
        "daily_users": (N_("people"), lambda: _last(rows, len(columns) - 1)),
        "longtail": (N_("absence factor"), lambda: _last(rows, 1)),
        "lorenz": (N_("share of the busiest tenth"), lambda: _busiest(rows)),
        "tail": (N_("people"), lambda: len(rows)),
        "weekly_diff": (N_("messages, last week"), lambda: _sum(rows, 2)),
    }
    if rows and name in numbers:
        what, number = numbers[name]
        return _(what), number()
    coverage = drawing.metadata.get("coverage")
    if name == "coverage" and isinstance(coverage, Mapping):
        state = str(coverage.get("state", "unproven"))
        return _("history"), _("incomplete") if coverage.get("gaps") else _(
            _STATES.get(state, state)
        )
    events = drawing.metadata.get("events")
    return _("messages"), events if isinstance(events, int) else None
