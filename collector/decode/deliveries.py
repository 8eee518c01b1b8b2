"""Deliveries of webhooks: what travels with a body from the request to the loader.

The source of such a frame is `hook:NAME`. Its body is the JSON of the sender, byte for byte; its
topic is a `Delivery` as JSON: what the headers said that the body need not repeat.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hubbub.collector.decode.objects import parse_object
from hubbub.collector.decode.reasons import refuse
from hubbub.collector.event import Frame

__all__ = ["HOOK", "Delivery", "content_hash", "hook_name", "pack", "read"]

HOOK = "hook"  # kind of the frames of all hooks


class Delivery(msgspec.Struct, frozen=True):
    """What the headers of a delivery say."""

    kind: str  # github, gitlab, forgejo, discourse or generic
    event: str = ""  # the sender's name of the event; empty: none
    action: str = ""  # what happened, of senders that say it in a header
    id: str = ""  # the sender's id of the delivery; empty: none


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Delivery).decode


def pack(delivery: Delivery) -> bytes:
    """Return the topic of a frame of this delivery."""
    return _encode(delivery)


def read(frame: Frame) -> tuple[Delivery, dict[str, Any]]:
    """Return a frame's delivery and its parsed body.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`; `bad-topic` if the frame was not
            written as a delivery.
    """
    try:
        delivery = _decode(frame.topic)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refuse("bad-topic", detail=str(error)[:200]) from None
    return delivery, parse_object(frame.body)


def hook_name(frame: Frame) -> str:
    """Return the NAME of `hook:NAME`."""
    return frame.source.partition(":")[2]


def content_hash(name: str, body: bytes) -> str:
    """Return the id of a delivery that has none: a hash of the hook's name and the body."""
    digest = hashlib.sha256(f"{name}\n".encode("utf-8", "surrogatepass"))
    digest.update(body)
    return f"sha256-{digest.hexdigest()[:40]}"
