"""Headers that pika cannot represent do not end a connection."""

from __future__ import annotations

import struct

import pika
import pytest
from pika import data, spec

from hubbub.collector.amqp import lenient_headers


def table(name: bytes, value: bytes) -> bytes:
    content = bytes([len(name)]) + name + value
    return struct.pack(">I", len(content)) + content


@pytest.mark.parametrize(
    "value",
    [
        b"d" + struct.pack(">d", float("nan")),
        b"d" + struct.pack(">d", float("inf")),
        b"T" + struct.pack(">Q", 2**60),
        b"Z???",
        b"S" + struct.pack(">I", 10) + b"abc",
    ],
)
def test_a_table_with_such_a_value_is_dropped(value: bytes) -> None:
    lenient_headers.install()
    encoded = table(b"x", value) + b"rest"
    decoded, end = data.decode_table(encoded, 0)
    if value.startswith(b"S"):  # a short text is cut, and the table ends where it says
        assert end >= len(encoded) - 4
        return
    assert lenient_headers.UNREADABLE in decoded
    assert encoded[end:] == b"rest"


def test_tables_nested_without_end_are_dropped() -> None:
    lenient_headers.install()
    inner = table(b"x", b"V")
    for _ in range(3_000):
        inner = table(b"x", b"F" + inner)
    decoded, end = data.decode_table(inner, 0)
    assert end == len(inner)
    assert decoded


def test_properties_after_such_headers_are_still_read() -> None:
    lenient_headers.install()
    good = spec.BasicProperties(headers={"a": 1}, message_id="id-1")
    encoded = b"".join(good.encode())
    bad = encoded.replace(b"".join(_pieces({"a": 1})), table(b"a", b"T" + struct.pack(">Q", 2**60)))
    properties = pika.BasicProperties().decode(bad)
    assert properties.message_id == "id-1"
    assert lenient_headers.UNREADABLE in (properties.headers or {})


def _pieces(headers: dict[str, int]) -> list[bytes]:
    pieces: list[bytes] = []
    data.encode_table(pieces, headers)
    return pieces
