"""The traffic model: the same seed and instant give the same messages, whichever window is asked.

Comes in: a seed, a rate, a window. Goes out: `SimMessage`s in the order of time, one at a time.
Nothing depends on the clock, on hash seeds, or on what was asked before: time is cut into blocks,
and a block is made from its number alone (`hubbub.testing.simulator.block`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from hubbub.testing.simulator.message import SimMessage
from hubbub.times import to_micros

__all__ = ["PER_DAY", "Traffic", "messages"]


#: Messages a day of the real bus.
PER_DAY = 60_000
_DAY = 86_400
_BLOCKS = (86_400, 21_600, 3_600, 600, 60, 10, 1)
_BLOCK_SIZE = 5_000  # messages; a block is made as a whole


class Traffic:
    """An endless stream of messages, each instant of which can be looked at.

    Args:
        seed: another seed, another project.
        per_day: messages a day; the mean over a year without bursts.
        steady: the same rate at every hour, without nights, weekends and bursts.

    Raises:
        ValueError: `per_day` is not above 0.
    """

    def __init__(self, seed: int = 0, per_day: float = PER_DAY, *, steady: bool = False) -> None:
        if not per_day > 0:
            raise ValueError(f"{per_day} messages a day make no traffic; give a number above 0")
        self.seed, self.per_day, self.steady = seed, per_day, steady
        self.block_seconds = next(
            (s for s in _BLOCKS if per_day * s / _DAY <= _BLOCK_SIZE), _BLOCKS[-1]
        )

    def block(self, number: int) -> list[SimMessage]:
        """All messages of [number, number + 1) · `block_seconds`, in the order of time."""
        from hubbub.testing.simulator.block import make_block

        return make_block(self, number)

    def between(self, start: int, end: int) -> Iterator[SimMessage]:
        """The messages of [start, end), µs since the epoch, in the order of time."""
        micros = self.block_seconds * 1_000_000
        for number in range(start // micros, -(-end // micros)):
            for message in self.block(number):
                if start <= message.at < end:
                    yield message


def messages(
    seed: int, start: datetime, per_day: float = PER_DAY, days: float = 1
) -> Iterator[SimMessage]:
    """The messages of `days` days from `start`.

    Raises:
        ValueError: `per_day` is not above 0.
    """
    end = start + timedelta(days=days)
    return Traffic(seed, per_day).between(to_micros(start), to_micros(end))
