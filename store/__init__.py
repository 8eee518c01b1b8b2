"""From events to durable, unique, queryable tables: spool, loader, Delta tables, state, engine.

The public names are resolved when they are first used, so that a command which only writes to the
spool loads no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubbub.store.selection import Selection as Selection
    from hubbub.store.store import Store as Store
    from hubbub.store.store import Waiting as Waiting

_NAMES = {
    "Selection": "hubbub.store.selection",
    "Store": "hubbub.store.store",
    "Waiting": "hubbub.store.store",
}
__all__ = ["Selection", "Store", "Waiting"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'hubbub.store' has no attribute {name!r}")
