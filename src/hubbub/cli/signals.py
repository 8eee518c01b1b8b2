"""SIGTERM and SIGINT as a flag that a loop can check and wait for.

A `threading.Event` set by the handler could deadlock: the handler runs in the main thread, which
may be holding the event's lock at that moment.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["StopSignal", "stop_signal"]

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Whether a signal was received, with the interface of `threading.Event`."""

    def __init__(self, descriptor: int) -> None:
        self._set = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def set(self) -> None:
        """Set the flag; the signal handler also wakes `wait`, through the descriptor."""
        self._set = True

    def is_set(self) -> bool:
        """Whether a signal was received."""
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a signal for at most `timeout` seconds; return `is_set()`."""
        self._poll.poll(None if timeout is None else timeout * 1000)
        return self._set


@contextmanager
def stop_signal() -> Iterator[StopSignal]:
    """Handle SIGTERM and SIGINT during the block; restore the previous handlers afterwards."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    stop = StopSignal(read)

    def handle(_number: int, _frame: object) -> None:
        stop.set()
        with suppress(BlockingIOError):  # a full pipe wakes `wait` as well
            os.write(write, b"!")

    previous = [(number, signal.signal(number, handle)) for number in _NUMBERS]
    try:
        yield stop
    finally:
        for number, handler in previous:
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
