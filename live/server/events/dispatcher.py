"""Hand events to the event handlers, in order, each exactly once for what they keep.

Handlers get the batches of the journal as they were posted, and all other stored events from the
stream (`hubbub.store.stream`). They run in the process of the plugins; what they changed is
committed here, together with their places, in one transaction: after a crash each goes on where it
was.

Handlers go on together, in one *lane*. When the process dies or takes too long, each of them goes
on in a lane of its own, where it gets one batch at a time, so that the others do not wait for the
one at fault. There a batch is tried a few times, then passed and counted; after that the handler
pauses while its events wait. Lanes that are equally far, and have nothing to do, are joined again.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from hubbub.errors import HubbubError
from hubbub.live.server.events.steps import Step, StepReader
from hubbub.logger import get_logger
from hubbub.plugins.process import PluginDiedError, PluginTimeoutError
from hubbub.run.handling import Handled
from hubbub.store.journal.journal import Journal
from hubbub.store.state.database import State
from hubbub.store.state.overlay import Changes, commit
from hubbub.store.stream.places import Place, places, put

__all__ = ["ATTEMPTS", "Dispatcher", "Handle"]

ATTEMPTS = 3  # at a batch, before it is passed without its handler
KILLED = 50  # attempts where another program killed the process
RETRY = 0.2  # s before the second attempt; doubles
LONGEST_RETRY = 10.0
PAUSE = 60.0  # s that a handler pauses after a batch was passed without it; doubles
LONGEST_PAUSE = 3600.0
POLL = 0.5  # s between two looks for stored events, and for what other processes posted
STEADY = 20  # batches in a row after which a handler gets many at once again
_SEEN = 3600 * 1_000_000  # µs between two records that a handler is run
_WAIT = 5.0  # s after an error outside the handler, such as a full disk
_CONFLICTS = 20  # runs of a batch while other writers change the same documents
_log = get_logger("hubbub.serve")

#: Calls handlers in the process of the plugins: see `hubbub.run.handling.answer`. Raises
#: HubbubError where that process died or took too long.
Handle = Callable[[bytes], Awaitable[bytes]]


@dataclass(slots=True, eq=False)
class _Lane:
    """Handlers that go on together."""

    handlers: list[str]
    reader: StepReader
    alone: bool = False  # one batch at a time
    attempts: int = 0  # at the batch that comes next, that failed
    passed: int = 0  # batches in a row that were passed without the handler
    steady: int = 0  # batches in a row that were handled
    until: float = 0.0  # paused until then (monotonic)
    late: bool = False  # the last call took too long: its handler is not waited for
    idle: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Dispatcher:
    """Hands events to handlers until it is stopped.

    Args:
        folder: of the store.
        state: of the store.
        journal: open.
        handlers: `MODULE:NAME` of each, in order; all have a place.
        handle: see `Handle`.
        clock: returns µs since the epoch.
    """

    def __init__(
        self,
        *,
        folder: Path,
        state: State,
        journal: Journal,
        handlers: Sequence[str],
        handle: Handle,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._folder, self._state, self._journal = folder, state, journal
        self._handle, self._clock = handle, clock
        self._order = list(handlers)
        known = places(state)
        self._places = {name: known[name] for name in handlers}
        self._lanes: dict[_Lane, asyncio.Task[None]] = {}
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._ending = False

    def start(self) -> None:
        """Begin; in the thread of the event loop."""
        self._open_lane(self._order)

    def wake(self) -> None:
        """Look for events now; in the thread of the event loop."""
        for lane in self._lanes:
            lane.wake.set()

    async def stop(self) -> None:
        """End after the batches that run now; they are committed or will be handed over again."""
        self._ending = True
        self.wake()
        tasks = list(self._lanes.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=2.0)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for _, _, future in self._waiting:
            if not future.done():
                future.cancel()

    async def passed(self, number: int) -> None:
        """Wait until all handlers had a row of the journal, but for those that fail again."""
        if self._least() >= number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (number, next(self._count), future))
        await future

    @property
    def known(self) -> Mapping[str, Place]:
        """The places of the handlers that it runs."""
        return self._places

    # lanes

    def _open_lane(self, handlers: list[str], *, alone: bool = False) -> None:
        lane = _Lane(handlers, StepReader(self._folder, self._journal), alone)
        self._lanes[lane] = asyncio.ensure_future(self._go(lane))

    async def _go(self, lane: _Lane) -> None:
        """Hand events to the handlers of a lane until it ends or is joined with another."""
        try:
            while not self._ending and lane in self._lanes:
                try:
                    await self._go_on(lane)
                except HubbubError as error:
                    _log.error("event handlers wait", why=error.what, where=error.where)
                    await self._sleep(lane, _WAIT)
                except Exception:  # noqa: BLE001 - a fault of hubbub: it is tried again
                    _log.exception("event handlers wait", handlers=lane.handlers)
                    await self._sleep(lane, _WAIT)
        finally:
            lane.reader.close()
            self._lanes.pop(lane, None)
            self._tell()

    async def _go_on(self, lane: _Lane) -> None:
        pause = lane.until - time.monotonic()
        if pause > 0:
            await self._sleep(lane, pause, whatever=True)
            return
        lane.wake.clear()
        own = {name: self._places[name] for name in lane.handlers}
        step = await asyncio.to_thread(lane.reader.next, own, single=lane.alone)
        if step is not None:
            await self._take(lane, step)
            return
        lane.idle = True
        if not self._join(lane):
            await self._keep_seen(own)
            await self._sleep(lane, POLL)
            lane.idle = False

    async def _sleep(self, lane: _Lane, seconds: float, *, whatever: bool = False) -> None:
        """Wait until the lane is woken; with `whatever`, only for the end of the server."""
        end = time.monotonic() + seconds
        while not self._ending and (left := end - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(lane.wake.wait(), left)
            except TimeoutError:
                return
            if not whatever:
                return
            lane.wake.clear()

    def _join(self, lane: _Lane) -> bool:
        """Join another lane that is as far, if there is one."""
        for other in self._lanes:
            if other is lane or not other.idle or other.alone or lane.alone:
                continue
            if self._where(other.handlers) == self._where(lane.handlers):
                names = {*other.handlers, *lane.handlers}
                other.handlers = [name for name in self._order if name in names]
                del self._lanes[lane]
                return True
        return False

    def _where(self, handlers: Sequence[str]) -> set[object]:
        own = [self._places[name] for name in handlers]
        return {(p.journal, p.stream, p.stream.left, p.past) for p in own}

    # one step

    async def _take(self, lane: _Lane, step: Step) -> None:
        """Call the handlers, and commit what they changed with their places."""
        turns = msgspec.json.encode(step.turns)  # MessagePack has no integers above 64 bits
        for conflicts in range(_CONFLICTS):
            try:
                handled = Handled(Changes())
                if step.turns:
                    handled = _decode(await self._handle(turns))
            except (HubbubError, msgspec.MsgspecError) as raised:
                error = raised if isinstance(raised, HubbubError) else HubbubError(str(raised))
                await self._not_handled(lane, step, error)
                return
            after = {
                name: replace(place, failed=place.failed + handled.failed.get(name, 0))
                for name, place in step.after.items()
            }
            if await self._commit(handled.changes, after):
                self._report(handled)
                lane.attempts = lane.passed = 0
                lane.late = False
                lane.steady += 1
                if lane.steady >= STEADY:
                    lane.alone = False
                return
            await asyncio.sleep(0.01 * conflicts)
        conflict = HubbubError("other functions change the same documents all the time")
        await self._not_handled(lane, step, conflict)

    async def _not_handled(self, lane: _Lane, step: Step, error: HubbubError) -> None:
        """The process died or took too long: try again, alone, or at last pass the batch."""
        lane.steady = 0
        if not lane.alone:
            _log.warning("event handlers are called again", why=error.what, handlers=lane.handlers)
            first, *others = lane.handlers
            lane.handlers, lane.alone, lane.attempts = [first], True, 0
            for name in others:
                self._open_lane([name], alone=True)
            return
        lane.attempts += 1
        most = _attempts(error)
        lane.late = isinstance(error, PluginTimeoutError) or lane.attempts > ATTEMPTS
        self._tell()
        (name,) = lane.handlers
        if lane.attempts < most:
            _log.warning(
                "an event handler is called again",
                handler=name, attempt=lane.attempts + 1, why=error.what,
            )  # fmt: skip
            delay = min(RETRY * 2.0 ** min(lane.attempts - 1, 10), LONGEST_RETRY)
            await self._sleep(lane, delay, whatever=True)
            return
        after = {
            name: replace(place, skipped=place.skipped + 1) for name, place in step.after.items()
        }
        if await self._commit(Changes(), after):
            lane.attempts, lane.passed = 0, lane.passed + 1
            pause = min(PAUSE * 2.0 ** min(lane.passed - 1, 10), LONGEST_PAUSE)
            lane.until = time.monotonic() + pause
            _log.error(
                "a batch is passed without its event handler, which pauses",
                handler=name,
                events=sum(len(turn.events) for turn in step.turns),
                why=error.what,
                pause=pause,
                hint="its later events wait; `hubbub plugins handlers` counts such batches",
            )
            self._tell()

    async def _commit(self, changes: Changes, after: Mapping[str, Place]) -> bool:
        now = self._clock()
        after = {name: replace(place, seen=now) for name, place in after.items()}

        def write_places() -> None:
            for name, place in after.items():
                put(self._state, name, place)

        done = await asyncio.to_thread(commit, self._state, changes, write_places)
        if done:
            self._places.update(after)
            self._tell()
        return done

    async def _keep_seen(self, own: Mapping[str, Place]) -> None:
        """Record that handlers are run, although there is nothing for them."""
        now = self._clock()
        old = {name: place for name, place in own.items() if not 0 <= now - place.seen < _SEEN}
        if old:
            await self._commit(Changes(), old)

    def _report(self, handled: Handled) -> None:
        for failure in handled.failures:
            _log.error(
                "event handler failed",
                handler=failure.handler,
                events=failure.events,
                traceback=failure.error,
            )
        silent = sum(handled.failed.values()) - len(handled.failures)
        if silent > 0:
            _log.error("event handlers failed", calls=silent)

    # who waits

    def _least(self) -> int:
        """Return the row that all handlers have passed which neither pause nor take too long."""
        now = time.monotonic()
        running = (lane for lane in self._lanes if lane.until <= now and not lane.late)
        found = (self._places[name].journal for lane in running for name in lane.handlers)
        return min(found, default=2**62)

    def _tell(self) -> None:
        least = self._least()
        while self._waiting and self._waiting[0][0] <= least:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)


_decode = msgspec.msgpack.Decoder(Handled).decode


def _attempts(error: HubbubError) -> float:
    """Return how often a batch is tried that is not handled for this reason.

    Where it is not the handler's, there is no end: the process does not start, the disk is full.
    """
    if isinstance(error, PluginDiedError):
        return KILLED if error.killed else ATTEMPTS
    return ATTEMPTS if isinstance(error, PluginTimeoutError) else float("inf")
