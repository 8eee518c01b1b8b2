"""Every query works on a store that this process may only read."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.stores.filling import MakeFrame, put

COMMANDS = [
    "query users", "query volume --format csv", "status", "identity suspects", "dead-letters list",
    "chart heatmap -o -", "export -o - --format jsonl", "report -o {out}", "jobs list",
    "identity list",
]  # fmt: skip
WRITING = ["compact", "verify", "identity merge alice bob --why x", "forget alice --why x"]


@pytest.fixture
def mounted(tmp_path: Path, frame: MakeFrame) -> Iterator[Path]:
    """A store with a segment that waits, mounted read-only."""
    if os.geteuid():
        pytest.skip("needs root")
    path, mount = tmp_path / "store", tmp_path / "mount"
    mount.mkdir()
    with Store.open(path) as store:
        put(store, *(frame(n) for n in range(5)), load=True)
        put(store, frame(7), frame(8))
    bind: list[list[str | Path]] = [
        ["mount", "--bind", path, mount],
        ["mount", "-o", "remount,ro,bind", mount],
    ]
    for command in bind:
        if subprocess.run(command, check=False, timeout=20).returncode:
            subprocess.run(["umount", mount], check=False, timeout=20)
            pytest.skip("may not mount here")
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True, timeout=20)


@pytest.fixture
def owned(tmp_path: Path, frame: MakeFrame) -> Path:
    """A store of another account, with a segment that waits; this process is root."""
    if os.geteuid():
        pytest.skip("needs root")
    path = tmp_path / "store"
    with Store.open(path) as store:
        put(store, *(frame(n) for n in range(5)), load=True)
        put(store, frame(7), frame(8))
    for each in (path, *path.rglob("*")):
        os.chown(each, 12345, 12345)
    return path


@pytest.mark.parametrize("command", ["status", "query users", "chart heatmap -o -"])
def test_root_reads_the_store_of_another_account_and_writes_nothing(
    owned: Path, command: str, hubbub: Run
) -> None:
    before = {path: path.stat().st_mtime_ns for path in owned.rglob("*")}
    result = hubbub("--store", str(owned), *command.split())
    assert result.code == 0, result.err
    assert "2 messages in 1 segment" in result.out + result.err
    assert {path: path.stat().st_mtime_ns for path in owned.rglob("*")} == before


@pytest.mark.parametrize("command", WRITING)
def test_root_does_not_write_the_store_of_another_account(
    owned: Path, command: str, hubbub: Run
) -> None:
    result = hubbub("--store", str(owned), *command.split())
    assert result.code == 2, result.err
    assert "run it as the store's owner" in result.err
    assert {path.stat().st_uid for path in owned.rglob("*")} == {12345}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_read(mounted: Path, tmp_path: Path, command: str, hubbub: Run) -> None:
    words = command.format(out=tmp_path / "out").split()
    result = hubbub("--store", str(mounted), *words)
    assert result.code == 0, result.err
    assert "2 messages in 1 segment" in result.err


@pytest.mark.parametrize("command", WRITING)
def test_commands_that_write_say_why_they_cannot(mounted: Path, command: str, hubbub: Run) -> None:
    result = hubbub("--store", str(mounted), *command.split())
    assert result.code == 2, result.err
    assert "no permission to write here" in result.err
    assert "damaged" not in result.err


def test_the_same_answers(mounted: Path) -> None:
    with Store.open(mounted, create=False, reading=True) as store:
        assert store.read_only
        assert not store.load().new
        assert store.events().count_events() == 5
        with pytest.raises(UsageError, match="no permission to write"), store.loader_lock():
            pass


def test_a_new_store_is_its_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Store.open(tmp_path / "a" / "store").close()
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "store").stat().st_mode & 0o777 == 0o700
