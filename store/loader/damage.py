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

__all__ = ["DAMAGED", "quarantine_segment", "reopen"]


DAMAGED = "what was received was damaged on the disk"


def quarantine_segment(state: State, store: Path, damaged: Segment) -> Path:
    """Quarantine a segment whose head is damaged; return its new path.

    The time that it covers becomes a gap, which is healed from history. Messages that were gathered
    or imported into it have to be gathered or imported again.
    """
    start = int(damaged.name.partition("-")[0]) // 1000
    end = damaged.path.stat().st_mtime_ns // 1000
    prefix = alive_key("")
    with state.transaction():
        reopen(state, start)
        for key in state.keys(prefix):
            source = key.removeprefix(prefix)
            if source and start < end:
                filters = state.get(partial_key(source)) or ""
                state.span(source, filters, start, end, "gap", DAMAGED)
    return move_to_quarantine(
        store, damaged.path
    )  # last: after a crash before it, the next load repeats all


def reopen(state: State, since: int) -> None:
    """Turn spans that were proven since `since` (µs), the start of a damaged segment, into gaps.

    Their proof may have counted rows of that segment, and which ones is unknown. A gather that is
    under way is notified, too.
    """
    with state.transaction():
        state.set(DAMAGE_KEY, time.time_ns() // 1000)
        for key in state.keys(GATHER_PREFIX):  # slices that were read and not proven yet
            state.set(key, None)
        for span in state.coverage():
            if span.state in {"complete", "healed"} and span.recorded >= since:
                state.span(span.source, span.filters, span.start, span.end, "gap", DAMAGED)
