"""`hubbub jobs`: jobs of plugins, schedules, failures, locking, kills."""

import fcntl
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.jobs import JobRun, Jobs
from hubbub.registry import REGISTRY
from tests.support.commandline import Run

PLUGIN = '''
import os, time
from hubbub import cron, query

@cron("1h")
def tally(db, state, clock, events, progress, source, times: int = 1, word: str = "x"):
    """Count how often it ran."""
    if word == "fail":
        state.set("begun", True)
        raise ValueError("a bad word")
        state.set("after", True)
    if word == "assert":
        assert word == "x", "never"
    while word == "wait":
        time.sleep(0.05)
    source("the clock")
    progress(1, 2)
    state.inc("runs", times)
    state.set("checkpoint", clock().isoformat())
    db["tally"][str(state.get("runs"))] = {"word": word}
    return {"runs": state.get("runs"), "events": events.count_events()}

@query
def tallied(db):
    return [{"run": key, **value} for key, value in db["tally"].items()]
'''


@pytest.fixture(autouse=True)
def _without_expire_files(registry: None) -> None:
    """Leave the job `expire_files` out: it is always due."""
    del REGISTRY.jobs["expire_files"]


@pytest.fixture
def plugin(tmp_path: Path, registry: None) -> Path:
    path = tmp_path / "tally.py"
    path.write_text(PLUGIN)
    return path


def test_a_job_of_a_plugin(hubbub: Run, store: Path, plugin: Path) -> None:
    run = ("jobs", "run", "tally", "--plugins", plugin, "--store", store, "--json")
    outcome = hubbub(*run, "--now", "2026-02-01", "--times", "3").json
    assert outcome | {"seconds": 0} == {
        "job": "tally", "started": "2026-02-01T00:00:00Z", "seconds": 0, "error": None,
        "checkpoint": "2026-02-01T00:00:00+00:00", "progress": [0.5], "sources": ["the clock"],
        "result": {"runs": 3, "events": 5}, "stored": {"3": {"word": "x"}},
    }  # fmt: skip
    hubbub(*run, "--word", "y")
    answer = hubbub("query", "tallied", "--plugins", plugin, "--store", store, "--json")
    assert answer.json["data"] == [{"run": "3", "word": "x"}, {"run": "4", "word": "y"}]
    assert hubbub(*run, "--category", "git").json["result"]["events"] == 2


@pytest.mark.parametrize(
    ("word", "message"), [("fail", "ValueError: a bad word"), ("assert", "never")]
)
def test_a_job_that_raises(hubbub: Run, store: Path, plugin: Path, word: str, message: str) -> None:
    at = ("--plugins", plugin, "--store", store)
    assert hubbub("jobs", "run", "tally", *at).code == 0
    checkpoint = hubbub("jobs", "list", *at, "--json").json[0]["checkpoint"]
    outcome = hubbub("jobs", "run", "tally", *at, "--word", word, "--json")
    assert (outcome.code, outcome.json["checkpoint"]) == (1, checkpoint)
    assert message in outcome.err
    if word == "fail":
        assert f"{plugin}:10: job 'tally' failed: {message}" in outcome.err
    listed = hubbub("jobs", "list", *at, "--json").json[0]
    assert (listed["state"], listed["checkpoint"]) == ("failed", checkpoint)
    assert message in listed["error"]
    shown = hubbub("jobs", "list", *at)
    assert "failed" in shown.out
    assert message in shown.err


