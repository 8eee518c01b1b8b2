"""Jobs: functions that run by a schedule, one at a time, each with a record of its last run.

Comes in: a store, the registry, parameters. Goes out: what a run did, and what is due. It starts no
process and waits for no hour: whoever calls it (`hubbub jobs run --due`, from a timer) does.
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
from hubbub.run.errors import blaming
from hubbub.run.injection import Injector, Progress, State, no_progress
from hubbub.run.runner import Runner, close_matches
from hubbub.run.serialise import execute
from hubbub.schedule import Schedule, parse
from hubbub.store.state.documents import Documents
from hubbub.times import iso

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["CHECKPOINT", "Jobs", "Listed", "Ran"]

#: Where a job keeps how far it is, in its `state`, if it keeps that at all.
CHECKPOINT = "checkpoint"
#: The parameter of a section `[jobs.NAME]` that is no parameter of the job.
_SCHEDULE, _OFF = "schedule", "off"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did."""

    job: str
    started: datetime
    seconds: float
    error: HubbubError | None  # None: it ended well
    checkpoint: Any  # as it is now; None if the job keeps none
    progress: tuple[float, ...]  # each share from 0 to 1 that it reported
    sources: tuple[str, ...]  # what it named as read
    result: Any  # what the function returned, ready for JSON
    notes: tuple[str, ...] = ()  # what a person should know

    def document(self) -> dict[str, Any]:
        """The same, ready for JSON."""
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
class Listed:
    """One job, as it stands."""

    name: str
    module: str
    doc: str
    schedule: str
    state: str  # running, ok, failed, interrupted, never
    started: datetime | None  # of the last run
    error: str | None  # of the last run
    checkpoint: Any
    next: datetime | None  # None: never by schedule
    due: bool


