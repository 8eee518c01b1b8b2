"""A bus and its history service, with the same messages from the start of the test on.

The bus waits for slow subscribers. Messages published without a subscriber are only in the
history, broken messages only on the bus.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from hubbub.testing.bus import Bus, play
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.message import SimMessage
from hubbub.testing.simulator.traffic import Traffic

__all__ = ["Publisher"]

_YEAR = 365 * 86_400 * 10**6  # µs
_LAST = 10**6  # µs that are still published at the end


class _Clock:
    """The current time in µs, at most `last`."""

    def __init__(self, last: int) -> None:
        self.last: int | None = last

    def __call__(self) -> int:
        now = time.time_ns() // 1000
        return now if self.last is None else min(now, self.last)


class Publisher:
    """Publishes messages from its creation on, in a thread.

    Args:
        seed: seed of the traffic.
        rate: messages per second.

    Attributes:
        start: µs since the epoch; no message is older.
        bus: the bus's endpoint.
        url: the history service's URL.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._traffic = Traffic(seed, rate * 86_400, steady=True)
        self.start = time.time_ns() // 1000
        self._clock = _Clock(self.start)
        self._history = HistoryServer(self._traffic, days=0, clock=self._clock)
        self._clock.last = None
        self._bus = Bus("tcp://127.0.0.1:*")
        self.url, self.bus = self._history.url, self._bus.endpoint
        self._stop = threading.Event()
        self._end = self.start + _YEAR
        self._thread = threading.Thread(
            target=play,
            args=(self._upcoming(), self._bus, self._stop),
            kwargs={"live": True},
            daemon=True,
        )
        self._thread.start()

    def _upcoming(self) -> Iterator[SimMessage]:
        """Yield the messages until the end, which `finish` brings forward."""
        for message in self._traffic.between(self.start, self._end):
            if message.at >= self._end:
                return
            yield message

    def finish(self) -> int:
        """Publish what is due, however late on a loaded machine; return the time (µs) after it.

        The end is a little ahead, so that no later message waits to be sent already.
        """
        self._end = time.time_ns() // 1000 + _LAST
        self._clock.last = self._end - 1  # the history ends here too
        self._thread.join()
        return self._end

    def messages(self, end: int) -> Iterator[SimMessage]:
        """Return all messages published before `end`, µs since the epoch."""
        return self._traffic.between(self.start, end)

    def close(self) -> None:
        """Stop the bus and the history service."""
        self._stop.set()
        self._thread.join()
        self._history.close()
        self._bus.close(hurry=True)
