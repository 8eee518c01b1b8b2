"""The query `radar`: each user's share of all messages of a category or topic.

Its data are `{"axes", "totals", "users": {name: {"counts", "share"}}}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.common.limits import require_minimum, require_numbers
from hubbub.language.plurals import plural
from hubbub.registry import query
from hubbub.store.query.globs import matches

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["radar"]


@query(names_people=True, accounts=("users",))
def radar(
    events: Events,
    axis: Literal["category", "topic"] = "category",
    user: list[str] | None = None,
    top: int | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Share of all messages of each category (or topic) that name the user.

    Each category (or topic) with messages is an axis; share = the user's messages on the axis / all
    messages on it, those without a user included. `--user` selects which users are listed, and
    `--top N` those with the most messages; the totals stay those of all messages. The diagnostics
    have the number of all `users`.

    Args:
        events: The selected events.
        axis: What an axis is.
        user: List only these users (glob).
        top: List only so many users, those with the most messages.

    Raises:
        UsageError: the users and axes are too many to list each share.
    """
    from ibis import _

    if top is not None:
        require_minimum(top, "--top")
    # Not from the rollups: they outlive the events that the users below are counted from.
    messages = events.stored.group_by(axis).agg(n=_.count()).order_by(axis).to_pyarrow()
    axes: list[str] = messages[axis].to_pylist()
    totals: list[int] = messages["n"].to_pylist()
    position = {name: i for i, name in enumerate(axes)}
    people = events.unnest_users(axis)
    if user:
        people = people.filter(matches(people.user, events.persons.widened(user)))
    counted = people.group_by("user", axis).agg(n=_.count()).order_by("user", axis).to_pyarrow()
    rows = list(zip(*(counted[name].to_pylist() for name in ("user", axis, "n")), strict=True))
    sums: dict[str, int] = {}
    for name, _axis, n in rows:
        sums[name] = sums.get(name, 0) + n
    listed = sums if top is None else sorted(sums, key=lambda name: (-sums[name], name))[:top]
    require_numbers(
        len(listed),
        len(axes),
        f"{plural(len(listed), 'user')} by {plural(len(axes), 'axis', 'axes')}",
        "name users with --user, or list the busiest ones with --top",
    )
    counts = {name: [0] * len(axes) for name in sorted(listed)}
    for name, on, n in rows:
        if name in counts:
            counts[name][position[on]] = n
    data = {
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
    return data, {"users": len(sums)}
