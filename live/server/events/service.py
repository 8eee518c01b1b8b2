"""The service that takes events in: journal, spool, and event handlers.

Several servers may have one store open. Each appends to the journal; one of them feeds the spool,
and one of those that have handlers runs them: the others take over when it ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from hubbub.errors import HubbubError
from hubbub.live.server.events.appender import Appender
from hubbub.live.server.events.dispatcher import Dispatcher
from hubbub.live.server.events.feeder import Feeder
from hubbub.live.server.failures import HttpError
from hubbub.logger import get_logger
from hubbub.registry import Registry
from hubbub.store import Store
from hubbub.store.journal.journal import Journal
from hubbub.store.stream import stream
from hubbub.store.stream.places import LOCK, places, put

__all__ = ["Events"]

_TRIM = 10.0  # s between two deletions of what all handlers have passed
_LOOK = 0.05  # s between two looks at the places that another server commits
_TAKE_OVER = 1.0  # s between two attempts to run the handlers
_encode = json.JSONEncoder(separators=(",", ":")).encode
_log = get_logger("hubbub.serve")


class HandlerHost(Protocol):
    """Runs the event handlers of plugins in a process of their own."""

    registry: Registry  # its handlers, once it has started

    async def handle(self, body: bytes) -> bytes:
        """Call handlers; see `dispatcher.Handle`."""


class Events:
    """Takes events in, and hands them to the handlers.

    Args:
        folder: of the store.
        host: runs the handlers; None: there are none.
        from_beginning: hand the events that are stored already to a handler that is new, too.
        patience: seconds that a request waits for the handlers at most.
    """

    def __init__(
        self,
        folder: Path,
        host: HandlerHost | None = None,
        *,
        from_beginning: bool = False,
        patience: float = 60.0,
    ) -> None:
        self.folder, self._host = folder, host
        self.handlers: list[str] = []
        self.accepted = 0  # events
        self.refused = 0  # requests
        self._from_beginning, self._patience = from_beginning, patience
        self._dispatcher: Dispatcher | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the journal, and begin."""
        self._store = Store.open(self.folder, reading=True)
        if self._store.read_only:
            _log.warning("no events are taken in: this store cannot be written here")
            return
        self._journal = Journal(self.folder)
        self._began = self._journal.last()
        self._appender = Appender(self._journal, self._least)
        self._feeder = Feeder(self.folder)
        if self._host is not None:
            self.handlers = list(self._host.registry.event_handlers)
            if self.handlers:
                self._tasks = [asyncio.ensure_future(self._run_handlers(self._host))]

    async def stop(self) -> None:
        """Write what was accepted, and stop; what handlers did not get waits for the next start."""
        if self._dispatcher is not None:
            await self._dispatcher.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._store.read_only:
            await asyncio.to_thread(self._appender.close)
            await asyncio.to_thread(self._feeder.close)
            self._journal.close()
        self._store.close()

    async def accept(self, events: Sequence[dict[str, Any]]) -> None:
        """Take a batch of events; return once it is durable and every handler had it.

        Args:
            events: JSON objects; may be empty.

        Raises:
            HttpError: 503, too many wait, or the store cannot be written here.
            StoreError: no room, or damage; the batch was not taken.
        """
        if not events:
            return
        if self._store.read_only:
            raise HttpError(
                503,
                "this store cannot be written here",
                hint="send events to the server that runs as the store's owner",
            )
        number = await self._appender.append(_encode(events))
        self.accepted += len(events)
        if not self.handlers:
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._handed_over(number)
        except TimeoutError:
            _log.warning(
                "events are answered before all event handlers had them", seconds=self._patience
            )

    def measure(self) -> Iterator[Metric]:
        """Yield the metrics of events."""
        yield CounterMetricFamily(
            "hubbub_posted_events", "Events that were posted and taken in.", value=self.accepted
        )
        yield CounterMetricFamily(
            "hubbub_posted_refused", "Requests whose events were refused.", value=self.refused
        )
        known = {} if self._dispatcher is None else self._dispatcher.known
        for name, text in (
            ("failed", "Calls of event handlers that raised."),
            ("skipped", "Batches that were passed without an event handler."),
        ):
            family = CounterMetricFamily(f"hubbub_handler_{name}", text, labels=("handler",))
            for handler, place in known.items():
                family.add_metric((handler,), getattr(place, name))
            yield family

    async def _handed_over(self, number: int) -> None:
        while True:
            dispatcher = self._dispatcher
            if dispatcher is not None:
                dispatcher.wake()
                await dispatcher.passed(number)
                return
            # another server runs them, or this one has not begun
            known = await asyncio.to_thread(places, self._store.state)
            own = [p for n, p in known.items() if n in self.handlers and not p.lapsed]
            if len(own) == len(self.handlers) and all(p.journal >= number for p in own):
                return
            await asyncio.sleep(_LOOK)

    def _least(self) -> int | None:
        """Return the last row that every handler has passed that was ever run on this store."""
        return min((p.journal for p in places(self._store.state).values()), default=None)

    async def _run_handlers(self, host: HandlerHost) -> None:
        """Run the handlers as soon as no other server does, until this one stops."""
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        reading = Journal(self.folder)  # of its own: another one's reader waits for each commit
        try:
            waits = False
            while not _locked(descriptor):
                if not waits:
                    waits = True
                    _log.info("another server runs the event handlers of this store")
                await asyncio.sleep(_TAKE_OVER)
            while not await self._registered():  # noqa: ASYNC110 - a disk or lock to wait for
                await asyncio.sleep(_TAKE_OVER)
            self._dispatcher = Dispatcher(
                folder=self.folder,
                state=self._store.state,
                journal=reading,
                handlers=self.handlers,
                handle=host.handle,
            )
            self._dispatcher.start()
            while True:
                await asyncio.sleep(_TRIM)
                with suppress(HubbubError):  # a disk that fails is reported where something is lost
                    folder = self.folder / stream.FOLDER
                    await asyncio.to_thread(stream.trim, self._store.state, folder)
        finally:
            reading.close()
            os.close(descriptor)

    async def _registered(self) -> bool:
        """Give a place to handlers that have none; whether all have one."""
        try:
            await asyncio.to_thread(self._register)
        except HubbubError as error:
            _log.error("event handlers cannot begin", why=error.what, where=error.where)
            return False
        return True

    def _register(self) -> None:
        known = places(self._store.state)
        for name in self.handlers:
            place = known.get(name)
            if place is not None and place.lapsed:
                _log.error("an event handler misses events", handler=name, why=place.lapsed)
                if place.stream == stream.END:
                    place = None
                else:
                    put(self._store.state, name, place.without_lapse())
            if place is not None:
                continue
            with self._store.loader_lock():
                stream.register(
                    self._store.table,
                    self._store.state,
                    self.folder / stream.FOLDER,
                    name,
                    journal=self._began,
                    now=time.time_ns() // 1000,
                    from_beginning=self._from_beginning,
                )
            past = "from the first stored event on" if self._from_beginning else "from now on"
            _log.info("a new event handler", handler=name, events=past)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
