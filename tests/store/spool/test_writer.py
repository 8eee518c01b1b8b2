"""The spool writer: durability, several writers, dead writers, full and broken disks."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import BulkSink, Frame
from hubbub.errors import StoreError
from hubbub.store.spool import segment
from hubbub.store.spool import writer as spool
from hubbub.store.spool.folder import recover, segments
from hubbub.store.spool.writer import SpoolWriter
from tests.support.stores.crash import run_and_crash


def seqs(folder: Path) -> list[int]:
    """The `seq` of every record of every segment, oldest segment first."""
    numbers = []
    for file in segments(folder):
        descriptor = os.open(file.path, os.O_RDONLY)
        for record in segment.read(descriptor, 0, name="x", live=file.live, torn=file.torn):
            assert isinstance(record, segment.Record)
            numbers.append(record.frame.seq)
        os.close(descriptor)
    return numbers


def put(writer: SpoolWriter, *numbers: int) -> None:
    for n in numbers:
        writer.put(Frame("zmq:x", n, b"t", b"b" * 50, n))


def test_flushed_frames_can_be_read_while_the_segment_is_open(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w")
    put(writer, 1, 2)
    assert seqs(tmp_path) == []
    writer.flush()
    assert writer.durable == 2
    assert seqs(tmp_path) == [1, 2]
    assert [s.live for s in segments(tmp_path)] == [True]
    put(writer, 3)
    writer.close()
    assert seqs(tmp_path) == [1, 2, 3]
    assert [s.path.suffix for s in segments(tmp_path)] == [".seg"]


def test_flush_syncs_the_file_and_a_new_name_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.append("data"))
    monkeypatch.setattr(spool, "sync_folder", lambda p: synced.append(f"folder {p.name}"))
    writer = SpoolWriter(tmp_path, "w")
    put(writer, 1)
    writer.flush()
    assert synced == ["data", f"folder {tmp_path.name}", "data"]
    writer.flush()
    assert len(synced) == 3, "nothing new, nothing to sync"
    writer.close()
    assert synced[3:] == [f"folder {tmp_path.name}"]


def test_put_flushes_after_a_number_of_records_bytes_or_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "DELAY", 1e9)
    writer = SpoolWriter(tmp_path, "w")
    put(writer, *range(spool.BATCH + 1))
    assert writer.durable == spool.BATCH
    monkeypatch.setattr(spool, "BYTES", 10)
    put(writer, 1)
    assert writer.durable == spool.BATCH + 1
    monkeypatch.setattr(spool, "BYTES", 1 << 30)
    monkeypatch.setattr(spool, "DELAY", 0.0)
    put(writer, 2)
    assert writer.durable == spool.BATCH + 2
    writer.close()


def test_segments_are_sealed_by_size_and_by_age(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, "w", size=1) as writer:
        for n in range(3):
            put(writer, n)
            writer.flush()
    assert [s.path.suffix for s in segments(tmp_path)] == [".seg"] * 3
    with SpoolWriter(tmp_path, "w", age=0.0) as writer:
        put(writer, 3)
        writer.flush()
        assert len(segments(tmp_path)) == 4
        assert not any(s.live for s in segments(tmp_path))
    assert seqs(tmp_path) == [0, 1, 2, 3]


def test_several_writers(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, "zmq:tcp://a/../../b") as a, SpoolWriter(tmp_path, "x") as b:
        put(a, 1)
        put(b, 2)
        a.flush()
        b.flush()
        assert recover(tmp_path) == 0, "both writers are running"
    assert sorted(seqs(tmp_path)) == [1, 2]
    assert len(segments(tmp_path)) == 2


DIE = """
import os, signal, sys
from pathlib import Path
from hubbub.collector.event import Frame
from hubbub.store.spool.writer import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), "dies")
for n in range(10):
    writer.put(Frame("zmq:x", n, b"t", b"b", n))
writer.flush()
os.write(writer._file, b"torn record")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_segment_of_a_killed_writer_is_recovered(tmp_path: Path) -> None:
    run_and_crash(DIE, tmp_path)
    assert [s.live for s in segments(tmp_path)] == [True]
    assert recover(tmp_path) == 1
    assert [s.torn for s in segments(tmp_path)] == [True]
    assert seqs(tmp_path) == list(range(10))


def test_an_unnamed_file_is_deleted_only_when_it_is_old(tmp_path: Path) -> None:
    new = tmp_path / "00000000000000000001-w-1-abcd.new"
    new.touch()
    assert segments(tmp_path) == []
    recover(tmp_path)
    assert new.exists()
    os.utime(new, (time.time() - 1000, time.time() - 1000))
    recover(tmp_path)
    assert not new.exists()