def test_a_due_job_is_run_once_and_a_failed_one_again(
    hubbub: Run, store: Path, plugin: Path, tmp_path: Path
) -> None:
    config = tmp_path / "hubbub.toml"
    config.write_text('[jobs.usage]\nschedule = "off"\n[jobs.tally]\nword = "fail"\n')
    at = ("--plugins", plugin, "--store", store, "--config", config)

    def due(now: str) -> Any:
        outcome = hubbub("jobs", "run", "--due", "--now", now, "--json", *at)
        return outcome.code, [job["job"] for job in outcome.json]

    assert due("2026-02-01T10:05") == (1, ["tally"])
    assert due("2026-02-01T10:06") == (1, ["tally"])  # until it succeeds
    config.write_text('[jobs.usage]\nschedule = "off"\n')
    assert due("2026-02-01T10:07") == (0, ["tally"])
    assert due("2026-02-01T10:59") == (0, [])
    assert (
        hubbub("jobs", "run", "tally", "--times", "2", "--now", "2026-02-01T11:30", *at).code == 0
    )
    assert due("2026-02-01T11:31") == (0, ["tally"])  # a manual run with parameters does not count
    listed = hubbub("jobs", "list", *at, "--json", "--now", "2026-02-01T11:32").json
    assert [(job["name"], job["schedule"], job["state"], job["due"], job["next"])
            for job in listed] == [
        ("tally", "1h", "ok", False, "2026-02-01T12:00:00Z"), ("usage", "off", "never", False, None)
    ]  # fmt: skip
    assert (
        hubbub("jobs", "run", "--due", "--now", "2026-02-01T11:32", *at).out == "nothing is due\n"
    )


def test_required_parameters_may_come_from_the_configuration(
    hubbub: Run, store: Path, tmp_path: Path, registry: None
) -> None:
    plugin, config = tmp_path / "needs.py", tmp_path / "hubbub.toml"
    plugin.write_text(
        "from datetime import datetime\nfrom hubbub import cron\n\n@cron('1d')\n"
        "def needs(when: datetime, often: list[int], state):\n"
        "    return [when, often, state.inc('n')]\n"
    )
    at = ("--plugins", plugin, "--store", store, "--config", config)
    config.write_text("[jobs.needs]\noften = [1, 2]\n[jobs.usage]\nschedule = 'off'\n")
    missing = hubbub("jobs", "run", "needs", *at)
    assert (missing.code, "job 'needs' needs --when" in missing.err) == (2, True)
    assert hubbub("jobs", "run", "--due", *at).code == 2
    listed = hubbub("jobs", "list", "--json", *at).json[0]
    assert (listed["state"], listed["error"]) == ("failed", "job 'needs' needs --when")
    config.write_text(
        "[jobs.needs]\noften = [1, 2]\nwhen = 2026-01-02T03:04:05\n[jobs.usage]\nschedule = 'off'\n"
    )
    outcome = hubbub("jobs", "run", "--due", "--json", *at)
    assert [job["result"] for job in outcome.json] == [["2026-01-02T03:04:05Z", [1, 2], 1]]
    outcome = hubbub("jobs", "run", "needs", "--often", "3", "--json", *at)
    assert outcome.json["result"] == ["2026-01-02T03:04:05Z", [3], 2]


