"""What a store needs beside loading, done by itself: compaction, retention, cleaning up.

Comes in: a store that a loader's process has open. Goes out: bounded work between two runs of the
loader, none of it while much waits in the spool. Retention runs once a day, whoever did it last.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from hubbub.errors import HubbubError, NoRoomError
from hubbub.store.disk.errors import translate_errors
from hubbub.store.maintenance.retention import check_clock
from hubbub.store.policy import LAST_RUN
from hubbub.store.state import dead_letters
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store.policy import RetentionPolicy
    from hubbub.store.store import Store

__all__ = ["BUSY", "DAILY", "Scheduler"]

BUSY = 64 << 20  # bytes that wait in the spool; loading comes first then
DAILY = 86_400.0  # seconds between two runs of retention
CLEAN = 600.0  # seconds between two looks for old files
_log = structlog.get_logger("hubbub.store")


class Scheduler:
    """The work beside loading of one process.

    Args:
        store: the store.
        keep: what retention goes by; None: it does not run.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        keep: RetentionPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store, self.keep, self._clock = store, keep, clock
        self._cleaned = clock()
        self._begun = int(self._cleaned * 1e6)
        self._doubted = False  # the clock is, and that was said

    def step(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Do a little, unless loading is behind or another loader is at work; whether it did.

        Args:
            stop: asked now and then; True ends the step early, with nothing changed by it.

        Raises:
            StoreError: no room, or damage; nothing was changed then.
        """
        if stop() or self.store.waiting().bytes >= BUSY:
            return False
        from hubbub.store.maintenance import compaction

        with self.store.loader_lock(wait=False) as ours:
            if not ours:
                return False
            done = compaction.step(self.store, stop=stop)
            if done is not None:
                _log.info("compacted", files=done.files, into=done.into, rows=done.rows)
            elif not 0 <= self._clock() - self._cleaned < CLEAN:  # it may have been put back
                self._cleaned = self._clock()
                compaction.clean(self.store)
        return self._retention(stop) or done is not None

    def make_room(self, error: HubbubError) -> None:
        """On a full disk, delete old files that nobody reads any more; said where it fails."""
        from hubbub.store.maintenance import compaction

        if not isinstance(error, NoRoomError):
            return
        try:
            with translate_errors(self.store.path), self.store.loader_lock(wait=False) as ours:
                if ours and (deleted := compaction.clean(self.store)):
                    _log.warning("deleted old files to make room", files=deleted)
        except HubbubError as e:
            _log.warning("no room can be made", why=e.what, where=e.where)

    def _retention(self, stop: Callable[[], bool]) -> bool:
        """Once a day; a clock that was put back does not stop it for longer than that."""
        if self.keep is None or stop():
            return False
        dead_letters.set_bounds(self.store.state, self.keep)
        now = int(self._clock() * 1e6)
        last = self.store.state.get(LAST_RUN)
        if isinstance(last, int) and 0 <= now - last < DAILY * 1e6:
            return False
        from hubbub.store.maintenance.retention import prune

        if why := check_clock(self.store, from_micros(now), self._begun):
            if not self._doubted:
                hint = "set the clock; if it is right: hubbub retention --trust-clock"
                _log.warning("nothing is let go while the clock is in doubt", why=why, hint=hint)
            self._doubted = True
            return False
        self._doubted = False

        done = prune(
            self.store, now=from_micros(now), events=self.keep.events, bodies=self.keep.bodies
        )
        self.store.state.set(LAST_RUN, now)
        for one in done:
            if one.rows:
                _log.info("retention", table=one.table, rows=one.rows, before=str(one.before))
        return True
