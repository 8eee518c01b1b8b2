"""Frame → Message: every wire format that the bus, its history and imports speak.

Comes in: a `Frame`. Goes out: a `Message`, or a `MessageError` whose `reason` is one of `REASONS`.
Nothing here knows people or rules, and nothing here keeps anything.

The format is told apart by content, never by configuration:

| what | told by |
| --- | --- |
| fedmsg, JSON | `msg` beside `topic` and `msg_id` |
| fedmsg, msgpack | the first byte is that of a msgpack map |
| history row of `/raw` | the same keys as fedmsg, and `headers` |
| history row of `/v2/search`, fedora-messaging | `body` beside `topic` and `headers` |

Only import formats are named by the frame's source: `jsonl`, since its keys mean something else,
and lines of logs (`_LINES`).

One message id gives the same time, topic and size whichever way it came:

- time: `headers["sent-at"]` where there is one, else `timestamp`. `/raw` cuts its `timestamp` to
  whole seconds and keeps the full time in `sent-at`; `/v2/search` has only `sent-at`; a fedmsg body
  has only `timestamp`, whole seconds since fedmsg 0.20, so the three agree.
- size: bytes of the payload (`msg` or `body`) as compact UTF-8 JSON; what surrounds it differs from
  way to way, and so do spaces and escapes.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hubbub.collector.decode import access_log, notebooks, timestamps
from hubbub.collector.decode.message_id import HEARD, content_id
from hubbub.collector.decode.reasons import (
    LARGEST_NUMBER,
    MAX_DEPTH,
    MAX_ID,
    MAX_NAMES,
    MAX_TOPIC,
    REASONS,
    refuse,
)
from hubbub.collector.decode.rejected import LARGEST, parse_refused
from hubbub.collector.event import Frame, Message

__all__ = ["MAX_DEPTH", "MAX_NAMES", "REASONS", "decode", "partial_message", "parse"]


class Envelope(msgspec.Struct, gc=False):
    """The keys of all formats that mean anything here; the others are skipped unread."""

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


#: Import formats that are no JSON, by the kind of their frames' source.
_LINES = {
    "notebook-events": notebooks.access,
    "notebook-counts": notebooks.counts,
    "access-log": access_log.message,
}

_FIELDS = Envelope.__struct_fields__
_json = msgspec.json.Decoder(Envelope)
_msgpack = msgspec.msgpack.Decoder(Envelope)
_encode = msgspec.json.Encoder().encode
#: First bytes of a msgpack map; no JSON text starts with one, since all are above 0x7f.
_MAPS = frozenset(bytes([byte]) for byte in (*range(0x80, 0x90), 0xDE, 0xDF))
#: All bytes but those that open a msgpack map or array.
_NO_CONTAINERS = bytes({*range(256)} - {*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF})


def decode(frame: Frame, *, max_message: int = LARGEST) -> Message:
    """Read a frame.

    Args:
        frame: what arrived; its source bounds it by `--max-message`.
        max_message: the largest body that is read, in bytes.

    Raises:
        MessageError: with one of `REASONS`; never anything else, whatever the bytes are.
    """
    kind = frame.kind
    if kind == "refused" and (before := parse_refused(frame)) is not None:
        raise refuse(before.reason, before.source, f"{before.length:,} bytes")
    if len(frame.body) > max_message:
        raise refuse("too-large", detail=f"{len(frame.body)} bytes")
    if (line := _LINES.get(kind)) is not None:
        return line(frame)
    row = parse(frame.body)
    return _line(row, frame) if kind == "jsonl" else _message(row, frame, kind)


def parse(body: bytes) -> Envelope:
    """The object in a body, JSON or msgpack.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`.
    """
    packed = body[:1] in _MAPS
    try:
        if packed:
            row = _msgpack.decode(body)
            containers = len(body.translate(None, _NO_CONTAINERS))
        else:
            row = _json.decode(body)
            containers = body.count(b"[") + body.count(b"{")
    except RecursionError:
        raise refuse("too-deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if packed:
            raise refuse("not-json", detail=str(error)) from None
        return _lenient(body)
    if containers > MAX_DEPTH and _too_deep(row):  # fewer cannot be nested deeper
        raise refuse("too-deep")
    return row


def _lenient(body: bytes) -> Envelope:
    """JSON with what msgspec refuses and publishers send: NaN, lone surrogates, a BOM."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        raise refuse("too-deep") from None
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError, an integer of > 4300 digits
        raise refuse("not-json", detail=str(error)[:200]) from None
    if not isinstance(value, dict):
        raise refuse("not-an-object", detail=type(value).__name__)
    row = Envelope(**{key: value[key] for key in _FIELDS if key in value})
    if _too_deep(row):
        raise refuse("too-deep")
    return row


def _too_deep(row: Envelope) -> bool:
    """More than MAX_DEPTH levels, without recursion."""
    level: list[Any] = [row.msg, row.body, row.headers, row.meta]
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


def _text(value: Any, most: int, reason: str, where: str) -> str:
    """A text that may stand in a table, a log line and a URL."""
    if not isinstance(value, str) or len(value) > most or not value.isprintable():
        raise refuse(reason, where, repr(value)[:80])
    return value


def _topic(row: Envelope, frame: Frame, kind: str) -> str:
    topic = row.topic
    if frame.topic and kind in HEARD:
        try:
            heard = frame.topic.decode()
        except UnicodeDecodeError:
            raise refuse("bad-topic", detail=repr(frame.topic)[:80]) from None
        if topic is None:
            topic = heard
        elif topic != heard:
            raise refuse("topic-mismatch", heard[:MAX_TOPIC], repr(topic)[:80])
    if topic is None or topic == "":
        raise refuse("no-topic")
    return _text(topic, MAX_TOPIC, "bad-topic", "")


def _message(row: Envelope, frame: Frame, kind: str) -> Message:
    body, headers, users, objects = _payload(row)
    topic = _topic(row, frame, kind)
    identity = row.id if row.msg_id is None else row.msg_id
    if identity is None or identity == "":
        if row.msg is not msgspec.UNSET:
            raise refuse("no-id", topic)
        identity = content_id(frame, topic)
    else:
        identity = _text(identity, MAX_ID, "bad-id", topic)
    seq = frame.seq or (row.i if type(row.i) is int and 0 <= row.i < LARGEST_NUMBER else 0)
    return Message(
        identity,
        _time(row, headers, frame, topic, kind),
        topic,
        body,
        headers,
        row.username if type(row.username) is str else None,
        users,
        objects,
        size=payload_size(body),
        seq=seq,
    )


def _time(
    row: Envelope, headers: dict[str, Any] | None, frame: Frame, topic: str, kind: str
) -> int:
    time = timestamps.micros(headers.get("sent-at")) if headers else None
    if time is None and row.timestamp is not None:
        time = timestamps.micros(row.timestamp)
        if time is None:
            raise refuse("bad-time", topic, repr(row.timestamp)[:80])
    if time is None:
        if kind != "amqp":  # a message of AMQP may have no headers: it was sent when it came
            raise refuse("no-time", topic)
        time = frame.arrived
    return time


_Names = tuple[str, ...] | None


def _payload(row: Envelope) -> tuple[Any, dict[str, Any] | None, _Names, _Names]:
    """Body, headers, and the users and packages that a service states.

    Headers are None for a message of fedmsg, an object (perhaps empty) for one of fedora-messaging.
    """
    headers: dict[str, Any] | None = row.headers if type(row.headers) is dict else None
    if row.msg is not msgspec.UNSET:
        body = row.msg
        headers = headers or None  # fedmsg's bridges write an empty `headers`
    elif row.body is not msgspec.UNSET:
        body = row.body
        if headers is None and row.headers is not None:
            headers = {}  # null headers are those of a fedmsg message in /v2/search
    else:
        raise refuse("no-body")
    if type(row.meta) is not dict:
        return body, headers, None, None
    return body, headers, _stated(row.meta.get("usernames")), _stated(row.meta.get("packages"))


def partial_message(row: Envelope) -> Message:
    """What a row says, with neither id nor time demanded: id "" and time 0.

    Raises:
        MessageError: `no-body`.
    """
    body, headers, users, objects = _payload(row)
    username = row.username if isinstance(row.username, str) else None
    topic = row.topic if isinstance(row.topic, str) else ""
    return Message("", 0, topic, body, headers, username, users, objects)


def _stated(names: Any) -> _Names:
    """A service's list of names; None where it states none. A surplus is cut, never refused."""
    if not isinstance(names, list):
        return None
    return tuple(name for name in names[:MAX_NAMES] if isinstance(name, str))


def payload_size(body: Any) -> int:
    """Bytes of a payload as compact UTF-8 JSON."""
    try:
        return len(_encode(body))
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError):
        text = json.dumps(
            body, ensure_ascii=False, separators=(",", ":"), default=repr, skipkeys=True
        )
        return len(text.encode("utf-8", "surrogatepass"))


def _names(names: Any, reason: str, where: str) -> _Names:
    if names is None:
        return None
    if not isinstance(names, list) or len(names) > MAX_NAMES:
        raise refuse(reason, where, repr(names)[:80])
    if not all(isinstance(name, str) for name in names):
        raise refuse(reason, where, repr(names)[:80])
    return tuple(names)


def _line(row: Envelope, frame: Frame) -> Message:
    """A line of the import format `jsonl`."""
    if row.topic is None or row.topic == "":
        raise refuse("no-topic")
    topic = _text(row.topic, MAX_TOPIC, "bad-topic", "")
    if row.timestamp is None:
        raise refuse("no-time", topic)
    time = timestamps.micros(row.timestamp)
    if time is None:
        raise refuse("bad-time", topic, repr(row.timestamp)[:80])
    body = None if row.body is msgspec.UNSET else row.body
    for reason, value in (("bad-agent", row.agent), ("bad-action", row.action)):
        if value is not None and not isinstance(value, str):
            raise refuse(reason, topic, repr(value)[:80])
    if row.size is None:
        size = 0 if body is None else payload_size(body)
    elif type(row.size) is int and 0 <= row.size < LARGEST_NUMBER:
        size = row.size
    else:
        raise refuse("bad-size", topic, repr(row.size)[:80])
    explicit = None if row.id is None else _text(row.id, MAX_ID, "bad-id", topic)
    return Message(
        id=explicit or content_id(frame, topic),
        time=time,
        topic=topic,
        body=body,
        users=_names(row.users, "bad-users", topic),
        objects=_names(row.objects, "bad-objects", topic),
        agent=row.agent,
        action=row.action,
        size=size,
        seq=frame.seq,
    )
