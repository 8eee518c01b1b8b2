"""What a query cannot hold in memory lies in the store, and does not outlive its process."""

from pathlib import Path

from hubbub.store import Store
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


def test_without_room_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "spill").write_text("in the way")
    spill = Spill(tmp_path)
    assert spill.path is None
    spill.close()
