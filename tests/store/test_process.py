"""The loader as a process: it loads, ends when told, comes back, goes with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.process import LoaderProcess

Make = Callable[..., Any]


def until(what: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def put(store: Store, frame: Make, *numbers: int) -> None:
    with store.spool("test") as writer:
        for n in numbers:
            writer.put(frame(n))


@pytest.mark.timeout(120)
def test_it_loads_survives_a_kill_and_finishes_what_waits(store: Store, frame: Make) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=0.1)
    with loader:
        put(store, frame, 1, 2)
        assert until(lambda: store.rows() == 2)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGINT)
        put(store, frame, 3)
        assert until(lambda: store.rows() == 3), "SIGINT is its owner's business"
        os.kill(first, signal.SIGKILL)
        put(store, frame, 4)
        assert until(lambda: store.rows() == 4)
        assert loader.restarts == 1
        assert loader.pid != first
        put(store, frame, 5)
        assert loader.stop(timeout=30)
    assert store.rows() == 5


ORPHAN = """
import os, sys, time
from pathlib import Path
from hubbub.store.process import LoaderProcess
if __name__ == "__main__":
    loader = LoaderProcess(Path(sys.argv[1]), every=0.2)
    loader.start()
    print(loader.pid, flush=True)
    time.sleep(1000)
"""


@pytest.mark.timeout(120)
def test_it_ends_when_its_parent_is_gone(store: Store, frame: Make, tmp_path: Any) -> None:
    script = tmp_path / "owner.py"
    script.write_text(ORPHAN)
    with subprocess.Popen([sys.executable, script, store.path], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        put(store, frame, 1)
        assert until(lambda: store.rows() == 1)
        owner.kill()

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    assert until(gone)
