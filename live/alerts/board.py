"""What is shown of alerts: those that are on, and the changes of a range, to a reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.live.alerts.wording import Shown, shown, visible
from hubbub.store.state import alerts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubbub.store.state.database import State

__all__ = ["Board", "board"]

_CHANGES = 1_000


@dataclass(frozen=True, slots=True)
class Board:
    """Alerts as a reader may see them.

    Attributes:
        open: the changes that raised the alerts which are on, oldest first.
        changes: of the range, newest first.
    """

    open: tuple[Shown, ...]
    changes: tuple[Shown, ...]


def board(
    state: State,
    *,
    names: bool,
    person: str | None = None,
    since: int | None = None,
    until: int | None = None,
    rules: Iterable[str] | None = None,
    limit: int = _CHANGES,
) -> Board:
    """Return the alerts that are on now, and what changed in a range.

    Args:
        state: of the store.
        names: whether names of people, and private alerts, may be seen.
        person: whose own alerts may be seen all the same.
        since: µs of event time; None: from the first change.
        until: µs of event time, exclusive; None: to the last one.
        rules: only of these; None: of all.
        limit: how many changes at most.
    """
    chosen = None if rules is None else tuple(rules)

    def see(found: Iterable[alerts.Change]) -> tuple[Shown, ...]:
        return tuple(
            shown(change, number=change.number, names=names, person=person)
            for change in found
            if (chosen is None or change.rule in chosen)
            and visible(change, names=names, person=person)
        )

    private = names or person is not None
    found = alerts.changes(
        state, since=since, until=until, rules=chosen, private=private, limit=limit
    )
    return Board(see(alerts.opened(state)), see(found))
