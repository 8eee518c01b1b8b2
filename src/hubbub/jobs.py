"""Scheduled jobs: which are due, running them, and a record of each job's last run.

A job runs at most once at a time per store. Nothing here waits for a due time or starts a process:
a timer calls `hubbub jobs run --due`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from hubbub.errors import HubbubError, UsageError
from hubbub.registry import REGISTRY, Function, Registry
from hubbub.run.errors import attribute_errors, close_matches
from hubbub.run.injection import Injector, Progress, State, no_progress
from hubbub.run.runner import Runner
from hubbub.run.serialise import execute
from hubbub.schedule import Schedule, parse
from hubbub.store.state.documents import Documents
from hubbub.times import iso

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["CHECKPOINT", "JobRun", "JobStatus", "Jobs"]

#: Key of a job's `state` under which it may store its checkpoint.
CHECKPOINT = "checkpoint"
#: The key of a section `[jobs.NAME]` that is not a parameter of the job, and its special value.
_SCHEDULE, _OFF = "schedule", "off"


@dataclass(frozen=True, slots=True)
class JobRun:
    """The outcome of one run."""

    job: str
    started: datetime
    seconds: float
    error: HubbubError | None  # None: success
    checkpoint: Any  # after the run; None if the job stores none
    progress: tuple[float, ...]  # the reported fractions, from 0 to 1
    sources: tuple[str, ...]  # names of the sources that it reported as read
    result: Any  # the function's return value, ready for JSON
    notes: tuple[str, ...] = ()  # for the user

    def document(self) -> dict[str, Any]:
        """Return the run as JSON-ready data."""
        return {
            "job": self.job,
            "started": iso(self.started),
            "seconds": round(self.seconds, 3),
            "error": None if self.error is None else str(self.error),
            "checkpoint": self.checkpoint,
            "progress": list(self.progress),
            "sources": list(self.sources),
            "result": self.result,
        }


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job, its schedule and the state of its last run."""

    name: str
    module: str
    doc: str
    schedule: str
    state: str  # running, ok, failed, interrupted, never
    started: datetime | None  # of the last run
    error: str | None  # of the last run
    checkpoint: Any
    next: datetime | None  # None: not scheduled
    due: bool


