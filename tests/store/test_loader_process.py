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

from hubbub.collector.people.reader import ReaderConfig
from hubbub.store import Store
from hubbub.store.loader_process import LONGEST, LoaderProcess, _pause

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


def test_it_goes_on_trying_after_days_of_failures() -> None:
    assert [_pause(5.0, failed) for failed in (0, 1, 2, 4)] == [5.0, 10.0, 20.0, LONGEST]
    assert _pause(5.0, 5_000) == LONGEST, "2**5000 is no float"


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


@pytest.mark.timeout(120)
def test_sigterm_to_the_whole_group_loads_what_is_written_last(store: Store, frame: Make) -> None:
    loader = LoaderProcess(store.path, every=0.2)
    loader.start()
    put(store, frame, 1)
    assert until(lambda: store.rows() == 1)
    assert loader.pid is not None
    for _ in range(20):  # wherever it is: waiting, looking whether it is to end, loading
        os.kill(loader.pid, signal.SIGTERM)
        time.sleep(0.01)
    put(store, frame, 2)
    begun = time.monotonic()
    assert loader.stop(timeout=30)
    assert time.monotonic() - begun < 20
    assert store.rows() == 2
    assert loader.restarts == 0


@pytest.mark.timeout(120)
def test_sigterm_ends_it_without_its_owners_word(store: Store, frame: Make) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=0.1)
    with loader:
        put(store, frame, 1)
        assert until(lambda: store.rows() == 1)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGTERM)
        assert until(lambda: loader.pid != first), "and its owner starts another"
        put(store, frame, 2)
        assert until(lambda: store.rows() == 2)


@pytest.mark.timeout(120)
def test_a_loader_that_was_killed_a_moment_ago_does_not_hold_up_the_stop(
    store: Store, frame: Make
) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=30)
    loader.start()
    put(store, frame, 1)
    assert until(lambda: store.rows() == 1)
    assert loader.pid is not None
    os.kill(loader.pid, signal.SIGKILL)
    assert not loader.stop(timeout=10)
    assert loader.restarts == 0


ORPHAN = """
import os, sys, time
from pathlib import Path
from hubbub.store.loader_process import LoaderProcess
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


@pytest.mark.timeout(120)
def test_another_process_with_other_rules_takes_its_place(
    store: Store, frame: Make, tmp_path: Path
) -> None:
    directory = tmp_path / "directory.json"
    directory.write_text("{}")
    with LoaderProcess(store.path, every=0.2, delay=30) as loader:
        put(store, frame, 1)
        assert until(lambda: store.rows() == 1)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGHUP)
        put(store, frame, 2)
        assert until(lambda: store.rows() == 2), "a reload is its owner's business"
        assert loader.alive
        loader.renew(ReaderConfig(directory=directory))
        put(store, frame, 3)
        assert until(lambda: loader.pid != first)
        assert until(lambda: store.rows() == 3)
        assert loader.alive
        assert (loader.restarts, loader.understanding.directory) == (0, directory)
        loader.renew(ReaderConfig())
        put(store, frame, 4)
        assert loader.stop(timeout=30)
        assert until(lambda: not loader.alive, 1)
    assert store.rows() + store.waiting().records == 4  # a stop while it is renewed loses nothing


SMALL = """
import multiprocessing, sys
from hubbub.collector.people.reader import Understanding
from hubbub.store import Store
from hubbub.store.loader_process import run

end, stop = multiprocessing.Pipe()
end.close()  # told to end at once
run(sys.argv[1], Understanding(), stop)

from hubbub.store import rollups  # as it does after some commits
with Store.open(sys.argv[1]) as store, store.loader_lock():
    rollups.catch_up(store)

import pyarrow
print(pyarrow.default_memory_pool().backend_name, "duckdb" in sys.modules)
"""


def test_it_is_small(store: Store, frame: Make) -> None:
    """No SQL engine, and none of Arrow's own allocators, which keep what is free."""
    put(store, frame, 1, 2)
    environment = {k: v for k, v in os.environ.items() if k != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(
        [sys.executable, "-c", SMALL, store.path],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["system", "False"]
    assert store.rows() == 2
    assert all(one.batch() == store.table.version() for one in store.rollups)
