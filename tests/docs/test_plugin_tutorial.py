"""The tutorial of docs/plugins.md works as printed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import free_port

PAGE = (ROOT / "docs" / "plugins.md").read_text()
TUTORIAL = PAGE.partition("## From nothing to a live panel\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TUTORIAL, re.MULTILINE | re.DOTALL)
PORT = "8717"


class Shell:
    """Runs the blocks of the page, one after the other, in the folder to which they change.

    Attributes:
        folder: the current one.
        port: a free one, in the place of that of the page.
        servers: commands that ended with `&`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[subprocess.Popen[bytes]] = []
        self.port = str(free_port())
        bin_ = folder / "bin"
        bin_.mkdir()
        for name in ("hubbub", "python"):
            code = '-c "from hubbub.cli import main; main()" ' if name == "hubbub" else ""
            (bin_ / name).write_text(f'#!/bin/sh\nexec {sys.executable} {code}"$@"\n')
            (bin_ / name).chmod(0o755)
        self.environment = {
            **os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"),
            "XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def run(self, block: str) -> str:
        """Run a block; return what its commands print."""
        out = ""
        for line in block.replace(PORT, self.port).splitlines():
            if line.startswith("cd "):
                self.folder /= line.removeprefix("cd ")
            elif line.endswith(" &"):
                self.servers.append(self._popen(line.removesuffix(" &")))
                self._wait_for_server()
            else:
                ran = subprocess.run(
                    ["sh", "-c", line], cwd=self.folder, env=self.environment,
                    capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
                out += ran.stdout
        return out

    def write(self, block: str) -> None:
        """Write a file whose path is in the block's first line."""
        head, _, code = block.partition("\n")
        path = self.folder / head.removeprefix("# ")
        assert path.exists(), f"the package has no {path.name}"
        path.write_text(code)

    def _popen(self, line: str) -> subprocess.Popen[bytes]:
        with (self.folder / "serve.log").open("wb") as log:
            return subprocess.Popen(
                ["sh", "-c", f"exec {line}"], cwd=self.folder, env=self.environment, stderr=log
            )

    def _wait_for_server(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.port))) == 0:
                    return
            assert self.servers[-1].poll() is None, (self.folder / "serve.log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server does not start")

    def end(self) -> None:
        """End the servers."""
        for server in self.servers:
            server.send_signal(signal.SIGTERM)
            server.wait(90)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.mark.timeout(900)  # it starts a dozen processes, one after the other
def test_the_tutorial_works_as_printed(shell: Shell) -> None:
    last, outputs = "", []
    for language, block in BLOCKS:
        if language == "python":
            shell.write(block)
        elif language == "sh":
            last = block
            outputs.append(shell.run(block))
        else:  # what the last command prints, as soon as the events are in the tables
            end = time.monotonic() + 90
            while outputs[-1] != block and time.monotonic() < end:
                time.sleep(0.5)
                outputs[-1] = shell.run(last)
            assert outputs[-1] == block
    created, tested, *_, sent, _, printed = outputs
    assert "3 passed" in created
    assert "1 passed" in tested
    assert sent == "Success" * 3
    assert printed == "user,thanks\nbob,2\nann,1\n"
    page = shell.run(f"curl -s -D - http://127.0.0.1:{PORT}/view/thanks_panel")
    assert "Thank you, ann!" in page
    assert '<meta http-equiv="refresh" content="5">' in page
    assert ">bob<" in page
    assert (shell.folder / "thanks.svg").read_text().count(">ann<")
    policy = re.search(r"(?i)^content-security-policy: (.*)$", page, re.MULTILINE)
    assert policy is not None
    assert "script-src" not in policy[1]
    assert "default-src 'none'" in policy[1]


def test_the_steps_are_complete() -> None:
    assert [language for language, _ in BLOCKS] == [
        "sh", "python", "python", "sh", "sh", "sh", "sh", "", "sh",
    ]  # fmt: skip
    assert re.findall(r"^\*\*(\d)\. ", TUTORIAL, re.MULTILINE) == list("1234567")
