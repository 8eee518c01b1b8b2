r"""The file format of a spool segment, written once from front to back.

    segment = header of 16 bytes (`hubbub1\n`, a random salt, 3 bytes of flags, a checksum of
              these), then records
    record  = length u32, CRC-32 u32, payload; little-endian
    payload = msgpack of a Frame: an array of five, or of four if its `seq` is 0

The CRC starts from the segment's salt: a record that was sent as the content of a message cannot
be mistaken for one of the segment when reading resynchronises after damage.

Reading tolerates a file that ends anywhere and contains flipped bits: it yields every intact
frame, in order, and a `Damage` for each damaged range. It never changes a file.
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
    "complete",
    "count",
    "flags",
    "flags_in",
    "head",
    "pack",
    "pack_all",
    "read",
    "with_flags",
]

HEAD = Struct("<8sII")
RECORD = Struct("<II")
MAGIC = b"hubbub1\n"
BODIES = 1  # flag: store the bodies of these frames
TRUST = 8  # from this bit on: the number of the trust settings for these frames; 0: none
#: Longest payload of a record in bytes; a longer length in a file is damage.
MAX_RECORD = 64 << 20
_FLAG_BITS = 24  # the header's checksum is above them
_PAYLOAD_START = re.compile(rb"[\x94\x95]")  # msgpack: an array of four or five
_BINARY = Struct(">BI")  # msgpack: the start of a long byte string
_BIN_32 = 0xC6

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


class Record(msgspec.Struct, frozen=True, gc=False):
    """An intact record: its frame, and bytes [start, end) of the file."""

    frame: Frame
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [start, end) of the file, which contain no intact record."""

    start: int
    end: int
    data: bytes


def head(salt: int, flags: int = 0) -> bytes:
    """Return the header of a segment; for `flags` see `BODIES` and `TRUST`."""
    return HEAD.pack(MAGIC, salt, flags | _checksum(salt, flags) << _FLAG_BITS)


def flags(descriptor: int, name: str = "") -> int:
    """Return the flags of a segment; 0 while its header is incomplete.

    Raises:
        StoreError: not a segment, or its header is damaged.
    """
    return flags_in(os.pread(descriptor, HEAD.size, 0), name) or 0


def flags_in(start: bytes, name: str = "") -> int | None:
    """Return the flags in the first bytes of a segment; None while its header is incomplete.

    Raises:
        StoreError: not a segment, or its header is damaged.
    """
    if _salt(memoryview(start), name) is None:
        return None
    return int(HEAD.unpack_from(start)[2]) & (1 << _FLAG_BITS) - 1


def with_flags(start: bytes, flags: int) -> bytes:
    """Return the header of a segment with other flags; its records stay valid."""
    return head(int(HEAD.unpack_from(start)[1]), flags)


def _checksum(salt: int, flags: int) -> int:
    """Return the checksum of a header, 128 to 255; old segments have 0 instead.

    It detects any single flipped bit.
    """
    word, folded = salt << _FLAG_BITS | flags, 0x80
    while word:
        folded ^= word & 0x7F
        word >>= 7
    return folded


def pack(frame: Frame, salt: int) -> bytes:
    """Return the record of a frame.

    Raises:
        MessageError: the frame is larger than any segment may hold.
    """
    payload = _encode(frame)
    if len(payload) > MAX_RECORD:
        raise _too_large(len(payload), frame.source)
    return RECORD.pack(len(payload), crc32(payload, salt)) + payload


def pack_all(source: str, arrived: int, parts: Sequence[bytes], salt: int) -> bytes:
    """Return the records of frames that arrived together.

    Equivalent to `pack` for each, but without a function call per message, which takes a tenth of
    the listener's time: the start of a payload is encoded once per topic, and each body is copied
    once. Payloads are arrays of four: these frames have no `seq`.

    Args:
        source: of all frames.
        arrived: µs since the epoch.
        parts: topic, body, topic, body, …
        salt: the segment's.

    Raises:
        MessageError: a frame is larger than any segment may hold.
    """
    pieces: list[bytes] = []
    add, pack_record, pack_binary, crc = pieces.extend, RECORD.pack, _BINARY.pack, crc32
    # topic → start of the payload, its CRC, bytes of the payload before the body
    starts: dict[bytes, tuple[bytes, int, int]] = {}
    iterator = iter(parts)
    for topic, body in zip(iterator, iterator, strict=True):
        try:
            start, start_crc, overhead = starts[topic]
        except KeyError:
            start = b"\x94" + _encode((source, arrived, topic))[1:]
            start_crc, overhead = crc(start, salt), len(start) + _BINARY.size
            starts[topic] = start, start_crc, overhead
        size = len(body)
        binary = pack_binary(_BIN_32, size)
        size += overhead
        if size > MAX_RECORD:
            raise _too_large(size, source)
        add((pack_record(size, crc(body, crc(binary, start_crc))), start, binary, body))
    return b"".join(pieces)


