"""The common filters of every query and view: which events, and which users count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from hubbub.collector.names import DEFAULT_BOTS
from hubbub.zones import UNIVERSAL, Offsets, Zone

__all__ = ["BOTS", "FILTERS", "EventFilters", "Selection", "bot_globs"]

#: Accounts of bots, as globs; the configuration may replace the list or add to it.
BOTS = DEFAULT_BOTS
#: Where a range has no end, µs: 1900 and 2200.
_ALWAYS, _FOREVER = -2_208_988_800_000_000, 7_258_118_400_000_000


def bot_globs(replacing: Sequence[str] | None, more: Sequence[str]) -> tuple[str, ...]:
    """Return the globs of all bots: the built-in list, or the one that replaces it, and more."""
    return (*(BOTS if replacing is None else replacing), *more)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilters:
    """The filters by name, each a tuple of globs; an empty tuple does not filter."""

    topic: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    not_user: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()


#: The names of the filters: common options of every query and view, in the order of the help text.
FILTERS = tuple(field.name for field in fields(EventFilters))


@dataclass(frozen=True, slots=True)
class Selection(EventFilters):
    """Which events, and who counts. All globs of one field are alternatives; fields add up.

    The globs of one field are alternatives; an event has to match all fields. `user` selects events
    that name a matching user (by agent: that a matching user did), with all their users. `not_user`
    and `bots=False` remove users, never events: a message of a bot still counts as a message.
    """

    since: int | None = None  # µs since the epoch, inclusive; None: from the oldest event
    until: int | None = None  # µs since the epoch, exclusive; None: to the newest event
    by: Literal["agent", "users"] = "users"
    bots: bool = True  # whether bots count as people
    bot_names: tuple[str, ...] = BOTS
    zone: Zone = UNIVERSAL  # in which days, weeks and so on are cut

    def offsets(self, *, days: bool = True) -> Offsets:
        """Return the offsets of the zone in the range, µs; see `Zone.offsets`."""
        since = _ALWAYS if self.since is None else self.since
        return self.zone.offsets(since, self.until or _FOREVER, days=days)

    @property
    def removed(self) -> tuple[str, ...]:
        """Globs of the users that do not count."""
        return self.not_user if self.bots else (*self.not_user, *self.bot_names)