@pytest.mark.parametrize("schedule", ["daily", "61 * * * *", "0 0 31 2 *", "0s", "* * * *"])
def test_the_error_for_an_invalid_schedule_names_file_and_line(
    hubbub: Run, store: Path, tmp_path: Path, registry: None, schedule: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(f'from hubbub import cron\n\n@cron("{schedule}")\ndef bad():\n    pass\n')
    outcome = hubbub("jobs", "list", "--plugins", path, "--store", store)
    assert outcome.code == 2
    assert f"{path}:3: the plugin cannot be imported: ValueError: " in outcome.err


def test_list_creates_no_store(hubbub: Run, tmp_path: Path) -> None:
    outcome = hubbub("jobs", "list", "--store", tmp_path / "none")
    assert outcome.code == 0
    assert "there is no store" in outcome.err
    assert not (tmp_path / "none").exists()


def started(store: Path, plugin: Path, *options: str) -> subprocess.Popen[str]:
    program = str(Path(sys.executable).with_name("hubbub"))
    words = [program, "jobs", "run", *options, "--plugins", str(plugin), "--store", str(store)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_run_at_a_time_and_a_killed_one_leaves_no_lock(
    hubbub: Run, store: Path, plugin: Path
) -> None:
    at = ("--plugins", plugin, "--store", store)

    def state() -> str:
        listed = hubbub("jobs", "list", "--json", *at).json
        return str(next(job["state"] for job in listed if job["name"] == "tally"))

    process = started(store, plugin, "tally", "--word", "wait")
    try:
        eventually(lambda: state() == "running")
        refused = hubbub("jobs", "run", "tally", *at)
        assert refused.code == 2
        assert f"process {process.pid}: the job 'tally' is running already" in refused.err
        due = hubbub("jobs", "run", "--due", "--json", *at)
        assert (due.code, [job["job"] for job in due.json]) == (0, ["usage"])
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=90)
    assert state() == "interrupted"
    assert hubbub("jobs", "run", "--due", "--json", *at).json[0]["job"] == "tally"
    assert state() == "ok"


def test_a_concurrent_list_does_not_refuse_a_run(hubbub: Run, store: Path, plugin: Path) -> None:
    """`jobs list` holds the lock for an instant; here it is held longer."""
    at = ("--plugins", plugin, "--store", store)
    assert hubbub("jobs", "run", "tally", *at).code == 0
    with (store / "jobs" / "tally.lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        later = threading.Timer(0.3, fcntl.flock, (looking.fileno(), fcntl.LOCK_UN))
        later.start()
        outcome = hubbub("jobs", "run", "tally", *at)
        later.join()
    assert outcome.code == 0, outcome.err


SLOW = '''
import time
from datetime import date, datetime, timedelta
from hubbub import cron
from hubbub.analyzers.extraction import days, extract

@cron("1d")
def slow(db, state, clock, progress, source, config_start: datetime, pause: float = 0.0):
    """A day takes its time."""
    seen = state.get("checkpoint")
    every = days(seen and date.fromisoformat(seen), today=clock().date(),
                 config_start=config_start.date())

    def read(day):
        time.sleep(pause)
        return [{"user": "ann", "created": f"{day}T12:00:00"}]

    extract(read, db["slow"], state, every, progress=progress, source=source)
'''


def test_a_killed_job_continues_after_the_last_finished_day(
    hubbub: Run, store: Path, tmp_path: Path, registry: None
) -> None:
    plugin = tmp_path / "slow.py"
    plugin.write_text(SLOW)
    options = ("slow", "--config-start", "2026-01-01", "--now", "2026-03-01", "--json")
    at = ("--plugins", plugin, "--store", store)
    checkpoints: list[str] = []
    for n in range(3):
        process = started(store, plugin, *options, "--pause", "0.02")

        def further() -> bool:
            listed = hubbub("jobs", "list", "--json", *at).json
            now = next(job["checkpoint"] for job in listed if job["name"] == "slow")
            return now is not None and now > (checkpoints or [""])[-1]

        eventually(further)
        time.sleep(0.01 * n)
        process.kill()
        out, _ = process.communicate(timeout=90)
        assert out == "", "it was to be killed before its end"
        outcome = hubbub("jobs", "list", "--json", *at).json
        checkpoints.append(next(job["checkpoint"] for job in outcome if job["name"] == "slow"))
    outcome = hubbub("jobs", "run", *options, *at)
    every_day = [f"2026-{m:02}-{d:02}" for m, last in ((1, 31), (2, 28), (3, 1))
             for d in range(1, last + 1)]  # fmt: skip
    assert outcome.code == 0
    assert list(outcome.json["stored"]) == every_day
    assert outcome.json["sources"][0] == checkpoints[-1]
    assert [path.name for path in (store / "jobs").iterdir()] == ["slow.lock"]


def test_a_job_that_another_process_ran_meanwhile_is_not_run_again(
    hubbub: Run, store: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Jobs.run

    def run_all_due_first(jobs: Jobs, name: str) -> JobRun:
        for other in jobs.due():
            run(jobs, other)
        return run(jobs, name)

    monkeypatch.setattr(Jobs, "run", run_all_due_first)
    outcome = hubbub("jobs", "run", "--due", "--json", "--plugins", plugin, "--store", store)
    assert (outcome.code, [job["job"] for job in outcome.json]) == (0, ["tally"])
