"""Decode a notebook server's logs: accesses to notebooks and system counts, one line per frame.

Names are not normalised, since students are not accounts of a bus. Staff, the server's own accounts
and `killing` are decoded too; queries exclude them.

    2018-03-05T09:00:00 py-intro 3f2a… w1/w1-s1-intro created 8001
    timestamp           course   student notebook     action  port   (UTC, separated by white space)
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from hubbub.collector.decode.line_reading import reading
from hubbub.collector.decode.message_id import content_id
from hubbub.collector.decode.reasons import refuse
from hubbub.collector.event import Frame, Message
from hubbub.errors import UsageError
from hubbub.language.plurals import plural
from hubbub.times import to_micros

__all__ = [
    "ACCESS",
    "COLUMNS",
    "KILLING",
    "SAMPLES",
    "access",
    "column_names",
    "counts",
]

#: The topic of accesses to notebooks, and the action that is not an access.
ACCESS = "notebook.access"
KILLING = "killing"
#: The kind of source of system counts, and their topic.
SAMPLES = "notebook-counts"
_COUNTS = "monitor.counts"
_LOADS = ("load1", "load5", "load15")
_COMMON = ("running_container", "frozen_container", "running_kernel", "student_home", *_LOADS)
_DISKS = (
    *("nbhosting_ds_percent", "nbhosting_ds_free"),
    *("system_ds_percent", "system_ds_free"),
)
#: Columns of system counts, in the original log format and in the later one.
COLUMNS = {
    "seed": (*_COMMON, "docker_ds_percent", "docker_ds_free", *_DISKS),
    "later": (
        *(*_COMMON, "container_ds_percent", "container_ds_free", *_DISKS),
        *("memory_total", "memory_free", "memory_available", "system_container", "system_kernel"),
    ),
}
_NAME = re.compile(r"[^\s,]{1,100}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")

_FIELDS = 6
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_INT64_LIMIT = 2**63
_EXCERPT = 80  # characters of a line in an error


def access(frame: Frame) -> Message:
    """Decode a line of the format `notebook-events`.

    Raises:
        MessageError: `bad-encoding`, `bad-fields` or `bad-time`.
    """
    fields = _fields(frame, ACCESS)
    if len(fields) != _FIELDS:
        raise refuse("bad-fields", ACCESS, f"{len(fields)}, not {_FIELDS}")
    timestamp, course, student, notebook, action, port = fields
    return Message(
        id=content_id(frame, ACCESS),
        time=_time(timestamp, ACCESS),
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
    """Parse the value of `--columns`: `seed`, `later`, or comma-separated names.

    Raises:
        UsageError: a name is empty, repeated or not allowed.
    """
    names = COLUMNS.get(text) or tuple(name.strip() for name in text.split(","))
    for name in names:
        if not _NAME.fullmatch(name) or not name.isprintable() or name == "timestamp":
            raise UsageError(f"{name!r} is not a valid column name for counts", where="--columns")
        if names.count(name) > 1:
            raise UsageError(f"the column {name!r} is given twice", where="--columns")
    return names


def counts(frame: Frame) -> Message:
    """Decode a line of the format `notebook-counts`: a time, then whole numbers.

    The names of the columns come with the frame (`line_reading`). The message's `extra` has every
    column, with an empty text for those missing at the end of the line.

    Raises:
        MessageError: `bad-encoding`, `bad-fields` (more fields than columns), `bad-value` or
            `bad-time`.
    """
    fields = _fields(frame, _COUNTS)
    names = reading(frame).columns.split(",")
    if not 1 <= len(fields) <= 1 + len(names):
        raise refuse("bad-fields", _COUNTS, f"{len(fields)}, with {plural(len(names), 'column')}")
    timestamp, *values = fields
    for text in values:
        if not _INTEGER.fullmatch(text) or not -_INT64_LIMIT <= int(text) < _INT64_LIMIT:
            raise refuse("bad-value", _COUNTS, repr(text[:_EXCERPT]))
    values += [""] * (len(names) - len(values))
    return Message(
        id=content_id(frame, _COUNTS),
        time=_time(timestamp, _COUNTS),
        topic=_COUNTS,
        body=None,
        seq=frame.seq,
        extra=dict(zip(names, values, strict=True)),
    )


def _fields(frame: Frame, topic: str) -> list[str]:
    try:
        return frame.body.decode().split()
    except UnicodeDecodeError as error:
        raise refuse("bad-encoding", topic, str(error)[:_EXCERPT]) from None


def _time(text: str, topic: str) -> int:
    """Parse exactly `YYYY-MM-DDTHH:MM:SS`, from 1970 on, into µs since the epoch."""
    micros = -1
    if _TIME.fullmatch(text):
        with suppress(ValueError):  # month 13 or hour 24: still -1
            micros = to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC))
    if micros < 0:
        raise refuse("bad-time", topic, repr(text[:_EXCERPT]))
    return micros
