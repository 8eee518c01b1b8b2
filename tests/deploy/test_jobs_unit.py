"""deploy/hubbub-jobs.service and .timer: understood, closed, and a command line that exists."""

import configparser
import os
import re
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from hubbub.cli.commands.jobs import jobs
from tests.support import paths

DEPLOY = paths.ROOT / "deploy"
SERVICE, TIMER = DEPLOY / "hubbub-jobs.service", DEPLOY / "hubbub-jobs.timer"
EXPOSURE = 1.0  # of 10; systemd calls it safe


def read(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.service("systemd")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    program = tmp_path / "hubbub"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (SERVICE, TIMER):
        text = path.read_text().replace("/opt/hubbub/bin/hubbub", str(program))
        (tmp_path / path.name).write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         str(tmp_path / SERVICE.name), str(tmp_path / TIMER.name)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    ours = [line for line in ran.stderr.splitlines() if "hubbub-jobs" in line]
    assert (ran.returncode, ours) == (0, [])


@pytest.mark.service("systemd")
def test_systemd_rates_it_closed() -> None:
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(SERVICE)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.stdout)
    assert found is not None, ran.stdout + ran.stderr
    assert float(found[1]) < EXPOSURE, ran.stdout


def test_it_starts_a_command_line_that_exists_on_the_store_of_the_listener() -> None:
    service, listener = read(SERVICE)["Service"], read(DEPLOY / "hubbub-listen.service")["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[:3] == ["/opt/hubbub/bin/hubbub", "jobs", "run"]
    run = jobs.commands["run"]
    with run.make_context("run", words[3:]) as ctx:
        assert ctx.params["due"] is True
    theirs = shlex.split(listener["ExecStart"])
    for option in ("--store", "--config"):
        assert words[words.index(option) + 1] == theirs[theirs.index(option) + 1]
    for key in ("User", "Group", "DynamicUser", "StateDirectory", "UMask"):
        assert service[key] == listener[key]


def test_the_timer_starts_the_service_more_often_than_any_own_job() -> None:
    from hubbub.plugins import load_builtins
    from hubbub.registry import REGISTRY
    from hubbub.times import EPOCH

    load_builtins()
    timer = read(TIMER)
    assert "Unit" not in timer["Timer"]  # then it is the service of the same name
    every = re.fullmatch(r"\*:0/(\d+)", timer["Timer"]["OnCalendar"])
    assert every is not None
    for function in REGISTRY.jobs.values():
        schedule = function.extra["schedule"]
        first = schedule.after(EPOCH)
        assert schedule.after(first) - first >= timedelta(minutes=int(every[1]))
    assert timer["Install"]["WantedBy"] == "timers.target"
