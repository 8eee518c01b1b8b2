"""The loader as a process of its own, beside a long-running listener.

Comes in: a store's path. Goes out: loaded segments, every few seconds, compaction and retention in
between; a process that is started again when it dies. Spawned, because the table library's threads
do not survive a fork.

The child ends when its owner says so or is gone: both close the pipe between them, which takes no
lock that a killed process could keep. It ignores SIGINT, since a terminal sends it to the whole
group, and so do systemd and timeout with SIGTERM: then it waits some seconds for its owner's word,
so that what the owner writes last is loaded too.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog

from hubbub import memory
from hubbub.collector.people.reader import ReaderConfig
from hubbub.errors import HubbubError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from hubbub.store.policy import RetentionPolicy
    from hubbub.store.store import Store

__all__ = ["LoaderProcess", "run"]

EVERY = 5.0  # seconds between two runs of the loader
LONGEST = 60.0  # seconds between two attempts to start it
GRACE = 5.0  # seconds after SIGTERM for the owner to say that it has written everything
_DOUBLINGS = 16  # of the seconds between two runs, at most: more is no number of seconds
STEADY = 60.0  # seconds after which a process counts as healthy, and the waiting starts small again
_log = structlog.get_logger("hubbub.store")


def run(
    path: str,
    understanding: ReaderConfig,
    stop: Connection,
    *,
    every: float = EVERY,
    keep: RetentionPolicy | None = None,
    prepare: Callable[[], object] | None = None,
) -> None:
    """Load until `stop` ends; the body of the child.

    Args:
        path: the store.
        understanding: how frames become events; its files are read once, at the start.
        stop: the owner's end of this pipe closes when the work is to end; the batch in hand is
            finished, and what waits is loaded.
        every: seconds between two runs.
        keep: what retention goes by, once a day; None: it does not run.
        prepare: called first, to set the log up as the owner's is.
    """
    if prepare is not None:
        prepare()
    memory.release_early()
    from hubbub.store.maintenance.scheduler import Scheduler

    # A batch's rows are many and in no cycle: looking for cycles among them and the modules takes a
    # tenth of a loader's time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the owner says what a reload means for us
    terms: list[float] = []  # a handler may take no lock: it can interrupt whoever holds it
    signal.signal(signal.SIGTERM, lambda *_: terms.append(time.monotonic()))

    def over() -> bool:
        return stop.poll() or (bool(terms) and time.monotonic() - terms[0] >= GRACE)

    failed = 0
    reader = understanding.reader()
    with _opened(path) as store:
        _mend(store)
        tidy = Scheduler(store, keep)
        while True:
            last = over()
            started = time.monotonic()
            try:
                store.load(stop=over, understand=reader)
                if not last:
                    tidy.step(over)
            except HubbubError as e:
                # A full disk or a damaged table is for a person to mend; frames wait in the spool.
                failed += 1
                tidy.make_room(e)
                _cannot(e)
                if last:
                    raise SystemExit(e.exit_code) from e  # said above, as the log is
            else:
                failed = 0
            if last:
                return
            memory.trim()
            pause = _pause(every, failed) - (time.monotonic() - started)
            while pause > 0 and not over():
                stop.poll(min(pause, 1.0))
                pause -= 1.0


def _opened(path: str) -> Store:
    from hubbub.store.store import Store

    try:
        return Store.open(path, create=False)
    except HubbubError as e:
        _cannot(e)
        raise SystemExit(e.exit_code) from e  # said, as the log is; the owner starts us again


def _mend(store: Store) -> None:
    """After a loss of power, also where nothing waits that would have the loader do it."""
    from hubbub.store.disk.errors import translate_errors
    from hubbub.store.maintenance.repair import repair_logs

    try:
        with translate_errors(store.path), store.loader_lock(wait=False) as ours:
            if ours:
                repair_logs(store)
    except HubbubError as e:
        _cannot(e)


def _pause(every: float, failed: int) -> float:
    """Seconds between two runs, after so many failures; a full disk may last for days."""
    return min(every * 2.0 ** min(failed, _DOUBLINGS), LONGEST)


def _cannot(e: HubbubError) -> None:
    _log.error("cannot load, messages wait", why=e.what, where=e.where, hint=e.hint)


class LoaderProcess:
    """The owner's side. `watch` from a thread of its own is done by `start`.

    Attributes:
        prepare: called first in the process (to set its log up); it must fit into a pickle.
        restarts: how often the process died and was started again.
    """

    def __init__(
        self,
        path: Path,
        understanding: ReaderConfig | None = None,
        *,
        keep: RetentionPolicy | None = None,
        prepare: Callable[[], object] | None = None,
        every: float = EVERY,
        delay: float = 1.0,
    ) -> None:
        self.path, self.every, self.keep, self.prepare = path, every, keep, prepare
        self.understanding = understanding or ReaderConfig()
        self.restarts = 0
        self._delay = delay  # seconds before the first new attempt; doubles up to LONGEST
        self._context = multiprocessing.get_context("spawn")
        self._stop: Connection | None = None
        self._ending = threading.Event()
        self._turn = threading.Lock()  # either a process is started, or told to end
        self._process: SpawnProcess | None = None
        self._renewed: SpawnProcess | None = None  # told to end, so that another takes its place
        self._watcher = threading.Thread(target=self._watch, name="loader-watch", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether the process runs now."""
        process = self._process  # its sentinel tells without reaping, which is the watcher's
        return process is not None and not connection.wait([process.sentinel], timeout=0)

    def start(self) -> None:
        """Start the process, and watch over it."""
        with self._turn:
            self._spawn()
        self._watcher.start()

    def renew(
        self,
        understanding: ReaderConfig,
        *,
        keep: RetentionPolicy | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        """Another process with these settings, after the present one has finished its batch."""
        with self._turn:
            self.understanding, self.keep, self.prepare = understanding, keep, prepare
            if self._stop is None or self._ending.is_set():
                return
            self._renewed = self._process
            self._stop.close()

    def stop(self, timeout: float = 5.0) -> bool:
        """Tell the process to load what waits and end; True if it did in time.

        One that did not is killed: whatever it had not committed stays in the spool.

        Args:
            timeout: seconds.
        """
        with self._turn:
            self._ending.set()
            process = self._process
            if process is None or self._stop is None:
                return True
            self._stop.close()
        late = not connection.wait([process.sentinel], timeout)
        if late:
            process.kill()
        self._watcher.join()  # it reaps the process: two that wait for one would race for its code
        return not late and process.exitcode == 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self) -> None:
        if self._stop is not None:
            self._stop.close()
        theirs, self._stop = self._context.Pipe(duplex=False)
        with theirs:
            self._process = self._context.Process(
                target=run,
                args=(str(self.path), self.understanding, theirs),
                kwargs={"every": self.every, "keep": self.keep, "prepare": self.prepare},
                name="hubbub-loader",
                daemon=True,
            )
            self._process.start()

    def _watch(self) -> None:
        """Start the process again when it died, at growing intervals."""
        delay = self._delay
        while True:
            process, started = self._process, time.monotonic()
            assert process is not None
            process.join()
            if self._ending.is_set():
                return
            if process is self._renewed:
                with self._turn:
                    if self._ending.is_set():
                        return
                    self._spawn()
                continue
            if time.monotonic() - started >= STEADY:
                delay = self._delay
            _log.warning(
                "the loader died; it is started again", code=process.exitcode, seconds=delay
            )
            if self._ending.wait(delay):
                return
            delay = min(delay * 2, LONGEST)
            with self._turn:
                if self._ending.is_set():
                    return
                self.restarts += 1
                self._spawn()
