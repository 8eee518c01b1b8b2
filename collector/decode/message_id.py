"""An id for a message that has none.

Comes in: a frame and its topic. Goes out: the same text for the same bytes at the same place.
"""

from __future__ import annotations

import hashlib

from hubbub.collector.event import Frame

__all__ = ["HEARD", "content_id"]

#: Kinds of sources that give a topic beside the body; their messages need no place of their own.
HEARD = frozenset(("zmq", "amqp"))


def content_id(frame: Frame, topic: str) -> str:
    """The id: a line's number is part of it, so that equal lines of a file are several messages."""
    place = "" if frame.kind in HEARD or frame.kind == "history" else str(frame.seq)
    digest = hashlib.sha256(f"{place}\n{topic}\n".encode("utf-8", "surrogatepass"))
    digest.update(frame.body.rstrip(b"\r\n"))
    return f"sha256-{digest.hexdigest()[:40]}"
