"""Opening a store, and reading it while it is written."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hubbub.errors import StoreError, UsageError
from hubbub.store import Store
from hubbub.store.disk import files
from hubbub.store.disk.files import check_new
from hubbub.store.loader.loader import Loaded

Make = Callable[..., Any]


def test_an_empty_store_answers_everything(store: Store) -> None:
    assert store.load() == Loaded()
    assert store.rows() == 0
    assert store.bounds() is None
    assert store.waiting().records == 0
    assert store.spans() == []
    assert store.dead_letters() == []
    assert store.coverage(0, 1).state == "unproven"
    assert store.events().count_events() == 0
    assert store.events().unnest_users().user.nunique().to_pyarrow().as_py() == 0


def test_opening_costs_no_engine() -> None:
    code = (
        "import sys, tempfile; from hubbub.store import Store; from hubbub.collector.event import"
        " Frame; s = Store.open(tempfile.mkdtemp()); w = s.spool('x'); w.put(Frame('jsonl:x', 1,"
        " b't', b'b')); w.close(); s.waiting(); s.close(); print(*{'ibis', 'duckdb', 'deltalake',"
        " 'pyarrow', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == ""


def test_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store here"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    Store.open(tmp_path / "a" / "b").close()
    Store.open(tmp_path / "a" / "b", create=False).close()


def test_what_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="this is a file"):
        Store.open(file)
    with pytest.raises(UsageError, match="cannot use this folder"):
        Store.open(file / "below")
    with pytest.raises(UsageError, match="not a store, and not empty"):
        Store.open(tmp_path)
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "events").mkdir()
    with pytest.raises(StoreError, match="lost its state"):
        Store.open(tmp_path / "lost")


def test_where_nobody_may_write() -> None:
    """Not even root, as which some run the tests."""
    with pytest.raises(UsageError, match="cannot use this folder"):
        Store.open("/proc/store")


def test_an_interrupted_creation_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "state.sqlite").touch()
    with Store.open(folder) as store:
        assert store.rows() == 0


def test_a_reader_never_sees_half_a_commit(store: Store, frame: Make) -> None:
    """Commits hold 40 events each; a reader in another connection counts all the while."""
    seen: list[int] = []
    failed: list[Exception] = []
    over = threading.Event()

    def read() -> None:
        try:
            with Store.open(store.path) as reader:
                while not over.is_set():
                    seen.append(reader.events().count_events())
        except Exception as e:  # noqa: BLE001 - the main thread looks at it
            failed.append(e)

    thread = threading.Thread(target=read)
    thread.start()
    for batch in range(12):
        with store.spool("test") as writer:
            for n in range(40):
                writer.put(frame(batch * 40 + n))
        assert store.load().new == 40
    over.set()
    thread.join()
    assert not failed
    assert seen == sorted(seen)
    assert {n % 40 for n in seen} == {0}
    assert store.rows() == 480


def test_a_damaged_data_file_is_said_so(store: Store, frame: Make) -> None:
    with store.spool("test") as writer:
        writer.put(frame(1))
    store.load()
    Path(store.table.files()[0].uri).write_bytes(b"PAR1 no more PAR1")
    with store.spool("test") as writer:
        writer.put(frame(1))
    with pytest.raises(StoreError, match="cannot be read"):
        store.load()
    assert store.waiting().records == 1


def test_several_open_a_new_store_at_once(tmp_path: Path) -> None:
    def go(folder: Path, together: threading.Barrier) -> None:
        together.wait()
        with Store.open(folder) as store:
            store.state.count("x", "opened", 1)

    for round_ in range(25):
        folder, together = tmp_path / str(round_), threading.Barrier(6)
        with ThreadPoolExecutor(6) as pool:
            for one in [pool.submit(go, folder, together) for _ in range(6)]:
                one.result()
        with Store.open(folder, create=False) as store:
            assert store.state.counts() == {"x": {"opened": 6}}


def test_a_store_that_appears_while_we_look_is_a_store(tmp_path: Path) -> None:
    Store.open(tmp_path / "store").close()
    check_new(tmp_path / "store", "state.sqlite", create=False)
    (tmp_path / "store" / "state.sqlite").unlink()
    with pytest.raises(StoreError, match=r"lost its state\.sqlite"):
        check_new(tmp_path / "store", "state.sqlite", create=True)


def test_the_folders_of_a_new_store_are_durable_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    for _ in range(2):
        Store.open(tmp_path / "a" / "b").close()
    assert synced == [tmp_path / "a", tmp_path, tmp_path / "a" / "b"]
