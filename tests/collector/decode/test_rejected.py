"""What is refused before anybody reads it: it travels, cut, with its reason and its true size."""

from __future__ import annotations

import pytest

from hubbub.collector.decode.message import decode
from hubbub.collector.decode.rejected import (
    KEPT_BYTES,
    Bounded,
    Refused,
    check_max_message,
    mark_refused,
    parse_refused,
)
from hubbub.collector.event import Frame
from hubbub.errors import MessageError, UsageError

FRAME = Frame("fedmsg:a file: with spaces.log", 7, b"t", b"x" * 100, 3)


class Memory:
    def __init__(self, most: int = 1 << 30) -> None:
        self.taken: list[Frame] = []
        self.most, self.flushes = most, 0

    def put(self, frame: Frame) -> None:
        if len(frame.body) > self.most:
            raise MessageError("too-large")
        self.taken.append(frame)

    def flush(self) -> None:
        self.flushes += 1


def test_there_and_back() -> None:
    marked = mark_refused(FRAME, "too-large")
    assert parse_refused(marked) == Refused("too-large", 100, "fedmsg:a file: with spaces.log")
    assert (marked.arrived, marked.topic, marked.body, marked.seq) == (7, b"t", b"x" * 100, 3)
    assert marked.kind == "refused"
    assert parse_refused(FRAME) is None


def test_a_refused_frame_keeps_its_first_reason() -> None:
    marked = mark_refused(FRAME, "bad-frame-count")
    assert mark_refused(marked, "too-large") == marked


def test_what_is_too_large_is_cut_and_its_size_told() -> None:
    huge = Frame("zmq:x", 7, b"t" * (KEPT_BYTES + 5), b"x" * (KEPT_BYTES + 9))
    marked = mark_refused(huge, "too-large")
    assert (len(marked.topic), len(marked.body)) == (KEPT_BYTES, KEPT_BYTES)
    assert parse_refused(marked) == Refused("too-large", KEPT_BYTES + 9, "zmq:x")
    assert (
        parse_refused(mark_refused(Frame("zmq:x", 7, b"t", b"x"), "too-large", 5000)).length == 5000
    )  # type: ignore[union-attr]


def test_a_spool_of_an_older_version_names_no_size() -> None:
    assert parse_refused(
        Frame("refused:bad-frame-count zmq:tcp://b:1", 7, b"t", b"four")
    ) == Refused("bad-frame-count", 4, "zmq:tcp://b:1")


def test_decode_says_the_reason_the_size_and_the_source() -> None:
    with pytest.raises(MessageError, match=r"larger than a message may be \(100 bytes\)") as caught:
        decode(mark_refused(FRAME, "too-large"))
    assert (caught.value.reason, caught.value.where) == ("too-large", FRAME.source)


def test_the_bound_is_on_the_byte() -> None:
    sink = Memory()
    bounded = Bounded(sink, 100)
    bounded.put(FRAME)
    bounded.put(Frame("jsonl:f", 7, b"", b"x" * 101, 4))
    bounded.flush()
    assert [frame.kind for frame in sink.taken] == ["fedmsg", "refused"]
    assert parse_refused(sink.taken[1]) == Refused("too-large", 101, "jsonl:f")
    assert sink.flushes == 1


def test_what_the_sink_cannot_hold_is_kept_in_part() -> None:
    sink = Memory(most=KEPT_BYTES)
    Bounded(sink, 1 << 20).put(Frame("jsonl:f", 7, b"", b"x" * (KEPT_BYTES + 1)))
    assert [parse_refused(frame) for frame in sink.taken] == [
        Refused("too-large", KEPT_BYTES + 1, "jsonl:f")
    ]


@pytest.mark.parametrize("size", [0, -1, (32 << 20) + 1])
def test_a_bound_that_cannot_be(size: int) -> None:
    with pytest.raises(UsageError, match="--max-message"):
        check_max_message(size)
