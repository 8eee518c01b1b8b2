"""Alert rules: the tables `[[alerts]]` of the configuration, checked.

A rule watches one number, its measure, in consecutive ticks of event time: of all events that its
filter selects (`per = "none"`), or of each topic, category or user for itself.

| measure | alert |
| --- | --- |
| messages, bytes, users | the average of the last `short` ticks is more than `threshold` times that of the `long` ticks before them |
| silence | there was no message for more than `threshold` times the longest pause of the last `long` ticks |
| overload | a person shows at least `minimum` signs of the query `overload` |
| coverage | less than `threshold` percent of the last `short` ticks were received |

Nothing is read or written here.
"""  # noqa: E501 - a table

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from hubbub.config import AlertConfig
from hubbub.errors import UsageError
from hubbub.language.plurals import plural
from hubbub.store.query.selection import FILTERS, EventFilters
from hubbub.times import parse_duration, spelled

__all__ = ["AVERAGES", "AlertRule", "find_rule", "read_rules"]

#: Measures that the moving averages compare.
AVERAGES = ("messages", "bytes", "users")
_LONGEST_NAME = 64  # characters
_MOST_TICKS = 100_000  # of `short` and `long` together; ten-second ticks of eleven days
_MOST_RULES = 200
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_EXAMPLE = 'write for example short = "2min", long = "20min", threshold = 1.5, resolution = "10s"'

Measure = Literal["messages", "bytes", "users", "silence", "overload", "coverage"]
Per = Literal["none", "topic", "category", "user"]


@dataclass(frozen=True)
class _Defaults:
    short: str | int
    long: str | int
    threshold: float
    resolution: str
    minimum: int


