r"""The file format of the spool: one segment, written once from front to back.

    segment = 16 bytes of head (`hubbub1\n`, a random salt, 3 bytes of flags, a checksum of these),
              then records
    record  = length u32, CRC-32 u32, payload; little-endian
    payload = msgpack of a Frame, an array of five, or of four where its `seq` is 0

The CRC starts from the segment's salt, so that a record which somebody sent as the content of a
message can never be taken for one of ours when reading has to find its place again.

Comes in: bytes of a file that may end anywhere and hold flipped bits. Goes out: every intact
frame, in order, and a `Damage` for each stretch that was lost. It never changes a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

import msgspec

from hubbub.collector.event import Frame
from hubbub.errors import MessageError, StoreError

__all__ = [
    "BODIES",
    "HEAD",
    "MAX_RECORD",
    "TRUST",
    "Damage",
    "Record",
    "count",
    "flags",
    "head",
    "pack",
    "pack_all",
    "read",
]

HEAD = Struct("<8sII")
RECORD = Struct("<II")
MAGIC = b"hubbub1\n"
BODIES = 1  # flag: the bodies of these frames are to be stored
TRUST = 8  # from this bit on: the number of the trust that these frames must satisfy; 0: none
#: Longest payload of a record in bytes; a longer length in a file is damage.
MAX_RECORD = 64 << 20
_FLAGS = 24  # bits of flags; above them is the head's checksum
_FIRST = re.compile(rb"[\x94\x95]")  # msgpack: an array of four or five starts every payload
_BINARY = Struct(">BI")  # msgpack: how a long string of bytes starts
_BIN_32 = 0xC6

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


class Record(msgspec.Struct, frozen=True, gc=False):
    """An intact frame, and where the next record starts."""

    frame: Frame
    start: int  # bytes from the start of the file
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [start, end) that hold no intact record."""

    start: int
    end: int
    data: bytes


def head(salt: int, flags: int = 0) -> bytes:
    """The first bytes of a segment; for `flags` see `BODIES` and `TRUST`."""
    return HEAD.pack(MAGIC, salt, flags | _checksum(salt, flags) << _FLAGS)


def flags(descriptor: int, name: str = "") -> int:
    """What is to be done with a segment's frames; 0 while its head is not complete.

    Raises:
        StoreError: not a segment, or its head is damaged.
    """
    data = memoryview(os.pread(descriptor, HEAD.size, 0))
    if _salt(data, name) is None:
        return 0
    return int(HEAD.unpack_from(data)[2]) & (1 << _FLAGS) - 1


def _checksum(salt: int, flags: int) -> int:
    """Of a head, 128 to 255; 0 is that of segments from before there was one.

    Any bit that flips makes it another.
    """
    word, folded = salt << _FLAGS | flags, 0x80
    while word:
        folded ^= word & 0x7F
        word >>= 7
    return folded


def pack(frame: Frame, salt: int) -> bytes:
    """One record.

    Raises:
        MessageError: the frame is larger than any segment may hold.
    """
    payload = _encode(frame)
    if len(payload) > MAX_RECORD:
        raise _too_large(len(payload), frame.source)
    return RECORD.pack(len(payload), crc32(payload, salt)) + payload


def pack_all(source: str, arrived: int, parts: Sequence[bytes], salt: int) -> bytes:
    """The records of frames that arrived together; `parts` are topic, body, and so on in turn.

    A function's call a message is a tenth of the listener's work: hence not `pack`. What frames of
    one topic begin with is made once, and a body is copied once. The payloads are arrays of four:
    such frames have no `seq`, and reading takes its default.

    Raises:
        MessageError: a frame is larger than any segment may hold.
    """
    pieces: list[bytes] = []
    add, head, binary, checksum = pieces.extend, RECORD.pack, _BINARY.pack, crc32
    begun: dict[bytes, tuple[bytes, int, int]] = {}  # by topic; CRC; bytes before a body
    each = iter(parts)
    for topic, body in zip(each, each, strict=True):
        try:
            start, crc, before = begun[topic]
        except KeyError:
            start = b"\x94" + _encode((source, arrived, topic))[1:]
            crc, before = checksum(start, salt), len(start) + _BINARY.size
            begun[topic] = start, crc, before
        size = len(body)
        middle = binary(_BIN_32, size)
        size += before
        if size > MAX_RECORD:
            raise _too_large(size, source)
        add((head(size, checksum(body, checksum(middle, crc))), start, middle, body))
    return b"".join(pieces)


