"""The file format of the spool: what is intact is read, what is not is reported, none is forged."""

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.event import Frame
from hubbub.errors import MessageError, StoreError
from hubbub.store.spool import segment
from hubbub.store.spool.segment import HEAD, Damage, Record

SALT = 0xDEADBEEF
FRAMES = [Frame("zmq:x", n, b"topic", b"body" * n, n if n % 3 else 0) for n in range(6)]


def whole(frames: list[Frame] = FRAMES) -> bytes:
    return segment.head(SALT) + b"".join(record(f) for f in frames)


def record(frame: Frame) -> bytes:
    """In either form: those without a number are packed many at once."""
    if frame.seq:
        return segment.pack(frame, SALT)
    return segment.pack_all(frame.source, frame.arrived, [frame.topic, frame.body], SALT)


def read(data: bytes, start: int = 0, **how: object) -> list[Record | Damage]:
    descriptor = os.memfd_create("segment")
    try:
        os.write(descriptor, data)
        return list(segment.read(descriptor, start, name="x", **how))  # type: ignore[arg-type]
    finally:
        os.close(descriptor)


def frames(found: list[Record | Damage]) -> list[Frame]:
    return [r.frame for r in found if isinstance(r, Record)]


def test_frames_come_back_in_order_with_their_places() -> None:
    found = read(whole())
    assert frames(found) == FRAMES
    assert found[0].start == HEAD.size
    assert found[-1].end == len(whole())
    assert all(a.end == b.start for a, b in pairwise(found))


def test_reading_goes_on_where_it_ended() -> None:
    first = read(whole())[2]
    assert frames(read(whole(), first.end)) == FRAMES[3:]


@given(st.integers(0, len(whole())))
def test_a_torn_tail_loses_nothing_before_it(cut: int) -> None:
    ends = [HEAD.size + sum(len(record(f)) for f in FRAMES[:n]) for n in range(7)]
    complete = max((n for n, end in enumerate(ends) if end <= cut), default=0)
    for how in ("live", "torn"):
        found = read(whole()[:cut], **{how: True})
        assert frames(found) == FRAMES[:complete]
        assert len(found) == complete, "an unfinished record is no damage"


@given(st.integers(HEAD.size, len(whole()) - 1), st.integers(0, 7))
def test_a_flipped_bit_loses_only_its_own_record(at: int, bit: int) -> None:
    data = bytearray(whole())
    data[at] ^= 1 << bit
    found = read(bytes(data))
    damages = [d for d in found if isinstance(d, Damage)]
    assert len(damages) == 1
    assert damages[0].start <= at < damages[0].end
    assert damages[0].data == bytes(data[damages[0].start : damages[0].end])
    broken = next(r for r in read(whole()) if r.start <= at < r.end)
    assert frames(found) == frames([r for r in read(whole()) if r != broken])


def test_an_unreadable_tail_of_a_sealed_segment_is_damage() -> None:
    found = read(whole()[:-3])
    assert frames(found) == FRAMES[:-1]
    assert isinstance(found[-1], Damage)


def test_a_record_in_a_messages_body_is_never_taken_for_ours() -> None:
    """Somebody sends a record; then the length of ours, which holds it, is damaged."""
    forged = segment.pack(Frame("zmq:forged", 1, b"t", b"b"), salt=0)
    data = bytearray(whole([Frame("zmq:x", 1, b"t", forged * 3), FRAMES[2]]))
    data[HEAD.size + 3] ^= 0x80
    found = read(bytes(data))
    assert [f.source for f in frames(found)] == ["zmq:x"]
    assert frames(found) == [FRAMES[2]]


def test_a_record_longer_than_the_window() -> None:
    big = [Frame("zmq:x", 1, b"t", b"b" * 5000), FRAMES[3], FRAMES[4]]
    assert frames(read(whole(big), window=64)) == big


def test_damage_longer_than_the_window() -> None:
    big = [Frame("zmq:x", 1, b"t", bytes(5000)), FRAMES[3], FRAMES[4]]
    data = bytearray(whole(big))
    data[HEAD.size + 3] ^= 0x40
    found = read(bytes(data), window=64)
    assert [type(f) for f in found] == [Damage, Record, Record]
    assert frames(found) == big[1:]


def test_the_last_record_of_a_living_writer_may_not_be_there_whole() -> None:
    """Its length is, and some of its bytes are not yet: it is left for the next reading."""
    data = bytearray(whole())
    data[-1] ^= 1
    found = read(bytes(data), live=True)
    assert [type(f) for f in found] == [Record] * (len(FRAMES) - 1)
    assert frames(read(whole(), found[-1].end, live=True)) == FRAMES[-1:]
    assert isinstance(read(bytes(data))[-1], Damage), "of one that was sealed it is damage"


def test_zeros_at_the_end_after_a_loss_of_power() -> None:
    assert frames(read(whole() + bytes(4096), torn=True)) == FRAMES


def test_an_empty_and_an_unfinished_head() -> None:
    assert read(b"") == []
    assert read(whole()[:7], live=True) == []


def test_another_file_is_refused() -> None:
    with pytest.raises(StoreError, match="no segment"):
        read(b"PAR1" + bytes(100))


def test_a_frame_that_no_segment_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_RECORD", 100)
    with pytest.raises(MessageError) as e:
        segment.pack(Frame("zmq:x", 1, b"t", bytes(100)), SALT)
    assert e.value.reason == "too-large"


def test_counting_by_heads(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(whole()[:-1])
    descriptor = os.open(path, os.O_RDONLY)
    assert segment.count(descriptor, 0) == 5
    assert segment.count(descriptor, read(whole())[1].end) == 3
    os.close(descriptor)


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=70_000)), max_size=5))
def test_many_at_once_are_read_as_each(messages: list[tuple[bytes, bytes]]) -> None:
    parts = [part for message in messages for part in message]
    found = read(segment.head(SALT) + segment.pack_all("zmq:x", 7, parts, SALT))
    assert frames(found) == [Frame("zmq:x", 7, *message) for message in messages]
    assert len(found) == len(messages), "no damage"


def test_of_many_one_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_RECORD", 100)
    with pytest.raises(MessageError, match="bytes") as caught:
        segment.pack_all("zmq:x", 7, [b"t", b"small", b"t", b"x" * 101], SALT)
    assert (caught.value.reason, caught.value.where) == ("too-large", "zmq:x")
