"""The first tutorials run as they are printed, in an empty home folder and without a network."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import paths

START = paths.ROOT / "docs" / "start"
PAGES = sorted(START.glob("*.md"))
SCRIPT = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(page: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the commands of a page in one shell, then stop what they left running."""
    commands = "".join(SCRIPT.findall(page.read_text()))
    assert commands
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "LC_ALL": "C.UTF-8",
    }
    shell = subprocess.Popen(
        ["bash", "-eu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=home, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = shell.communicate(f"{commands}\ntrap '' TERM\nkill 0\n", timeout=240)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
    return subprocess.CompletedProcess("bash", shell.returncode, out, err)


def test_a_council_report(tmp_path: Path) -> None:
    ran = run(START / "council-report.md", tmp_path)
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "report" / "index.html").read_text()
    assert "2026" in page
    assert (tmp_path / "longtail.svg").read_text().startswith("<?xml")
    assert "absence_factor" in ran.stdout


def test_a_listener_on_a_small_server(tmp_path: Path) -> None:
    ran = run(START / "small-server.md", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "valid: " in ran.stdout
    assert "\nok\n" in ran.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_tutorial_runs_something(page: Path) -> None:
    assert len(SCRIPT.findall(page.read_text())) >= 3
