"""The segment format: intact records are read, damage is reported, nothing can be forged."""

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


def content(frames: list[Frame] = FRAMES) -> bytes:
    return segment.head(SALT) + b"".join(record(f) for f in frames)


def record(frame: Frame) -> bytes:
    """A record in either form: `pack_all` where the frame has no `seq`."""
    if frame.seq:
        return segment.pack(frame, SALT)
    return segment.pack_all(frame.source, frame.arrived, [frame.topic, frame.body], SALT)


def read(data: bytes, start: int = 0, **options: object) -> list[Record | Damage]:
    descriptor = os.memfd_create("segment")
    try:
        os.write(descriptor, data)
        return list(segment.read(descriptor, start, name="x", **options))  # type: ignore[arg-type]
    finally:
        os.close(descriptor)


def frames(parts: list[Record | Damage]) -> list[Frame]:
    return [part.frame for part in parts if isinstance(part, Record)]


def test_frames_are_read_in_order_with_their_positions() -> None:
    records = read(content())
    assert frames(records) == FRAMES
    assert records[0].start == HEAD.size
    assert records[-1].end == len(content())
    assert all(a.end == b.start for a, b in pairwise(records))


def test_reading_continues_where_it_ended() -> None:
    first = read(content())[2]
    assert frames(read(content(), first.end)) == FRAMES[3:]


@given(st.integers(0, len(content())))
def test_a_torn_tail_loses_nothing_before_it(cut: int) -> None:
    ends = [HEAD.size + sum(len(record(f)) for f in FRAMES[:n]) for n in range(7)]
    complete = max((n for n, end in enumerate(ends) if end <= cut), default=0)
    for option in ("live", "torn"):
        records = read(content()[:cut], **{option: True})
        assert frames(records) == FRAMES[:complete]
        assert len(records) == complete, "an unfinished record is no damage"


@given(st.integers(HEAD.size, len(content()) - 1), st.integers(0, 7))
def test_a_flipped_bit_loses_only_its_own_record(position: int, bit: int) -> None:
    data = bytearray(content())
    data[position] ^= 1 << bit
    parts = read(bytes(data))
    (damage,) = [part for part in parts if isinstance(part, Damage)]
    assert damage.start <= position < damage.end
    assert damage.data == bytes(data[damage.start : damage.end])
    broken = next(r for r in read(content()) if r.start <= position < r.end)
    assert frames(parts) == frames([r for r in read(content()) if r != broken])


def test_an_unreadable_tail_of_a_sealed_segment_is_damage() -> None:
    parts = read(content()[:-3])
    assert frames(parts) == FRAMES[:-1]
    assert isinstance(parts[-1], Damage)


def test_a_record_in_the_body_of_a_message_is_never_read_as_one() -> None:
    """The body contains records, and the length of the record around it is damaged."""
    forged = segment.pack(Frame("zmq:forged", 1, b"t", b"b"), salt=0)
    data = bytearray(content([Frame("zmq:x", 1, b"t", forged * 3), FRAMES[2]]))
    data[HEAD.size + 3] ^= 0x80
    parts = read(bytes(data))
    assert [frame.source for frame in frames(parts)] == ["zmq:x"]
    assert frames(parts) == [FRAMES[2]]


def test_a_record_longer_than_the_window() -> None:
    big = [Frame("zmq:x", 1, b"t", b"b" * 5000), FRAMES[3], FRAMES[4]]
    assert frames(read(content(big), window=64)) == big


def test_damage_longer_than_the_window() -> None:
    big = [Frame("zmq:x", 1, b"t", bytes(5000)), FRAMES[3], FRAMES[4]]
    data = bytearray(content(big))
    data[HEAD.size + 3] ^= 0x40
    parts = read(bytes(data), window=64)
    assert [type(part) for part in parts] == [Damage, Record, Record]
    assert frames(parts) == big[1:]


def test_the_last_record_of_a_live_segment_may_be_incomplete() -> None:
    """Its length is written, but not all of its bytes: it is left for the next call."""
    data = bytearray(content())
    data[-1] ^= 1
    records = read(bytes(data), live=True)
    assert [type(record) for record in records] == [Record] * (len(FRAMES) - 1)
    assert frames(read(content(), records[-1].end, live=True)) == FRAMES[-1:]
    assert isinstance(read(bytes(data))[-1], Damage), "in a sealed segment it is damage"


def test_zeros_at_the_end_after_a_loss_of_power() -> None:
    assert frames(read(content() + bytes(4096), torn=True)) == FRAMES


def test_an_empty_segment_and_an_incomplete_header() -> None:
    assert read(b"") == []
    assert read(content()[:7], live=True) == []


def test_another_file_is_refused() -> None:
    with pytest.raises(StoreError, match="not a segment"):
        read(b"PAR1" + bytes(100))


def test_a_frame_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_RECORD", 100)
    with pytest.raises(MessageError) as e:
        segment.pack(Frame("zmq:x", 1, b"t", bytes(100)), SALT)
    assert e.value.reason == "too-large"


def test_records_are_counted_by_their_lengths(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(content()[:-1])
    descriptor = os.open(path, os.O_RDONLY)
    assert segment.count(descriptor, 0) == 5
    assert segment.count(descriptor, read(content())[1].end) == 3
    os.close(descriptor)


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=70_000)), max_size=5))
def test_frames_that_were_packed_together_are_read_one_by_one(
    messages: list[tuple[bytes, bytes]],
) -> None:
    parts = [part for message in messages for part in message]
    records = read(segment.head(SALT) + segment.pack_all("zmq:x", 7, parts, SALT))
    assert frames(records) == [Frame("zmq:x", 7, *message) for message in messages]
    assert len(records) == len(messages), "no damage"


def test_frames_are_refused_together_if_one_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "MAX_RECORD", 100)
    with pytest.raises(MessageError, match="bytes") as caught:
        segment.pack_all("zmq:x", 7, [b"t", b"small", b"t", b"x" * 101], SALT)
    assert (caught.value.reason, caught.value.where) == ("too-large", "zmq:x")
