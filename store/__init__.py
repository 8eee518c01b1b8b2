"""Durable, unique, queryable storage: spool, loader, Delta tables, state, engine.

Importing the package loads no engine, so that a command which only writes to the spool starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubbub.lazy import lazy_names

if TYPE_CHECKING:
    from hubbub.store.query.selection import Selection as Selection
    from hubbub.store.store import Store as Store
    from hubbub.store.store import Waiting as Waiting

__all__ = ["Selection", "Store", "Waiting"]

__getattr__ = lazy_names(
    __name__,
    {
        "Selection": "hubbub.store.query.selection",
        "Store": "hubbub.store.store",
        "Waiting": "hubbub.store.store",
    },
)