def _too_large(size: int, source: str) -> MessageError:
    return MessageError("too-large", f"a message of {size:,} bytes", where=source)


def _salt(data: memoryview, name: str) -> int | None:
    """The salt of a segment; None while its head is not complete."""
    if len(data) < HEAD.size:
        return None
    magic, salt, word = HEAD.unpack_from(data)
    given, marks = word >> _FLAGS, word & (1 << _FLAGS) - 1
    if magic != MAGIC or given not in {0, _checksum(salt, marks)}:
        raise StoreError(
            "this file is no segment of hubbub's spool, or its first bytes are damaged",
            where=name,
            hint="the next load sets it aside; what it held can be gathered from history again",
        )
    return int(salt)


def _intact(data: memoryview, at: int, salt: int) -> tuple[Frame, int] | None:
    """The frame at this place and the end of its record, if there is an intact one."""
    if at + RECORD.size > len(data):
        return None
    length, crc = RECORD.unpack_from(data, at)
    end = at + RECORD.size + length
    if length > MAX_RECORD or end > len(data):
        return None
    payload = data[at + RECORD.size : end]
    if crc32(payload, salt) != crc:
        return None
    try:
        return _decode(payload), end
    except msgspec.MsgspecError:
        return None


def _cut(data: memoryview, at: int) -> bool:
    """Whether the record at this place seems to end behind these bytes."""
    if at + RECORD.size > len(data):
        return True
    length: int = RECORD.unpack_from(data, at)[0]
    return length <= MAX_RECORD and at + RECORD.size + length > len(data)


def _resume(data: memoryview, raw: bytes, at: int, salt: int) -> int | None:
    """Where the next intact record after the damaged one at `at` starts, or the segment ends.

    Every byte is tried: the length of the damaged record may be what is damaged.
    """
    for first in _FIRST.finditer(raw, at + RECORD.size + 1):
        if _intact(data, first.start() - RECORD.size, salt):
            return first.start() - RECORD.size
    if at + RECORD.size > len(data):
        return None
    length: int = RECORD.unpack_from(data, at)[0]
    return len(data) if at + RECORD.size + length == len(data) else None


def read(
    descriptor: int,
    start: int,
    *,
    name: str,
    live: bool = False,
    torn: bool = False,
    window: int = 4 << 20,
) -> Iterator[Record | Damage]:
    """Records of an open segment from byte `start` (0: the first one).

    Args:
        descriptor: an open file; only `pread` is used, so that it can be shared.
        start: where an earlier reading ended.
        name: for error messages.
        live: a writer still appends; what looks damaged at the very end may only be unfinished,
            and is left for the next reading.
        torn: its writer died; an unreadable tail was never reported as received, and is ignored.
            In a segment that its writer sealed, an unreadable tail is damage.
        window: bytes read at once.

    Raises:
        StoreError: not a segment.
    """
    salt = _salt(memoryview(os.pread(descriptor, HEAD.size, 0)), name)
    if salt is None:
        return
    base = max(start, HEAD.size)
    while True:
        raw = os.pread(descriptor, window, base)
        more = len(raw) == window
        data, at = memoryview(raw), 0
        while True:
            found = _intact(data, at, salt)
            if found:
                yield Record(found[0], base + at, base + found[1])
                at = found[1]
                continue
            if at == len(data) or (more and _cut(data, at)):
                break  # the end, or a record that may end in the next window
            after = _resume(data, raw, at, salt)
            if after is None and (live or torn or more):
                break  # unfinished, torn, or to be judged with the bytes that follow
            if live and after == len(data):
                break
            end = len(data) if after is None else after
            yield Damage(base + at, base + end, raw[at:end])
            at = end
        if not more:
            return
        if at == 0:  # one record, or one damage, that is longer than the window
            window *= 2
        base += at


def count(descriptor: int, start: int) -> int:
    """How many records seem to wait from byte `start` on, by their lengths alone."""
    size, at, n = os.fstat(descriptor).st_size, max(start, HEAD.size), 0
    while at + RECORD.size <= size:
        raw = os.pread(descriptor, RECORD.size, at)
        if len(raw) < RECORD.size:
            break
        at += RECORD.size + RECORD.unpack(raw)[0]
        n += at <= size
    return n
