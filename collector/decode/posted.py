"""Events that were posted to `/httpevent`: any JSON object.

An object with the fields of the import format `jsonl` (`timestamp topic users agent objects action
id`) is taken as such a line. Any other has the topic `http.event`, or its `topic`, and the time at
which it arrived, or its `timestamp`. Nothing is refused for a field of another type: it is then an
object of an unknown form.

Whose event it is, rules say (docs/rules.md). Where no rule has the topic, it is `agent`, `user`,
`username`, `users`: names, or objects with a `username`, `login` or `name`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hubbub.collector.decode import timestamps
from hubbub.collector.decode.objects import parse_object
from hubbub.collector.decode.reasons import MAX_ID, MAX_NAMES, MAX_TOPIC
from hubbub.collector.event import Frame, Message

__all__ = ["KIND", "TOPIC", "frame_of", "names_in", "read_posted", "topic_of"]

#: The kind of source of these frames.
KIND = "http"
#: The topic of an event that states none.
TOPIC = "http.event"
_NAMES_OF_AN_OBJECT = ("username", "login", "name")


class Names(NamedTuple):
    """Whom an object of an unknown form names."""

    agent: str | None
    users: tuple[str, ...] | None  # None: it names no user
    objects: tuple[str, ...] | None


def frame_of(body: bytes, *, key: str, row: int, nth: int, received: int) -> Frame:
    """Return the frame of an event.

    Args:
        body: the JSON object.
        key: of the journal that accepted it.
        row: its batch in that journal.
        nth: its position in the batch, from 0.
        received: µs since the epoch.
    """
    return Frame(f"{KIND}:{key}", received, str(nth).encode(), body, row)


def topic_of(event: dict[str, Any]) -> str:
    """Return the topic of a posted object."""
    topic = event.get("topic")
    return str(topic) if _is_text(topic, MAX_TOPIC) else TOPIC


def read_posted(frame: Frame) -> Message:
    """Decode a frame.

    Raises:
        MessageError: `not-json`, `not-an-object` or `too-deep`.
    """
    event = parse_object(frame.body)
    stated = event.get("timestamp")
    time = None if stated is None else timestamps.micros(stated)
    is_line = time is not None and _is_text(event.get("topic"), MAX_TOPIC)
    key, nth = frame.source.partition(":")[2], frame.topic.decode("ascii", "replace") or "0"
    own_id = event.get("id")
    own = is_line and _is_text(own_id, MAX_ID)
    agent, action = event.get("agent"), event.get("action")
    return Message(
        id=str(own_id) if own else f"{KIND}-{key}-{frame.seq}-{nth}",
        time=frame.arrived if time is None else time,
        topic=topic_of(event),
        body=event,
        users=_list(event.get("users")) if is_line else None,
        objects=_list(event.get("objects")) if is_line else None,
        agent=agent if is_line and _is_text(agent, MAX_TOPIC) else None,
        action=action if is_line and _is_text(action, MAX_TOPIC) else None,
        size=len(frame.body),
        seq=frame.seq,
    )


def names_in(event: dict[str, Any]) -> Names:
    """Return whom an object names, by the keys that such objects usually have."""
    agent = next(_names(event.get("agent")), None)
    found = [agent] if agent else []
    for key in ("user", "username", "users"):
        found += _names(event.get(key))
    users = tuple(dict.fromkeys(found))[:MAX_NAMES]
    return Names(agent, users or None, _list(event.get("objects")))


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, list):
        for item in value[:MAX_NAMES]:
            if not isinstance(item, list):
                yield from _names(item)
    elif isinstance(value, dict):
        texts = (value.get(key) for key in _NAMES_OF_AN_OBJECT)
        first = next((text for text in texts if isinstance(text, str) and text), None)
        if first is not None:
            yield first


def _list(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        return None
    return tuple(value) if all(isinstance(item, str) for item in value) else None


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()
