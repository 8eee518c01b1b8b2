"""What `hubbub people FILE` prints: the agent, users and objects of each line of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hubbub.collector.decode.formats import ITEM_FORMATS
from hubbub.collector.decode.items import item_of
from hubbub.collector.decode.message import parse, partial_message
from hubbub.collector.decode.objects import parse_object
from hubbub.collector.event import Frame, People
from hubbub.collector.people.extract import Directory, events_of, people_of
from hubbub.collector.people.hook_lines import frame_of_line
from hubbub.collector.people.rules import Rules, builtin_rules
from hubbub.errors import MessageError

__all__ = ["people_lines"]

_NO_PEOPLE = People(None, (), ())


def people_lines(
    lines: Iterable[bytes], directory: Directory = None, rules: Rules | None = None
) -> Iterator[dict[str, Any]]:
    """Return what `hubbub people FILE` prints: one dict for each line, in order.

    Lines need neither id nor time. An item of a forge gives a dict for each of its events; a line
    may also be a delivery of a webhook (`hook_lines`). For a line that cannot be decoded, the id is
    None, and `error` contains the reason and its sentence.
    """
    rules = rules or builtin_rules()
    for line in lines:
        try:
            envelope = parse(line)
            message = partial_message(envelope)
        except MessageError as error:
            frame = _frame_in(line) if error.reason == "no-body" else None
            if frame is None:
                yield _error_line(error)
            else:
                yield from _event_lines(frame, directory, rules)
            continue
        message_id = envelope.msg_id if isinstance(envelope.msg_id, str) else envelope.id
        names = people_of(message, directory, rules)
        yield _as_dict(message_id if isinstance(message_id, str) else None, message.topic, names)


def _frame_in(line: bytes) -> Frame | None:
    """Return a frame of the item of a forge, or of the delivery, that a line is, or None."""
    try:
        value = parse_object(line)
    except MessageError:  # msgpack, which neither ever is
        return None
    if item_of(value, line) is not None:
        return Frame(f"{ITEM_FORMATS[0]}:", 0, b"", line)
    return frame_of_line(value)


def _event_lines(frame: Frame, directory: Directory, rules: Rules) -> Iterator[dict[str, Any]]:
    try:
        found = events_of(frame, directory=directory, rules=rules)
    except MessageError as error:
        found = [error]
    for event in found:
        if isinstance(event, MessageError):
            yield _error_line(event)
        else:
            names = People(event.agent, event.users, event.objects)
            yield _as_dict(event.id, event.topic, names)


def _error_line(error: MessageError) -> dict[str, Any]:
    return _as_dict(None, None, _NO_PEOPLE) | {"error": f"{error.reason}: {error}"}


def _as_dict(message_id: str | None, topic: str | None, names: People) -> dict[str, Any]:
    return {
        "id": message_id,
        "topic": topic,
        "agent": names.agent,
        "users": list(names.users),
        "objects": list(names.objects),
    }
