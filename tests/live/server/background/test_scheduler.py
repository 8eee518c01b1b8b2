"""Jobs that are due run in the server."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config
from hubbub.errors import HubbubError
from hubbub.jobs import Jobs
from hubbub.live.server.background import scheduler
from hubbub.live.server.background.scheduler import Scheduler
from hubbub.registry import Function, Registry
from hubbub.schedule import parse
from hubbub.store import Store
from hubbub.store.state.documents import Documents
from tests.support.processes import within


def registry(**jobs: Callable[..., Any]) -> Registry:
    made = Registry()
    for name, call in jobs.items():
        made.jobs[name] = Function(
            kind="cron", name=name, call=call, module="m", extra={"schedule": parse("1s")}
        )
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store.open(tmp_path / "s").close()
    return tmp_path / "s"


def run(made: Scheduler, until: Callable[[], bool]) -> float:
    """Run a scheduler until something has happened; return the seconds that it took to stop."""

    async def main() -> float:
        await made.start()
        end = time.monotonic() + 90
        while not until():
            assert time.monotonic() < end, "it did not happen"
            await asyncio.sleep(0.05)
        started = time.monotonic()
        await made.stop()
        return time.monotonic() - started

    return asyncio.run(main())


def test_a_due_job_runs_again_and_again(folder: Path) -> None:
    runs = []

    def tally(db: Any) -> None:
        runs.append(1)
        db["c"][str(len(runs))] = True

    run(Scheduler(folder, Config(), registry(tally=tally)), lambda: len(runs) >= 2)
    with Store.open(folder) as store:
        assert len(Documents(store.state, "m")["c"]) >= 2
        (status,) = Jobs(store, registry(tally=tally)).statuses()
        assert status.state == "ok"


def test_a_failing_job_is_recorded_and_paused_and_others_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "EVERY", 0.05)
    fails, works = [], []

    def failing() -> None:
        fails.append(1)
        raise ValueError("broken")

    jobs = registry(failing=failing, working=lambda: works.append(1))
    run(Scheduler(folder, Config(), jobs), lambda: len(works) >= 2)
    assert len(fails) == 1
    with Store.open(folder) as store:
        states = {job.name: (job.state, job.error) for job in Jobs(store, jobs).statuses()}
    assert states["failing"][0] == "failed"
    assert "broken" in str(states["failing"][1])
    assert states["working"][0] == "ok"


def test_a_job_does_not_overtake_itself_and_stopping_does_not_wait_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_STOP", 0.2)
    started, release = [], threading.Event()

    def slow() -> None:
        started.append(1)
        release.wait(90)

    begun = time.monotonic()
    took = run(
        Scheduler(folder, Config(), registry(slow=slow)),
        lambda: bool(started) and time.monotonic() - begun > 3,
    )
    assert len(started) == 1
    assert took < within(3)
    release.set()


def test_a_schedule_that_is_off_and_one_that_cannot_be_read(folder: Path) -> None:
    runs: list[int] = []
    off = Config(jobs={"tally": {"schedule": "off"}})
    begun = time.monotonic()
    jobs = registry(tally=lambda: runs.append(1))
    run(Scheduler(folder, off, jobs), lambda: time.monotonic() - begun > 1.5)
    wrong = Config(jobs={"tally": {"schedule": "nonsense"}})
    run(Scheduler(folder, wrong, jobs), lambda: True)
    assert not runs


class Host:
    """Jobs of plugins, without a process."""

    def __init__(self, *outcomes: str | HubbubError | None) -> None:
        self.outcomes, self.ran = list(outcomes), 0
        self.registry = registry(tally=never)

    async def run_job(self, name: str) -> dict[str, Any]:
        assert name == "tally"
        self.ran += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, HubbubError):
            raise outcome
        return {"error": outcome}


def never() -> None:
    raise AssertionError("it is called in another process")


def test_a_job_of_a_plugin_runs_in_its_process_also_after_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "EVERY", 0.05)
    monkeypatch.setattr(scheduler, "PAUSE", 0.01)
    host = Host(HubbubError("the process was killed"), "failed", None)

    run(Scheduler(folder, Config(), registry(tally=never), host), lambda: host.ran == 3)


def test_a_job_that_another_process_runs_is_left_to_it(folder: Path) -> None:
    jobs = registry(tally=lambda: pytest.fail("it runs already"))
    with Store.open(folder) as store, Jobs(store, jobs)._locked("tally"):
        begun = time.monotonic()
        run(Scheduler(folder, Config(), jobs), lambda: time.monotonic() - begun > 1.5)
