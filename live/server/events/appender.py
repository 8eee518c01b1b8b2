"""Append to the journal for many requests at once: one transaction, one fsync, for all that wait.

The thread also deletes, once in a while, what is in the spool and passed by all handlers.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from hubbub.errors import HubbubError
from hubbub.live.server.failures import HttpError
from hubbub.logger import get_logger
from hubbub.store.journal.journal import Journal

__all__ = ["Appender"]

_MOST = 10_000  # requests that may wait
_LARGEST = 64 << 20  # bytes that may wait
_GROUP = 2_000  # requests of one transaction
_DELETE = 1.0  # s between deletions
_log = get_logger("hubbub.serve")


class Appender:
    """A thread that writes to the journal.

    Args:
        journal: open.
        passed: returns the number of the last row that every handler has passed; None: no handlers.
    """

    def __init__(self, journal: Journal, passed: Callable[[], int | None]) -> None:
        self._journal, self._passed = journal, passed
        self._waiting: list[tuple[str, asyncio.Future[int]]] = []
        self._size = 0
        self._condition = threading.Condition()
        self._ending = False
        self._deleted = 0.0
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    async def append(self, body: str) -> int:
        """Add a batch; return its number once it is durable.

        Args:
            body: a JSON array of objects.

        Raises:
            HttpError: 503, too many wait, or there is no room.
        """
        future: asyncio.Future[int] = self._loop.create_future()
        with self._condition:
            if self._ending or len(self._waiting) >= _MOST or self._size > _LARGEST:
                raise HttpError(
                    503,
                    "too many events wait to be written",
                    hint="send them again in some seconds",
                    headers={"Retry-After": "2"},
                )
            self._waiting.append((body, future))
            self._size += len(body)
            self._condition.notify()
        return await future

    def close(self) -> None:
        """Write what waits, and end the thread."""
        with self._condition:
            self._ending = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._waiting and not self._ending:
                    self._condition.wait(_DELETE)
                group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
                self._size -= sum(len(body) for body, _ in group)
                ending = self._ending and not group
            if group:
                self._write(group)
            if ending:
                return
            if time.monotonic() - self._deleted >= _DELETE:
                self._deleted = time.monotonic()
                self._delete()

    def _write(self, group: list[tuple[str, asyncio.Future[int]]]) -> None:
        numbers: list[int] = []
        failed: Exception | None = None
        try:
            numbers = self._journal.append([body for body, _ in group], time.time_ns() // 1000)
        except Exception as error:  # noqa: BLE001 - each request is told
            _log.error("events cannot be written", why=str(error))
            failed = error if isinstance(error, HubbubError) else HttpError(500, str(error))
        futures = [future for _, future in group]
        try:
            self._loop.call_soon_threadsafe(_tell, futures, numbers, failed)
        except RuntimeError:  # the loop has ended, and its requests with it
            _log.warning("events were written for requests that have ended", events=len(numbers))

    def _delete(self) -> None:
        try:
            self._journal.delete_passed(self._passed())
        except Exception as error:  # noqa: BLE001 - requests wait for this thread
            _log.warning("cannot delete from the journal", why=str(error))


def _tell(futures: list[asyncio.Future[int]], numbers: list[int], failed: Exception | None) -> None:
    for position, future in enumerate(futures):
        if future.done():  # the client has gone away
            continue
        if failed is not None:
            future.set_exception(failed)
        else:
            future.set_result(numbers[position])
