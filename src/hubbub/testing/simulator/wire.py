"""Encode simulated messages as fedmsg frames and as rows of both history interfaces.

The shapes are those of the real services (tests/captures). The headers of history rows name users
and objects as the real publishers do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgpack
import msgspec

from hubbub.testing.simulator.message import SimMessage

__all__ = ["frames", "line", "raw_row", "search_row"]

_encode = msgspec.json.encode


def _envelope(message: SimMessage) -> dict[str, Any]:
    return {
        "i": message.i,
        "msg": message.msg,
        "msg_id": message.id,
        "timestamp": message.time,
        "topic": message.topic,
        "username": message.username,
    }


def line(message: SimMessage) -> bytes:
    """Return the JSON envelope without a newline, or the body of a broken message."""
    return _encode(_envelope(message)) if message.broken is None else message.broken


def frames(message: SimMessage, wire: str = "fedmsg") -> tuple[bytes, bytes]:
    """Return the two frames of a ZeroMQ message; `wire` is `fedmsg` (JSON) or `msgpack`."""
    if wire == "msgpack" and message.broken is None:
        # The reference library rather than msgspec, which hubbub decodes with.
        body = msgpack.packb(_envelope(message))
    else:
        body = line(message)
    return message.topic.encode(), body


def _headers(message: SimMessage) -> dict[str, Any]:
    sent = datetime.fromtimestamp(message.time, UTC)
    headers: dict[str, Any] = {
        "fedora_messaging_schema": "base.message",
        "fedora_messaging_schema_package": "fedora_messaging",
        "fedora_messaging_severity": 20,
        "priority": 0,
        "sent-at": sent.isoformat(),
    }
    headers.update((f"fedora_messaging_user_{name}", True) for name in message.users)
    headers.update((f"fedora_messaging_rpm_{name}", True) for name in message.objects)
    return headers


def search_row(message: SimMessage) -> bytes:
    """Encode a message as a row of `/v2/search`."""
    row = {
        "body": message.msg,
        "headers": _headers(message),
        "id": message.id,
        "priority": 0,
        "queue": None,
        "topic": message.topic,
    }
    return _encode(row)


def raw_row(message: SimMessage) -> bytes:
    """Encode a message as a row of `/raw`."""
    row = {
        "i": message.i,
        "msg_id": message.id,
        "topic": message.topic,
        "timestamp": float(message.time),
        "certificate": None,
        "signature": None,
        "agent_name": None,
        "username": message.username,
        "crypto": None,
        "msg": message.msg,
        "headers": _headers(message),
        "source_name": "datanommer",
        "source_version": "1.5.0",
        "users": sorted(set(message.users)),
        "packages": list(message.objects),
    }
    return _encode(row)
