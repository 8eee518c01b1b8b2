"""Canonical JSON: the bytes that fedmsg signs.

Comes in: a message. Goes out: bytes. There are two ways to write them, which never differ; a
property test holds them together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["canonical", "fast_canonical"]

_SIGNED_BY = ("signature", "certificate")
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode
_encode = msgspec.json.Encoder(order="sorted").encode


def canonical(message: Mapping[str, Any]) -> bytes:
    """What is signed: compact ASCII JSON, keys by code point, without signature and certificate.

    Raises:
        ValueError: the message cannot be written, a number of more than 4,300 digits for example.
    """
    return _write(_signed_part(message)).encode()


def _signed_part(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in _SIGNED_BY}


def fast_canonical(message: Mapping[str, Any]) -> bytes:
    """`canonical` of a message without floats, in a third of the time where both write the same.

    They differ in NaN and the exponents of floats, of which none may be there, in letters beyond
    ASCII, DEL and numbers of more than 64 bits; what holds any of these is left to the other.
    """
    try:
        text = _encode(_signed_part(message))
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return canonical(message)
    if not text.isascii() or b"\x7f" in text:
        return canonical(message)
    return text
