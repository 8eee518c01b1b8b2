"""The event store: spool, loader, Delta tables, state and queries.

Names are imported lazily: a command that only writes to the spool loads no query engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.store.query.selection import Selection as Selection
    from hubbub.store.spool.waiting import Waiting as Waiting
    from hubbub.store.store import Store as Store

__all__ = ["Selection", "Store", "Waiting"]

__getattr__ = lazy_names(
    __name__,
    {
        "Selection": "hubbub.store.query.selection",
        "Store": "hubbub.store.store",
        "Waiting": "hubbub.store.spool.waiting",
    },
)
