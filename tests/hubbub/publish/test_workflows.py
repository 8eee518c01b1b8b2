"""The workflow files: valid YAML, and commands that exist."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from hubbub.cli.root import cli
from tests.support.commandline import Run


@pytest.mark.parametrize("forge", ["github", "gitlab", "forgejo"])
def test_a_workflow_gathers_publishes_and_commits(hubbub: Run, forge: str) -> None:
    printed = hubbub("publish", "--workflow", forge)
    assert printed.code == 0
    document: dict[Any, Any] = yaml.safe_load(printed.out)
    if forge == "gitlab":
        commands = document["pages"]["script"]
    else:
        (job,) = document["jobs"].values()
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert document[True]["schedule"]  # YAML reads the key `on` as true
    text = "\n".join(commands)
    lines = re.findall(r"^hubbub .*$", text, re.MULTILINE)
    assert [line.split()[1] for line in lines] == ["gather", "publish"]
    for line in lines:
        words = shlex.split(line)[1:]
        with cli.make_context("hubbub", words) as context:
            _, command, rest = cli.resolve_command(context, words)
            assert command is not None
            command.make_context(words[0], list(rest), parent=context).close()
    assert "git commit" in text
    assert "git push" in text