_DEFAULTS: Mapping[str, _Defaults] = {
    "messages": _Defaults(12, 120, 1.5, "10s", 1),
    "bytes": _Defaults(12, 120, 1.5, "10s", 1),
    "users": _Defaults(12, 120, 1.5, "10s", 1),
    "silence": _Defaults(1, "4w", 2.0, "10min", 20),
    "overload": _Defaults("4w", "8w", 1.0, "1d", 2),
    "coverage": _Defaults(10, 11, 100.0, "1min", 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A rule.

    Attributes:
        name: identifies it.
        measure: what it measures.
        filters: which events it measures.
        per: whether each topic, category or user has its own alert.
        short: ticks of the short average.
        long: ticks of the long average, or of the history from which a habit is learned.
        threshold: as a whole number or fraction: what is written, not the binary number next to it.
        resolution: length of a tick.
        minimum: with fewer messages in the short time there is no alert; for silence the messages
            that the history needs, for overload the signs.
        hold: how long the condition has to hold before the alert is raised.
        notify: names of channels.
        digest: for how long what is sent to them is collected; None: it is sent at once.
    """

    name: str
    measure: Measure
    filters: EventFilters
    per: Per
    short: int
    long: int
    threshold: Fraction
    resolution: timedelta
    minimum: int
    hold: timedelta
    notify: tuple[str, ...]
    digest: timedelta | None

    @property
    def tick(self) -> int:
        """The length of a tick in µs."""
        return self.resolution // timedelta(microseconds=1)

    @property
    def hold_ticks(self) -> int:
        """Ticks that have to pass between the first one of a condition and the alert."""
        return -(-self.hold // self.resolution)

    @property
    def private(self) -> bool:
        """Whether only the person concerned, and holders of the scope for names, may see it."""
        return self.measure == "overload"

    @property
    def names_person(self) -> bool:
        """Whether the subjects of its alerts are accounts."""
        return self.per == "user"

    @property
    def definition(self) -> str:
        """A digest of what it measures; a rule with another one is another rule."""
        fields = {k: v for k, v in asdict(self).items() if k not in {"notify", "digest"}}
        return hashlib.blake2s(repr(sorted(fields.items())).encode(), digest_size=8).hexdigest()

    def sentence(self) -> str:
        """Say what the rule alerts on."""
        what = f"{self.measure} per {self.per}" if self.per != "none" else self.measure
        short, long = self.resolution * self.short, self.resolution * self.long
        threshold = f"{float(self.threshold):g}"
        if self.measure == "silence":
            return f"{what}: no message for {threshold} times the longest pause in {spelled(long)}"
        if self.measure == "overload":
            return (
                f"overload: people with {self.minimum} or more signs in the last {spelled(short)}"
            )
        if self.measure == "coverage":
            return f"coverage: less than {threshold} % of the last {spelled(short)} was received"
        return f"{what}: {spelled(short)} above {threshold} times the {spelled(long)} before"


def read_rules(tables: Iterable[AlertConfig]) -> tuple[AlertRule, ...]:
    """Check the tables `[[alerts]]`.

    Raises:
        UsageError: a value is not allowed, or two rules have one name; names the rule and the key.
    """
    rules = tuple(_rule(table) for table in tables)
    if len(rules) > _MOST_RULES:
        raise UsageError(f"there are {len(rules)} alert rules, more than {_MOST_RULES}")
    repeated = [name for name, n in Counter(rule.name for rule in rules).items() if n > 1]
    if repeated:
        raise UsageError(f"two alert rules have the name {repeated[0]!r}", where="[[alerts]]")
    return rules


def find_rule(rules: Iterable[AlertRule], name: str) -> AlertRule:
    """Return the rule of a name.

    Raises:
        UsageError: there is none.
    """
    known = {rule.name: rule for rule in rules}
    if name not in known:
        hint = f"there are: {', '.join(known)}" if known else "the configuration has no [[alerts]]"
        raise UsageError(f"there is no alert rule {name!r}", hint=hint)
    return known[name]


class _Table:
    """A table `[[alerts]]` while it is read: errors name it."""

    def __init__(self, table: AlertConfig) -> None:
        self.table = table
        self.where = f"[[alerts]] {table.name[:_LONGEST_NAME]!r}"
        self.defaults = _DEFAULTS[table.measure]

    def error(self, message: str, hint: str = _EXAMPLE) -> UsageError:
        return UsageError(message, where=self.where, hint=hint)

    def duration(self, key: str, value: float | str) -> timedelta:
        """Return a duration: a text with a unit, or seconds. `0` is none."""
        try:
            if isinstance(value, str) and value.strip() not in {"0", "0s"}:
                return parse_duration(value)
            return timedelta(seconds=float(value))
        except (ValueError, OverflowError) as error:
            raise self.error(f"{key}: {error}") from None

    @cached_property
    def resolution(self) -> timedelta:
        given = self.table.resolution
        length = self.duration("resolution", self.defaults.resolution if given is None else given)
        if not timedelta(milliseconds=1) <= length <= 366 * _DAY:
            raise self.error("resolution: a tick lasts from 1ms to a year")
        if self.table.measure == "coverage" and length < _SECOND:
            raise self.error("resolution: coverage is judged once a second at most")
        if self.table.measure == "overload" and length < timedelta(hours=1):
            raise self.error("resolution: overload is judged once an hour at most")
        return length

    def ticks(self, key: str, value: float | str | None, default: str | int) -> int:
        """Return a number of ticks: as it is given, or as many as a duration has."""
        chosen = default if value is None else value
        if isinstance(chosen, str):
            length = self.duration(key, chosen)
            number, rest = divmod(length, self.resolution)
            if rest or not number:
                raise self.error(
                    f"{key}: {chosen} is not a whole number of ticks of {spelled(self.resolution)}"
                )
            return number
        if not math.isfinite(chosen):
            raise self.error(f"{key}: {chosen} is not a number of ticks")
        return int(chosen)

    def filters(self) -> EventFilters:
        """Return the filters."""
        chosen: dict[str, Any] = {}
        for name, globs in self.table.filter.items():
            if name not in FILTERS:
                raise self.error(
                    f"filter: there is no {name!r}", f"there are: {', '.join(FILTERS)}"
                )
            chosen[name] = (globs,) if isinstance(globs, str) else globs
        return EventFilters(**chosen)


def _rule(table: AlertConfig) -> AlertRule:
    read = _Table(table)
    name, measure = table.name, table.measure
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise read.error(f"name: 1 to {_LONGEST_NAME} printable characters", 'name = "busy"')
    per = table.per
    if measure == "overload":
        if per not in {"none", "user"}:
            raise read.error("per: overload is judged for each person", 'leave "per" out')
        per = "user"
    if measure == "coverage" and (per != "none" or table.filter):
        raise read.error("coverage is that of the whole store", 'leave "per" and "filter" out')
    short = read.ticks("short", table.short, read.defaults.short)
    long = read.ticks("long", table.long, read.defaults.long)
    if short < 1:
        raise read.error(f"short: the short average needs at least 1 tick, not {short}")
    if measure == "coverage" and table.long is None:
        long = short + 1
    if measure in {*AVERAGES, "silence"} and long <= short:
        raise read.error(f"long: {plural(long, 'tick')} must be more than the {short} of short")
    if short + long > _MOST_TICKS:
        raise read.error(f"short and long have {short + long:,} ticks, more than {_MOST_TICKS:,}")
    return AlertRule(
        name=name,
        measure=measure,
        filters=read.filters(),
        per=per,
        short=short,
        long=long,
        threshold=_threshold(read),
        resolution=read.resolution,
        minimum=_minimum(read),
        hold=_hold(read),
        notify=(table.notify,) if isinstance(table.notify, str) else table.notify,
        digest=None if table.digest is None else read.duration("digest", table.digest),
    )


def _threshold(read: _Table) -> Fraction:
    value = read.defaults.threshold if read.table.threshold is None else read.table.threshold
    if not math.isfinite(value):
        raise read.error("threshold: not a finite number")
    if read.table.measure == "coverage":
        if not 0 < value <= 100:  # noqa: PLR2004 - percent
            raise read.error("threshold: a percentage of more than 0, at most 100")
    elif read.table.measure != "overload" and value <= 1:
        raise read.error(f"threshold: must be more than 1, not {value:g}")
    return Fraction(str(value))


def _minimum(read: _Table) -> int:
    value = read.defaults.minimum if read.table.minimum is None else read.table.minimum
    if value < 0:
        raise read.error(f"minimum: must not be negative, not {value}")
    return value


def _hold(read: _Table) -> timedelta:
    length = read.duration("for", 0.0 if read.table.hold is None else read.table.hold)
    if length < timedelta(0):
        raise read.error("for: must not be negative")
    return length
