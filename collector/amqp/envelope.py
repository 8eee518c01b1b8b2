"""Wrap a delivery into the JSON object that a history service returns for the same message.

    {"id": …, "topic": routing key, "timestamp": …, "headers": {…}, "body": as received}

So that decoding, stored bodies and dead letters have one form, whichever way a message came. A body
that is not JSON is refused before it is wrapped: text of a publisher must not become a key of ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from hubbub.collector.decode.reasons import refuse

__all__ = ["wrap"]

_BOM = b"\xef\xbb\xbf"


def _simplify(value: Any) -> Any:
    """Return a header of a type that JSON lacks as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    return value.isoformat() if isinstance(value, datetime) else str(value)


_encode = msgspec.json.Encoder(enc_hook=_simplify).encode
_skip = msgspec.json.Decoder(msgspec.Raw).decode  # checks the syntax without building values


def wrap(
    topic: str,
    body: bytes,
    *,
    message_id: str | None,
    headers: Mapping[str, Any] | None,
    timestamp: datetime | int | None,
    arrived: int,
) -> bytes:
    """Return the body of a frame.

    Args:
        topic: the routing key.
        body: as received.
        message_id: of the message's properties; without one, a hash of topic, body and time.
        headers: of the properties.
        timestamp: of the properties; seconds since the epoch.
        arrived: µs since the epoch, different for each message; used where `timestamp` is missing.

    Raises:
        MessageError: `not-json`, `too-deep`.
    """
    body = _checked(body)
    seconds = _seconds(timestamp)
    if not message_id:
        time = arrived if seconds is None else seconds
        digest = hashlib.sha256(b"%b\n%d\n%b" % (topic.encode(), time, body)).hexdigest()
        message_id = f"sha256-{digest[:40]}"
    facts: dict[str, Any] = {"id": message_id, "topic": topic, "headers": headers or {}}
    if seconds is not None:
        facts["timestamp"] = seconds
    return b'%b,"body":%b}' % (_facts(facts)[:-1], body)


def _facts(facts: dict[str, Any]) -> bytes:
    try:
        return _encode(facts)
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, an integer of 65 bits
        return json.dumps(facts, default=_simplify).encode()
    except RecursionError:
        raise refuse("too-deep", detail="the headers") from None


def _checked(body: bytes) -> bytes:
    """Return a body if it is one JSON value."""
    try:
        _skip(body)
    except RecursionError:
        raise refuse("too-deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = body.removeprefix(_BOM)
        try:
            json.loads(body.decode())  # accepts what publishers send and msgspec rejects: NaN, …
        except RecursionError:
            raise refuse("too-deep") from None
        except ValueError as error:  # also UnicodeDecodeError, and an integer of > 4,300 digits
            raise refuse("not-json", detail=str(error)[:200]) from None
    return body


def _seconds(timestamp: datetime | int | None) -> int | None:
    if isinstance(timestamp, datetime):
        return int(timestamp.replace(tzinfo=timestamp.tzinfo or UTC).timestamp())
    return timestamp if type(timestamp) is int else None
