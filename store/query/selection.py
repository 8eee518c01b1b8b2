"""`Selection`: the filters that all queries and views share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hubbub.collector.names import DEFAULT_BOTS

__all__ = ["BOTS", "Selection"]

#: Accounts of bots, as globs; the configuration may replace the list.
BOTS = DEFAULT_BOTS


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events to select, and which users count.

    The globs of one field are alternatives; an event has to match all fields. `user` selects events
    that name a matching user (by agent: that a matching user did), with all their users. `not_user`
    and `bots=False` remove users, never events: a message of a bot still counts as a message.
    """

    since: int | None = None  # µs since the epoch, inclusive; None: from the oldest event
    until: int | None = None  # µs since the epoch, exclusive; None: to the newest event
    topic: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    not_user: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    by: Literal["agent", "users"] = "users"
    bots: bool = True
    bot_names: tuple[str, ...] = BOTS

    @property
    def removed(self) -> tuple[str, ...]:
        """Globs of the users that do not count."""
        return self.not_user if self.bots else (*self.not_user, *self.bot_names)
