"""A disk that is full at any byte of a load: no half commit, nothing lost, and it goes on."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Frame
from hubbub.errors import NoRoomError
from hubbub.store import Store
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.verify import verify
from tests.support import small_disk

Make = Callable[..., Any]
FRAMES = 1500  # a batch; its bodies do not compress


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[small_disk.Disk]:
    with small_disk.disk(tmp_path / "disk", 40) as one:
        yield one


def put(store: Store, frame: Make, first: int, n: int = FRAMES) -> None:
    numbers = random.Random(first)
    with store.spool("test", bodies=True) as writer:
        for i in range(first, first + n):
            writer.put(frame(i, noise=numbers.randbytes(100).hex()))


def spare(store: Store) -> set[str]:
    """Data files of events that are no part of the table."""
    live = {file.uri for file in store.table.files()}
    return {str(path) for path in store.table.folder.glob("month=*/*")} - live


def test_a_load_that_runs_out_of_room_anywhere(
    disk: small_disk.Disk, frame: Make, ids: Callable[[Store], list[str]]
) -> None:
    failed = 0
    with Store.open(disk.path / "store") as store:
        put(store, frame, 0)
        store.load()
        expected = FRAMES
        # from "not even a page" to "everything but the last page"
        for left in (0, 4, 8, 12, 16, 24, 40, 64, 100, 160, 200, 240, 260, 280, 300, 320, 360, 400):
            put(store, frame, expected)
            expected += FRAMES
            disk.fill(leave=left << 10)
            before = store.rows()
            try:
                store.load()
            except NoRoomError:
                failed += 1
            assert store.rows() in {before, expected}, "a commit is whole or not there"
            assert store.rows() == len(ids(store)), "it can be read"
            assert spare(store) == set()
            disk.room()
            store.load()
            assert store.rows() == expected
        assert failed > 8
        assert ids(store) == sorted(f"id-{n}" for n in range(expected))
        assert store.state.counts("jsonl:test")["jsonl:test"] == {"new": expected}
        assert store.waiting().records == 0
        done = verify(store)
        assert done.clean, done.faults
        assert done.checked["bodies:rows"] == expected


@pytest.mark.parametrize("left", [0, 4, 16, 64, 256])
def test_compaction_on_a_full_disk_changes_nothing(
    disk: small_disk.Disk, frame: Make, left: int
) -> None:
    with Store.open(disk.path / "store") as store:
        for n in range(4):
            put(store, frame, n * FRAMES)
            store.load()
        disk.fill(leave=left << 10)
        before = {file.uri for file in store.table.files()}
        with pytest.raises(NoRoomError, match="the disk is full"):
            compact(store)
        assert store.rows() == 4 * FRAMES
        assert spare(store) <= before, "nothing half-written stays"
        disk.room()
        assert compact(store).files
        assert verify(store).clean


def test_a_full_disk_can_be_opened_and_read(
    disk: small_disk.Disk, frame: Make, ids: Callable[[Store], list[str]]
) -> None:
    """Also where nobody has it open: SQLite's shared memory needs room too."""
    with Store.open(disk.path / "store") as store:
        put(store, frame, 0, 10)
        store.load()
        put(store, frame, 10, 10)
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


def test_a_new_store_on_a_full_disk_is_refused_and_not_half_made(disk: small_disk.Disk) -> None:
    disk.fill()
    with pytest.raises(NoRoomError, match="the disk is full"):
        Store.open(disk.path / "store")
    disk.room()
    with Store.open(disk.path / "store") as store:
        assert verify(store).clean


def test_a_frame_is_kept_until_there_is_room(disk: small_disk.Disk, frame: Make) -> None:
    with Store.open(disk.path / "store") as store:
        writer = store.spool("test")
        disk.fill()
        writer.put(Frame("zmq:x", 1, b"t", b"{}"))
        with pytest.raises(NoRoomError, match="1 messages wait in memory"):
            writer.flush()
        disk.room()
        writer.close()
        assert writer.durable == 1
