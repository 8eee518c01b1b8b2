"""What is known about receiving: whether a listener is at work, and what it missed of late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.collector.event import CONNECTIONS_KEY, alive_key
from hubbub.store.state.coverage import timeline

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["Reception", "reception"]

_DAY = 86_400_000_000  # µs
_SECOND = 1_000_000  # µs
_STALE = 30 * _SECOND  # after which a reported connection may be in any state


@dataclass(frozen=True, slots=True)
class Reception:
    """How complete the last 24 hours are, and how far the listeners are.

    Attributes:
        state: of the time from the first span of the ledger in these 24 hours to the last one:
            `gap` (something is missing), `unproven` (heard live, not compared with a history),
            `healed`, `complete`; `unknown` without a span.
        gaps: spans in which messages are missing.
        missing: seconds of these gaps.
        lag: seconds for which the ledger has recorded nothing; None without a live source.
        connected: connections to buses that are up.
        connections: all that a listener reported within the last 30 s.
    """

    state: str
    gaps: int
    missing: int
    lag: float | None
    connected: int
    connections: int


def reception(store: Store, now: int) -> Reception:
    """Return what the ledger says. No table is opened.

    Args:
        store: an open store.
        now: µs since the epoch.

    Raises:
        StoreError: the store cannot be read.
    """
    parts = timeline(store.spans(now - _DAY, now), now - _DAY, now)
    length: dict[str, int] = {}
    for part in parts:
        length[part.state] = length.get(part.state, 0) + part.end - part.start
    state = next((s for s in ("gap", "unproven", "healed", "complete") if s in length), "unknown")
    reported = (store.state.get(CONNECTIONS_KEY) or {}).values()
    recent = [each for each in reported if now - each["at"] < _STALE]
    alive = store.state.get(alive_key(""))
    return Reception(
        state=state,
        gaps=sum(part.state == "gap" for part in parts),
        missing=round(length.get("gap", 0) / _SECOND),
        lag=None if alive is None else round(max(0, now - alive) / _SECOND, 1),
        connected=sum(each["state"] == "connected" for each in recent),
        connections=len(recent),
    )
