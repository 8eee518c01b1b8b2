"""Reasons: why a message cannot be understood, each with a short name and a sentence.

Comes in: a reason. Goes out: the error that carries it. Beside them, the bounds that they speak of.
"""

from __future__ import annotations

from hubbub.errors import MessageError

__all__ = ["LARGEST_NUMBER", "MAX_DEPTH", "MAX_ID", "MAX_NAMES", "MAX_TOPIC", "REASONS", "refuse"]

MAX_DEPTH = 100  # levels of lists and objects; the deepest of the real corpora has 17
MAX_TOPIC = 1000  # characters; AMQP ends at 255 bytes, legacy topics hold repository names
MAX_ID = 255  # characters
LARGEST_NUMBER = 2**62  # counters and sizes: what fits every table's integer
MAX_NAMES = 10_000  # users or objects that one message may state

#: Every reason that `decode` gives, with the sentence a person reads.
REASONS = {
    "bad-frame-count": "the message has not exactly two frames, topic and body",
    "too-large": "the body is larger than a message may be",
    "not-json": "the body is neither JSON nor msgpack",
    "not-an-object": "the body is JSON, but not an object",
    "too-deep": f"the body is nested deeper than {MAX_DEPTH} levels",
    "no-body": "the object has neither `msg` nor `body`: no format that is known",
    "no-topic": "the message has no topic",
    "bad-topic": f"the topic is not a text of at most {MAX_TOPIC} printable characters",
    "topic-mismatch": "the topic of the frame is not the topic of the body",
    "no-id": "the message has no id",
    "bad-id": f"the id is not a text of at most {MAX_ID} printable characters",
    "no-time": "the message has no time",
    "bad-time": "the time is neither seconds since 1970 nor ISO 8601, or not between 1970 and 2200",
    "bad-users": "`users` is not a list of texts",
    "bad-objects": "`objects` is not a list of texts",
    "bad-agent": "`agent` is not a text",
    "bad-action": "`action` is not a text",
    "bad-size": "`size` is not a number of bytes",
    "bad-value": "a value is not a whole number of 64 bits",
    "bad-encoding": "the line is not UTF-8",
    "bad-fields": "the line has not as many fields as its format",
    "malformed": "the line is none of an access log",
}


def refuse(reason: str, where: str = "", detail: str = "") -> MessageError:
    """The error of a reason, with its sentence."""
    sentence = REASONS.get(reason, reason)
    return MessageError(reason, f"{sentence} ({detail})" if detail else sentence, where=where)
