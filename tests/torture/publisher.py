"""A bus and its history with the same ids, which begin with the torture, and keep count.

The bus waits for a slow reader and forgets nobody who is connected; what it says while nobody is
there is only in the history. Broken messages are only on the bus.
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

_FOREVER = 365 * 86_400 * 10**6  # µs


class _Clock:
    """Now, µs; or an instant at which it stands still."""

    def __init__(self, at: int | None) -> None:
        self.at = at

    def __call__(self) -> int:
        return time.time_ns() // 1000 if self.at is None else self.at


class Publisher:
    """Publishes from now on.

    Attributes:
        begun: µs; no message is older.
        bus: the endpoint.
        url: of the history.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._traffic = Traffic(seed, rate * 86_400, steady=True)
        self.begun = time.time_ns() // 1000
        self._clock = _Clock(self.begun)
        self._history = HistoryServer(self._traffic, days=0, clock=self._clock)
        self._clock.at = None
        self._bus = Bus("tcp://127.0.0.1:*")
        self.url, self.bus = self._history.url, self._bus.endpoint
        self._stop = threading.Event()
        messages = self._traffic.between(self.begun, self.begun + _FOREVER)
        self._thread = threading.Thread(
            target=play, args=(messages, self._bus, self._stop), kwargs={"live": True}, daemon=True
        )
        self._thread.start()

    def finish(self) -> int:
        """Publish nothing more; gives the instant (µs) after the last message there is."""
        self._stop.set()
        self._thread.join()
        self._clock.at = time.time_ns() // 1000  # the history stands still too
        return self._clock.at + 1

    def messages(self, end: int) -> Iterator[SimMessage]:
        """All that there are before an instant."""
        return self._traffic.between(self.begun, end)

    def close(self) -> None:
        """Leave."""
        self._stop.set()
        self._thread.join()
        self._history.close()
        self._bus.close(hurry=True)
