"""A disk that fills up anywhere in a load: no partial commit, no loss, and loading continues."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.collector.event import Frame
from hubbub.errors import NoRoomError
from hubbub.store import Store
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.verify import verify
from tests.support.stores import small_disk
from tests.support.stores.filling import MakeFrame, ReadIds, put

#: Of one load; few, since those that did not fit are loaded again in small commits.
FRAMES = 40


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[small_disk.Disk]:
    with small_disk.disk(tmp_path / "disk", 40) as mounted:
        yield mounted


def put_noise(store: Store, frame: MakeFrame, first: int, n: int = FRAMES) -> None:
    """Put frames of 4 KB that cannot be compressed."""
    numbers = random.Random(first)
    noise = (frame(i, noise=numbers.randbytes(4000).hex()) for i in range(first, first + n))
    put(store, *noise, bodies=True)


def stray(store: Store) -> set[str]:
    """Data files of events that are not part of the table."""
    live = {file.uri for file in store.table.files()}
    return {str(path) for path in store.table.folder.glob("month=*/*")} - live


#: From "not even a page" to "everything", in KB; each fails at another write, the last two at none.
@pytest.mark.parametrize("left", [0, 4, 12, 16, 24, 100, 160, 180, 200, 300])
def test_a_load_that_runs_out_of_room_anywhere(
    disk: small_disk.Disk, frame: MakeFrame, ids: ReadIds, left: int
) -> None:
    with Store.open(disk.path / "store") as store:
        put_noise(store, frame, 0)
        store.load()
        put_noise(store, frame, FRAMES)
        disk.fill(leave=left << 10)
        try:
            store.load()
        except NoRoomError:
            assert left < 300
        else:
            assert left > 100
        assert FRAMES <= store.rows() <= 2 * FRAMES
        assert store.rows() == len(ids(store)), "the table is readable"
        assert stray(store) == set()
        disk.room()
        store.load()
        assert ids(store) == sorted(f"id-{n}" for n in range(2 * FRAMES))
        assert store.state.counts("jsonl:test")["jsonl:test"] == {"new": 2 * FRAMES}
        assert store.waiting().records == 0
        done = verify(store)
        assert done.clean, done.faults
        assert done.checked["bodies:rows"] == 2 * FRAMES


@pytest.mark.parametrize("left", [0, 4, 16, 64, 256])
def test_compaction_on_a_full_disk_changes_nothing(
    disk: small_disk.Disk, frame: MakeFrame, left: int
) -> None:
    with Store.open(disk.path / "store") as store:
        for n in range(4):
            put_noise(store, frame, n * FRAMES)
            store.load()
        disk.fill(leave=left << 10)
        before = {file.uri for file in store.table.files()}
        with pytest.raises(NoRoomError, match="the disk is full"):
            compact(store)
        assert store.rows() == 4 * FRAMES
        assert stray(store) <= before, "no partial file stays"
        disk.room()
        assert compact(store).files
        assert verify(store).clean


def test_a_full_disk_can_be_opened_and_read(
    disk: small_disk.Disk, frame: MakeFrame, ids: ReadIds
) -> None:
    """Also if no other process has it open: SQLite's shared memory needs room, too."""
    with Store.open(disk.path / "store") as store:
        put_noise(store, frame, 0, 10)
        store.load()
        put_noise(store, frame, 10, 10)
    disk.fill()
    with Store.open(disk.path / "store") as store:
        assert len(ids(store)) == 10
        assert store.waiting().records == 10
        assert store.spans() == []
        disk.fill()
        with pytest.raises(NoRoomError, match="the disk is full"):
            store.load()
        with pytest.raises(NoRoomError, match="the disk is full"):
            store.state.set("key", "value")
        assert store.state.get("key") is None
        disk.room()
        store.state.set("key", "value")
        assert store.load().new == 10


def test_a_new_store_on_a_full_disk_is_refused_and_can_be_created_later(
    disk: small_disk.Disk,
) -> None:
    disk.fill()
    with pytest.raises(NoRoomError, match="the disk is full"):
        Store.open(disk.path / "store")
    disk.room()
    with Store.open(disk.path / "store") as store:
        assert verify(store).clean


def test_a_frame_is_kept_until_there_is_room(disk: small_disk.Disk, frame: MakeFrame) -> None:
    with Store.open(disk.path / "store") as store:
        writer = store.spool("test")
        disk.fill()
        writer.put(Frame("zmq:x", 1, b"t", b"{}"))
        with pytest.raises(NoRoomError, match="1 message waits in memory"):
            writer.flush()
        disk.room()
        writer.close()
        assert writer.durable == 1
