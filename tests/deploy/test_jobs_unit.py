"""deploy/hubbub-jobs.service and .timer: valid, sandboxed, with a valid command line."""

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
MAX_EXPOSURE = 1.0  # of 10; systemd rates it SAFE


def read(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


@pytest.mark.service("systemd")
def test_systemd_accepts_every_line(tmp_path: Path) -> None:
    program = tmp_path / "hubbub"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (SERVICE, TIMER):
        text = path.read_text().replace("/opt/hubbub/bin/hubbub", str(program))
        (tmp_path / path.name).write_text(text)
    process = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         str(tmp_path / SERVICE.name), str(tmp_path / TIMER.name)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    warnings = [line for line in process.stderr.splitlines() if "hubbub-jobs" in line]
    assert (process.returncode, warnings) == (0, [])


@pytest.mark.service("systemd")
def test_systemd_rates_the_exposure_low() -> None:
    process = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(SERVICE)],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", process.stdout)
    assert match is not None, process.stdout + process.stderr
    assert float(match[1]) < MAX_EXPOSURE, process.stdout


def test_the_command_line_is_valid_and_uses_the_listeners_store() -> None:
    service, listener = read(SERVICE)["Service"], read(DEPLOY / "hubbub-listen.service")["Service"]
    command = shlex.split(service["ExecStart"])
    assert command[:3] == ["/opt/hubbub/bin/hubbub", "jobs", "run"]
    run = jobs.commands["run"]
    with run.make_context("run", command[3:]) as ctx:
        assert ctx.params["due"] is True
    listen = shlex.split(listener["ExecStart"])
    for option in ("--store", "--config"):
        assert command[command.index(option) + 1] == listen[listen.index(option) + 1]
    for key in ("User", "Group", "DynamicUser", "StateDirectory", "UMask"):
        assert service[key] == listener[key]


def test_the_timer_runs_at_least_as_often_as_every_built_in_job() -> None:
    from hubbub.plugins import load_builtins
    from hubbub.registry import REGISTRY
    from hubbub.times import EPOCH

    load_builtins()
    timer = read(TIMER)
    assert "Unit" not in timer["Timer"]  # the default is the service of the same name
    match = re.fullmatch(r"\*:0/(\d+)", timer["Timer"]["OnCalendar"])
    assert match is not None
    interval = timedelta(minutes=int(match[1]))
    for function in REGISTRY.jobs.values():
        schedule = function.extra["schedule"]
        first = schedule.after(EPOCH)
        assert schedule.after(first) - first >= interval
    assert timer["Install"]["WantedBy"] == "timers.target"
