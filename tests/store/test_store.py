"""Opening a store, and reading it while it is written."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubbub.errors import StoreError, UsageError
from hubbub.store import Store
from hubbub.store.disk import files
from hubbub.store.disk.files import check_new
from hubbub.store.loader.loader import Loaded
from tests.support.stores.filling import MakeFrame, put


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


def test_a_missing_store_is_created_only_on_request(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store here"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    Store.open(tmp_path / "a" / "b").close()
    Store.open(tmp_path / "a" / "b", create=False).close()


def test_other_files_and_folders_are_refused(tmp_path: Path) -> None:
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


def test_a_folder_without_write_permission_is_refused() -> None:
    """/proc refuses even root, in case the tests run as root."""
    with pytest.raises(UsageError, match="cannot use this folder"):
        Store.open("/proc/store")


def test_an_interrupted_creation_is_finished(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "state.sqlite").touch()
    with Store.open(folder) as store:
        assert store.rows() == 0


def test_a_reader_never_sees_half_a_commit(store: Store, frame: MakeFrame) -> None:
    """Commits have 40 events each; a reader in another connection counts meanwhile."""
    counts: list[int] = []
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        try:
            with Store.open(store.path) as reader:
                while not done.is_set():
                    counts.append(reader.events().count_events())
        except Exception as e:  # noqa: BLE001 - the main thread asserts that there is none
            errors.append(e)

    thread = threading.Thread(target=read)
    thread.start()
    for batch in range(12):
        put(store, *(frame(batch * 40 + n) for n in range(40)))
        assert store.load().new == 40
    done.set()
    thread.join()
    assert not errors
    assert counts == sorted(counts)
    assert {n % 40 for n in counts} == {0}
    assert store.rows() == 480


def test_a_damaged_data_file_is_reported(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1), load=True)
    Path(store.table.files()[0].uri).write_bytes(b"PAR1 no more PAR1")
    put(store, frame(1))
    with pytest.raises(StoreError, match="cannot be read"):
        store.load()
    assert store.waiting().records == 1


def test_several_open_a_new_store_at_once(tmp_path: Path) -> None:
    def open_store(folder: Path, barrier: threading.Barrier) -> None:
        barrier.wait()
        with Store.open(folder) as store:
            store.state.count("x", "opened", 1)

    for round_ in range(25):
        folder, barrier = tmp_path / str(round_), threading.Barrier(6)
        with ThreadPoolExecutor(6) as pool:
            for future in [pool.submit(open_store, folder, barrier) for _ in range(6)]:
                future.result()
        with Store.open(folder, create=False) as store:
            assert store.state.counts() == {"x": {"opened": 6}}


def test_a_store_created_by_another_process_meanwhile_is_accepted(tmp_path: Path) -> None:
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