class Jobs:
    """The jobs over one store.

    Args:
        store: an open store.
        registry: where the functions are written down.
        config: for each job's name its parameters; `schedule` among them takes the place of the
            function's own (`off`: never).
        clock: gives the time.
        progress: shows what a running job reports.
        runner: makes the runner of queries that a job runs in, from the store.
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

    def run(self, name: str, **parameters: Any) -> Ran:
        """Run a job now; parameters that are not given are the configuration's.

        An error of the job, or of its parameters, stands in the answer; what it had stored before
        stays. A run with parameters does not count for the schedule.

        Raises:
            UsageError: no such job, or it is running already.
        """
        if name not in self._schedules:
            raise UsageError(f"there is no job {name!r}", hint=close_matches(name, self._schedules))
        function = self.registry.jobs[name]
        given = self._configured(name) | parameters
        reported: list[float] = []
        sources: list[str] = []

        def progress(done: float, total: float) -> None:
            reported.append(round(done / total, 6) if total else 0.0)
            self._progress(done, total)

        inject = Injector(self.store.state, progress=progress, source=sources.append)
        runner = self._runner(self.store, registry=self.registry, clock=self.clock, inject=inject)
        with self._locked(name):
            started, before, clock = self.clock(), self._record(name), time.monotonic()
            now: dict[str, Any] = {**before, "started": iso(started), "ended": None, "error": None}
            self._note(name, now)
            error: HubbubError | None = None
            result = None
            try:
                with blaming(function):
                    result, _ = execute(runner.job(name, **given))
            except HubbubError as failed:
                error = failed
            except AssertionError as failed:
                error = HubbubError(f"job {name!r} failed: AssertionError: {failed}")
            now |= {"ended": iso(self.clock()), "error": None if error is None else str(error)}
            if error is None and not parameters:
                now["scheduled"] = iso(started)
            # What a person asked for and was refused is no run.
            refused = bool(parameters) and isinstance(error, UsageError)
            self._note(name, before if refused else now)
        return Ran(
            job=name,
            started=started,
            seconds=time.monotonic() - clock,
            error=error,
            checkpoint=self.checkpoint(name),
            progress=tuple(reported),
            sources=tuple(sources),
            result=result,
            notes=tuple(runner.notes),
        )

    def checkpoint(self, name: str) -> Any:
        """How far a job is: `checkpoint` of its module's `state`; None if it keeps none."""
        return State(self.store.state, self.registry.jobs[name].module).get(CHECKPOINT)

    def stored(self, name: str) -> dict[str, Any]:
        """What a job stored in the collection of its own name: documents by key.

        Records in a list are lists of their values: `[["ann", "2026-01-31T10:00:00"]]`.
        """
        documents = Documents(self.store.state, self.registry.jobs[name].module)[name]
        return {key: _rows(document) for key, document in documents.items()}

    def listed(self) -> list[Listed]:
        """Every job, by name."""
        return [self._listed(name) for name in self._schedules]

    def due(self) -> list[str]:
        """The names of the jobs that are to be run now."""
        return [one.name for one in self.listed() if one.due and one.state != "running"]

    def unknown(self) -> list[str]:
        """Names that the configuration has a section for, and that are no jobs."""
        return sorted(self._config.keys() - self._schedules.keys())

    def _configured(self, name: str) -> dict[str, Any]:
        """The parameters of the configuration: dates of TOML as texts."""
        return {
            key: value.isoformat() if isinstance(value, date) else value
            for key, value in self._config.get(name, {}).items()
            if key != _SCHEDULE
        }

    def _schedule(self, function: Function) -> Schedule | None:
        own = self._config.get(function.name, {}).get(_SCHEDULE)
        if own == _OFF:
            return None
        if own is None:
            schedule: Schedule = function.extra["schedule"]
            return schedule
        try:
            return parse(str(own))
        except ValueError as error:
            raise UsageError(
                str(error), where=f"[jobs.{function.name}] {_SCHEDULE}", hint='"off" is never'
            ) from None

    def _listed(self, name: str) -> Listed:
        function, schedule = self.registry.jobs[name], self._schedules[name]
        record = self._record(name)
        started = _time(record.get("started"))
        state = "never" if started is None else "failed" if record["error"] else "ok"
        if started is not None and record["ended"] is None:
            state = "running" if self._running(name) else "interrupted"
        now, last = self.clock(), _time(record.get("scheduled"))
        coming = None if schedule is None else now if last is None else schedule.after(last)
        return Listed(
            name=name,
            module=function.module,
            doc=function.doc,
            schedule=_OFF if schedule is None else schedule.text,
            state=state,
            started=started,
            error=record.get("error"),
            checkpoint=self.checkpoint(name),
            next=coming,
            due=coming is not None and coming <= now,
        )

    # the record of the last run

    def _record(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.store.state.get(f"job:{name}") or {}
        return found

    def _note(self, name: str, record: Mapping[str, Any]) -> None:
        self.store.state.set(f"job:{name}", dict(record) or None)

    # one run at a time

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        descriptor = self._open(name)
        try:
            while not _lock(descriptor, fcntl.LOCK_EX):
                if not _lock(descriptor, fcntl.LOCK_SH):
                    raise UsageError(
                        f"the job {name!r} is running already",
                        where=f"process {os.pread(descriptor, 20, 0).decode() or 'unknown'}",
                        hint="wait for its end; `hubbub jobs list` shows its state",
                    )
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # somebody only looks, as `_running` does
                time.sleep(0.001)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def _running(self, name: str) -> bool:
        descriptor = self._open(name)
        try:
            return not _lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        folder = self.store.path / "jobs"
        folder.mkdir(mode=0o700, exist_ok=True)
        return os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)


def _lock(descriptor: int, how: int) -> bool:
    """Whether we have it now; it is not waited for."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _rows(document: Any) -> Any:
    if isinstance(document, list) and all(isinstance(one, dict) for one in document):
        return [list(one.values()) for one in document]
    return document
