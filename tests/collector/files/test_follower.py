"""Logs that grow, are rotated, truncated, and left in the middle of a line."""

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
    """Everything that is there now."""
    found = []
    while frames := follower.read():
        found += [(frame.seq, frame.body) for frame in frames]
    return found


def add(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def test_half_written_lines_wait_for_their_end(log: Path) -> None:
    follower = Follower(str(log), "access-log")
    add(log, b"\n# a comment\nhal")
    assert pairs(follower) == [(1, b"one"), (2, b"two")]
    add(log, b"f")
    assert pairs(follower) == []
    add(log, b"!\r\nnext\n")
    assert pairs(follower) == [(5, b"half!"), (6, b"next")]
    assert follower.read() == []


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b" ", b"x\ny"]), max_size=30))
def test_the_same_however_it_was_written(tmp_path_factory: pytest.TempPathFactory, pieces) -> None:
    log = tmp_path_factory.mktemp("pieces") / "log"
    log.touch()
    follower, found, place = Follower(str(log), "jsonl"), [], None
    for number, piece in enumerate(pieces):
        add(log, piece)
        found += pairs(follower)
        if number % 3 == 0:  # another process goes on
            place = follower.place
            follower.close()
            follower = Follower(str(log), "jsonl", place)
    follower.close()
    lines = b"".join(pieces).split(b"\n")[:-1]
    assert found == [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]


def test_rotation_reads_the_old_file_to_its_end(log: Path, time: Time) -> None:
    follower = Follower(str(log), "jsonl", grace=2, clock=time)
    pairs(follower)
    log.rename(log.with_name("log.1"))
    assert pairs(follower) == []  # no new file yet
    log.write_bytes(b"new\n")
    add(log.with_name("log.1"), b"three\nhalf")  # the server was not told yet
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
def test_truncation_begins_again(log: Path, regrown: bytes) -> None:
    follower = Follower(str(log), "jsonl")
    add(log, b"half")
    pairs(follower)
    log.write_bytes(regrown)  # the same file, cut and written again
    assert pairs(follower) == [(3, b"half")] + [(4, line) for line in regrown.splitlines()]
    add(log, b"more\n")
    assert [body for _, body in pairs(follower)] == [b"more"]


def test_going_on_after_a_pause(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    add(log, b"half")
    pairs(follower)
    place = follower.place
    follower.close()
    add(log, b" done\nfour\n")
    assert pairs(Follower(str(log), "jsonl", place)) == [(3, b"half done"), (4, b"four")]


def test_going_on_after_a_rotation_in_the_pause(log: Path, time: Time) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    place = follower.place
    follower.close()
    add(log, b"three\n")
    log.rename(log.with_name("log.1"))
    log.write_bytes(b"four\n")
    again = Follower(str(log), "jsonl", place, clock=time)
    assert pairs(again) == [(3, b"three")]
    time.now = 5
    assert pairs(again) == [(4, b"four")]


def test_another_file_in_the_pause_goes_on_with_the_numbers(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    place = follower.place
    follower.close()
    log.write_bytes(b"not what was here before\n")  # the same inode
    assert pairs(Follower(str(log), "jsonl", place)) == [(3, b"not what was here before")]
    log.unlink()
    assert pairs(Follower(str(log), "jsonl", place)) == []  # it will come


def test_the_place_holds_nothing_of_the_file(log: Path) -> None:
    follower = Follower(str(log), "jsonl")
    pairs(follower)
    place = follower.place
    assert place is not None
    assert (place["offset"], place["lines"], place["inode"]) == (8, 2, log.stat().st_ino)
    assert "two" not in str(place)


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(b"one\n"))
    for name, form in (("none", "jsonl"), ("", "jsonl"), ("packed", "jsonl"), ("none", "fedmsg")):
        with pytest.raises(UsageError, match=r"no such|does not grow|cannot be followed"):
            Follower(str(tmp_path / name), form)
