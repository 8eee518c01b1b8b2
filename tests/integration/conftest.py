"""Fixtures that start real services, in temporary folders and on free ports."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.browser.devtools import Browser, browser
from tests.support.bus.fedmsg_lab import PEERS as FEDMSG
from tests.support.bus.fedmsg_lab import ListenProcess, StartListener, StartPublisher
from tests.support.paths import LAB
from tests.support.processes import free_port

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Datagrepper:
    """A running datagrepper with its own PostgreSQL."""

    url: str
    database: str
    environment: dict[str, str]

    def start_script(self, script: str, *arguments: object) -> subprocess.Popen[str]:
        """Start a script of peers/datagrepper with the service's Python."""
        return subprocess.Popen(
            [LAB / "venv-dg/bin/python", PEERS / "datagrepper" / script, self.database,
             *map(str, arguments)],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run_script(self, script: str, *arguments: object) -> None:
        """Run a script of peers/datagrepper to its end; it must succeed."""
        process = self.start_script(script, *arguments)
        out, _ = process.communicate(timeout=200)
        assert process.returncode == 0, out

    def fill(self, rows: int, days: float, end: int) -> None:
        """Store about `rows` messages: 500 through datanommer, the others as copies in SQL."""
        self.run_script(
            "load.py", 500, "--days", days, "--whole-seconds", "--ties", 50, "--end", end
        )
        subprocess.run(
            ["psql", "-q", self.database, "-v", "ON_ERROR_STOP=1", "-v",
             f"copies={max(rows // 500 - 1, 1)}", "-f", PEERS / "datagrepper" / "copies.sql"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def rows(self, sql: str) -> list[list[str]]:
        """Return the rows of a query in PostgreSQL, with columns as text."""
        out = subprocess.run(
            ["psql", "-qAtF\t", self.database, "-c", sql],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        return [line.split("\t") for line in out.splitlines()]


@pytest.fixture(scope="session")
def datagrepper():
    lab = Path(tempfile.mkdtemp(prefix="hubbub-dg-"))
    lab.chmod(0o755)  # PostgreSQL runs as its own user
    environment = {
        **os.environ, "LAB_TMP": str(lab), "PG_PORT": str(free_port()), "TZ": "UTC",
        "VENV_DG": str(LAB / "venv-dg"),
    }  # fmt: skip
    scripts = PEERS / "datagrepper"
    database = subprocess.run(
        [scripts / "pg.sh", "start"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    port, server = free_port(), None
    try:
        service = Datagrepper(f"http://127.0.0.1:{port}", database, environment)
        service.run_script("schema.py")
        with (lab / "serve.log").open("w") as log:
            server = subprocess.Popen(
                [scripts / "serve.sh", database, str(port), "2"],
                env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        wait_for_url(f"{service.url}/healthz/live", server, lab / "serve.log")
        yield service
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(90)
        subprocess.run([scripts / "pg.sh", "stop"], env=environment, check=False, stdout=-3)
        shutil.rmtree(lab, ignore_errors=True)


def wait_for_url(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server responds; fail with its log if it ends or does not respond."""
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{url} does not respond: {log.read_text()}")


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A running browser."""
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def chromium(window: Browser) -> Iterator[Browser]:
    """A page that has nothing in common with those of other tests."""
    with window.fresh_page() as page:
        yield page


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[StartListener]:
    """A function that starts `hubbub listen` with options."""
    running: list[ListenProcess] = []

    def start(*options: str) -> ListenProcess:
        running.append(ListenProcess(tmp_path, *options))
        return running[-1]

    yield start
    for listening in running:
        listening.process.kill()
        listening.process.wait()


@pytest.fixture
def fedmsg(tmp_path: Path) -> Iterator[StartPublisher]:
    """A function that starts peers/fedmsg/people.py, which then waits for `go`."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [LAB / "venv-fmsg/bin/python", FEDMSG / "people.py", *map(str, arguments)],
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        running.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for publisher in running:
        publisher.kill()
        publisher.communicate()
