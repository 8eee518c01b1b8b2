"""Until told to stop: SIGTERM and SIGINT as something that a loop can ask, and wait for.

A `threading.Event` that a handler sets would be simpler, and wrong: the handler runs in the main
thread, which may hold the event's lock at that moment, for ever.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Told", "until_told"]


class Told:
    """Whether a signal came: `is_set` and `wait`, as of an event."""

    def __init__(self, descriptor: int) -> None:
        self._told = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def tell(self) -> None:
        """From now on it is set."""
        self._told = True

    def is_set(self) -> bool:
        """Whether a signal came."""
        return self._told

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a signal, at most so many seconds; whether one came."""
        self._poll.poll(None if timeout is None else timeout * 1000)
        return self._told


@contextmanager
def until_told() -> Iterator[Told]:
    """Hear SIGTERM and SIGINT; what they meant before, they mean again afterwards."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    told = Told(read)

    def hear(_number: int, _frame: object) -> None:
        told.tell()
        with suppress(BlockingIOError):  # a full pipe wakes whoever waits, too
            os.write(write, b"!")

    before = [(number, signal.signal(number, hear)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield told
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        os.close(read)
        os.close(write)
