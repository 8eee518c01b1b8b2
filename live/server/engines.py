"""Threads that run queries and views, each with an open store and an engine of its own.

A call that takes too long, or whose client has gone away, is stopped: its engine is interrupted,
again and again until the call ends, since each of the several queries of one call has to be. The
store of a stopped call is opened again for the next. At most `workers` calls run at once, others
wait in order; of those that wait, only so many are accepted.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request

from hubbub.live.server.failures import HttpError
from hubbub.logger import get_logger
from hubbub.store.query.engine import interrupt, warm

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["Engines"]

T = TypeVar("T")
_WAITING = 100  # calls that may wait
_PAUSE = 0.05  # s between interruptions of one call
_LOUD = 10.0  # s after which the log states that a stopped call still runs
_WARMING = 20.0  # s for all threads to be ready
_CLOSING = 2.0  # s for all calls to end when the server stops
_log = get_logger("hubbub.serve")


class _Call:
    """A call in its thread, which another thread may stop.

    It is interrupted under the lock and before `end`: that never meets the next call of the thread.
    """

    def __init__(self) -> None:
        self.stopped = False
        self._store: Store | None = None
        self._lock = threading.Lock()

    def begin(self, store: Store) -> None:
        """Say which store the call uses.

        Raises:
            HttpError: it was stopped before it began.
        """
        with self._lock:
            if self.stopped:
                raise HttpError(504, "the request was given up")
            self._store = store

    def end(self) -> None:
        """Say that it has ended; nothing interrupts this thread any more."""
        with self._lock:
            self._store = None

    def stop(self) -> None:
        """Interrupt the query that its engine runs now, if it runs one."""
        with self._lock:
            self.stopped = True
            if self._store is not None and "backend" in self._store.__dict__:
                interrupt(self._store.backend)


class Engines:
    """A pool of threads with open stores.

    Args:
        open_store: opens the store, in the thread that uses it.
        workers: calls that run at once.
        timeout: seconds that a call may take, without its time in the queue.
        waiting: calls that may wait; others are refused with 503.

    Attributes:
        stopped: calls that did not end by themselves, by reason.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        *,
        workers: int,
        timeout: float,
        waiting: int = _WAITING,
    ) -> None:
        self._open, self.timeout, self.waiting = open_store, timeout, waiting
        self._workers, self._together = workers, threading.Barrier(workers)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="engine")
        self.abandoned = 0  # calls that went on when the server stopped
        self._slots = asyncio.Semaphore(workers)
        self._queued = 0
        self._local = threading.local()
        self._stores: set[Store] = set()
        self._running: dict[_Call, Future[Any]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self.stopped: Counter[str] = Counter()

    @property
    def queued(self) -> int:
        """Calls that wait for a thread."""
        return self._queued

    @property
    def running(self) -> int:
        """Calls that have a thread."""
        return len(self._running)

    async def run(
        self,
        function: Callable[..., T],
        /,
        *args: Any,
        request: Request | None = None,
        **kwargs: Any,
    ) -> T:
        """Call `function(store, …)` in a thread.

        Args:
            function: gets the open store of its thread first.
            args: its other arguments.
            request: stops the call when its client goes away; its body was read before.
            kwargs: its keyword arguments.

        Raises:
            HttpError: 503 where too many wait, 504 after the time limit.
        """
        await self._wait_for_slot()
        call = _Call()

        def bound(store: Store) -> T:
            return function(store, *args, **kwargs)

        try:
            context = contextvars.copy_context()  # which servers the request has passed
            running = self._threads.submit(context.run, self._call, call, bound)
        except RuntimeError:  # closed meanwhile
            self._slots.release()
            raise HttpError(503, "the server stops", headers={"Retry-After": "5"}) from None
        self._running[call] = running
        ended: asyncio.Future[T] = asyncio.wrap_future(running)
        ended.add_done_callback(partial(self._ended, call))
        gone = None if request is None else asyncio.ensure_future(_disconnected(request))
        awaited: list[asyncio.Future[Any]] = [ended, *([] if gone is None else [gone])]
        try:
            done, _ = await asyncio.wait(
                awaited, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            self._stop("cancelled", call, running)
            raise
        finally:
            if gone is not None:
                gone.cancel()
        if ended in done:
            return ended.result()
        if gone is not None and gone in done:
            self._stop("disconnected", call, running)
            raise HttpError(499, "the client went away")
        self._stop("timeout", call, running)
        raise HttpError(
            504,
            f"this took longer than {self.timeout:g} s and was stopped",
            hint="ask for a shorter range, or raise timeout in [serve]",
        )

    async def _wait_for_slot(self) -> None:
        if self._slots.locked() and self._queued >= self.waiting:
            self.stopped["refused"] += 1
            raise HttpError(
                503,
                f"{self._queued} requests wait already",
                hint="try again in some seconds",
                headers={"Retry-After": "5"},
            )
        self._queued += 1
        try:
            await self._slots.acquire()
        finally:
            self._queued -= 1

    def _ended(self, call: _Call, ended: asyncio.Future[Any]) -> None:
        self._running.pop(call, None)
        self._slots.release()
        if call.stopped and not ended.cancelled():
            ended.exception()  # no request waits for it

    def _stop(self, why: str, call: _Call, running: Future[Any]) -> None:
        """Stop a call, in the background; its thread is free for others once it has ended."""
        self.stopped[why] += 1
        call.stop()
        task = asyncio.get_running_loop().create_task(self._insist(call, running))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _insist(self, call: _Call, running: Future[Any]) -> None:
        began, said = time.monotonic(), False
        while not running.done():
            await asyncio.sleep(_PAUSE)
            passed = time.monotonic() - began
            call.stop()
            if passed > _LOUD and not said:
                said = True
                _log.warning("a stopped call still runs", seconds=round(passed))

    def _call(self, call: _Call, function: Callable[[Store], T]) -> T:
        store = getattr(self._local, "store", None)
        if store is None:
            store = self._local.store = self._open()
            self._stores.add(store)
        try:
            call.begin(store)
            return function(store)
        finally:
            call.end()
            if call.stopped:  # it may have been stopped anywhere: open it again
                self._local.store = None
                self._stores.discard(store)
                store.close()

    async def warm(self) -> None:
        """Open the stores and start the engines of all threads, so that no request waits for it."""

        def start(store: Store) -> None:
            warm(store.backend)
            with suppress(threading.BrokenBarrierError):  # the server stops
                self._together.wait(_WARMING)

        await asyncio.gather(*(self.run(start) for _ in range(self._workers)))

    def close(self) -> None:
        """Stop running calls, and close the stores; returns after some seconds in any case."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._together.abort()
        began = time.monotonic()
        running = dict(self._running)
        while unfinished := [call for call, future in running.items() if not future.done()]:
            passed = time.monotonic() - began
            if passed > _CLOSING:
                _log.warning("calls still run while the server stops", calls=len(unfinished))
                self.abandoned = len(unfinished)
                return
            for call in unfinished:
                call.stop()
            time.sleep(_PAUSE)
        self._threads.shutdown(wait=True)
        for store in self._stores:
            store.close()


async def _disconnected(request: Request) -> None:
    """Return once the client has gone away."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return
