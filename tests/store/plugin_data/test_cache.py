"""The cache of plugins."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from hubbub.store import Store
from hubbub.store.plugin_data import cache
from hubbub.store.plugin_data.cache import Cache, CacheFile, cache_of


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path, clock: Clock) -> CacheFile:
    return CacheFile(tmp_path / "plugins", clock)


def test_values_live_for_their_time(file: CacheFile, clock: Clock) -> None:
    mine = Cache(file, "mine")
    mine.set("short", {"a": [1, None, "é"]}, 10)
    mine.set("long", (1, 2))
    clock.now += 9.9
    assert mine.get("short") == {"a": [1, None, "é"]}
    clock.now += 0.1
    assert (mine.get("short"), mine.get("short", "gone"), mine.get("long")) == (
        None,
        "gone",
        [1, 2],
    )
    mine.set("short", 1, 10)
    mine.delete("short")
    mine.delete("short")
    assert mine.get("short") is None


def test_modules_never_see_each_other(file: CacheFile) -> None:
    mine, other = Cache(file, "mine"), Cache(file, "other")
    mine.set("key", "mine", 10)
    assert other.get("key") is None
    other.set("key", "other", 10)
    other.delete("key")
    assert mine.get("key") == "mine"


def test_another_process_reads_what_was_set(tmp_path: Path, file: CacheFile) -> None:
    Cache(file, "mine").set("key", "value", 1e9)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert pool.apply(_read, (tmp_path / "plugins",)) == "value"


def _read(folder: Path) -> object:
    return Cache(CacheFile(folder, lambda: 1001.0), "mine").get("key")


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_only_json_is_kept(file: CacheFile, value: object) -> None:
    with pytest.raises(TypeError):
        Cache(file, "mine").set("key", value, 10)


def test_sizes_are_bounded(file: CacheFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MAX_VALUE", 100)
    with pytest.raises(ValueError, match="too many"):
        Cache(file, "mine").set("key", "x" * 100, 10)
    with pytest.raises(ValueError, match="key is too long"):
        Cache(file, "mine").set("k" * 1025, 1, 10)
    with pytest.raises(TypeError, match="a string, not int"):
        Cache(file, "mine").set(1, 1, 10)  # type: ignore[arg-type]


def test_a_full_file_drops_what_expires_first(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_MAX_FILE", 1 << 20)
    mine = Cache(CacheFile(tmp_path / "small", clock), "mine")
    for n in range(200):
        mine.set(str(n), "x" * 10_000, 1000 + n)
    kept = [n for n in range(200) if mine.get(str(n)) is not None]
    assert kept[-1] == 199
    assert 20 < len(kept) < 105
    assert (tmp_path / "small" / "cache.sqlite").stat().st_size <= 1 << 20


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "cache.sqlite").write_bytes(b"nonsense" * 1000)
    mine = Cache(CacheFile(folder), "mine")
    mine.set("key", 1, 10)
    assert mine.get("key") == 1


def test_clear_leaves_no_byte(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        mine = Cache(cache_of(store.state), "mine")
        mine.set("key", "secretname", 1000)
        assert cache_of(store.state) is cache_of(store.state)
        cache.clear(tmp_path / "store")
        assert mine.get("key") is None
        for path in (tmp_path / "store" / "plugins").iterdir():
            assert b"secretname" not in path.read_bytes()


def test_one_thread_at_a_time_computes_an_entry(file: CacheFile) -> None:
    running, most = 0, 0

    def compute(key: str) -> None:
        nonlocal running, most
        with file.computing("mine", key):
            running += 1
            most = max(most, running)
            time.sleep(0.02)
            running -= 1

    for keys, expected in ((["a"] * 4, 1), (["a", "b"], 2)):
        most = 0
        threads = [threading.Thread(target=compute, args=(key,)) for key in keys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert most == expected


def test_a_lock_ends_with_its_process(tmp_path: Path, file: CacheFile) -> None:
    context = multiprocessing.get_context("spawn")
    holds = context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "plugins", holds))
    process.start()
    assert holds.wait(30)
    process.kill()
    process.join()
    with file.computing("mine", "key"):
        pass


def _hold(folder: Path, holds: object) -> None:
    with CacheFile(folder).computing("mine", "key"):
        holds.set()  # type: ignore[attr-defined]
        time.sleep(600)


def test_in_memory_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = Cache(CacheFile(None), "mine")
    mine.set("key", 1, 10)
    assert mine.get("key") == 1
    assert list(tmp_path.iterdir()) == []


def test_it_is_a_plain_table(tmp_path: Path, file: CacheFile) -> None:
    Cache(file, "mine").set("key", {"a": 1}, 10)
    rows = sqlite3.connect(tmp_path / "plugins" / "cache.sqlite").execute("SELECT * FROM entries")
    assert rows.fetchall() == [("mine", "key", 1010.0, '{"a": 1}')]
