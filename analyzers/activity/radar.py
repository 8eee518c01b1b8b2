"""The query `radar`: each user's share of all messages of a category or topic.

Its data are `{"axes", "totals", "users": {name: {"counts", "share"}}}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["radar"]


@query
def radar(
    events: Events,
    axis: Literal["category", "topic"] = "category",
    user: list[str] | None = None,
) -> dict[str, Any]:
    """Share of all messages of each category (or topic) that name the user.

    Each category (or topic) with messages is an axis; share = the user's messages on the axis / all
    messages on it, those without a user included. `--user` selects which users are listed; the
    totals stay those of all messages.
    """
    from ibis import _

    # Not from the rollups: they outlive the events that the users below are counted from.
    messages = events.stored.group_by(axis).agg(n=_.count()).order_by(axis).to_pyarrow()
    axes: list[str] = messages[axis].to_pylist()
    totals: list[int] = messages["n"].to_pylist()
    position = {name: i for i, name in enumerate(axes)}
    people = events.unnest_users(axis)
    if user:
        people = people.filter(matches(people.user, events.persons.widened(user)))
    counted = people.group_by("user", axis).agg(n=_.count()).order_by("user", axis).to_pyarrow()
    counts: dict[str, list[int]] = {}
    for row in counted.to_pylist():
        counts.setdefault(row["user"], [0] * len(axes))[position[row[axis]]] = row["n"]
    return {
        "axes": axes,
        "totals": totals,
        "users": {
            name: {
                "counts": numbers,
                "share": [n / total for n, total in zip(numbers, totals, strict=True)],
            }
            for name, numbers in counts.items()
        },
    }
