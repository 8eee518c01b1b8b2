"""Decode frames of every wire format: the bus, its history and imports.

A frame gives a `Message`, or a `MessageError` whose `reason` is one of `REASONS`. Decoding is
stateless and does not involve people or rules.

Formats of the bus and its history are recognised by content, not by configuration:

| format | recognised by |
| --- | --- |
| fedmsg, JSON | `msg`, with `topic` and `msg_id` |
| fedmsg, msgpack | a first byte that opens a msgpack map |
| history row of `/raw` | the keys of fedmsg, and `headers` |
| history row of `/v2/search`, fedora-messaging | `body`, with `topic` and `headers` |

Import formats are determined by the frame's source: `jsonl`, whose keys have other meanings, and
lines of logs (`LINE_DECODERS`).

A message id has the same time, topic and size in every format:

- time: `headers["sent-at"]` if present, else `timestamp`. `/raw` truncates `timestamp` to whole
  seconds and keeps the full time in `sent-at`; `/v2/search` has only `sent-at`; a fedmsg body has
  only `timestamp`, in whole seconds since fedmsg 0.20. So the three agree. (Of a row that was
  stored without `sent-at`, `/v2/search` makes one with the full time: there the second agrees.)
- size: bytes of the payload (`msg` or `body`) as compact UTF-8 JSON, since envelopes, white space
  and escapes differ between formats.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from hubbub.collector.decode import timestamps
from hubbub.collector.decode.formats import LINE_DECODERS
from hubbub.collector.decode.message_id import BUS_KINDS, content_id, payload_id
from hubbub.collector.decode.objects import lenient_object, too_deep
from hubbub.collector.decode.reasons import (
    LARGEST_NUMBER,
    LARGEST_SIZE,
    MAX_DEPTH,
    MAX_ID,
    MAX_NAMES,
    MAX_TOPIC,
    REASONS,
    refuse,
)
from hubbub.collector.decode.rejected import LARGEST, parse_refused
from hubbub.collector.decode.values import checked_names, payload_size, shown, text
from hubbub.collector.event import Frame, Message

__all__ = ["MAX_DEPTH", "MAX_NAMES", "REASONS", "decode", "parse", "partial_message", "username"]


class Envelope(msgspec.Struct, gc=False):
    """The keys that matter, of all formats; other keys are skipped without being parsed."""

    msg: Any = msgspec.UNSET
    body: Any = msgspec.UNSET
    topic: Any = None
    msg_id: Any = None
    id: Any = None
    timestamp: Any = None
    headers: Any = msgspec.UNSET
    username: Any = None
    i: Any = None
    meta: Any = None
    users: Any = None
    objects: Any = None
    agent: Any = None
    action: Any = None
    size: Any = None


class _Sender(msgspec.Struct, gc=False):
    username: Any = None


_FIELDS = Envelope.__struct_fields__
_json = msgspec.json.Decoder(Envelope)
_msgpack = msgspec.msgpack.Decoder(Envelope)
_json_sender = msgspec.json.Decoder(_Sender)
_msgpack_sender = msgspec.msgpack.Decoder(_Sender)
#: First bytes of a msgpack map. No JSON text starts with one: all are above 0x7f.
_MAP_BYTES = frozenset(bytes([byte]) for byte in (*range(0x80, 0x90), 0xDE, 0xDF))
#: All bytes except those that open a msgpack map or array.
_NON_CONTAINER_BYTES = bytes({*range(256)} - {*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF})


def decode(frame: Frame, *, max_message: int = LARGEST) -> Message:
    """Decode a frame.

    Args:
        frame: a frame as received; sources apply `--max-message` before.
        max_message: the largest body that is decoded, in bytes.

    Raises:
        MessageError: with one of `REASONS`. No input raises another error.
    """
    kind = frame.kind
    if kind == "refused" and (refused := parse_refused(frame)) is not None:
        raise refuse(refused.reason, refused.source, f"{refused.length:,} bytes")
    if len(frame.body) > max_message:
        raise refuse("too-large", detail=f"{len(frame.body)} bytes")
    if (decode_line := LINE_DECODERS.get(kind)) is not None:
        return decode_line(frame)
    if kind == "jsonl":
        return _jsonl(parse(frame.body), frame)
    return decode_bus(frame, kind)


def decode_bus(frame: Frame, kind: str) -> Message:
    """Decode a frame of the bus or its history, which is not larger than messages may be.

    Raises:
        MessageError: as `decode`.
    """
    return _message(parse(frame.body), frame, kind)


def parse(body: bytes) -> Envelope:
    """Parse a body, JSON or msgpack.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`.
    """
    is_msgpack = body[:1] in _MAP_BYTES
    try:
        if is_msgpack:
            envelope = _msgpack.decode(body)
            containers = len(body.translate(None, _NON_CONTAINER_BYTES))
        else:
            envelope = _json.decode(body)
            containers = body.count(b"[") + body.count(b"{")
    except RecursionError:
        raise refuse("too-deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if is_msgpack:
            raise refuse("not-json", detail=str(error)) from None
        return _parse_lenient(body)
    if containers > MAX_DEPTH and _too_deep(envelope):  # fewer containers cannot nest deeper
        raise refuse("too-deep")
    return envelope


def username(body: bytes) -> Any:
    """Return the username of a body that `parse` has accepted, without parsing the rest of it."""
    try:
        return (_msgpack_sender if body[:1] in _MAP_BYTES else _json_sender).decode(body).username
    except (RecursionError, msgspec.DecodeError, UnicodeDecodeError):
        return parse(body).username


def _parse_lenient(body: bytes) -> Envelope:
    """Parse JSON that msgspec rejects but publishers send: NaN, lone surrogates, a BOM."""
    value = lenient_object(body)
    envelope = Envelope(**{key: value[key] for key in _FIELDS if key in value})
    if _too_deep(envelope):
        raise refuse("too-deep")
    return envelope


def _too_deep(envelope: Envelope) -> bool:
    return too_deep([envelope.msg, envelope.body, envelope.headers, envelope.meta])


def _topic(envelope: Envelope, frame: Frame, kind: str) -> str:
    topic = envelope.topic
    if frame.topic and kind in BUS_KINDS:
        frame_topic = _frame_topic(frame.topic)
        if topic is None or topic == frame_topic:
            topic = frame_topic
        else:
            raise refuse("topic-mismatch", frame_topic[:MAX_TOPIC], shown(topic))
    if topic is None or topic == "":
        raise refuse("no-topic")
    return text(topic, MAX_TOPIC, "bad-topic", "")


@lru_cache(maxsize=4_096)  # long ones are refused, but only later
def _short_topic(topic: bytes) -> str:
    return topic.decode()


def _frame_topic(topic: bytes) -> str:
    """Return the topic of a frame; the same object for the same topic, whose hash is known."""
    try:
        return _short_topic(topic) if len(topic) <= MAX_TOPIC else topic.decode()
    except UnicodeDecodeError:
        raise refuse("bad-topic", detail=shown(topic)) from None


def _message(envelope: Envelope, frame: Frame, kind: str) -> Message:
    body, headers, users, objects = _payload(envelope)
    topic = _topic(envelope, frame, kind)
    time = _time(envelope, headers, frame, topic, kind)
    message_id = envelope.id if envelope.msg_id is None else envelope.msg_id
    if message_id is None or message_id == "":
        if kind == "history":  # `/raw` and `/v2/search` wrap the same message differently
            message_id = payload_id(topic, time, body)
        elif envelope.msg is not msgspec.UNSET:
            raise refuse("no-id", topic)
        else:
            message_id = content_id(frame, topic)
    elif not (type(message_id) is str and len(message_id) <= MAX_ID and message_id.isprintable()):
        raise refuse("bad-id", topic, shown(message_id))
    number, sender = envelope.i, envelope.username
    seq = frame.seq or (number if type(number) is int and 0 <= number < LARGEST_NUMBER else 0)
    return Message(
        message_id,
        time,
        topic,
        body,
        headers,
        sender if type(sender) is str else None,
        users,
        objects,
        None,
        None,
        payload_size(body),
        seq,
    )


def _time(
    envelope: Envelope, headers: dict[str, Any] | None, frame: Frame, topic: str, kind: str
) -> int:
    time = timestamps.micros(headers.get("sent-at")) if headers else None
    if time is None and envelope.timestamp is not None:
        time = timestamps.micros(envelope.timestamp)
        if time is None:
            raise refuse("bad-time", topic, shown(envelope.timestamp))
    if time is None:
        if kind != "amqp":  # AMQP messages may lack headers; then the arrival time is used
            raise refuse("no-time", topic)
        time = frame.arrived
    return time


_Names = tuple[str, ...] | None  # None: not stated


def _payload(envelope: Envelope) -> tuple[Any, dict[str, Any] | None, _Names, _Names]:
    """Return body, headers, and the users and packages stated by a history service.

    Headers are None for fedmsg, and a dict (possibly empty) for fedora-messaging.
    """
    headers: dict[str, Any] | None = envelope.headers if type(envelope.headers) is dict else None
    if headers is None and envelope.msg is not msgspec.UNSET and type(envelope.meta) is not dict:
        return envelope.msg, None, None, None  # fedmsg
    if envelope.msg is not msgspec.UNSET:
        body = envelope.msg
        headers = headers or None  # bridges add empty `headers` to fedmsg messages
    elif envelope.body is not msgspec.UNSET:
        body = envelope.body
        if headers is None and envelope.headers is not None:
            headers = {}  # null headers mark a fedmsg message in /v2/search
    else:
        raise refuse("no-body")
    if type(envelope.meta) is not dict:
        return body, headers, None, None
    return (
        body,
        headers,
        _stated(envelope.meta.get("usernames")),
        _stated(envelope.meta.get("packages")) or None,  # repositories are objects, too
    )


def partial_message(envelope: Envelope) -> Message:
    """Return a message without id and time ("" and 0), which the envelope need not contain.

    Raises:
        MessageError: `no-body`.
    """
    body, headers, users, objects = _payload(envelope)
    username = envelope.username if isinstance(envelope.username, str) else None
    topic = envelope.topic
    if not isinstance(topic, str) or len(topic) > MAX_TOPIC:
        topic = ""
    return Message("", 0, topic, body, headers, username, users, objects)


def _stated(names: Any) -> _Names:
    """Return a history service's list of names, truncated to MAX_NAMES; None if there is none."""
    if not isinstance(names, list):
        return None
    return tuple(name for name in names[:MAX_NAMES] if isinstance(name, str))


def _jsonl(envelope: Envelope, frame: Frame) -> Message:
    """Decode a line of the import format `jsonl`."""
    if envelope.topic is None or envelope.topic == "":
        raise refuse("no-topic")
    topic = text(envelope.topic, MAX_TOPIC, "bad-topic", "")
    if envelope.timestamp is None:
        raise refuse("no-time", topic)
    time = timestamps.micros(envelope.timestamp)
    if time is None:
        raise refuse("bad-time", topic, shown(envelope.timestamp))
    body = None if envelope.body is msgspec.UNSET else envelope.body
    for reason, value in (("bad-agent", envelope.agent), ("bad-action", envelope.action)):
        if value is not None and not (isinstance(value, str) and len(value) <= MAX_TOPIC):
            raise refuse(reason, topic, shown(value))
    if envelope.size is None:
        size = 0 if body is None else payload_size(body)
    elif type(envelope.size) is int and 0 <= envelope.size <= LARGEST_SIZE:
        size = envelope.size
    else:
        raise refuse("bad-size", topic, shown(envelope.size))
    stated_id = None if envelope.id is None else text(envelope.id, MAX_ID, "bad-id", topic)
    return Message(
        id=stated_id or content_id(frame, topic),
        time=time,
        topic=topic,
        body=body,
        users=checked_names(envelope.users, "bad-users", topic),
        objects=checked_names(envelope.objects, "bad-objects", topic),
        agent=envelope.agent,
        action=envelope.action,
        size=size,
        seq=frame.seq,
    )
