"""Derive an id from the content of a message that has none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hubbub.collector.decode.line_reading import reading
from hubbub.collector.event import Frame

__all__ = ["BUS_FORMATS", "BUS_KINDS", "content_id", "line_number_id", "payload_id"]

#: Kinds of sources whose frames carry the topic separately from the body.
BUS_KINDS = frozenset(("zmq", "amqp"))
#: Kinds whose messages come from a bus: the same message has the same id by any way.
BUS_FORMATS = BUS_KINDS | {"history", "fedmsg"}


def content_id(frame: Frame, topic: str) -> str:
    """Return a hash of topic and body; of a log's line also of its source and its occurrence.

    The second of two equal lines of a source is a second message, and equal lines of two sources
    are two messages. Line numbers do not count: they change when a log is rotated.
    """
    nth = 1 if frame.kind in BUS_KINDS else reading(frame).nth
    if frame.kind in BUS_FORMATS:
        place = "" if nth == 1 or frame.kind == "history" else str(nth)
    else:
        place = f"{frame.source}\n{nth}"
    return _hash(place, topic, frame)


def line_number_id(frame: Frame, topic: str) -> str:
    """Return the id that a line of a file had before lines were told apart by their occurrence."""
    return _hash(str(frame.seq), topic, frame)


def _hash(place: str, topic: str, frame: Frame) -> str:
    digest = hashlib.sha256(f"{place}\n{topic}\n".encode("utf-8", "surrogatepass"))
    digest.update(frame.body.rstrip(b"\r\n"))
    return f"sha256-{digest.hexdigest()[:40]}"


def payload_id(topic: str, time: int, body: Any) -> str:
    """Return a hash of a message's topic, second and payload, whatever envelope it came in.

    Args:
        topic: of the message.
        time: µs; only its second counts. For rows without `sent-at`, `/v2/search` makes one of the
            full time, and `/raw` truncates that to its second.
        body: the payload.
    """
    text = json.dumps(
        [topic, time // 1_000_000, body], sort_keys=True, separators=(",", ":"), default=repr
    )
    return f"sha256-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
