"""Make pika accept headers that it cannot represent, of which one would end every connection.

A header with NaN, a time after the year 9999 or a type that pika does not know raises an error
within pika, which ends the connection; the broker then delivers the same message again. With this,
such headers are dropped, and the message is received.
"""

from __future__ import annotations

import struct
from typing import Any

from pika import data

__all__ = ["UNREADABLE", "install"]

#: The header that stands for headers which could not be read.
UNREADABLE = "hubbub_unreadable_headers"

_LENGTH = struct.Struct(">I")
_decode_table = data.decode_table


def _decode(encoded: bytes, offset: int) -> tuple[dict[str, Any], int]:
    try:
        table, end = _decode_table(encoded, offset)
    except Exception as error:  # noqa: BLE001 - of pika, Python or the C library: kept as a header
        (length,) = _LENGTH.unpack_from(encoded, offset)
        return {UNREADABLE: type(error).__name__}, offset + _LENGTH.size + int(length)
    return table, end


def install() -> None:
    """Replace pika's decoder of tables in this process; harmless if repeated."""
    data.decode_table = _decode
