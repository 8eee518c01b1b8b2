"""How often frames are sent: 15 times a second, and less often where that takes much time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["FRAME", "Pace"]

FRAME = 1 / 15  # s between frames at least
_SLOWEST = 1.0  # s between frames at most
_BUSY, _IDLE = 0.16, 0.12  # parts of a core, at which frames become rarer or more frequent
_CHANGE = 1.25


class Pace:
    """Lengthens the pause between frames while the thread of the event loop is busy.

    A thousand clients would otherwise take the processor away from the listener.

    Args:
        clock: returns seconds.
        used: returns the seconds for which this thread has used a processor.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._used = clock, used
        self._pause = FRAME
        self._last = clock(), used()

    def pause(self) -> float:
        """Return how long to wait before the next frame, s; to be called once a frame."""
        now, used = self._clock(), self._used()
        passed, busy = now - self._last[0], used - self._last[1]
        self._last = now, used
        if passed > 0:
            share = busy / passed
            if share > _BUSY:
                self._pause = min(self._pause * _CHANGE, _SLOWEST)
            elif share < _IDLE:
                self._pause = max(self._pause / _CHANGE, FRAME)
        return self._pause
