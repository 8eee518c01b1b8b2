"""Events of the past, at the pace at which they happened or faster: paused, stepped, moved."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from hubbub.collector.event import Event

__all__ = ["Replay"]

_MAX_BATCH = 5_000  # events of one call
_SECOND = 1_000_000  # µs
_USUAL = (1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0)  # speeds


class Replay:
    """Yields stored events when their time has come, by a clock that runs at a speed.

    Args:
        read: returns the events from a time (µs since the epoch) on, in order of time.
        start: µs since the epoch, at which the clock starts.
        end: µs since the epoch, at which the clock stops.
        speed: seconds of the past in a second.
        clock: returns seconds, for tests.
    """

    def __init__(
        self,
        read: Callable[[int], Iterator[Event]],
        start: int,
        end: int,
        speed: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._clock, self._speed = read, clock, speed
        self.start, self.end = start, end
        self._shown, self._since = start, clock()  # the time of the replay, and when it was that
        self.paused = False
        self._events = read(start)
        self._waiting: deque[Event] = deque()
        self._exhausted = False
        self.reached = start  # up to then `poll` has returned every event

    @property
    def now(self) -> int:
        """The time of the replay, µs since the epoch."""
        passed = 0.0 if self.paused else (self._clock() - self._since) * self._speed
        return min(self._shown + round(passed * _SECOND), self.end)

    @property
    def ended(self) -> bool:
        """Whether the clock has stopped at the end, and every event was returned."""
        return self.reached >= self.end

    @property
    def speed(self) -> float:
        """Seconds of the past in a second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._set(self.now)
        self._speed = speed

    def change_speed(self, direction: int) -> None:
        """Choose the next of some usual speeds: a faster one, or with -1 a slower one."""
        if direction > 0:
            self.speed = next((s for s in _USUAL if s > self._speed), _USUAL[-1])
        else:
            self.speed = next((s for s in reversed(_USUAL) if s < self._speed), _USUAL[0])

    def pause(self) -> None:
        """Stop the clock, or let it run on."""
        self._set(self.now)
        self.paused = not self.paused

    def step(self, seconds: float) -> bool:
        """Move the clock.

        Forward, the events in between are returned by the next calls of `poll`. Back, they are
        returned a second time.

        Returns:
            Whether it was moved back, so that sums of events have to begin at 0.
        """
        to = max(self.start, min(self.now + round(seconds * _SECOND), self.end))
        back = to < self.now
        self._set(to)
        if back:
            self._events, self._exhausted, self.reached = self._read(to), False, to
            self._waiting.clear()
        return back

    def _set(self, now: int) -> None:
        self._shown, self._since = now, self._clock()

    def poll(self) -> list[Event]:
        """Return the events whose time has come since the last call, 5,000 at most."""
        due: list[Event] = []
        now = self.now
        while len(due) < _MAX_BATCH:
            if not self._waiting:
                following = None if self._exhausted else next(self._events, None)
                if following is None:
                    self._exhausted, self.reached = True, now
                    return due
                self._waiting.append(following)
            if self._waiting[0].time > now:
                self.reached = now
                return due
            due.append(self._waiting.popleft())
        self.reached = max(self.reached, due[-1].time)
        return due
