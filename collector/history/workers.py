"""A small thread pool whose results are collected by one thread, in order of completion.

Unlike `concurrent.futures`, it abandons threads that still hang in a read when it is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Outcome", "Workers"]

T = TypeVar("T")
V = TypeVar("V")
#: (tag, value, error) of a call.
Outcome = tuple[T, V | None, BaseException | None]
_STOP_TIMEOUT = 0.5  # seconds for all threads together to end


class Workers(Generic[T, V]):
    """Runs at most `jobs` calls at a time; to be used by one thread."""

    def __init__(self, jobs: int) -> None:
        self.stopped = threading.Event()  # for calls that wait
        self._jobs, self._pending = jobs, 0
        self._calls: SimpleQueue[tuple[T, Callable[[], V]] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome[T, V]] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, tag: T, call: Callable[[], V]) -> None:
        """Run a call as soon as a thread is free; its outcome carries the tag."""
        self._pending += 1
        if self._pending > len(self._threads) < self._jobs:
            thread = threading.Thread(target=self._work, name="hubbub-history", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._calls.put((tag, call))

    def wait(self, timeout: float) -> list[Outcome[T, V]]:
        """Return all outcomes so far; empty if none came within `timeout` seconds."""
        if not self._pending:
            return []
        try:
            return [self._collected(self._outcomes.get(timeout=timeout)), *self.finished()]
        except Empty:
            return []

    def finished(self) -> list[Outcome[T, V]]:
        """Return all outcomes so far, without waiting."""
        outcomes = []
        while True:
            try:
                outcomes.append(self._collected(self._outcomes.get_nowait()))
            except Empty:
                return outcomes

    def stop(self) -> None:
        """Start no more calls; return soon, whatever the running calls do."""
        self.stopped.set()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(_STOP_TIMEOUT / len(self._threads))

    def _collected(self, outcome: Outcome[T, V]) -> Outcome[T, V]:
        self._pending -= 1
        return outcome

    def _work(self) -> None:
        while (job := self._calls.get()) is not None and not self.stopped.is_set():
            tag, call = job
            try:
                outcome: Outcome[T, V] = (tag, call(), None)
            except BaseException as error:  # noqa: BLE001 - raised again by the collecting thread
                outcome = (tag, None, error)
            self._outcomes.put(outcome)
