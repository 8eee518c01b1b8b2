"""Reasons for refusing a message, each with a stable name and a sentence; limits of messages."""

from __future__ import annotations

from hubbub.errors import MessageError

__all__ = [
    "LARGEST_NUMBER",
    "LARGEST_SIZE",
    "MAX_DEPTH",
    "MAX_ID",
    "MAX_NAMES",
    "MAX_TOPIC",
    "REASONS",
    "refuse",
]

MAX_DEPTH = 100  # levels of lists and objects; the deepest message of the real corpora has 17
MAX_TOPIC = 1000  # characters; AMQP allows 255 bytes; legacy topics contain repository names
MAX_ID = 255  # characters
LARGEST_NUMBER = 2**62  # counters: fits in every table's integer column
#: Bytes, 9 PB: no message is larger, and every reader of JSON takes the number exactly.
LARGEST_SIZE = 2**53
MAX_NAMES = 10_000  # users or objects stated by one message

#: Every reason that `decode` raises, with the sentence shown to users.
REASONS = {
    "bad-frame-count": "the message has not exactly two frames, topic and body",
    "too-large": "the body is larger than the limit",
    "not-json": "the body is neither JSON nor msgpack",
    "not-an-object": "the body is JSON, but not an object",
    "too-deep": f"the body is nested deeper than {MAX_DEPTH} levels",
    "no-body": "the object has neither `msg` nor `body`, so its format is unknown",
    "no-item": "the object is neither an item of Perceval (`backend_name`, `category`, `data`) nor "
    "an event of GH Archive (`type`, `actor`, `payload`)",
    "no-event": "the item has none of the events that the rules name for its kind",
    "no-rule": "no rule says which events an item of this kind has",
    "no-topic": "the message has no topic",
    "bad-topic": f"the topic is not a string of at most {MAX_TOPIC} printable characters",
    "topic-mismatch": "the topics of the frame and the body differ",
    "no-id": "the message has no id",
    "bad-id": f"the id is not a string of at most {MAX_ID} printable characters",
    "no-time": "the message has no time",
    "bad-time": "the time is neither seconds since 1970 nor ISO 8601, or not between 1970 and 2200",
    "bad-users": "`users` is not a list of strings",
    "bad-objects": "`objects` is not a list of strings",
    "bad-agent": f"`agent` is not a string of at most {MAX_TOPIC} characters",
    "bad-action": f"`action` is not a string of at most {MAX_TOPIC} characters",
    "bad-size": "the size is not a number of bytes from 0 to 2**53",
    "bad-value": "a value is not a 64-bit integer",
    "bad-encoding": "the line is not UTF-8",
    "bad-fields": "the line has the wrong number of fields",
    "bad-form": "the form has not exactly one field `payload` with JSON",
    "malformed": "the line is not a valid access log line",
}


def refuse(reason: str, where: str = "", detail: str = "") -> MessageError:
    """Return the error for a reason, with its sentence."""
    sentence = REASONS.get(reason, reason)
    return MessageError(reason, f"{sentence} ({detail})" if detail else sentence, where=where)
