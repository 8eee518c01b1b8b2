"""How long things are kept: what a person writes, as periods. Light to import.

Comes in: texts of the configuration or the command line. Goes out: `Keep`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hubbub.errors import UsageError
from hubbub.times import parse_duration

__all__ = [
    "BODIES",
    "EVENTS",
    "FOREVER",
    "LAST_RUN",
    "MAX_CLOCK_JUMP",
    "DEAD_LETTERS",
    "DEAD_LETTERS_BYTES",
    "RetentionPolicy",
    "clock_jumped",
    "parse_policy",
    "parse_period",
]


EVENTS = "10y"  # unless the configuration says otherwise
BODIES = "30d"
DEAD_LETTERS = "30d"
DEAD_LETTERS_BYTES = 100 << 20
FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long things are kept; None: for ever."""

    events: timedelta | None = None
    bodies: timedelta | None = None
    letters: timedelta | None = timedelta(days=30)
    letters_bytes: int = DEAD_LETTERS_BYTES  # of dead letters; the oldest go first


def parse_policy(
    events: str | None, bodies: str | None, letters: str | None = None, size: int | None = None
) -> RetentionPolicy:
    """The periods that these texts say, and the bytes of dead letters; None: the default.

    Raises:
        UsageError: neither a duration nor `forever`.
    """
    return RetentionPolicy(
        parse_period(events or EVENTS),
        parse_period(bodies or BODIES),
        parse_period(letters or DEAD_LETTERS),
        DEAD_LETTERS_BYTES if size is None else size,
    )


def parse_period(text: str) -> timedelta | None:
    """How long something is kept: a duration, or None for `forever`.

    Raises:
        UsageError: neither.
    """
    if text.strip().lower() == FOREVER:
        return None
    try:
        return parse_duration(text)
    except ValueError as e:
        raise UsageError(
            f"retention: {e}", hint=f"write a duration (30d, 26w, 10y) or {FOREVER}"
        ) from None


LAST_RUN = "retention:last"  # key of the state: when retention ran last, µs
MAX_CLOCK_JUMP = timedelta(
    days=2
)  # a clock that went on by more has to be borne out by what is stored


def clock_jumped(now: int, last: object) -> bool:
    """Whether a clock that was at `last` is further on than it can be; both in µs."""
    return isinstance(last, int) and now - last > MAX_CLOCK_JUMP // timedelta(microseconds=1)
