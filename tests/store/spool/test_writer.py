"""The spool: durable after flush, several writers, dead writers, full and broken disks."""

import errno
import os
import subprocess
import sys
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


def seqs(folder: Path) -> list[int]:
    """Every record of every segment, oldest segment first."""
    out = []
    for one in segments(folder):
        descriptor = os.open(one.path, os.O_RDONLY)
        for found in segment.read(descriptor, 0, name="x", live=one.live, torn=one.torn):
            assert isinstance(found, segment.Record)
            out.append(found.frame.seq)
        os.close(descriptor)
    return out


def put(writer: SpoolWriter, *numbers: int) -> None:
    for n in numbers:
        writer.put(Frame("zmq:x", n, b"t", b"b" * 50, n))


def test_what_was_flushed_can_be_read_while_the_segment_is_open(tmp_path: Path) -> None:
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


def test_flush_syncs_the_file_and_new_names_sync_the_folder(
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


def test_put_flushes_by_itself_after_so_many_records_or_bytes_or_seconds(
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
        assert recover(tmp_path) == 0, "both are alive"
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


def test_what_a_killed_writer_flushed_is_taken_over(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIE, tmp_path], check=False)
    assert done.returncode == -9
    assert [s.live for s in segments(tmp_path)] == [True]
    assert recover(tmp_path) == 1
    assert [s.torn for s in segments(tmp_path)] == [True]
    assert seqs(tmp_path) == list(range(10))


def test_a_file_without_a_name_yet_is_left_alone_until_it_is_old(tmp_path: Path) -> None:
    new = tmp_path / "00000000000000000001-w-1-abcd.new"
    new.touch()
    assert segments(tmp_path) == []
    recover(tmp_path)
    assert new.exists()
    os.utime(new, (time.time() - 1000, time.time() - 1000))
    recover(tmp_path)
    assert not new.exists()


class Disk:
    """os.write with so many bytes of room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room, self.real = room, os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n = self.real(descriptor, bytes(data)[: self.room])
        self.room -= n
        return n


@pytest.mark.parametrize("room", [0, 5, 16, 40, 300])
def test_a_full_disk_keeps_everything_and_goes_on(
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


def test_a_frame_that_could_not_be_taken_is_refused_not_dropped(
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


def test_a_failed_sync_writes_the_records_again_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After EIO a second fdatasync of the same file may say "done" for pages that are gone."""
    writer = SpoolWriter(tmp_path, "w")
    put(writer, 1)
    writer.flush()
    (broken,) = segments(tmp_path)

    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    put(writer, 2)
    with monkeypatch.context() as m:
        m.setattr(os, "fdatasync", fail)
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
    assert recover(tmp_path) == 1, "nobody holds the broken one"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "gone", "w")
    put(writer, 1)
    with pytest.raises(StoreError, match="cannot write"):
        writer.flush()
    (tmp_path / "gone").mkdir()
    writer.close()
    assert seqs(tmp_path / "gone") == [1]


def test_other_flags_begin_another_segment_and_no_record_is_lost(tmp_path: Path) -> None:
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
    heads = []
    for one in segments(tmp_path):
        descriptor = os.open(one.path, os.O_RDONLY)
        heads.append(bool(segment.flags(descriptor) & segment.BODIES))
        os.close(descriptor)
    assert heads == [False, True]


def test_many_at_once_are_taken_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path, "w")
    assert isinstance(writer, BulkSink)
    many = [b"t", b"a"] * 600
    records = writer.pack("zmq:x", 7, many)
    writer.put_packed(records, 600)
    assert writer.durable == 0, "nothing was flushed yet"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(StoreError, match="600 messages wait"):
            writer.put_packed(records, 600)  # more than a thousand together: the first go first
    writer.put_packed(records, 600)
    assert writer.durable == 600
    writer.close()
    assert writer.durable == 1200
    assert len(seqs(tmp_path)) == 1200
