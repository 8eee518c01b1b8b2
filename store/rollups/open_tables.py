"""Open the rollups of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.store.rollups.monthly import MONTHLY
from hubbub.store.rollups.tables import (
    Actions,
    DailyTopics,
    DailyUsers,
    HourlyUsers,
    Rollup,
    WeeklyUsers,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["open_rollups"]


def open_rollups(folder: Path) -> tuple[Rollup, ...]:
    """Return the rollups of a store, each after the one it is counted from; they need not exist.

    Args:
        folder: of the rollups.
    """
    kinds = (HourlyUsers, DailyUsers, WeeklyUsers, DailyTopics, Actions, *MONTHLY)
    return tuple(kind(folder / kind.name) for kind in kinds)
