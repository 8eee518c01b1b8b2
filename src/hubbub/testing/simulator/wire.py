"""Simulated messages as bytes: fedmsg frames, and rows of both history interfaces.

Goes out: exactly the shapes that the real services give (bus.md, captured answers). Users and
objects stand in the headers of history rows as the real service's publishers put them there.
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
    """The JSON envelope without a newline; a broken message as it is."""
    return _encode(_envelope(message)) if message.broken is None else message.broken


def frames(message: SimMessage, wire: str = "fedmsg") -> tuple[bytes, bytes]:
    """The two frames of a ZeroMQ message; `wire` is `fedmsg` (JSON) or `msgpack`."""
    if wire == "msgpack" and message.broken is None:
        # the reference library, as a publisher would: what decodes it here is another one
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
    """A row of `/v2/search`."""
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
    """A row of `/raw`."""
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