def _too_large(size: int, source: str) -> MessageError:
    return MessageError("too-large", f"a message of {size:,} bytes", where=source)


def _salt(data: memoryview, name: str) -> int | None:
    """Return the salt of a segment; None while its header is incomplete."""
    if len(data) < HEAD.size:
        return None
    magic, salt, word = HEAD.unpack_from(data)
    checksum, flags = word >> _FLAG_BITS, word & (1 << _FLAG_BITS) - 1
    if magic != MAGIC or checksum not in {0, _checksum(salt, flags)}:
        raise StoreError(
            "this file is not a segment of hubbub's spool, or its header is damaged",
            where=name,
            hint="the next load sets it aside; gather the same time from history again",
        )
    return int(salt)


def _intact(data: memoryview, offset: int, salt: int) -> tuple[Frame, int] | None:
    """Return the frame and the end of the record at `offset`; None if it is not intact."""
    if offset + RECORD.size > len(data):
        return None
    length, crc = RECORD.unpack_from(data, offset)
    end = offset + RECORD.size + length
    if length > MAX_RECORD or end > len(data):
        return None
    payload = data[offset + RECORD.size : end]
    if crc32(payload, salt) != crc:
        return None
    try:
        return _decode(payload), end
    except msgspec.MsgspecError:
        return None


def _cut(data: memoryview, offset: int) -> bool:
    """Whether the record at `offset` seems to continue after these bytes."""
    if offset + RECORD.size > len(data):
        return True
    length: int = RECORD.unpack_from(data, offset)[0]
    return length <= MAX_RECORD and offset + RECORD.size + length > len(data)


def _resume(data: memoryview, raw: bytes, offset: int, salt: int) -> int | None:
    """Return where the next intact record after the damaged one at `offset` starts.

    Every byte is tried, since the length of the damaged record may be wrong.

    Returns:
        The end of `data` if the damaged record seems to be the last one; None if unknown.
    """
    for match in _PAYLOAD_START.finditer(raw, offset + RECORD.size + 1):
        if _intact(data, match.start() - RECORD.size, salt):
            return match.start() - RECORD.size
    if offset + RECORD.size > len(data):
        return None
    length: int = RECORD.unpack_from(data, offset)[0]
    return len(data) if offset + RECORD.size + length == len(data) else None


def read(
    descriptor: int,
    start: int,
    *,
    name: str,
    live: bool = False,
    torn: bool = False,
    window: int = 4 << 20,
) -> Iterator[Record | Damage]:
    """Yield the records of an open segment from byte `start` on.

    Args:
        descriptor: an open file; only `pread` is used, so that it can be shared.
        start: where an earlier call ended; 0: the first record.
        name: for error messages.
        live: a writer may still append: an unreadable tail may be unfinished, and is left for the
            next call.
        torn: the writer died: an unreadable tail was never reported as received, and is ignored.
            In a sealed segment an unreadable tail is damage.
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
        at_end = len(raw) < window
        data, offset = memoryview(raw), 0
        while True:
            if intact := _intact(data, offset, salt):
                frame, end = intact
                yield Record(frame, base + offset, base + end)
                offset = end
                continue
            if offset == len(data) or (not at_end and _cut(data, offset)):
                break  # no more bytes, or a record that may end in the next window
            resumed = _resume(data, raw, offset, salt)
            if resumed is None and (live or torn or not at_end):
                break  # unfinished, torn, or undecided without the next window
            if live and resumed == len(data):
                break
            end = len(data) if resumed is None else resumed
            yield Damage(base + offset, base + end, raw[offset:end])
            offset = end
        if at_end:
            return
        if offset == 0:  # a record or damage that is longer than the window
            window *= 2
        base += offset


def count(descriptor: int, start: int) -> int:
    """Return the number of records from byte `start` on, estimated from their lengths alone."""
    return sum(1 for _ in _ends(descriptor, start))


def complete(descriptor: int) -> int:
    """Return where the last complete record ends, estimated from the records' lengths alone."""
    return max(_ends(descriptor, HEAD.size), default=HEAD.size)


def _ends(descriptor: int, start: int) -> Iterator[int]:
    """Yield where each record from byte `start` on ends, as long as it is complete."""
    size, offset = os.fstat(descriptor).st_size, max(start, HEAD.size)
    while offset + RECORD.size <= size:
        raw = os.pread(descriptor, RECORD.size, offset)
        if len(raw) < RECORD.size:
            return
        offset += RECORD.size + RECORD.unpack(raw)[0]
        if offset > size:
            return
        yield offset
