"""How much memory there is, and how much of it the query engine may use."""

import os
from pathlib import Path

import pytest

from hubbub.config import load
from hubbub.errors import UsageError
from hubbub.memory import available
from hubbub.store import Store

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def root(tmp_path: Path, group: str, files: dict[str, str]) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_without_a_limit_it_is_the_machine_s(tmp_path: Path) -> None:
    assert available(tmp_path) == MACHINE
    limits = {"system.slice/hubbub.service/memory.max": "max\n"}
    assert available(root(tmp_path, "0::/system.slice/hubbub.service\n", limits)) == MACHINE


def test_the_lowest_limit_of_the_groups_above_counts(tmp_path: Path) -> None:
    limits = {
        "system.slice/memory.max": "400000000\n",
        "system.slice/hubbub.service/memory.max": "700000000\n",
    }
    group = "0::/system.slice/hubbub.service\n"
    assert available(root(tmp_path, group, limits)) == 400_000_000


def test_the_limit_that_slows_down_counts(tmp_path: Path) -> None:
    limits = {
        "system.slice/hubbub.service/memory.high": "600000000\n",
        "system.slice/hubbub.service/memory.max": "700000000\n",
    }
    group = "0::/system.slice/hubbub.service\n"
    assert available(root(tmp_path, group, limits)) == 600_000_000


def test_the_older_hierarchy(tmp_path: Path) -> None:
    limits = {"memory/docker/1f/memory.limit_in_bytes": "300000000\n"}
    group = "5:cpu:/docker/1f\n4:memory:/docker/1f\n"
    assert available(root(tmp_path, group, limits)) == 300_000_000


def engine_limit(store: Store) -> str:
    (value,) = store.backend.raw_sql("SELECT current_setting('memory_limit')").fetchone()
    return str(value)


@pytest.mark.parametrize(("memory", "limit"), [(300 << 20, "300.0 MiB"), (1, "64.0 MiB")])
def test_the_engine_has_a_limit(tmp_path: Path, memory: int, limit: str) -> None:
    with Store.open(tmp_path / "store") as store:
        store.engine_memory = memory
        assert engine_limit(store) == limit


def test_by_default_the_engine_may_use_half(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        number, unit = engine_limit(store).split()
        gibibytes = float(number) / (1 if unit == "GiB" else 1024)
        assert gibibytes == pytest.approx(available() / 2 / 2**30, abs=0.11)


@pytest.mark.parametrize(("memory", "threads"), [(64 << 20, 1), (1 << 34, 2)])
def test_with_little_memory_there_are_few_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    with Store.open(tmp_path / "store") as store:
        store.engine_memory = memory
        assert store.backend.raw_sql("SELECT current_setting('threads')").fetchall() == [(threads,)]


@pytest.mark.parametrize(
    ("text", "size"), [("2GiB", 2 << 30), ("50%", available() // 2), ("100 %", available())]
)
def test_the_configured_size(tmp_path: Path, text: str, size: int) -> None:
    file = tmp_path / "hubbub.toml"
    file.write_text(f'[engine]\nmemory = "{text}"\nspill = "3GB"\n')
    engine = load(file).engine
    assert engine.memory_bytes == pytest.approx(size, abs=1)
    assert engine.spill_bytes == 3_000_000_000


@pytest.mark.parametrize(
    ("setting", "error"),
    [('memory = "much"', "'much' is not a size"), ('memory = "0%"', "not a share"),
     ('memory = "101%"', "not a share"), ('memory = "10MB"', "10MB is too little"),
     ('memory = ""', "not a size"), ('spill = "50%"', "'50%' is not a size")],
)  # fmt: skip
def test_a_wrong_size_is_refused(tmp_path: Path, setting: str, error: str) -> None:
    file = tmp_path / "hubbub.toml"
    file.write_text(f"[engine]\n{setting}\n")
    engine = load(file).engine
    with pytest.raises(UsageError, match=error) as raised:
        _ = engine.memory_bytes, engine.spill_bytes
    assert raised.value.where == f"engine.{setting.split(maxsplit=1)[0]}"
