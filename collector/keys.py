"""Under which keys a ledger keeps what collectors and the store tell each other.

A module of its own, so that whoever reads one imports no network.
"""

from __future__ import annotations

__all__ = ["DAMAGE", "GATHER", "alive_key", "partial_key"]

#: What the keys begin with under which begun slices of a gather are kept.
GATHER = "gather "
#: When rows that were durable were found damaged last, µs.
DAMAGE = "damage"


def alive_key(source: str) -> str:
    """Until when a source was heard and everything was durable, µs; of an empty one: of any."""
    return f"alive {source}"


def partial_key(source: str) -> str:
    """What a source was limited to: skipped numbers are normal there."""
    return f"limited {source}"