class Disk:
    """Replaces `os.write`: a disk with `room` bytes free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room, self.real_write = room, os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n = self.real_write(descriptor, bytes(data)[: self.room])
        self.room -= n
        return n


@pytest.mark.parametrize("room", [0, 5, 16, 40, 300])
def test_frames_wait_while_the_disk_is_full_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(spool, "DELAY", 1e9)
    writer = SpoolWriter(tmp_path, "w")
    disk = Disk(monkeypatch, room)
    put(writer, *range(8))
    for _ in range(2):
        with pytest.raises(StoreError, match="disk is full; 8 messages wait"):
            writer.flush()
        assert writer.full
        assert writer.durable == 0
    disk.room = 1 << 30
    put(writer, 8)
    writer.close()
    assert not writer.full
    assert writer.durable == 9
    assert seqs(tmp_path) == list(range(9))


def test_put_raises_if_it_cannot_take_the_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BATCH", 3)
    monkeypatch.setattr(spool, "DELAY", 1e9)
    writer = SpoolWriter(tmp_path, "w")
    disk = Disk(monkeypatch, 0)
    put(writer, 0, 1, 2)
    with pytest.raises(StoreError):
        put(writer, 3)
    disk.room = 1 << 30
    put(writer, 3)
    writer.close()
    assert seqs(tmp_path) == [0, 1, 2, 3]


def test_after_a_failed_sync_the_records_are_written_to_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After EIO a second fdatasync of the file may succeed although its pages are lost."""
    writer = SpoolWriter(tmp_path, "w")
    put(writer, 1)
    writer.flush()
    (broken,) = segments(tmp_path)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    put(writer, 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(StoreError, match="cannot write"):
            writer.flush()
    assert writer.durable == 1
    writer.close()
    assert writer.durable == 2
    healthy = segments(tmp_path)[-1]
    assert healthy.name != broken.name
    descriptor = os.open(healthy.path, os.O_RDONLY)
    (record,) = segment.read(descriptor, 0, name="x")
    os.close(descriptor)
    assert isinstance(record, segment.Record)
    assert record.frame.seq == 2
    assert recover(tmp_path) == 1, "the lock of the broken segment is released"


def test_failed_syncs_do_not_fill_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path, "w")
    put(writer, 1)
    writer.flush()
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    real, syncs = os.fdatasync, 0

    def fail(descriptor: int) -> None:
        nonlocal syncs
        syncs += 1
        if os.fstat(descriptor).st_size > segment.HEAD.size:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        real(descriptor)

    put(writer, *range(2, 100))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        for _ in range(5):
            with pytest.raises(StoreError, match="disk is full"):
                writer.flush()
            assert sum(path.stat().st_size for path in tmp_path.iterdir()) == before
    assert syncs > 5
    writer.close()
    assert seqs(tmp_path) == list(range(1, 100))


def test_a_missing_folder(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "missing", "w")
    put(writer, 1)
    with pytest.raises(StoreError, match="cannot write"):
        writer.flush()
    (tmp_path / "missing").mkdir()
    writer.close()
    assert seqs(tmp_path / "missing") == [1]


def test_other_flags_start_a_new_segment_and_no_record_is_lost(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, "w", flags=0)
    put(writer, 1)
    writer.flush()
    put(writer, 2)
    writer.flags = segment.BODIES
    writer.flush()
    writer.flush()
    put(writer, 3)
    writer.close()
    assert seqs(tmp_path) == [1, 2, 3]
    with_bodies = []
    for file in segments(tmp_path):
        descriptor = os.open(file.path, os.O_RDONLY)
        with_bodies.append(bool(segment.flags(descriptor) & segment.BODIES))
        os.close(descriptor)
    assert with_bodies == [False, True]


def test_packed_frames_are_taken_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path, "w")
    assert isinstance(writer, BulkSink)
    records = writer.pack("zmq:x", 7, [b"t", b"a"] * 600)
    writer.put_packed(records, 600)
    assert writer.durable == 0, "nothing is flushed yet"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="600 messages wait"):
            writer.put_packed(records, 600)  # more than BATCH: the first are flushed before
    writer.put_packed(records, 600)
    assert writer.durable == 600
    writer.close()
    assert writer.durable == 1200
    assert len(seqs(tmp_path)) == 1200
