"""Checks and texts of single values of a message."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hubbub.collector.decode.reasons import MAX_NAMES, refuse

__all__ = ["checked_names", "payload_size", "shown", "text"]

_SHOWN = 80  # characters of a value in an error
_encode = msgspec.json.Encoder().encode


def shown(value: Any) -> str:
    """Return the start of a value for an error; long ones are not written out first."""
    if isinstance(value, str | bytes | list):
        value = value[:_SHOWN]
    elif isinstance(value, dict) and len(value) > _SHOWN:
        return f"an object of {len(value):,} keys"
    return repr(value)[:_SHOWN]


def text(value: Any, max_length: int, reason: str, where: str) -> str:
    """Return a text that is safe in tables, log lines and URLs, or refuse it."""
    if not isinstance(value, str) or len(value) > max_length or not value.isprintable():
        raise refuse(reason, where, shown(value))
    return value


def payload_size(body: Any) -> int:
    """Return the bytes of a payload as compact UTF-8 JSON."""
    try:
        return len(_encode(body))
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError):
        written = json.dumps(
            body, ensure_ascii=False, separators=(",", ":"), default=repr, skipkeys=True
        )
        return len(written.encode("utf-8", "surrogatepass"))


def checked_names(names: Any, reason: str, where: str) -> tuple[str, ...] | None:
    """Return names that an import states, None if it states none; refuse anything else."""
    if names is None:
        return None
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise refuse(reason, where, shown(names))
    if not all(isinstance(name, str) for name in names):
        raise refuse(reason, where, shown(names))
    return tuple(names)
