"""What a query cannot hold in memory lies in the store, and does not outlive its process."""

from pathlib import Path
from typing import Any

import pytest

from hubbub.errors import NoMemoryError
from hubbub.registry import Function, Registry
from hubbub.run.runner import Runner
from hubbub.store import Store
from hubbub.store.disk import spill as spill_module
from hubbub.store.disk.spill import Spill, delete_abandoned


def test_the_engine_spills_into_the_store(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        folder = store.backend.raw_sql("SELECT current_setting('temp_directory')").fetchall()[0][0]
        assert Path(folder).parent == tmp_path / "s" / "spill"
        store.backend.raw_sql("SET memory_limit = '40MB'")
        store.backend.raw_sql("SET threads = 1")
        store.backend.raw_sql(
            "CREATE TABLE t AS SELECT range AS n, hash(range)::VARCHAR AS h FROM range(3000000)"
        )
        assert list(Path(folder).iterdir()), "it spilled"
    assert list((tmp_path / "s" / "spill").iterdir()) == []


def test_folders_of_dead_processes_are_deleted_and_others_are_kept(tmp_path: Path) -> None:
    dead = tmp_path / "spill" / "dead"
    dead.mkdir(parents=True)
    (dead / "rows").write_text("alice")
    spill = Spill(tmp_path)
    assert spill.path is not None
    assert not dead.exists()
    delete_abandoned(tmp_path)
    assert spill.path.exists()
    spill.close()
    assert not spill.path.exists()


def test_outside_of_a_store_the_folder_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    dead = tmp_path / "hubbub-spill-dead"
    dead.mkdir()
    spills = [Spill(None), Spill(None)]
    assert not dead.exists()
    for spill in spills:
        assert spill.path is not None
        assert spill.path.parent == tmp_path
        assert spill.path.stat().st_mode & 0o777 == 0o700
        spill.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process deletes it before it is locked."""
    made = []

    def new(store: Path) -> Path:
        made.append(real(store))
        if len(made) == 1:
            delete_abandoned(store)
        return made[-1]

    real = spill_module._new
    monkeypatch.setattr(spill_module, "_new", new)
    spill = Spill(tmp_path)
    assert spill.path == made[1] != made[0]
    spill.close()


def test_the_disk_that_is_used_is_bounded(tmp_path: Path) -> None:
    def heavy(events: Any) -> Any:
        backend = store.backend
        backend.raw_sql("CREATE TABLE t AS SELECT hash(range)::VARCHAR AS h FROM range(4000000)")
        return []

    registry = Registry()
    registry.add(Function("query", "heavy", heavy, __name__))
    with Store.open(tmp_path / "s") as store:
        store.engine_memory, store.engine_disk = 64 << 20, 8 << 20
        with pytest.raises(NoMemoryError, match="needs more disk space") as raised:
            Runner(store, registry).query("heavy")
        assert "`spill` in [engine]" in raised.value.hint


def test_without_room_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "spill").write_text("in the way")
    spill = Spill(tmp_path)
    assert spill.path is None
    spill.close()
