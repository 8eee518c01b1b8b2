"""Frames refused before decoding: marking, truncation, and the reason and size on the way back."""

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
    def __init__(self, max_body: int = 1 << 30) -> None:
        self.frames: list[Frame] = []
        self.max_body, self.flushes = max_body, 0

    def put(self, frame: Frame) -> None:
        if len(frame.body) > self.max_body:
            raise MessageError("too-large")
        self.frames.append(frame)

    def flush(self) -> None:
        self.flushes += 1


def test_marking_and_parsing_are_inverse() -> None:
    marked = mark_refused(FRAME, "too-large")
    assert parse_refused(marked) == Refused("too-large", 100, "fedmsg:a file: with spaces.log")
    assert (marked.arrived, marked.topic, marked.body, marked.seq) == (7, b"t", b"x" * 100, 3)
    assert marked.kind == "refused"
    assert parse_refused(FRAME) is None


def test_a_refused_frame_keeps_its_first_reason() -> None:
    marked = mark_refused(FRAME, "bad-frame-count")
    assert mark_refused(marked, "too-large") == marked


def test_too_large_frames_are_truncated_and_keep_their_original_size() -> None:
    huge = Frame("zmq:x", 7, b"t" * (KEPT_BYTES + 5), b"x" * (KEPT_BYTES + 9))
    marked = mark_refused(huge, "too-large")
    assert (len(marked.topic), len(marked.body)) == (KEPT_BYTES, KEPT_BYTES)
    assert parse_refused(marked) == Refused("too-large", KEPT_BYTES + 9, "zmq:x")
    part = mark_refused(Frame("zmq:x", 7, b"t", b"x"), "too-large", 5000)
    assert parse_refused(part) == Refused("too-large", 5000, "zmq:x")


def test_marks_of_an_older_version_have_no_size() -> None:
    frame = Frame("refused:bad-frame-count zmq:tcp://b:1", 7, b"t", b"four")
    assert parse_refused(frame) == Refused("bad-frame-count", 4, "zmq:tcp://b:1")


def test_decode_raises_the_recorded_reason_with_size_and_source() -> None:
    with pytest.raises(MessageError, match=r"larger than the limit \(100 bytes\)") as caught:
        decode(mark_refused(FRAME, "too-large"))
    assert (caught.value.reason, caught.value.where) == ("too-large", FRAME.source)


def test_the_size_limit_is_inclusive() -> None:
    sink = Memory()
    bounded = Bounded(sink, 100)
    bounded.put(FRAME)
    bounded.put(Frame("jsonl:f", 7, b"", b"x" * 101, 4))
    bounded.flush()
    assert [frame.kind for frame in sink.frames] == ["fedmsg", "refused"]
    assert parse_refused(sink.frames[1]) == Refused("too-large", 101, "jsonl:f")
    assert sink.flushes == 1


def test_a_frame_larger_than_a_record_of_the_sink_is_truncated() -> None:
    sink = Memory(max_body=KEPT_BYTES)
    Bounded(sink, 1 << 20).put(Frame("jsonl:f", 7, b"", b"x" * (KEPT_BYTES + 1)))
    assert [parse_refused(frame) for frame in sink.frames] == [
        Refused("too-large", KEPT_BYTES + 1, "jsonl:f")
    ]


@pytest.mark.parametrize("size", [0, -1, (32 << 20) + 1])
def test_limits_out_of_range(size: int) -> None:
    with pytest.raises(UsageError, match="--max-message"):
        check_max_message(size)
