"""Schedules of jobs: a duration (`1d`) or five crontab fields (`0 3 * * *`), in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hubbub.times import EPOCH, AmbiguousDurationError, parse_duration

__all__ = ["Schedule", "parse"]

_FIELDS = 5
_MONDAY = EPOCH + timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due."""

    text: str
    every: timedelta | None = None  # None: `text` is five crontab fields

    def after(self, last: datetime) -> datetime:
        """Return the first due time later than `last`.

        Durations count from Monday, 5 January 1970: `1d` is every midnight, `1w` every Monday,
        however late the last run was.
        """
        if self.every is not None:
            return _MONDAY + ((last - _MONDAY) // self.every + 1) * self.every
        from cronsim import CronSim

        return next(CronSim(self.text, last.astimezone(UTC)))


def parse(text: str | float | timedelta) -> Schedule:
    """Parse a schedule; a number counts seconds.

    Raises:
        ValueError: neither a duration of at least a second nor five fields, or a date that never
            occurs.
    """
    if isinstance(text, (int, float)):
        try:
            text = timedelta(seconds=text)
        except (OverflowError, ValueError) as error:
            raise ValueError(f"{text!r} is not a schedule: {error}") from None
    if isinstance(text, timedelta):
        return _every(_written(text), text)
    fields = text.split()
    if len(fields) != _FIELDS:
        try:
            every = parse_duration(text)
        except AmbiguousDurationError as error:
            raise ValueError(f"{text!r} is not a schedule: {error}") from None
        except ValueError:
            raise ValueError(
                f"{text!r} is not a schedule; write a duration (1h, 1d, 1w) or five crontab fields "
                "(0 3 * * * is every day at 3:00 UTC)"
            ) from None
        return _every(text, every)
    from cronsim import CronSimError

    schedule = Schedule(" ".join(fields))
    try:
        schedule.after(EPOCH)
    except CronSimError as error:
        raise ValueError(f"{text!r} is not a schedule: {str(error).lower()}") from None
    except StopIteration:
        raise ValueError(f"{text!r} is not a schedule: that date never occurs") from None
    return schedule


_UNITS = ((604_800, "w"), (86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def _written(every: timedelta) -> str:
    """Return a duration as `parse` reads it."""
    seconds = every.total_seconds()
    for length, unit in _UNITS:
        if seconds > 0 and seconds % length == 0:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds}s"


def _every(text: str, every: timedelta) -> Schedule:
    if every < timedelta(seconds=1):
        raise ValueError(f"{text!r} is not a schedule: the shortest is one second")
    return Schedule(text, every)
