"""Run jobs that are due, as `hubbub jobs run --due` does.

Built-in jobs run in a thread, those of plugins in the plugins' process. One job runs at a time of
each kind, and each job once at a time in all processes. A job that failed is due still: it is tried
again after a pause that doubles.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hubbub.config import Config
from hubbub.errors import HubbubError, UsageError
from hubbub.jobs import Jobs
from hubbub.logger import get_logger
from hubbub.registry import Registry
from hubbub.run.configured import configured_runner
from hubbub.store import Store
from hubbub.store.query.engine import interrupt

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from hubbub.live.server.server import Server
    from hubbub.run.runner import Runner

__all__ = ["JobHost", "Scheduler", "scheduled_jobs"]

EVERY = 1.0  # s between two looks at what is due
PAUSE = 60.0  # s until a job that failed is tried again; doubles
LONGEST_PAUSE = 3600.0
_STOP = 3.0  # s for a job that is interrupted to end
_log = get_logger("hubbub.serve")


class JobHost(Protocol):
    """Runs the jobs of plugins in a process of their own."""

    registry: Registry  # its jobs, once it has started

    async def run_job(self, name: str) -> dict[str, Any]:
        """Run a job as `Jobs.run` does, which records it; return `JobRun.document()`.

        Raises:
            HubbubError: the process died or took too long, or the job is running already.
        """


class Scheduler:
    """Runs what is due until it is stopped.

    Args:
        folder: of the store.
        config: with the parameters and schedules of jobs.
        registry: of the built-in jobs.
        host: runs the jobs of plugins; None: there are none.
        limit_engine: sets the limits of the engine of a built-in job's store.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        registry: Registry,
        host: JobHost | None = None,
        *,
        limit_engine: Callable[[Store], None] = lambda _: None,
    ) -> None:
        self._folder, self._config, self._host = folder, config, host
        self._limit_engine = limit_engine
        self._builtin = registry
        self._of_plugins: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        self._failed: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._locks: dict[bool, asyncio.Lock] = {}
        self._job_store: Store | None = None
        self._store: Store | None = None

    async def start(self) -> None:
        """Learn the jobs, and begin."""
        of_plugins = {} if self._host is None else self._host.registry.jobs
        self._of_plugins = set(of_plugins)
        self._all = Registry()
        self._all.jobs.update(self._builtin.jobs | of_plugins)
        store = self._store = Store.open(self._folder, reading=True)
        if store.read_only:
            _log.warning("jobs are not run: this store cannot be written here")
            return
        self._locks = {True: asyncio.Lock(), False: asyncio.Lock()}
        try:
            known = Jobs(store, self._all, config=self._config.jobs)
        except UsageError as error:
            _log.error("jobs are not run", why=error.what, where=error.where, hint=error.hint)
            return
        for name in known.unknown_sections():
            _log.warning("there is no such job", section=f"[jobs.{name}]")
        self._keep(self._look(known))

    async def stop(self) -> None:
        """Interrupt what runs, and end; a job that was interrupted is due again."""
        for task in self._tasks:
            task.cancel()
        store = self._job_store
        if store is not None and "backend" in store.__dict__:
            with suppress(Exception):
                interrupt(store.backend)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP)
        if self._store is not None:
            self._store.close()

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, jobs: Jobs) -> None:
        while True:
            try:
                due = await asyncio.to_thread(jobs.due)
            except HubbubError as error:
                _log.error("jobs are not run", why=error.what, where=error.where)
                due = []
            now = time.monotonic()
            for name in due:
                if name not in self._running and self._not_before.get(name, 0.0) <= now:
                    self._running.add(name)
                    self._keep(self._run(name))
            await asyncio.sleep(EVERY)

    async def _run(self, name: str) -> None:
        by_plugin = name in self._of_plugins
        try:
            async with self._locks[by_plugin]:
                started = time.monotonic()
                if by_plugin and self._host is not None:
                    error = (await self._host.run_job(name))["error"]
                else:
                    error = await _in_thread(lambda: self._run_builtin(name))
                seconds = round(time.monotonic() - started, 3)
        except HubbubError as raised:
            error, seconds = str(raised), 0.0
        finally:
            self._running.discard(name)
        if error is None:
            self._failed.pop(name, None)
            _log.info("job done", job=name, seconds=seconds)
            return
        failed = self._failed[name] = self._failed.get(name, 0) + 1
        pause = min(PAUSE * 2.0 ** min(failed - 1, 10), LONGEST_PAUSE)
        self._not_before[name] = time.monotonic() + pause
        hint = "`hubbub jobs list` shows its state"
        _log.error("job failed", job=name, why=error, again_after=pause, hint=hint)

    def _run_builtin(self, name: str) -> str | None:
        with Store.open(self._folder) as store:
            self._limit_engine(store)
            self._job_store = store
            try:
                outcome = Jobs(
                    store, self._builtin, config=self._config.jobs, runner=self._runner
                ).run(name)
            finally:
                self._job_store = None
        return None if outcome.error is None else str(outcome.error)

    def _runner(self, store: Store, **options: Any) -> Runner:
        return configured_runner(store, self._config, **options)


async def _in_thread(call: Callable[[], str | None]) -> str | None:
    """Run a function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | None] = loop.create_future()

    def tell(result: str | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result, raised = None, None
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            raised = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, result, raised)

    threading.Thread(target=run, name="job", daemon=True).start()
    return await future


def scheduled_jobs(server: Server) -> list[BaseRoute]:
    """Let a server run jobs that are due as long as it runs; there are no routes."""
    server.services.append(
        Scheduler(
            server.store_folder,
            server.config,
            server.registry,
            server.plugins,
            limit_engine=server.limit_engine,
        )
    )
    return []
