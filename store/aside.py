"""Damaged files, moved out of the way and kept: `aside/` of a store.

Comes in: a file that nobody can read any more. Goes out: its new place. Whatever it held that can
be had elsewhere was brought back by whoever moved it; a person may look at it, or delete it. What
was said of a damaged segment (that its rows are all there) is taken back: see `reopen`.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.collector.keys import DAMAGE, GATHER, alive_key, partial_key
from hubbub.store.disk import sync_folder

if TYPE_CHECKING:
    from hubbub.store.spool import Segment
    from hubbub.store.state import State

__all__ = ["DAMAGED", "FOLDER", "aside", "clear", "kept", "reopen", "without"]

FOLDER = "aside"
DAMAGED = "what was received was damaged on the disk"


def aside(store: Path, path: Path) -> Path:
    """Move a file or folder of a store; its new name says where it was."""
    folder = store / FOLDER
    folder.mkdir(exist_ok=True)
    name = "-".join(path.relative_to(store).parts)
    place, n = folder / name, 1
    while place.exists():
        n += 1
        place = folder / f"{n}-{name}"
    path.rename(place)
    sync_folder(folder)
    sync_folder(path.parent)
    sync_folder(store)
    return place


def without(state: State, store: Path, one: Segment) -> Path:
    """Go on without a segment whose head is damaged: what was heard meanwhile is a gap.

    A history heals it. What was gathered is lacking again, and to be had by gathering once more;
    what was imported, by that import.
    """
    start = int(one.name.partition("-")[0]) // 1000
    end = one.path.stat().st_mtime_ns // 1000
    prefix = alive_key("")
    with state.transaction():
        reopen(state, start)
        for key in state.keys(prefix):
            source = key.removeprefix(prefix)
            if source and start < end:
                limited = state.get(partial_key(source)) or ""
                state.span(source, limited, start, end, "gap", DAMAGED)
    return aside(store, one.path)  # last: killed before it, the next load notes the same again


def reopen(state: State, since: int) -> None:
    """Take back what was proven since a damaged segment was begun (µs): it may rest on its rows.

    Which rows they were, nobody can tell any more. A gather that is under way learns of it too.
    """
    with state.transaction():
        state.set(DAMAGE, time.time_ns() // 1000)
        for key in state.keys(GATHER):  # slices that were read, and not proven yet
            state.set(key, None)
        for span in state.coverage():
            if span.state in {"complete", "healed"} and span.asked >= since:
                state.span(span.source, span.filters, span.start, span.end, "gap", DAMAGED)


def clear(store: Path) -> None:
    """Delete what lies there: it may hold a name that is to be forgotten."""
    if kept(store):
        shutil.rmtree(store / FOLDER)
        sync_folder(store)


def kept(store: Path) -> list[Path]:
    """What lies there."""
    folder = store / FOLDER
    return sorted(folder.iterdir()) if folder.is_dir() else []
