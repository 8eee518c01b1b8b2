"""The time before which rollups are never counted again, because retention deleted events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["FROZEN", "frozen"]

FROZEN = "rollups:frozen"  # key in the state: µs


def frozen(store: Store) -> int:
    """Return the time (µs) before which rollups are never counted again."""
    return int(store.state.get(FROZEN) or 0)
