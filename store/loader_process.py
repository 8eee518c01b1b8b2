"""Run the loader in a child process of a long-running listener, and restart it when it dies.

The child loads the spool every few seconds, with compaction and retention in between. It is
spawned, because the threads of the table library do not survive a fork.

The child ends when its parent tells it to or dies: both close the pipe between them, which needs no
lock that a killed process could hold. It ignores SIGINT, which a terminal sends to the whole
process group. systemd and timeout do the same with SIGTERM: the child then waits a few seconds for
its parent to end, so that the parent's last messages are loaded too.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from hubbub import memory
from hubbub.collector.people.reader import ReaderConfig
from hubbub.errors import HubbubError
from hubbub.logger import get_logger

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from hubbub.store.policy import RetentionPolicy
    from hubbub.store.store import Store

__all__ = ["AfterLoading", "LoaderProcess", "run"]

EVERY = 5.0  # seconds between two runs of the loader
LONGEST = 60.0  # seconds, upper bound of both back-offs: between runs and between restarts
GRACE = 5.0  # seconds after SIGTERM for the parent to write its last messages
_MAX_DOUBLINGS = 16  # of the seconds between two runs: avoids an overflow
STEADY = 60.0  # seconds after which a process counts as healthy, and the back-off is reset
_SAFE_PATH = "PYTHONSAFEPATH"
_log = get_logger("hubbub.store")


class AfterLoading(Protocol):
    """What the process does besides, such as judging alert rules; picklable."""

    def begin(self, store: Store, /) -> object:
        """Do what has to be done before anything is loaded."""

    def step(self, store: Store, /) -> object:
        """Do what follows each run of the loader."""


class _Nothing:
    """Does nothing after loading."""

    def begin(self, _store: Store, /) -> None: ...

    def step(self, _store: Store, /) -> None: ...


_NOTHING = _Nothing()


def run(
    path: str,
    reader_config: ReaderConfig,
    stop: Connection,
    *,
    every: float = EVERY,
    keep: RetentionPolicy | None = None,
    prepare: Callable[[], object] | None = None,
    after: AfterLoading = _NOTHING,
) -> None:
    """Load the spool repeatedly until `stop` is closed; the main function of the child.

    Args:
        path: the store.
        reader_config: how frames are decoded to events; its files are read once, at the start.
        stop: the parent closes its end of this pipe to end the child, which then finishes its
            batch and loads the rest of the spool.
        every: seconds between two runs.
        keep: the retention periods, applied once a day; None: no retention.
        prepare: called first, to configure logging as in the parent.
        after: called after each run; its errors are logged, and do not stop the loader.
    """
    if prepare is not None:
        prepare()
    memory.release_early()
    from hubbub.store.maintenance.scheduler import Scheduler

    # A batch has many rows and no reference cycles: collecting them with the default thresholds
    # takes a tenth of a loader's time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent handles it, and starts a new child
    terms: list[float] = []  # a handler must not lock: it may interrupt the holder of the lock
    signal.signal(signal.SIGTERM, lambda *_: terms.append(time.monotonic()))

    def should_stop() -> bool:
        return stop.poll() or (bool(terms) and time.monotonic() - terms[0] >= GRACE)

    failures = 0
    reader = reader_config.reader()
    with _opened(path) as store:
        _repair(store)
        _attempt(after.begin, store)
        scheduler = Scheduler(store, keep)
        while True:
            last = should_stop()
            started = time.monotonic()
            try:
                store.load(stop=should_stop, understand=reader)
                _attempt(after.step, store)
                if not last:
                    scheduler.step(should_stop)
            except HubbubError as e:
                # A full disk or a damaged table needs an operator; messages stay in the spool.
                failures += 1
                scheduler.make_room(e)
                _log_failure(e)
                if last:
                    raise SystemExit(e.exit_code) from e  # it is logged
            else:
                failures = 0
            if last:
                return
            memory.trim()
            pause = _pause(every, failures) - (time.monotonic() - started)
            while pause > 0 and not should_stop():
                stop.poll(min(pause, 1.0))
                pause -= 1.0


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let a process that starts now import nothing from the working folder.

    The interpreter that `spawn` starts with `-c` would look there first, also for its own modules.
    """
    before, path = os.environ.get(_SAFE_PATH), sys.path
    os.environ[_SAFE_PATH] = "1"
    sys.path = [entry for entry in path if entry]  # the child gets a copy, with "" made absolute
    try:
        yield
    finally:
        sys.path = path
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _opened(path: str) -> Store:
    from hubbub.store.store import Store

    try:
        return Store.open(path, create=False)
    except HubbubError as e:
        _log_failure(e)
        raise SystemExit(e.exit_code) from e  # it is logged; the parent starts a new child


