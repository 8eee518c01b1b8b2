"""What a usage report counts: its definition, its range, its table and its picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubbub.analyzers.result import Result
from hubbub.config import Config
from hubbub.errors import UsageError
from hubbub.parameters import convert
from hubbub.registry import Function
from hubbub.run.configured import common_options, configured_runner
from hubbub.run.errors import close_matches
from hubbub.run.injection import Injector
from hubbub.zones import Zone

if TYPE_CHECKING:
    from hubbub.charts.picture.drawing import Drawing
    from hubbub.run.runner import Runner
    from hubbub.store import Store

__all__ = [
    "AGGREGATES",
    "PARAMETERS",
    "Period",
    "Report",
    "draw",
    "period",
    "report",
    "unique",
    "usage_runner",
]

#: Names of the periods by the letter of the parameter `aggregate`.
AGGREGATES: Mapping[str, str] = {
    "d": "day",
    "w": "week",
    "m": "month",
    "q": "quarter",
    "y": "year",
}
_LETTERS = {name: letter for letter, name in AGGREGATES.items()}
PARAMETERS = ("start", "end", "aggregate", "tz", "bots")
_DEFAULT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Report:
    """Whose users count: those of events that match all of these globs."""

    name: str
    topic: tuple[str, ...]
    category: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    not_user: tuple[str, ...] = ()
    title: str = ""

    @property
    def heading(self) -> str:
        """The title, else the name."""
        return self.title or self.name

    @property
    def path(self) -> str:
        """The path of its page."""
        return f"/usage/{quote(self.name, safe='')}"

    def filters(self) -> dict[str, list[str]]:
        """Return the filters that it sets, by name."""
        names = ("topic", "category", "object", "action", "not_user")
        return {name: list(getattr(self, name)) for name in names if getattr(self, name)}

    def definition(self) -> str:
        """Say in a sentence what is counted."""
        parts = [f"Different people whom messages of {_either('topic', self.topic)} name"]
        named = {"category": self.category, "object": self.object, "action": self.action}
        parts += [f"with {_either(noun, globs)}" for noun, globs in named.items() if globs]
        if self.not_user:
            parts.append(f"without {', '.join(self.not_user)}")
        return f"{', '.join(parts)}."


def _either(noun: str, globs: Sequence[str]) -> str:
    return f"{noun} {' or '.join(globs)}"


#: A login counts once it succeeded; the account of the system itself is no user.
_LOGIN = Report("login", ("login",), action=("*successful login*",), not_user=("admin",))


def report(config: Config, name: str) -> Report:
    """Return the report of a name: a configured one, that of logins, or all events of a topic."""
    section = config.usage.get(name)
    if section is not None:
        return Report(
            name,
            section.topic or (name,),
            category=section.category,
            object=section.object,
            action=section.action,
            not_user=section.not_user,
            title=section.title,
        )
    return _LOGIN if name == _LOGIN.name else Report(name, (name,))


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until) in UTC, in the periods `per` of a zone."""

    since: datetime
    until: datetime
    per: str  # a letter of AGGREGATES
    zone: Zone
    bots: bool | None = None

    @property
    def backwards(self) -> bool:
        """Whether it ends before it begins: nothing lies in it."""
        return self.until < self.since

    def address(self) -> dict[str, list[str]]:
        """Return the parameters that mean the same at any time."""
        values = {
            "start": [self.zone.iso(self.since)],
            "end": [self.zone.iso(self.until)],
            "aggregate": [self.per],
        }
        if not self.zone.is_utc:
            values["tz"] = [self.zone.name]
        if self.bots is not None:
            values["bots"] = ["yes" if self.bots else "no"]
        return values


def period(values: Mapping[str, Sequence[str]], config: Config, now: datetime) -> Period:
    """Read the parameters of a report; empty ones count as left out.

    Args:
        values: of the request.
        config: has the time zone where the request has none.
        now: the current time: where the range ends by default, 90 days after it begins.

    Raises:
        UsageError: a parameter is unknown, or its value not allowed.
    """
    for name in values:
        if name not in PARAMETERS:
            raise UsageError(
                f"a usage report has no parameter {name[:80]!r}",
                hint=close_matches(name, PARAMETERS),
            )
    given = {name: texts[-1].strip() for name, texts in values.items() if texts[-1].strip()}
    zone = common_options(config).updated({"tz": given.get("tz")}, now).zone
    local = zone.local(now)
    until = convert(datetime, given["end"], "end", local) if "end" in given else now
    try:
        since = (
            convert(datetime, given["start"], "start", local)
            if "start" in given
            else until - _DEFAULT
        )
    except OverflowError:
        raise UsageError(f"--end cannot be {given['end']!r}: it is too early") from None
    aggregate = given.get("aggregate", "w").lower()
    per = _LETTERS.get(aggregate, aggregate)
    if per not in AGGREGATES:
        raise UsageError(
            f"--aggregate cannot be {given['aggregate'][:40]!r}",
            hint="there are: d (day), w (week), m (month), q (quarter), y (year)",
        )
    bots = convert(bool, given["bots"], "bots", local) if "bots" in given else None
    return Period(since, until, per, zone, bots)


def _call(chosen: Period, counted: Report) -> dict[str, Any]:
    return {
        "since": chosen.since,
        "until": max(chosen.since, chosen.until),
        "per": chosen.per,
        "tz": chosen.zone,
        **({} if chosen.bots is None else {"bots": chosen.bots}),
        **counted.filters(),
    }


def unique(runner: Runner, counted: Report, chosen: Period) -> Result:
    """Return the unique users of each period as records with `timestamp` and `user`.

    `timestamp` is the last day of the period. Periods run from that of the first event to that of
    the last one in the range; those without a user have 0.

    Raises:
        UsageError: the range has too many periods.
        StoreError: the store cannot be read.
    """
    result = runner.query("active_users", **_call(chosen, counted))
    rows = [{"timestamp": label, "user": users} for label, users in result.data]
    columns = ("timestamp", "user")
    return replace(result, query=f"usage of {counted.heading}", data=rows, columns=columns)


class _Titled(Injector):
    """Puts the heading of a report before the title of its picture."""

    heading = ""

    def make(self, name: str, function: Function, **options: Any) -> Any:
        """Return the object for a parameter, as `Injector.make`."""
        made = super().make(name, function, **options)
        if name == "chart":
            made.title = self.heading
        return made


def usage_runner(
    store: Store, config: Config, counted: Report, *, theme: str = "auto", style: Path | None = None
) -> Runner:
    """Return a runner whose pictures are titled with the report's heading."""
    inject = _Titled(store.state, theme=theme, style=style)
    inject.heading = counted.heading
    return configured_runner(store, config, inject=inject)


def draw(runner: Runner, counted: Report, chosen: Period) -> Drawing:
    """Draw the unique users of each period; the title states the finding.

    Raises:
        UsageError: the range has too many periods.
        StoreError: the store cannot be read.
    """
    drawing: Drawing = runner.view("active_users", **_call(chosen, counted))
    return drawing
