"""Following logs that grow, rotate, are truncated, or end with an incomplete line."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.files.follower import Follower
from hubbub.errors import UsageError


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").write_bytes(b"one\ntwo\n")
    return tmp_path / "log"


@pytest.fixture
def time() -> Time:
    return Time()


def pairs(follower: Follower) -> list[tuple[int, bytes]]:
    """Line number and text of everything that can be read now."""
    lines = []
    while frames := follower.read():
        lines += [(frame.seq, frame.body) for frame in frames]
    return lines


def add(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def test_incomplete_lines_wait_for_their_end(log: Path) -> None:
    follower = Follower(str(log), "access-log")
    add(log, b"\n# a comment\nhal")
    assert pairs(follower) == [(1, b"one"), (2, b"two")]
    add(log, b"f")
    assert pairs(follower) == []
    add(log, b"!\r\nnext\n")
    assert pairs(follower) == [(5, b"half!"), (6, b"next")]
    assert follower.read() == []


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b" ", b"x\ny"]), max_size=30))
def test_chunks_do_not_matter(tmp_path_factory: pytest.TempPathFactory, pieces) -> None:
    log = tmp_path_factory.mktemp("pieces") / "log"
    log.touch()
    follower, received = Follower(str(log), "jsonl"), []
    for number, piece in enumerate(pieces):
        add(log, piece)
        received += pairs(follower)
        if number % 3 == 0:  # another process continues
            position = follower.position
            follower.close()
            follower = Follower(str(log), "jsonl", position)
    follower.close()
    lines = b"".join(pieces).split(b"\n")[:-1]
    assert received == [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]


def test_rotation_reads_the_old_file_to_its_end(log: Path, time: Time) -> None:
    follower = Follower(str(log), "jsonl", grace=2, clock=time)
    pairs(follower)
    log.rename(log.with_name("log.1"))
    assert pairs(follower) == []  # no new file yet
    log.write_bytes(b"new\n")
    add(log.with_name("log.1"), b"three\nhalf")  # the server still writes to the old file
    assert pairs(follower) == [(3, b"three")]
    assert follower.read() == []
    time.now = 1.9
    assert follower.read() == []
    add(log.with_name("log.1"), b" and more")
    assert follower.read() == follower.read() == []
    time.now = 3.8
    assert follower.read() == []  # quiet since 1.9 only
    time.now = 3.9
    assert pairs(follower) == [(4, b"half and more"), (5, b"new")]


@pytest.mark.parametrize("regrown", [b"", b"1\n", b"a new line longer than all that was there\n"])
def test_truncation_restarts_at_the_beginning(log: Path, regrown: bytes) -> None:
    follower = Follower(str(log), "jsonl")
    add(log, b"half")
    pairs(follower)
    log.write_bytes(regrown)  # the same file, cut and written again
    assert pairs(follower) == [(3, b"half")] + [(4, line) for line in regrown.splitlines()]
    add(log, b"more\n")
    assert [body for _, body in pairs(follower)] == [b"more"]


def test_resuming(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    add(log, b"half")
    pairs(follower)
    position = follower.position
    follower.close()
    add(log, b" done\nfour\n")
    assert pairs(Follower(str(log), "jsonl", position)) == [(3, b"half done"), (4, b"four")]


def test_resuming_after_a_rotation(log: Path, time: Time) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    position = follower.position
    follower.close()
    add(log, b"three\n")
    log.rename(log.with_name("log.1"))
    log.write_bytes(b"four\n")
    resumed = Follower(str(log), "jsonl", position, clock=time)
    assert pairs(resumed) == [(3, b"three")]
    time.now = 5
    assert pairs(resumed) == [(4, b"four")]


def test_resuming_with_another_file_continues_the_line_numbers(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    position = follower.position
    follower.close()
    log.write_bytes(b"not what was here before\n")  # the same inode
    assert pairs(Follower(str(log), "jsonl", position)) == [(3, b"not what was here before")]
    log.unlink()
    assert pairs(Follower(str(log), "jsonl", position)) == []  # it may appear later


def test_the_position_contains_no_text_of_the_file(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    position = follower.position
    assert position is not None
    assert (position["offset"], position["lines"], position["inode"]) == (8, 2, log.stat().st_ino)
    assert "two" not in str(position)


def test_files_that_cannot_be_followed(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(b"one\n"))
    for name, form in (("none", "jsonl"), ("", "jsonl"), ("packed", "jsonl"), ("none", "fedmsg")):
        with pytest.raises(UsageError, match=r"no such|cannot be followed"):
            Follower(str(tmp_path / name), form)
