"""Derive an id from the content of a message that has none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hubbub.collector.event import Frame

__all__ = ["BUS_KINDS", "content_id", "payload_id"]

#: Kinds of sources whose frames carry the topic separately from the body.
BUS_KINDS = frozenset(("zmq", "amqp"))


def content_id(frame: Frame, topic: str) -> str:
    """Return a hash of topic and body; in files also of the line number, so equal lines differ."""
    line = "" if frame.kind in BUS_KINDS or frame.kind == "history" else str(frame.seq)
    digest = hashlib.sha256(f"{line}\n{topic}\n".encode("utf-8", "surrogatepass"))
    digest.update(frame.body.rstrip(b"\r\n"))
    return f"sha256-{digest.hexdigest()[:40]}"


def payload_id(topic: str, time: int, body: Any) -> str:
    """Return a hash of a message's topic, time (µs) and payload, whatever envelope it came in."""
    text = json.dumps([topic, time, body], sort_keys=True, separators=(",", ":"), default=repr)
    return f"sha256-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
