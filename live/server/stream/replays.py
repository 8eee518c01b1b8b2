"""Replays: the frames of a past day, for one client each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hubbub.live.server.failures import HttpError
from hubbub.live.server.stream.channel import Channel
from hubbub.live.server.stream.pace import FRAME
from hubbub.live.server.stream.replayed_alerts import Judging, ReplayedAlerts
from hubbub.live.stream.events import matcher
from hubbub.live.stream.past import replay_range, replay_speed, start_replay
from hubbub.store import Store
from hubbub.store.query.selection import EventFilters, Selection
from hubbub.zones import UNIVERSAL, find

if TYPE_CHECKING:
    from hubbub.live.alerts.runner import Alerting

__all__ = ["Replays"]

_MAX = 8  # replays at once; each reads an hour of events into memory
T = TypeVar("T")


class Replays:
    """Starts replays, and ends them with the server; a service.

    Args:
        store_folder: of the store.
        alerting: the alert rules; None: there are none.
    """

    def __init__(self, store_folder: Path, alerting: Alerting | None = None) -> None:
        self._folder = store_folder
        self._judging = None if alerting is None else Judging(store_folder, alerting)
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running)

    async def start(self) -> None:
        """Nothing runs until a client watches."""

    def end_streams(self) -> None:
        """End all replays."""
        for task in self._running:
            task.cancel()

    async def stop(self) -> None:
        """End all replays, and wait for it."""
        self.end_streams()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._judging is not None:
            await self._judging.end()

    def watch(
        self,
        filters: EventFilters,
        *,
        names: bool,
        zone: str | None,
        replay: str,
        speed: str = "60",
        at: str = "",
        stop: str = "",
    ) -> tuple[AbstractAsyncContextManager[Channel], dict[str, int]]:
        """Return a context in which a day is replayed, and where the day begins and ends.

        The latter are `start` and `end`, ms since the epoch.

        Args:
            filters: the common filters.
            names: whether people are named.
            zone: in which days begin; None: UTC.
            replay: the day, or the time to begin at.
            speed: seconds of the past in a second, 1 to 3600.
            at: the time to begin at, if it is not the beginning of the day.
            stop: the time to end at, if it is not the end of the day.

        Raises:
            UsageError: no time, or no speed.
            HttpError: too many replays run.
        """
        zoned = UNIVERSAL if zone is None else find(zone)
        begin, end = replay_range(replay, zoned)
        start = replay_range(replay, zoned, at)[0]
        last = min(replay_range(replay, zoned, stop)[0], end) if stop else end
        pace = replay_speed(speed)
        if len(self._running) >= _MAX:
            raise HttpError(503, f"{_MAX} replays run already", headers={"Retry-After": "30"})
        selection = Selection(since=start, until=max(start, last), **asdict(filters))
        watching = self._watch(selection, names=names, speed=pace, day=(begin, end))
        return watching, {"start": begin // 1000, "end": end // 1000}

    @asynccontextmanager
    async def _watch(
        self, selection: Selection, *, names: bool, speed: float, day: tuple[int, int]
    ) -> AsyncIterator[Channel]:
        store = await asyncio.to_thread(Store.open, self._folder, reading=True)
        assert selection.since is not None
        channel = Channel(
            matcher(selection, store.persons),
            names=names,
            started=selection.since // 1000,
            minutes=True,
        )
        judging = None if self._judging is None else self._judging.start(*day, names=names)
        task = asyncio.create_task(_play(store, channel, selection, speed, judging))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            yield channel
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _play(
    store: Store,
    channel: Channel,
    selection: Selection,
    speed: float,
    judging: asyncio.Task[ReplayedAlerts] | None,
) -> None:
    def extra(*, idle: bool) -> dict[str, Any]:
        if not idle or judging is None or not judging.done() or judging.exception():
            return {"replay": True}
        return {"replay": True, "alerts": judging.result().at(replay.reached)}

    try:
        replay = start_replay(store, selection, speed)
        persons, ticks = store.persons, 0
        while not replay.ended:
            events = await _in_thread(replay.poll)
            channel.add([(event, event.time) for event in events], persons)
            idle = ticks % 15 == 0
            channel.tick(replay.reached // 1000, idle=idle, **extra(idle=idle))
            ticks += 1
            await asyncio.sleep(FRAME)
        channel.tick(replay.reached // 1000, idle=True, **extra(idle=True))
    finally:
        channel.close()
        store.close()


async def _in_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread; it has ended when this returns, even if it was cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):  # again, while it still uses the store
                await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # that is not waited for any more
        raise
