"""One thread that writes the frames of all requests to the spool, with one fsync for many."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from hubbub.collector.event import Frame, Sink
from hubbub.errors import HubbubError, StoreError
from hubbub.live.health import Fault
from hubbub.live.server.failures import HttpError
from hubbub.logger import get_logger

__all__ = ["ClosableSink", "FrameWriter"]

WAITING_BYTES = 128 << 20  # of frames that wait to be written; beyond, requests get 503
_SEAL = 5.0  # s between flushes of an idle writer, which seal an old segment
_log = get_logger("hubbub.serve")


class ClosableSink(Sink, Protocol):
    """A sink with an end."""

    def close(self) -> None:
        """Write the rest, and close."""


class _Waiting(NamedTuple):
    frame: Frame
    written: asyncio.Future[None]


class FrameWriter:
    """Writes frames durably; a part of the server (`Service`).

    Args:
        open_sink: opens the sink, in the thread of the writer.
    """

    def __init__(self, open_sink: Callable[[], ClosableSink]) -> None:
        self._open_sink = open_sink
        self.fault = ""  # why the last batch could not be written; empty: it was
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0  # waiting
        self._changed = threading.Condition()
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Open the sink and start the thread.

        Raises:
            StoreError: the store cannot be opened.
        """
        self._loop = asyncio.get_running_loop()
        started: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="hook-writer")
        self._thread.start()
        await started

    async def stop(self) -> None:
        """Write what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def faults(self) -> list[Fault]:
        """Return what is wrong, for `/healthz`."""
        if not self.fault:
            return []
        what = f"deliveries of webhooks cannot be written: {self.fault}"
        return [Fault("hooks", what, "free space on the store's disk; senders may try again")]

    async def write(self, frame: Frame) -> None:
        """Return when the frame is durable.

        Raises:
            HttpError: 503: too much waits, or the server stops.
            StoreError: the disk is full or broken.
        """
        assert self._loop is not None
        written: asyncio.Future[None] = self._loop.create_future()
        with self._changed:
            if self._stopping or self._bytes + len(frame.body) > WAITING_BYTES:
                raise HttpError(
                    503,
                    "too much waits to be written" if not self._stopping else "the server stops",
                    hint="send it again in some seconds",
                    headers={"Retry-After": "10"},
                )
            self._queue.append(_Waiting(frame, written))
            self._bytes += len(frame.body)
            self._changed.notify()
        await written

    def _run(self, started: asyncio.Future[None]) -> None:
        try:
            sink = self._open_sink()
        except Exception as error:  # noqa: BLE001 - raised by `start`
            self._settle([started], error)
            return
        self._settle([started], None)
        while (batch := self._next()) is not None:
            failed = _write(sink, [waiting.frame for waiting in batch])
            if batch:
                self.fault = failed.what if failed else ""
            self._settle([waiting.written for waiting in batch], failed)
            with self._changed:
                self._bytes -= sum(len(waiting.frame.body) for waiting in batch)
        try:
            sink.close()
        except StoreError as error:  # nothing was promised that is not on the disk
            _log.warning("a segment is not sealed", why=error.what, where=error.where)

    def _next(self) -> list[_Waiting] | None:
        """Return all frames that wait, none after a pause, None at the end."""
        with self._changed:
            if not self._queue and not self._stopping:
                self._changed.wait(_SEAL)
            if not self._queue and self._stopping:
                return None
            batch = list(self._queue)
            self._queue.clear()
            return batch

    def _settle(self, futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
        if not futures:
            return
        assert self._loop is not None
        self._loop.call_soon_threadsafe(_settle, futures, error)


def _write(sink: Sink, frames: Sequence[Frame]) -> HubbubError | None:
    """Write a batch; None if all of it is durable. An error is the answer to all its requests."""
    try:
        for frame in frames:
            sink.put(frame)
        sink.flush()
    except HubbubError as error:
        if frames:
            _log.error("deliveries cannot be written", why=error.what, where=error.where)
        return error
    except Exception as error:  # noqa: BLE001 - logged; otherwise these requests would never be answered
        _log.exception("deliveries cannot be written")
        return StoreError(f"deliveries cannot be written: {type(error).__name__}")
    return None


def _settle(futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():  # the request was given up
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
