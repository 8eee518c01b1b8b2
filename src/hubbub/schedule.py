"""Schedules: when a job is to run next.

Comes in: a duration (`1d`) or five fields as in a crontab (`0 3 * * *`). Goes out: the first time
after another at which it is due. All in UTC; it knows no job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hubbub.times import EPOCH, parse_duration

__all__ = ["Schedule", "parse"]

_FIELDS = 5
_MONDAY = EPOCH + timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is to run."""

    text: str
    every: timedelta | None = None  # None: `text` is five fields of a crontab

    def after(self, last: datetime) -> datetime:
        """The first time later than `last` at which it is due.

        A duration counts from Monday, 5 January 1970: `1d` is every midnight, `1w` every Monday,
        however late the last run was.
        """
        if self.every is not None:
            return _MONDAY + ((last - _MONDAY) // self.every + 1) * self.every
        from cronsim import CronSim

        return next(CronSim(self.text, last.astimezone(UTC)))


def parse(text: str | timedelta) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: neither a duration nor five fields, or a day that never comes.
    """
    if isinstance(text, timedelta):
        if text < timedelta(seconds=1):
            raise ValueError(f"{text} is no schedule: a second is the shortest")
        return Schedule(str(text), text)
    fields = text.split()
    if len(fields) != _FIELDS:
        try:
            every = parse_duration(text)
        except ValueError:
            raise ValueError(
                f"{text!r} is no schedule; write a duration (1h, 1d, 1w) or five fields as in a "
                "crontab (0 3 * * * is every day at 3:00 UTC)"
            ) from None
        if every < timedelta(seconds=1):
            raise ValueError(f"{text!r} is no schedule: a second is the shortest")
        return Schedule(text, every)
    from cronsim import CronSimError

    schedule = Schedule(" ".join(fields))
    try:
        schedule.after(EPOCH)
    except CronSimError as error:
        raise ValueError(f"{text!r} is no schedule: {str(error).lower()}") from None
    except StopIteration:
        raise ValueError(f"{text!r} is no schedule: that day never comes") from None
    return schedule
