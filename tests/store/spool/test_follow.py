"""Frames appended to the spool are seen once each, in order, whatever becomes of their segments."""

import os
from pathlib import Path

import pytest

from hubbub.collector.event import Frame
from hubbub.store.spool.follow import Follower
from hubbub.store.spool.segment import BODIES
from hubbub.store.spool.writer import SpoolWriter


def frame(n: int) -> Frame:
    return Frame("zmq:test", n, b"topic", b'{"n": %d}' % n)


def numbers(follower: Follower) -> list[int]:
    return [frame.arrived for frame, _ in follower.poll()]


def write(writer: SpoolWriter, *items: int) -> None:
    for n in items:
        writer.put(frame(n))
    writer.flush()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


def test_only_what_comes_later(spool: Path) -> None:
    writer = SpoolWriter(spool, "a")
    write(writer, 1, 2)
    with Follower(spool) as follower:
        assert numbers(follower) == []
        write(writer, 3)
        assert numbers(follower) == [3]
        assert numbers(follower) == []
        other = SpoolWriter(spool, "b")
        write(other, 4)
        write(writer, 5)
        assert sorted(numbers(follower)) == [4, 5]
        writer.close()
        other.close()
        assert numbers(follower) == []


def test_a_segment_that_is_deleted_meanwhile_is_read_to_its_end(spool: Path) -> None:
    with Follower(spool) as follower:
        writer = SpoolWriter(spool, "a")
        write(writer, 1)
        assert numbers(follower) == [1]
        write(writer, 2)
        writer.close()
        for path in spool.iterdir():
            path.unlink()
        assert numbers(follower) == [2]
        assert numbers(follower) == []
        assert not follower._open


def test_an_unfinished_record_is_read_once_it_is_whole(spool: Path) -> None:
    writer = SpoolWriter(spool, "a")
    write(writer, 1)
    (path,) = spool.glob("*.open")
    write(writer, 2)
    whole = path.read_bytes()
    first = len(whole) - (len(whole) - 16) // 2
    for cut in (first + 3, first + 20):
        os.truncate(path, cut)
        with Follower(spool) as follower:
            assert numbers(follower) == []
            with path.open("r+b") as file:
                file.seek(cut)
                file.write(whole[cut:])
            assert numbers(follower) == [2]


def test_a_call_is_bounded_and_nothing_is_skipped(spool: Path) -> None:
    with Follower(spool, limit=3) as follower:
        writers = [SpoolWriter(spool, name) for name in "ab"]
        for start, writer in zip((0, 100), writers, strict=True):
            write(writer, *range(start, start + 5))
            writer.close()
        seen = [numbers(follower) for _ in range(4)]
        assert list(map(len, seen)) == [3, 3, 3, 1]
        assert [n for part in seen for n in part if n < 50] == list(range(5))
        assert [n for part in seen for n in part if n >= 50] == list(range(100, 105))


def test_flags_and_files_that_are_no_segments(spool: Path) -> None:
    with Follower(spool) as follower:
        (spool / "0-x.seg").write_bytes(b"not a segment at all, but long enough")
        writer = SpoolWriter(spool, "a", flags=BODIES)
        write(writer, 1)
        assert [(f.arrived, flags) for f, flags in follower.poll()] == [(1, BODIES)]
        assert numbers(follower) == []


def test_without_a_spool_there_is_nothing_yet(tmp_path: Path) -> None:
    with Follower(tmp_path / "spool") as follower:
        assert numbers(follower) == []
        (tmp_path / "spool").mkdir()
        write(SpoolWriter(tmp_path / "spool", "a"), 7)
        assert numbers(follower) == [7]
