"""Deterministic traffic: messages depend only on seed, rate and time, not on the window.

Time is divided into blocks, and a block is generated from its number alone
(`hubbub.testing.simulator.block`). Nothing depends on the clock, on hash seeds or on earlier calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hubbub.testing.simulator.message import SimMessage
from hubbub.times import to_micros

__all__ = ["PER_DAY", "Traffic", "messages"]


#: Messages per day on the real bus.
PER_DAY = 60_000
_DAY = 86_400
_BLOCK_SECONDS = (86_400, 21_600, 3_600, 600, 60, 10, 1)
_BLOCK_SIZE = 5_000  # mean number of messages, at most


class Traffic:
    """An endless stream of messages with random access by time.

    Args:
        seed: different seeds give different projects.
        per_day: messages per day, the mean of a year without bursts.
        steady: keep the same rate at every hour, without nights, weekends and bursts.

    Raises:
        ValueError: `per_day` is not above 0.
    """

    def __init__(self, seed: int = 0, per_day: float = PER_DAY, *, steady: bool = False) -> None:
        if not per_day > 0:
            raise ValueError(f"per_day must be above 0, got {per_day}")
        self.seed, self.per_day, self.steady = seed, per_day, steady
        self.block_seconds = next(
            (s for s in _BLOCK_SECONDS if per_day * s / _DAY <= _BLOCK_SIZE), _BLOCK_SECONDS[-1]
        )

    def block(self, number: int) -> list[SimMessage]:
        """Return the messages of [number, number + 1) · `block_seconds`, ordered by time."""
        from hubbub.testing.simulator.block import make_block

        return make_block(self, number)

    def between(self, start: int, end: int) -> Iterator[SimMessage]:
        """Yield the messages of [start, end), µs since the epoch, ordered by time."""
        micros = self.block_seconds * 1_000_000
        for number in range(start // micros, -(-end // micros)):
            for message in self.block(number):
                if start <= message.at < end:
                    yield message


def messages(
    seed: int, start: datetime, per_day: float = PER_DAY, days: float = 1
) -> Iterator[SimMessage]:
    """Return the messages of `days` days from `start`, ordered by time.

    Raises:
        ValueError: `per_day` is not above 0.
    """
    end = start + timedelta(days=days)
    return Traffic(seed, per_day).between(to_micros(start), to_micros(end))
