"""The first tutorials run as they are printed, in an empty home folder and without a network."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import paths

pytestmark = pytest.mark.timeout(900)  # a dozen processes each, one after the other

START = paths.ROOT / "docs" / "start"
PAGES = sorted(START.glob("*.md"))
SCRIPT = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


#: As the page is printed, `timeout` ends the command that it runs, and says so by its exit code.
TIMEOUT = re.compile(r"^timeout .*$", re.MULTILINE)

#: In the place of systemd: runs the command line of a unit whose files lie below $ROOT.
SYSTEMD = """
start() {
  cd
  sed -n 's/^ExecStart=/exec /p' "$ROOT/etc/systemd/system/hubbub-listen.service" |
    sed -e "s#%S#$ROOT/var/lib#" -e "s# /etc/# $ROOT/etc/#" -e "s# /opt/# $ROOT/opt/#" > start.sh
  sh start.sh 2>> journal & main=$!
  until curl -sf http://127.0.0.1:8718/healthz > answer; do kill -0 $main; sleep 0.2; done
}
systemctl() {
  case "$*" in
    "enable --now hubbub-listen") start ;;
    "status hubbub-listen") kill -0 $main ;;
    "kill --signal KILL hubbub-listen") kill -9 $main; start ;;
    *) false ;;
  esac
}
journalctl() { cat ~/journal; }
"""


def run(commands: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run commands in one shell, then stop what they left running."""
    assert commands
    commands = TIMEOUT.sub(r"\g<0> || test $? = 124", commands)
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "LC_ALL": "C.UTF-8",
    }
    # Files, not pipes: what a failed command leaves running would keep a pipe open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        shell = subprocess.Popen(
            ["bash", "-eu"], stdin=subprocess.PIPE, stdout=out, stderr=err,
            text=True, cwd=home, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            shell.communicate(f"{commands}\ntrap '' TERM\nkill 0\n", timeout=800)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess("bash", shell.returncode, out.read(), err.read())


def test_a_council_report(tmp_path: Path) -> None:
    ran = run("".join(SCRIPT.findall((START / "council-report.md").read_text())), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "absence_factor" in ran.stdout
    assert "unproven" not in ran.stderr  # the month of the report is complete
    weeks = re.findall(r"^2026-\d\d-\d\dT00:00:00Z +2026-\S+ +\d+ ", ran.stdout, re.MULTILINE)
    assert len(weeks) == 8
    assert (tmp_path / "longtail.svg").read_text().startswith("<?xml")
    report = tmp_path / "report"
    assert {"index.md", "data.json"} < {path.name for path in report.iterdir()}
    page = (report / "index.html").read_text()
    assert "Compared with 31 Aug" in page
    busiest = "djansen"  # the simulated project has the same people in each run
    assert busiest in page
    public = tmp_path / "public"
    assert len(list(public.glob("*.svg"))) == 5
    assert not [path.name for path in public.iterdir() if busiest in path.read_text()]


def test_a_listener_on_a_small_server(tmp_path: Path) -> None:
    ran = run("".join(SCRIPT.findall((START / "small-server.md").read_text())), tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "valid: " in ran.stdout
    assert "1 check failed" not in ran.stdout
    assert '"status":"ok"' in ran.stdout
    assert re.search(r"^coverage: [1-9]\d* open gap", ran.stdout, re.MULTILINE)  # after `kill -9`
    assert "no faults" in ran.stdout


def test_a_service_on_a_small_server(tmp_path: Path) -> None:
    """The part that needs root, with its files below another folder and without systemd."""
    page = (START / "small-server.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    install, look, watch = (block for language, block in blocks if not language)
    bus = next(block for block in SCRIPT.findall(page) if "hubbub simulate" in block)
    venv, pip, *rest = install.splitlines(keepends=True)
    assert venv.split() == ["/usr/bin/python3", "-m", "venv", "/opt/hubbub"]
    assert pip.split() == ["/opt/hubbub/bin/pip", "install", "."]
    program = tmp_path / "opt" / "hubbub" / "bin" / "hubbub"
    program.parent.mkdir(parents=True)
    code = "from hubbub.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(0o755)
    status = look.splitlines()[-1]
    until = f"for n in {{1..60}}; do {status} | grep -q 'open gap' && break; sleep 1; done\n"
    service = f"{''.join(rest)}cd\n{look}{watch}{until}{look}"
    for folder in ("opt", "etc", "var"):
        service = re.sub(rf"(^| )/{folder}/", rf"\1$ROOT/{folder}/", service, flags=re.MULTILINE)
    copied = "install -Dm644 hubbub.toml"
    assert copied in service
    service = service.replace(copied, "install -Dm644 ~/hubbub.toml")  # nothing into the tree
    ran = run(f"ROOT=~\n{SYSTEMD}{bus}cd {paths.ROOT}\n{service}kill $main\n", tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert '"status":"ok"' in ran.stdout
    assert "hubbub_healthy 1.0" in ran.stdout
    assert '"event": "connected"' in ran.stdout
    assert f"store         {tmp_path}/var/lib/hubbub" in ran.stdout
    assert re.search(r"^coverage: [1-9]\d* open gap", ran.stdout, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_tutorial_runs_something(page: Path) -> None:
    assert len(SCRIPT.findall(page.read_text())) >= 3
