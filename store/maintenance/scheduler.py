"""Schedule maintenance between runs of the loader: compaction, retention, deletion of old files.

Each step is bounded, and skipped while the spool is large. Retention runs once a day; a run on the
command line counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from hubbub.errors import HubbubError, NoRoomError
from hubbub.logger import get_logger
from hubbub.store.disk.errors import translate_errors
from hubbub.store.maintenance.retention import check_clock
from hubbub.store.policy import LAST_RUN
from hubbub.store.state import dead_letters
from hubbub.store.stream import stream
from hubbub.times import from_micros

if TYPE_CHECKING:
    from hubbub.store.policy import RetentionPolicy
    from hubbub.store.store import Store

__all__ = ["BUSY", "DAILY", "Scheduler"]

BUSY = 64 << 20  # bytes in the spool from which on loading has priority
DAILY = 86_400.0  # seconds between two runs of retention
CLEAN = 600.0  # seconds between two deletions of old files
_log = get_logger("hubbub.store")


class Scheduler:
    """The maintenance by one process.

    Args:
        store: the store.
        keep: the retention periods; None: no retention.
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
        self._started = int(self._cleaned * 1e6)
        self._warned = False  # about the clock

    def step(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Do a bounded amount of work; return whether there was any.

        Nothing is done while much waits in the spool or another loader holds the lock.

        Args:
            stop: polled regularly; True cancels the step, and nothing is changed.

        Raises:
            StoreError: no room, or damage; nothing was changed.
        """
        if stop() or self.store.waiting().bytes >= BUSY:
            return False
        from hubbub.store.maintenance import compaction
        from hubbub.store.rollups.details import build_next

        with self.store.loader_lock(wait=False) as acquired:
            if not acquired:
                return False
            if (built := build_next(self.store, stop=stop)) is not None:
                if built.batch():
                    _log.info(
                        "built a table", table=built.name, rows=sum(f.rows for f in built.files())
                    )
                return True
            done = compaction.step(self.store, stop=stop)
            if done is not None:
                _log.info("compacted", files=done.files, into=done.into, rows=done.rows)
            elif not 0 <= self._clock() - self._cleaned < CLEAN:  # it may be set back
                self._cleaned = self._clock()
                compaction.clean(self.store)
                self._lapse()
        return self._retention(stop) or done is not None

    def make_room(self, error: HubbubError) -> None:
        """After an error about a full disk, delete old files that readers no longer need."""
        from hubbub.store.maintenance import compaction

        if not isinstance(error, NoRoomError):
            return
        try:
            with translate_errors(self.store.path), self.store.loader_lock(wait=False) as acquired:
                if acquired and (deleted := compaction.clean(self.store)):
                    _log.warning("deleted old files to make room", files=deleted)
        except HubbubError as e:
            _log.warning("cannot delete old files", why=e.what, where=e.where)

    def _lapse(self) -> None:
        """Stop keeping events for handlers that no server has run for long."""
        now, folder = int(self._clock() * 1e6), self.store.path / stream.FOLDER
        if stream.late(self.store.state, now) and not check_clock(
            self.store, from_micros(now), self._started
        ):
            stream.lapse(self.store.state, folder, now)

    def _retention(self, stop: Callable[[], bool]) -> bool:
        """Run retention once a day; a clock that is set back delays it by a day at most."""
        if self.keep is None or stop():
            return False
        dead_letters.set_bounds(self.store.state, self.keep)
        now = int(self._clock() * 1e6)
        last = self.store.state.get(LAST_RUN)
        if isinstance(last, int) and 0 <= now - last < DAILY * 1e6:
            return False
        from hubbub.store.maintenance.retention import prune

        if why := check_clock(self.store, from_micros(now), self._started):
            if not self._warned:
                hint = "set the clock; if it is right: hubbub retention --trust-clock"
                _log.warning("retention is paused: the clock is not plausible", why=why, hint=hint)
            self._warned = True
            return False
        self._warned = False

        deletions = prune(
            self.store, now=from_micros(now), events=self.keep.events, bodies=self.keep.bodies
        )
        self.store.state.set(LAST_RUN, now)
        for pruned in deletions:
            if pruned.rows:
                _log.info(
                    "retention", table=pruned.table, rows=pruned.rows, before=str(pruned.before)
                )
        return True
