"""Configured alert rules as they were judged over a range, for pictures. Computed elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

__all__ = ["Averages", "JudgedRule", "JudgedRules", "RaisedSpan"]


@dataclass(frozen=True, slots=True)
class Averages:
    """The averages that a rule compares; `short` and `long` are ticks of `resolution`."""

    measure: str
    short: int
    long: int
    threshold: float
    resolution: timedelta


@dataclass(frozen=True, slots=True)
class RaisedSpan:
    """A time in which an alert was on.

    Attributes:
        start: when it was raised.
        end: None: it is still on at the end of the range.
        subject: number of the topic, category or person that it is about, within its rule.
    """

    start: datetime
    end: datetime | None
    subject: int = 0


@dataclass(frozen=True, slots=True)
class JudgedRule:
    """A rule over a range.

    Attributes:
        name: of the rule.
        per: what its subjects are: `topic`, `category`, `user`; `none` where it has but one.
        averages: what it compares; None where it is no average of all messages.
        judged_since: from when on an alert could be raised; None: never in the range.
        spans: its alerts, by their beginning.
    """

    name: str
    per: str
    averages: Averages | None
    judged_since: datetime | None
    spans: tuple[RaisedSpan, ...]


#: Runs the configured rules over [since, until); called with the store and these times.
JudgedRules: TypeAlias = Callable[[Any, datetime, datetime], Sequence[JudgedRule]]
