"""Lines of a notebook server's logs → messages: who opened which notebook.

Comes in: a frame whose body is one line, its `seq` the line's number. Goes out: a `Message` that
states its people. Names stay as they are: students are no accounts of a bus. Whoever is not to be
counted (staff, the server's own accounts, `killing`) is kept; queries leave them out.

    2018-03-05T09:00:00 py-intro 3f2a… w1/w1-s1-intro created 8001
    timestamp           course   student notebook     action  port      (UTC, white space between)
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime

from hubbub.collector.event import Frame, Message
from hubbub.collector.nameless import hashed
from hubbub.collector.reasons import refuse
from hubbub.times import to_micros

__all__ = ["ACCESS", "KILLING", "access"]

#: The topic of accesses to notebooks, and the action that is none.
ACCESS = "notebook.access"
KILLING = "killing"

_FIELDS = 6
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
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
        id=hashed(frame, ACCESS),
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
