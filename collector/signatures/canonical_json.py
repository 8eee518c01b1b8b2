"""Encode messages as canonical JSON, the bytes that fedmsg signs.

A property test proves that the two encoders agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["canonical", "fast_canonical"]

_UNSIGNED_KEYS = ("signature", "certificate")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode
_encode_fast = msgspec.json.Encoder(order="sorted").encode


def canonical(message: Mapping[str, Any]) -> bytes:
    """Return compact ASCII JSON, keys sorted by code point, without signature and certificate.

    Raises:
        ValueError: the message cannot be encoded, for example a number of more than 4,300 digits.
    """
    return _encode(_signed_part(message)).encode()


def _signed_part(message: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in _UNSIGNED_KEYS}


def fast_canonical(message: Mapping[str, Any]) -> bytes:
    """Return `canonical` of a message without floats, in a third of the time for most messages.

    The fast encoder writes non-ASCII characters, DEL and integers of more than 64 bits differently;
    messages that contain any of these fall back to `canonical`. It also writes NaN and exponents of
    floats differently, which is why floats are not allowed.
    """
    try:
        text = _encode_fast(_signed_part(message))
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return canonical(message)
    if not text.isascii() or b"\x7f" in text:
        return canonical(message)
    return text
