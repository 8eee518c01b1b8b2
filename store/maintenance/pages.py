"""Check the checksums of a Parquet file's pages, without decompressing or decoding them.

Each page is preceded by a header in Thrift's compact protocol: field 3 is the size of what follows
it, field 4 the CRC-32 of that.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["damaged_page"]

_SIZE, _CRC = 3, 4  # fields of a page's header
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY = range(1, 9)  # types
_STRUCT = 12
_NIBBLE = 15
_DOUBLE_SIZE = 8  # bytes


def damaged_page(path: Path, metadata: Any) -> str:
    """Describe the first damage of a file's pages; empty if there is none.

    Args:
        path: the file.
        metadata: its footer, as pyarrow reads it.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                damage = _check_chunk(file, column)
                if damage:
                    return f"{damage}, of the column {column.path_in_schema}"
    return ""


def _check_chunk(file: BinaryIO, column: Any) -> str:
    """Check the pages of a column in a row group."""
    start = column.data_page_offset
    if column.dictionary_page_offset is not None:
        start = min(start, column.dictionary_page_offset)
    file.seek(start)
    data = file.read(column.total_compressed_size)
    place = 0
    while place < len(data):
        try:
            size, crc, body = _header(data, place)
        except (IndexError, ValueError):
            return f"the header of a page at byte {start + place:,} cannot be read"
        if crc is None or not 0 <= size <= len(data) - body:
            return f"the header of a page at byte {start + place:,} is damaged"
        if zlib.crc32(memoryview(data)[body : body + size]) != crc & 0xFFFFFFFF:
            return f"a page at byte {start + place:,} does not match its checksum"
        place = body + size
    return "" if place == column.total_compressed_size else "a column ends early"


def _header(data: bytes, place: int) -> tuple[int, int | None, int]:
    """Read a page's header: the size of the page, its CRC (None: it has none), where it begins."""
    size, crc, field = -1, None, 0
    while data[place]:
        head = data[place]
        place += 1
        if head >> 4:
            field += head >> 4
        else:
            field, place = _signed(data, place)
        kind = head & _NIBBLE
        if field in {_SIZE, _CRC} and kind == _I32:
            value, place = _signed(data, place)
            size, crc = (value, crc) if field == _SIZE else (size, value)
        else:
            place = _skip(data, place, kind)
    return size, crc, place + 1


def _skip(data: bytes, place: int, kind: int) -> int:
    """Return where a value ends."""
    if kind in {_TRUE, _FALSE}:
        return place
    if kind == _BYTE:
        return place + 1
    if kind in {_I16, _I32, _I64}:
        return _varint(data, place)[1]
    if kind == _DOUBLE:
        return place + _DOUBLE_SIZE
    if kind == _BINARY:
        length, place = _varint(data, place)
        return place + length
    if kind != _STRUCT:
        raise ValueError("a page's header has no lists")
    while data[place]:
        head = data[place]
        place += 1
        if not head >> 4:
            place = _varint(data, place)[1]
        place = _skip(data, place, head & _NIBBLE)
    return place + 1


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last one
            return value, place
        shift += 7
        if shift > 63:  # noqa: PLR2004 - bits
            raise ValueError("a number has more than 64 bits")


def _signed(data: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return (value >> 1) ^ -(value & 1), place
