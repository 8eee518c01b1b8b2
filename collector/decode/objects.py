"""Parse a line that holds a JSON object."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hubbub.collector.decode.reasons import MAX_DEPTH, refuse

__all__ = ["lenient_object", "parse_object", "too_deep"]

_decode = msgspec.json.Decoder().decode


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse JSON, also such as msgspec rejects but publishers write.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`.
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise refuse("too-deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = lenient_object(body)
    if not isinstance(value, dict):
        raise refuse("not-an-object", detail=type(value).__name__)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and too_deep([value]):
        raise refuse("too-deep")
    return value


def lenient_object(body: bytes) -> dict[str, Any]:
    """Parse JSON with NaN, lone surrogates or a BOM.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`.
    """
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise refuse("too-deep") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, an integer of > 4300 digits
        raise refuse("not-json", detail=str(error)[:200]) from None
    if not isinstance(value, dict):
        raise refuse("not-an-object", detail=type(value).__name__)
    return value


def too_deep(level: list[Any]) -> bool:
    """Whether values have more than MAX_DEPTH levels; iterative, so that no depth can overflow."""
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
