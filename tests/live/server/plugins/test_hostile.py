"""A plugin that loops, eats memory, exits, crashes or prints hurts nobody else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config, PluginsConfig
from tests.support.http import Served, serving
from tests.support.processes import within

FILE = Path(__file__).with_name("hostile.py")


@contextmanager
def limited(folder: Path, timeout: str) -> Iterator[Served]:
    """Serve the file; plugins may take so long, and 700 MB."""
    config = Config(plugins=PluginsConfig(timeout=timeout, memory="700MB", processes=2))
    with serving(folder / "store", config=config, plugins=[FILE]) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose plugins may take four seconds."""
    with limited(tmp_path_factory.mktemp("served"), "4s") as running:
        yield running


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose plugins may take as long as a busy machine needs."""
    with limited(tmp_path_factory.mktemp("patient"), "55s") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("loops", 504, "took longer than 4 s"),
        ("loops_in_native_code", 504, "took longer than 4 s"),
        ("sleeps?seconds=60", 504, "took longer than 4 s"),
        ("leaves_a_child", 504, "took longer than 4 s"),
        ("exits?status=0", 500, "exited with status 0"),
        ("exits?status=3", 500, "exited with status 3"),
        ("exits_politely", 500, "SystemExit: 7"),
        ("segfaults", 500, "killed by SIGSEGV"),
        ("recursive_data", 500, "RecursionError"),
        ("closes_everything", 504, "took longer than 4 s"),  # SQLite waits for its file
        ("talks_to_the_server", 500, "plugin's process"),
        ("no_json", 500, "cannot return a object"),
    ],
)
def test_the_caller_learns_the_reason_and_the_next_call_works(
    served: Served, path: str, status: int, reason: str
) -> None:
    check(served, path, status, reason)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("eats_memory", "more memory than plugins may have: 700MB"),
        ("large?megabytes=65", "is too large"),
    ],
)
def test_more_than_a_plugin_may_have(patient: Served, path: str, reason: str) -> None:
    check(patient, path, 500, reason)


def check(server: Served, path: str, status: int, reason: str) -> None:
    response = server.get(f"/query/{path}")
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    assert reason in response.json()["error"]["message"]
    assert server.get("/query/fine").text == "yes"
    assert server.get("/healthz").status_code == 200


def test_others_are_answered_meanwhile(served: Served) -> None:
    first = served.get("/query/process").json()
    slow: list[Any] = []
    thread = threading.Thread(target=lambda: slow.append(served.get("/query/loops")))
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert served.get("/healthz").status_code == 200
    assert thread.is_alive(), "it did not wait for the loop"
    second = served.get("/query/process").json()
    assert second != first
    assert time.monotonic() - began < within(10)  # it was started meanwhile
    thread.join()
    assert slow[0].status_code == 504
    assert served.get("/query/process").json() not in {first, os.getpid()}


def test_a_child_of_a_plugin_ends_with_it(served: Served) -> None:
    before = _sleepers()
    assert served.get("/query/leaves_a_child").status_code == 504
    assert _sleepers() - before == set()


def _sleepers() -> set[int]:
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes() == b"sleep\x00600\x00":
                found.add(int(entry.parent.name))
        except OSError:
            continue
    return found


def test_a_gigabyte_of_output_neither_blocks_nor_is_kept(
    patient: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    assert patient.get("/query/prints_a_gigabyte").text == "printed"
    assert patient.get("/query/fine").text == "yes"
    logged = capfd.readouterr()
    assert len(logged.out) + len(logged.err) < 1_000_000


def test_more_calls_than_processes_wait_in_order(patient: Served) -> None:
    answers: list[str] = []

    def call() -> None:
        answers.append(patient.get("/query/sleeps?seconds=0.1").text)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["slept"] * 8


def test_a_page_of_a_plugin_runs_no_script(served: Served) -> None:
    response = served.get("/view/scripted")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert served.get("/view/no_page").status_code == 500
