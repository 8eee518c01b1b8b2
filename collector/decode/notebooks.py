"""Lines of a notebook server's logs → messages: who opened which notebook, and system counts.

Comes in: a frame whose body is one line, its `seq` the line's number. Goes out: a `Message` that
states its people. Names stay as they are: students are no accounts of a bus. Whoever is not to be
counted (staff, the server's own accounts, `killing`) is kept; queries leave them out.

    2018-03-05T09:00:00 py-intro 3f2a… w1/w1-s1-intro created 8001
    timestamp           course   student notebook     action  port      (UTC, white space between)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from msgspec.structs import replace

from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import refuse
from hubbub.collector.event import Frame, Message, Sink
from hubbub.errors import UsageError
from hubbub.times import to_micros

__all__ = [
    "ACCESS",
    "COLUMNS",
    "KILLING",
    "SAMPLES",
    "WithColumns",
    "access",
    "counts",
    "column_names",
]

#: The topic of accesses to notebooks, and the action that is none.
ACCESS = "notebook.access"
KILLING = "killing"
#: The kind of source that gives samples, and their topic.
SAMPLES = "notebook-counts"
_COUNTS = "monitor.counts"
_LOADS = ("load1", "load5", "load15")
_FIRST = ("running_container", "frozen_container", "running_kernel", "student_home", *_LOADS)
_DISKS = (
    *("nbhosting_ds_percent", "nbhosting_ds_free"),
    *("system_ds_percent", "system_ds_free"),
)
#: What the columns of system counts were called, first and later.
COLUMNS = {
    "seed": (*_FIRST, "docker_ds_percent", "docker_ds_free", *_DISKS),
    "later": (
        *(*_FIRST, "container_ds_percent", "container_ds_free", *_DISKS),
        *("memory_total", "memory_free", "memory_available", "system_container", "system_kernel"),
    ),
}
_NAME = re.compile(r"[^\s,]{1,100}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")

_FIELDS = 6
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_MOST = 2**63
_SHOWN = 80  # characters of a line in an error


def access(frame: Frame) -> Message:
    """A line of the format `notebook-events`.

    Raises:
        MessageError: `bad-encoding`, `bad-fields` or `bad-time`.
    """
    found = _fields(frame, ACCESS)
    if len(found) != _FIELDS:
        raise refuse("bad-fields", ACCESS, f"{len(found)}, not {_FIELDS}")
    stamp, course, student, notebook, action, port = found
    return Message(
        id=content_id(frame, ACCESS),
        time=_time(stamp, ACCESS),
        topic=ACCESS,
        body=None,
        users=(student,),
        objects=() if action == KILLING and notebook == "-" else (notebook,),
        agent=student,
        action=action,
        seq=frame.seq,
        extra={"course": course, "port": port},
    )


def column_names(text: str) -> tuple[str, ...]:
    """The columns that `--columns` names: `seed`, `later`, or names with commas between.

    Raises:
        UsageError: a name is empty, given twice, or cannot be one.
    """
    names = COLUMNS.get(text) or tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _NAME.fullmatch(name) or not name.isprintable() or name == "timestamp":
            raise UsageError(f"{name!r} is no name for a column of counts", where="--columns")
        if names.count(name) > 1:
            raise UsageError(f"the column {name!r} is named twice", where="--columns")
    return names


class WithColumns:
    """A sink that writes the columns of system counts on each frame, for `counts`."""

    def __init__(self, inner: Sink, names: Sequence[str]) -> None:
        self._inner, self._topic = inner, ",".join(names).encode()

    def put(self, frame: Frame) -> None:
        """Take a frame."""
        self._inner.put(replace(frame, topic=self._topic))

    def flush(self) -> None:
        """Return when all is durable."""
        self._inner.flush()


def counts(frame: Frame) -> Message:
    """A line of the format `notebook-counts`: a time, then whole numbers.

    The frame's topic holds the names of the columns, with commas between. `extra` of the message
    has every name, with an empty text where the line ends before.

    Raises:
        MessageError: `bad-encoding`, `bad-fields` (more than names), `bad-value` or `bad-time`.
    """
    found = _fields(frame, _COUNTS)
    names = frame.topic.decode().split(",")
    if not 1 <= len(found) <= 1 + len(names):
        raise refuse("bad-fields", _COUNTS, f"{len(found)}, with {len(names)} columns")
    stamp, *texts = found
    for text in texts:
        if not _WHOLE.fullmatch(text) or not -_MOST <= int(text) < _MOST:
            raise refuse("bad-value", _COUNTS, repr(text[:_SHOWN]))
    texts += [""] * (len(names) - len(texts))
    return Message(
        id=content_id(frame, _COUNTS),
        time=_time(stamp, _COUNTS),
        topic=_COUNTS,
        body=None,
        seq=frame.seq,
        extra=dict(zip(names, texts, strict=True)),
    )


def _fields(frame: Frame, topic: str) -> list[str]:
    try:
        return frame.body.decode().split()
    except UnicodeDecodeError as error:
        raise refuse("bad-encoding", topic, str(error)[:_SHOWN]) from None


def _time(text: str, topic: str) -> int:
    """`YYYY-MM-DDTHH:MM:SS`, exactly so, in µs since the epoch, which it may not be before."""
    micros = -1
    if _TIME.fullmatch(text):
        with suppress(ValueError):  # a thirteenth month, an hour 24: -1 says so too
            micros = to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC))
    if micros < 0:
        raise refuse("bad-time", topic, repr(text[:_SHOWN]))
    return micros
