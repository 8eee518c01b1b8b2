"""deploy/hubbub-jobs.service and .timer: a valid command line, run often enough."""

import re
import shlex
from datetime import timedelta

from hubbub.cli.commands.plugins.jobs import jobs
from tests.deploy.units import read


def test_the_command_line_is_valid_and_uses_the_listeners_store() -> None:
    service, listener = (
        read("hubbub-jobs.service")["Service"],
        read("hubbub-listen.service")["Service"],
    )
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
    timer = read("hubbub-jobs.timer")
    assert "Unit" not in timer["Timer"]  # the default is the service of the same name
    match = re.fullmatch(r"\*:0/(\d+)", timer["Timer"]["OnCalendar"])
    assert match is not None
    interval = timedelta(minutes=int(match[1]))
    for function in REGISTRY.jobs.values():
        schedule = function.extra["schedule"]
        first = schedule.after(EPOCH)
        assert schedule.after(first) - first >= interval
    assert timer["Install"]["WantedBy"] == "timers.target"
