"""`hubbub serve --plugins`: its processes come to an end, whichever of them is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest
import requests

from tests.support.commandline import Run
from tests.support.processes import free_port, start, wait_until

HERE = Path(__file__).parent
SECONDS = 60


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@contextmanager
def serve(store: Path, *plugins: str) -> Iterator[tuple[Popen[str], str]]:
    """Run `hubbub serve --auth none` with plugins; yield the process and its address."""
    port = free_port()
    options = [option for name in plugins for option in ("--plugins", HERE / name)]
    log = store.with_name("log")
    with log.open("w") as file:
        process = start(
            "serve", "--auth", "none", "--port", port, "--store", store, *options, stderr=file
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, log.read_text()
        yield process, url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def ask(url: str, path: str) -> requests.Response:
    return requests.get(f"{url}/query/{path}", timeout=SECONDS)


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{process}/status")
    return "State:\tZ" in status.read_text() if status.exists() else True


def test_a_killed_worker_is_replaced(store: Path) -> None:
    with serve(store, "hostile.py") as (_, url):
        first = ask(url, "process").json()
        assert ask(url, "process").json() == first  # one after the other, in one process
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: gone(first))
        time.sleep(0.2)
        second = ask(url, "process")
        assert second.status_code == 200
        assert second.json() != first
    wait_until(lambda: gone(second.json()))


def test_workers_end_with_a_killed_server(store: Path) -> None:
    with serve(store, "hostile.py") as (server, url):
        idle = ask(url, "process").json()
        with pytest.raises(requests.Timeout):
            requests.get(f"{url}/query/loops", timeout=0.5)
        busy = ask(url, "process").json()
        assert busy != idle
        server.kill()
        server.wait(SECONDS)
        wait_until(lambda: gone(idle) and gone(busy))


def test_expired_files_are_removed_by_the_job(store: Path, hubbub: Run) -> None:
    with serve(store, "confmod_a.py", "confmod_b.py") as (_, url):
        for name in ("soon.txt", "stays.txt"):
            assert ask(url, f"file_put?filename={name}&text=x").text == "written"
        assert ask(url, "file_expire?filename=soon.txt&seconds=1").text == "ok"
        time.sleep(1.2)
        assert ask(url, "file_get?filename=soon.txt").text == "x"
        ran = hubbub("jobs", "run", "expire_files", "--json", "--store", store)
        assert (ran.code, len(ran.json["result"])) == (0, 1)
        assert ask(url, "file_get?filename=soon.txt").text == "absent"
        assert ask(url, "file_get?filename=stays.txt").text == "x"


def test_what_is_kept_outlives_the_server(store: Path) -> None:
    with serve(store, "confmod_a.py") as (_, url):
        assert ask(url, "m_square?n=5").json() == 25
        assert ask(url, "db_put?text=kept").text == "ok"
        assert ask(url, "cache_put?key=k&value=v").text == "stored"
        assert ask(url, "m_calls?which=m_square").json() == 1
    with serve(store, "confmod_a.py") as (_, url):
        assert ask(url, "m_square?n=5").json() == 25
        assert ask(url, "m_calls?which=m_square").json() == 0
        assert ask(url, "db_get").json() == ["kept"]
        assert ask(url, "cache_get?key=k").text == "v"
