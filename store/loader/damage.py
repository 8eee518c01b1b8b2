"""Damaged segments: quarantine them and reopen their span in the ledger."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.collector.event import DAMAGE_KEY, GATHER_PREFIX, alive_key, partial_key
from hubbub.store.disk.quarantine import move_to_quarantine

if TYPE_CHECKING:
    from hubbub.store.spool.folder import Segment
    from hubbub.store.state.database import State

__all__ = ["DAMAGED", "reopen", "without"]


DAMAGED = "what was received was damaged on the disk"


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
    return move_to_quarantine(
        store, one.path
    )  # last: killed before it, the next load notes the same again


def reopen(state: State, since: int) -> None:
    """Take back what was proven since a damaged segment was begun (µs): it may rest on its rows.

    Which rows they were, nobody can tell any more. A gather that is under way learns of it too.
    """
    with state.transaction():
        state.set(DAMAGE_KEY, time.time_ns() // 1000)
        for key in state.keys(GATHER_PREFIX):  # slices that were read, and not proven yet
            state.set(key, None)
        for span in state.coverage():
            if span.state in {"complete", "healed"} and span.asked >= since:
                state.span(span.source, span.filters, span.start, span.end, "gap", DAMAGED)
