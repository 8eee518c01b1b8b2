"""The loader process: it loads, stops on request, is restarted, and ends with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubbub.collector.people.reader import ReaderConfig
from hubbub.store import Store
from hubbub.store.loader_process import LONGEST, LoaderProcess, _pause
from tests.support.stores.filling import MakeFrame, put


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_the_back_off_is_bounded() -> None:
    assert [_pause(5.0, failures) for failures in (0, 1, 2, 4)] == [5.0, 10.0, 20.0, LONGEST]
    assert _pause(5.0, 5_000) == LONGEST, "2**5000 overflows a float"


@pytest.mark.timeout(120)
def test_it_loads_survives_a_kill_and_finishes_the_spool(store: Store, frame: MakeFrame) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=0.1)
    with loader:
        put(store, frame(1), frame(2))
        assert until(lambda: store.rows() == 2)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGINT)
        put(store, frame(3))
        assert until(lambda: store.rows() == 3), "its parent handles SIGINT"
        os.kill(first, signal.SIGKILL)
        put(store, frame(4))
        assert until(lambda: store.rows() == 4)
        assert loader.restarts == 1
        assert loader.pid != first
        put(store, frame(5))
        assert loader.stop(timeout=30)
    assert store.rows() == 5


@pytest.mark.timeout(120)
def test_after_sigterm_to_the_group_the_last_messages_are_loaded(
    store: Store, frame: MakeFrame
) -> None:
    loader = LoaderProcess(store.path, every=0.2)
    loader.start()
    put(store, frame(1))
    assert until(lambda: store.rows() == 1)
    assert loader.pid is not None
    for _ in range(20):  # in every phase: waiting, polling the pipe, loading
        os.kill(loader.pid, signal.SIGTERM)
        time.sleep(0.01)
    put(store, frame(2))
    start = time.monotonic()
    assert loader.stop(timeout=30)
    assert time.monotonic() - start < 20
    assert store.rows() == 2
    assert loader.restarts == 0


@pytest.mark.timeout(120)
def test_sigterm_alone_ends_it_after_the_grace(store: Store, frame: MakeFrame) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=0.1)
    with loader:
        put(store, frame(1))
        assert until(lambda: store.rows() == 1)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGTERM)
        assert until(lambda: loader.pid != first), "its parent restarts it"
        put(store, frame(2))
        assert until(lambda: store.rows() == 2)


@pytest.mark.timeout(120)
def test_a_loader_that_was_just_killed_does_not_delay_the_stop(
    store: Store, frame: MakeFrame
) -> None:
    loader = LoaderProcess(store.path, every=0.2, delay=30)
    loader.start()
    put(store, frame(1))
    assert until(lambda: store.rows() == 1)
    assert loader.pid is not None
    os.kill(loader.pid, signal.SIGKILL)
    assert not loader.stop(timeout=10)
    assert loader.restarts == 0


PARENT = """
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
def test_it_ends_when_its_parent_is_killed(store: Store, frame: MakeFrame, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script, store.path], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        put(store, frame(1))
        assert until(lambda: store.rows() == 1)
        parent.kill()

    def ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    assert until(ended)


@pytest.mark.timeout(120)
def test_renew_replaces_the_process_by_one_with_other_rules(
    store: Store, frame: MakeFrame, tmp_path: Path
) -> None:
    directory = tmp_path / "directory.json"
    directory.write_text("{}")
    with LoaderProcess(store.path, every=0.2, delay=30) as loader:
        put(store, frame(1))
        assert until(lambda: store.rows() == 1)
        first = loader.pid
        assert first is not None
        os.kill(first, signal.SIGHUP)
        put(store, frame(2))
        assert until(lambda: store.rows() == 2), "its parent handles SIGHUP"
        assert loader.alive
        loader.renew(ReaderConfig(directory=directory))
        put(store, frame(3))
        assert until(lambda: loader.pid != first)
        assert until(lambda: store.rows() == 3)
        assert loader.alive
        assert (loader.restarts, loader.reader_config.directory) == (0, directory)
        loader.renew(ReaderConfig())
        put(store, frame(4))
        assert loader.stop(timeout=30)
        assert until(lambda: not loader.alive, 1)
    assert store.rows() + store.waiting().records == 4  # a stop during a renewal loses nothing


SMALL = """
import multiprocessing, sys
from hubbub.collector.people.reader import ReaderConfig
from hubbub.store import Store
from hubbub.store.loader_process import run

end, stop = multiprocessing.Pipe()
end.close()  # told to end at once
run(sys.argv[1], ReaderConfig(), stop)

from hubbub.store.rollups import refresh  # as the loader does after some commits
with Store.open(sys.argv[1]) as store, store.loader_lock():
    refresh.catch_up(store)

import pyarrow
print(pyarrow.default_memory_pool().backend_name, "duckdb" in sys.modules)
"""


def test_it_uses_little_memory(store: Store, frame: MakeFrame) -> None:
    """It loads no SQL engine, and none of Arrow's allocators, which retain freed memory."""
    put(store, frame(1), frame(2))
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
    assert all(rollup.batch() == store.table.version() for rollup in store.rollups)


@pytest.mark.timeout(120)
def test_nothing_is_imported_from_the_working_folder(
    store: Store, frame: MakeFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("multiprocessing", "json", "structlog", "msgspec"):
        (tmp_path / f"{name}.py").write_text(
            f"import pathlib\npathlib.Path({str(tmp_path / 'hijacked')!r}).touch()\n"
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    put(store, frame(1))
    loader = LoaderProcess(store.path, every=0.2, delay=0.1)
    with loader:
        assert until(lambda: store.rows() == 1)
    assert loader.restarts == 0
    assert not (tmp_path / "hijacked").exists()
    assert "PYTHONSAFEPATH" not in os.environ
