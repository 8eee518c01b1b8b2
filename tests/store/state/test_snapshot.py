"""A state file that must not be written is read all the same."""

import shutil
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store.state.database import State


def test_a_closed_file(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with State(path) as state:
        state.set("a", 1)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with State(path, read_only=True) as state:
        assert state.get("a") == 1
        assert state.keys() == ["a"]
        with pytest.raises(UsageError, match="no permission to write"):
            state.set("a", 2)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_file_that_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with State(path) as state:
        state.set("a", 1)
        with State(path, read_only=True) as copy:
            state.set("a", 2)
            assert copy.get("a") == 1
        with State(path, read_only=True) as copy:
            assert copy.get("a") == 2


def test_a_snapshot_of_an_open_file(tmp_path: Path) -> None:
    """Its last transactions are in the log only, and there is no shared memory."""
    (tmp_path / "copy").mkdir()
    path = tmp_path / "state.sqlite"
    with State(path) as state:
        state.set("a", 1)
        for name in (path.name, f"{path.name}-wal"):
            shutil.copy(tmp_path / name, tmp_path / "copy")
    assert (tmp_path / "copy" / f"{path.name}-wal").stat().st_size
    with State(tmp_path / "copy" / path.name, read_only=True) as copy:
        assert copy.get("a") == 1
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == [path.name, f"{path.name}-wal"]