class Jobs:
    """The jobs of one store.

    Args:
        store: an open store.
        registry: the registered functions.
        config: by job name its parameters; the key `schedule` replaces the function's schedule
            (`off`: not scheduled).
        clock: returns the current time.
        progress: called with the progress that a running job reports.
        runner: creates the `Runner` in which a job runs, given the store.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry = REGISTRY,
        *,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        progress: Progress = no_progress,
        runner: Callable[..., Runner] = Runner,
    ) -> None:
        self.store, self.registry, self.clock = store, registry, clock
        self._config, self._progress, self._runner = config or {}, progress, runner
        self._schedules = {
            name: self._schedule(function)
            for name, function in sorted(registry.jobs.items())
            if function.public
        }

    def run(self, name: str, /, **parameters: Any) -> JobRun:
        """Run a job now, with the configured parameters where none are given.

        An error of the job, or of its parameters, is returned in the outcome; what the job stored
        before it stays. A run with parameters does not count for the schedule.

        Raises:
            UsageError: there is no such job, or it is running already.
        """
        if name not in self._schedules:
            raise UsageError(f"there is no job {name!r}", hint=close_matches(name, self._schedules))
        function = self.registry.jobs[name]
        arguments = self._configured(name) | parameters
        reported: list[float] = []
        sources: list[str] = []

        def progress(done: float, total: float) -> None:
            reported.append(round(done / total, 6) if total else 0.0)
            self._progress(done, total)

        inject = Injector(self.store.state, progress=progress, source=sources.append)
        runner = self._runner(self.store, registry=self.registry, clock=self.clock, inject=inject)
        with self._locked(name):
            started, before, begun = self.clock(), self._record(name), time.monotonic()
            record = {**before, "started": iso(started), "ended": None, "error": None}
            self._set_record(name, record)
            error: HubbubError | None = None
            result = None
            try:
                with attribute_errors(function):
                    result, _ = execute(runner.job(name, **arguments))
            except HubbubError as raised:
                error = raised
            except AssertionError as raised:
                error = HubbubError(f"job {name!r} failed: AssertionError: {raised}")
            record |= {"ended": iso(self.clock()), "error": None if error is None else str(error)}
            if error is None and not parameters:
                record["scheduled"] = iso(started)
            # a manual run that was refused for its parameters leaves no record
            refused = bool(parameters) and isinstance(error, UsageError)
            self._set_record(name, before if refused else record)
        return JobRun(
            job=name,
            started=started,
            seconds=time.monotonic() - begun,
            error=error,
            checkpoint=self.checkpoint(name),
            progress=tuple(reported),
            sources=tuple(sources),
            result=result,
            notes=tuple(runner.notes),
        )

    def checkpoint(self, name: str) -> Any:
        """Return the job's checkpoint, from its module's `state`; None if it stores none."""
        return State(self.store.state, self.registry.jobs[name].module).get(CHECKPOINT)

    def stored(self, name: str) -> dict[str, Any]:
        """Return the documents that a job stored in the collection of its own name, by key.

        Records in a list become lists of their values: `[["ann", "2026-01-31T10:00:00"]]`.
        """
        documents = Documents(self.store.state, self.registry.jobs[name].module)[name]
        return {key: _rows(document) for key, document in documents.items()}

    def statuses(self) -> list[JobStatus]:
        """Return the status of every job, by name."""
        return [self._status(name) for name in self._schedules]

    def due(self) -> list[str]:
        """Return the names of the jobs that are due and not running."""
        return [job.name for job in self.statuses() if job.due and job.state != "running"]

    def unknown_sections(self) -> list[str]:
        """Return the names of configuration sections `[jobs.NAME]` without such a job."""
        return sorted(self._config.keys() - self._schedules.keys())

    def _configured(self, name: str) -> dict[str, Any]:
        """Return the job's parameters from the configuration; TOML dates as texts."""
        return {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in self._config.get(name, {}).items()
            if key != _SCHEDULE
        }

    def _schedule(self, function: Function) -> Schedule | None:
        configured = self._config.get(function.name, {}).get(_SCHEDULE)
        if configured == _OFF:
            return None
        if configured is None:
            schedule: Schedule = function.extra["schedule"]
            return schedule
        try:
            return parse(str(configured))
        except ValueError as error:
            raise UsageError(
                str(error),
                where=f"[jobs.{function.name}] {_SCHEDULE}",
                hint='"off" turns the schedule off',
            ) from None

    def _status(self, name: str) -> JobStatus:
        function, schedule = self.registry.jobs[name], self._schedules[name]
        record = self._record(name)
        started = _time(record.get("started"))
        state = "never" if started is None else "failed" if record["error"] else "ok"
        if started is not None and record["ended"] is None:
            state = "running" if self._running(name) else "interrupted"
        now, last = self.clock(), _time(record.get("scheduled"))
        following = None if schedule is None else now if last is None else schedule.after(last)
        return JobStatus(
            name=name,
            module=function.module,
            doc=function.doc,
            schedule=_OFF if schedule is None else schedule.text,
            state=state,
            started=started,
            error=record.get("error"),
            checkpoint=self.checkpoint(name),
            next=following,
            due=following is not None and following <= now,
        )

    # the record of the last run

    def _record(self, name: str) -> dict[str, Any]:
        record: dict[str, Any] = self.store.state.get(f"job:{name}") or {}
        return record

    def _set_record(self, name: str, record: Mapping[str, Any]) -> None:
        self.store.state.set(f"job:{name}", dict(record) or None)

    # one run at a time

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        descriptor = self._open(name)
        try:
            while not _try_lock(descriptor, fcntl.LOCK_EX):
                if not _try_lock(descriptor, fcntl.LOCK_SH):
                    raise UsageError(
                        f"the job {name!r} is running already",
                        where=f"process {os.pread(descriptor, 20, 0).decode() or 'unknown'}",
                        hint="wait until it has finished; `hubbub jobs list` shows its state",
                    )
                # a shared lock: another process only looks at the state, as `_running` does
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                time.sleep(0.001)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def _running(self, name: str) -> bool:
        descriptor = self._open(name)
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        folder = self.store.path / "jobs"
        folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)


def _try_lock(descriptor: int, mode: int) -> bool:
    """Take the lock if it is free; whether it was."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _rows(document: Any) -> Any:
    if isinstance(document, list) and all(isinstance(record, dict) for record in document):
        return [list(record.values()) for record in document]
    return document