def _repair(store: Store) -> None:
    """Repair torn logs after a loss of power, also where the spool is empty."""
    from hubbub.store.disk.errors import translate_errors
    from hubbub.store.maintenance.repair import repair_logs

    try:
        with translate_errors(store.path), store.loader_lock(wait=False) as acquired:
            if acquired:
                repair_logs(store)
    except HubbubError as e:
        _log_failure(e)


def _attempt(action: Callable[[Store], object], store: Store) -> None:
    try:
        action(store)
    except HubbubError as e:
        _log.error("alerts are not judged", why=e.what, where=e.where, hint=e.hint)
    except Exception:  # noqa: BLE001 - of the engine or ours; it is logged, and loading goes on
        _log.exception("alerts are not judged")


def _pause(every: float, failures: int) -> float:
    """Return the seconds to the next run, with exponential back-off."""
    return min(every * 2.0 ** min(failures, _MAX_DOUBLINGS), LONGEST)


def _log_failure(e: HubbubError) -> None:
    _log.error("cannot load, messages wait", why=e.what, where=e.where, hint=e.hint)


class LoaderProcess:
    """The parent's side: starts the process, and restarts it from a watcher thread.

    Attributes:
        prepare: called first in the process, to configure logging; must be picklable.
        restarts: how often the process died and was restarted.
    """

    died = "the loader died and is restarted"

    def __init__(
        self,
        path: Path,
        reader_config: ReaderConfig | None = None,
        *,
        keep: RetentionPolicy | None = None,
        prepare: Callable[[], object] | None = None,
        after: AfterLoading = _NOTHING,
        every: float = EVERY,
        delay: float = 1.0,
    ) -> None:
        self.path, self.every, self.keep, self.prepare = path, every, keep, prepare
        self.after = after
        self.reader_config = reader_config or ReaderConfig()
        self.restarts = 0
        self._delay = delay  # seconds before the first restart; doubles up to LONGEST
        self._context = multiprocessing.get_context("spawn")
        self._stop: Connection | None = None
        self._ending = threading.Event()
        self._lock = threading.Lock()  # serialises starting a process and telling it to end
        self._process: SpawnProcess | None = None
        self._replaced: SpawnProcess | None = None  # told to end, to be replaced by another
        self._watcher = threading.Thread(target=self._watch, name="loader-watch", daemon=True)

    @property
    def pid(self) -> int | None:
        """The id of the current process."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        process = self._process  # the sentinel does not reap it: the watcher does
        return process is not None and not connection.wait([process.sentinel], timeout=0)

    def start(self) -> None:
        """Start the process and its watcher."""
        with self._lock:
            self._spawn()
        self._watcher.start()

    def renew(
        self,
        reader_config: ReaderConfig,
        *,
        keep: RetentionPolicy | None = None,
        prepare: Callable[[], object] | None = None,
        after: AfterLoading = _NOTHING,
    ) -> None:
        """Replace the process by one with these settings, after it has finished its batch."""
        with self._lock:
            self.reader_config, self.keep, self.prepare = reader_config, keep, prepare
            self.after = after
            if self._stop is None or self._ending.is_set():
                return
            self._replaced = self._process
            self._stop.close()

    def stop(self, timeout: float = 5.0) -> bool:
        """Tell the process to load the rest of the spool and end; return whether it did in time.

        Otherwise it is killed: messages that it had not committed stay in the spool.

        Args:
            timeout: seconds.
        """
        with self._lock:
            self._ending.set()
            process = self._process
            if process is None or self._stop is None:
                return True
            self._stop.close()
        late = not connection.wait([process.sentinel], timeout)
        if late:
            process.kill()
        self._watcher.join()  # only the watcher reaps the process: two would race for its exit code
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
            self._process = self._child(theirs)
            with _safe_path():
                self._process.start()

    def _child(self, stop: Connection) -> SpawnProcess:
        """Return the process, not started; it ends when the other end of `stop` is closed."""
        return self._context.Process(
            target=run,
            args=(str(self.path), self.reader_config, stop),
            kwargs={
                "every": self.every,
                "keep": self.keep,
                "prepare": self.prepare,
                "after": self.after,
            },
            name="hubbub-loader",
            daemon=True,
        )

    def _watch(self) -> None:
        """Restart the process when it dies, with exponential back-off."""
        delay = self._delay
        while True:
            process, started = self._process, time.monotonic()
            assert process is not None
            process.join()
            if self._ending.is_set():
                return
            if process is self._replaced:
                with self._lock:
                    if self._ending.is_set():
                        return
                    self._spawn()
                continue
            if time.monotonic() - started >= STEADY:
                delay = self._delay
            _log.warning(self.died, code=process.exitcode, seconds=delay)
            if self._ending.wait(delay):
                return
            delay = min(delay * 2, LONGEST)
            with self._lock:
                if self._ending.is_set():
                    return
                self.restarts += 1
                self._spawn()
