"""The common filters of every query and view, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BOTS", "Selection"]

#: Accounts of machines, as globs; the configuration may replace the list.
BOTS = (
    *("releng", "koschei", "bodhi", "zodbot", "packit", "anitya", "pagure", "autoqa"),
    *("taskotron", "upstream-release-monitoring", "abrt-bot", "composer", "zuul", "packagerbot"),
    *("*-sig", "*-maint", "*-team"),
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events, and who counts; `engine.Events.scope` says what each field does."""

    since: int | None = None  # µs since the epoch, inclusive
    until: int | None = None  # µs since the epoch, exclusive
    topic: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    by: Literal["agent", "users"] = "users"
    removed: tuple[str, ...] = ()  # globs of users that have no row
