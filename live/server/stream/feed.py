"""The feed of a server: events of the spool, as they are received, to all channels.

While no client watches, the spool is not read.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from hubbub.errors import HubbubError
from hubbub.live.server.failures import HttpError
from hubbub.live.server.stream.channel import Channel
from hubbub.live.server.stream.pace import FRAME, Pace
from hubbub.live.stream.events import LiveEvents, matcher
from hubbub.live.stream.frames import Received
from hubbub.logger import get_logger
from hubbub.store import Store
from hubbub.store.query.identity import Persons
from hubbub.store.query.selection import EventFilters

if TYPE_CHECKING:
    from hubbub.collector.people.reader import ReaderConfig

__all__ = ["FRAME", "Feed", "Report"]

#: Returns JSON-ready facts about a store; called with the time, µs since the epoch, and whether
#: people may be named. It runs in the feed's thread, once a second, and opens no table.
Report: TypeAlias = Callable[[Store, int, bool], Any]
_POLL = 0.03  # s between looks at the spool
_REST = 2  # times as long as reading took: a flood leaves the processor to the listener
#: So late (s), so many events at once are not caught up with, but left out.
_BEHIND, _MANY = 10.0, 2_000
_HEARTBEAT = 1.0  # s between frames while nothing happens, and between reports
_LINGER = 10.0  # s for which a channel is kept that has no clients: a page that is loaded again
_MAX_CLIENTS = 2_000
_MAX_CHANNELS = 100  # each compares every event with its filters
_RETRY = 5.0  # s after an error of the store
_log = get_logger("hubbub.serve")


class Feed:
    """Follows the spool in a thread, and gives its events to channels; a service of the server.

    Args:
        store_folder: of the store.
        reader_config: the rules and the directory by which messages are decoded.
        reports: further fields of frames, by name; they are in one frame a second.
    """

    def __init__(
        self,
        store_folder: Path,
        reader_config: ReaderConfig,
        reports: Mapping[str, Report] | None = None,
    ) -> None:
        self._folder, self._reader_config = store_folder, reader_config
        self._reports = dict(reports or {})
        self._reported: dict[bool, dict[str, Any]] = {True: {}, False: {}}  # by names
        self._channels: dict[Hashable, Channel] = {}
        self._wanted = threading.Event()  # set while there is a channel
        self._following = asyncio.Event()  # set while what is appended now will be read
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._persons = Persons()

    @property
    def clients(self) -> int:
        """How many watch."""
        return sum(channel.clients for channel in self._channels.values())

    @property
    def channels(self) -> int:
        """How many different selections are watched."""
        return len(self._channels)

    async def start(self) -> None:
        """Start the thread, which waits for the first client."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, args=(loop,), name="feed", daemon=True)
        self._thread.start()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """End the streams, and stop following."""
        self._stop.set()
        self._wanted.set()
        if self._ticking is not None:
            self._ticking.cancel()
        self.end_streams()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _RETRY)

    def end_streams(self) -> None:
        """End the streams of all clients."""
        self._following.set()
        for channel in self._channels.values():
            channel.close()

    def watch(self, filters: EventFilters, *, names: bool) -> AbstractAsyncContextManager[Channel]:
        """Return a context in which the events that match filters are watched.

        Args:
            filters: the common filters.
            names: whether people are named.

        Raises:
            HttpError: too many watch already.
        """
        key = (filters, names)
        if self.clients >= _MAX_CLIENTS or (
            key not in self._channels and len(self._channels) >= _MAX_CHANNELS
        ):
            raise HttpError(
                503,
                "too many clients, or too many different filters, are watched already",
                hint="close a page, or try again later",
                headers={"Retry-After": "30"},
            )
        return self._watch(key)

    @asynccontextmanager
    async def _watch(self, key: tuple[EventFilters, bool]) -> AsyncIterator[Channel]:
        filters, names = key
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(
                matcher(filters, self._persons), names=names, started=time.time_ns() // 1_000_000
            )
            self._wanted.set()
        channel.clients += 1
        if not self._stop.is_set():
            self._following.clear()  # until what was received before is counted
        try:
            await self._following.wait()
            yield channel
        finally:
            channel.clients -= 1
            if not channel.clients:
                loop = asyncio.get_running_loop()
                loop.call_later(_LINGER, self._forget, key, channel)

    def _forget(self, key: Hashable, channel: Channel) -> None:
        """Drop a channel that has no clients any more."""
        if not channel.clients and self._channels.get(key) is channel:
            del self._channels[key]
        if not self._channels and not self._stop.is_set():
            self._wanted.clear()
            self._following.clear()

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the spool while a client watches; an error is logged and tried again."""
        while self._wanted.wait() and not self._stop.is_set():
            try:
                with Store.open(self._folder, reading=True) as store:
                    self._read(store, loop.call_soon_threadsafe)
            except HubbubError as error:
                _log.warning("the spool cannot be followed", why=error.what, where=error.where)
                loop.call_soon_threadsafe(self._interrupt)
                self._stop.wait(_RETRY)
            except RuntimeError:  # the loop was closed
                return

    def _interrupt(self) -> None:
        """End the streams, which lack what is received now; they begin when it can be read."""
        self.end_streams()
        self._following.clear()
        self._channels.clear()

    def _read(self, store: Store, call: Callable[..., object]) -> None:
        """Read until no client watches any more; `call` runs a function in the event loop."""
        next_report = 0.0
        with LiveEvents(store, self._reader_config.reader()) as live:
            pause = _POLL
            while self._wanted.is_set() and not self._stop.wait(pause):
                began = time.thread_time()
                awaited = not self._following.is_set()
                if events := live.poll():
                    call(self._deliver, events, store.persons)
                    late = time.time_ns() // 1000 - events[-1][1] > _BEHIND * 1_000_000
                    if late and len(events) >= _MANY:
                        _log.warning("live streams begin again: too much was received to follow")
                        call(self._interrupt)
                        return
                if awaited:
                    call(self._following.set)
                if self._reports and time.monotonic() >= next_report:
                    call(self._report, self._read_reports(store))
                    next_report = time.monotonic() + _HEARTBEAT
                pause = max(_POLL, _REST * (time.thread_time() - began))

    def _read_reports(self, store: Store) -> dict[bool, dict[str, Any]]:
        now = time.time_ns() // 1000
        naming = {channel.names for channel in list(self._channels.values())}
        return {
            names: {key: report(store, now, names) for key, report in self._reports.items()}
            for names in naming
        }

    def _report(self, reported: dict[bool, dict[str, Any]]) -> None:
        self._reported |= reported

    def _deliver(self, events: list[Received], persons: Persons) -> None:
        self._persons = persons
        for channel in self._channels.values():
            channel.add(events, persons)

    async def _tick(self) -> None:
        """Make frames of all channels."""
        pace, last_idle = Pace(), 0.0
        while True:
            await asyncio.sleep(pace.pause())
            now = time.monotonic()
            if idle := now - last_idle >= _HEARTBEAT:
                last_idle = now
            for channel in self._channels.values():
                if channel.clients:
                    extra = self._reported[channel.names] if idle else {}
                    channel.tick(time.time_ns() // 1_000_000, idle=idle, **extra)
