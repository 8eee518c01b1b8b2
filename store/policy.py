"""Retention periods: defaults, parsing, and the check for a clock that jumped. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hubbub.errors import UsageError
from hubbub.times import parse_duration

__all__ = [
    "BODIES",
    "BODIES_CUT",
    "DEAD_LETTERS",
    "DEAD_LETTERS_BYTES",
    "EVENTS",
    "EVENTS_CUT",
    "FOREVER",
    "LAST_RUN",
    "MAX_CLOCK_JUMP",
    "RetentionPolicy",
    "clock_jumped",
    "parse_period",
    "parse_policy",
]

#: Defaults where the configuration gives no period.
EVENTS = "10y"
BODIES = "30d"
DEAD_LETTERS = "30d"
DEAD_LETTERS_BYTES = 100 << 20
#: The period of data that is never deleted.
FOREVER = "forever"
#: Key of the state: when retention last ran, in µs.
LAST_RUN = "retention:last"
#: Keys of the state: before which times (µs) retention has deleted events and bodies.
EVENTS_CUT = "retention:events"
BODIES_CUT = "retention:bodies"
#: A clock that advanced by more since then is believed only if a stored event confirms it.
MAX_CLOCK_JUMP = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long data is kept; None: forever."""

    events: timedelta | None = None
    bodies: timedelta | None = None
    dead_letters: timedelta | None = timedelta(days=30)
    dead_letters_bytes: int = DEAD_LETTERS_BYTES  # beyond this the oldest are deleted


def parse_policy(
    events: str | None,
    bodies: str | None,
    dead_letters: str | None = None,
    dead_letters_bytes: int | None = None,
) -> RetentionPolicy:
    """Return the policy with these periods and bytes; None: the default.

    Raises:
        UsageError: a period is neither a duration nor `forever`.
    """
    return RetentionPolicy(
        parse_period(events or EVENTS),
        parse_period(bodies or BODIES),
        parse_period(dead_letters or DEAD_LETTERS),
        DEAD_LETTERS_BYTES if dead_letters_bytes is None else dead_letters_bytes,
    )


def parse_period(text: str) -> timedelta | None:
    """Return a retention period; None for `forever`.

    Raises:
        UsageError: neither a duration nor `forever`.
    """
    if text.strip().lower() == FOREVER:
        return None
    try:
        return parse_duration(text)
    except ValueError as e:
        raise UsageError(
            f"retention: {e}", hint=f"write a duration (30d, 26w, 10y) or {FOREVER}"
        ) from None


def clock_jumped(now: int, last: object) -> bool:
    """Whether the clock advanced implausibly far since `last`; both in µs."""
    return isinstance(last, int) and now - last > MAX_CLOCK_JUMP // timedelta(microseconds=1)
