"""Threads that ask while one thread decides.

Comes in: calls with a tag. Goes out: (tag, value, error) in the order in which they end. A thread
that hangs in a read when all is over is left behind: it holds nothing that must survive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Outcome", "Workers"]

T = TypeVar("T")
V = TypeVar("V")
Outcome = tuple[T, V | None, BaseException | None]
_FAREWELL = 0.5  # seconds that all threads together get to end by themselves


class Workers(Generic[T, V]):
    """At most `jobs` calls at a time; to be used by one thread."""

    def __init__(self, jobs: int) -> None:
        self.stopped = threading.Event()  # calls look at it wherever they wait
        self._jobs, self._under_way = jobs, 0
        self._calls: SimpleQueue[tuple[T, Callable[[], V]] | None] = SimpleQueue()
        self._ended: SimpleQueue[Outcome[T, V]] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def ask(self, tag: T, call: Callable[[], V]) -> None:
        """Run a call as soon as a thread is free; its outcome comes with its tag."""
        self._under_way += 1
        if self._under_way > len(self._threads) < self._jobs:
            thread = threading.Thread(target=self._work, name="hubbub-history", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._calls.put((tag, call))

    def results(self) -> list[Outcome[T, V]]:
        """Everything that has ended; waits for the first where nothing has."""
        return [self._take(self._ended.get()), *self.rest()] if self._under_way else []

    def rest(self) -> list[Outcome[T, V]]:
        """Everything that has ended, without waiting."""
        ended = []
        while True:
            try:
                ended.append(self._take(self._ended.get_nowait()))
            except Empty:
                return ended

    def stop(self) -> None:
        """Start nothing more; return soon, whatever the calls do."""
        self.stopped.set()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(_FAREWELL / len(self._threads))

    def _take(self, outcome: Outcome[T, V]) -> Outcome[T, V]:
        self._under_way -= 1
        return outcome

    def _work(self) -> None:
        while (job := self._calls.get()) is not None and not self.stopped.is_set():
            tag, call = job
            try:
                outcome: Outcome[T, V] = (tag, call(), None)
            except BaseException as error:  # noqa: BLE001 - the deciding thread raises it again
                outcome = (tag, None, error)
            self._ended.put(outcome)
