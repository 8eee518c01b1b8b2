"""How far a long step of maintenance has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "Show"]

#: Shows what is being done, how many rows are done, and of how many in total (0: unknown).
Show: TypeAlias = Callable[[str, int, int], object]


class Progress:
    """Counts rows.

    Args:
        show: called whenever something changes.
    """

    def __init__(self, show: Show = lambda *_: None) -> None:
        self._show = show
        self._what, self._done, self._total = "", 0, 0

    def expect(self, rows: int) -> None:
        """Add rows to the total."""
        self._total += rows

    def begin(self, what: str) -> None:
        """Say what is being done now."""
        self._what = what
        self.add(0)

    def add(self, rows: int) -> None:
        """Add rows to those that are done."""
        self._done += rows
        self._show(self._what, min(self._done, self._total), self._total)
