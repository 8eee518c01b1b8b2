"""A store with the events of an earlier version of their table."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["as_of"]


def as_of(store: Store, version: int) -> Store:
    """Return a store with the events of a version of their table.

    It shares everything else with `store`, the engine and the state too; do not close it.

    Raises:
        LookupError: that version cannot be read any more, or does not exist.
    """
    from hubbub.store.tables.pinned import PinnedEvents

    _ = store.backend  # shared, so that an interrupt reaches it
    past = copy(store)
    past.__dict__["table"] = PinnedEvents(store.path / "events", version)
    return past
