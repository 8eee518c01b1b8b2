"""The built-in views as a site presents them: groups, names, badges, and who is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubbub.charts.picture import text
from hubbub.language.numbers import percent

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing
    from hubbub.registry import Function

__all__ = ["GROUPS", "MORE", "PROFILES", "badge_number", "label"]

#: Headings of the overview, each with views and their names.
GROUPS: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        "How the work is shared",
        {
            "tail": "Messages per person",
            "longtail": "Evenness over time",
            "lorenz": "Shares of the work",
            "cohorts": "Shares of the busiest people",
            "radar": "What the busiest people do",
            "overload": "Signs of overload",
        },
    ),
    (
        "Who takes part",
        {
            "active_users": "Active people",
            "daily_users": "New and known people",
            "returning": "Who stays",
        },
    ),
    (
        "What happens",
        {
            "volume": "Messages over time",
            "weekly_diff": "Change since the week before",
            "daily_diff": "Change from day to day",
            "users_per_object": "What most people work on",
            "objects_per_user": "On how many things people work",
            "heatmap": "Who works on what",
            "alerts": "Unusual activity",
            "traffic": "Web traffic",
        },
    ),
    ("How complete the data are", {"coverage": "Coverage"}),
)
#: The heading of all other views.
MORE = "More"
#: Views that show what single people do: not drawn without their names, since who knows the project
#: would recognise people by it.
PROFILES = frozenset({"heatmap", "radar"})
_LABELS = {name: title for _, views in GROUPS for name, title in views.items()}


def label(function: Function) -> str:
    """Return the name of a view for readers."""
    return _LABELS.get(function.name) or text.clean(function.title or function.name, 60)


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
        "active_users": ("active people", lambda: _last(rows, 1)),
        "cohorts": ("share of the busiest 1%", lambda: _share(rows)),
        "daily_users": ("people", lambda: _last(rows, len(columns) - 1)),
        "longtail": ("absence factor", lambda: _last(rows, 1)),
        "lorenz": ("share of the busiest tenth", lambda: _busiest(rows)),
        "tail": ("people", lambda: len(rows)),
        "weekly_diff": ("messages, last week", lambda: _sum(rows, 2)),
    }
    if rows and name in numbers:
        what, number = numbers[name]
        return what, number()
    coverage = drawing.metadata.get("coverage")
    if name == "coverage" and isinstance(coverage, Mapping):
        state = str(coverage.get("state", "unproven"))
        return "history", "incomplete" if coverage.get("gaps") else state
    events = drawing.metadata.get("events")
    return "messages", events if isinstance(events, int) else None
