"""The common options of a request, the time range that they mean, and the range's coverage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.result import Coverage, Gap
from hubbub.collector.history.filters import Filters as HistoryFilters
from hubbub.errors import UsageError
from hubbub.parameters import convert, plain
from hubbub.registry import Function
from hubbub.store.query.audience import Audience
from hubbub.store.query.extent import EARLIEST, Extent, beginning
from hubbub.store.query.selection import FILTERS, EventFilters
from hubbub.store.query.unmatched import Unmatched
from hubbub.store.state.coverage import judge
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import EPOCH, from_micros, to_micros
from hubbub.zones import UNIVERSAL, Zone, find

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = [
    "Call",
    "CommonOptions",
    "Range",
    "coverage",
    "document",
    "extend_to_ledger",
    "next_second",
    "own_values",
    "range_notes",
    "resolve",
    "with_whole_periods",
]

PROVEN = frozenset({"complete", "healed"})


@dataclass(frozen=True, slots=True)
class CommonOptions(EventFilters):
    """The options of every query and view. None and () mean: not given."""

    since: str | datetime | None = None
    until: str | datetime | None = None
    by: str | None = None
    bots: bool | None = None
    tz: str | Zone | None = None

    @property
    def zone(self) -> Zone:
        """The time zone of the request: UTC unless one was chosen."""
        return find(self.tz) if isinstance(self.tz, str) else self.tz or UNIVERSAL

    def updated(self, values: Mapping[str, Any], now: datetime) -> CommonOptions:
        """Return a copy with these values, converted; a value of None changes nothing.

        `since` and `until` of the copy are times. Without a zone of their own they are of the zone
        `tz`, a date its midnight.

        Raises:
            UsageError: the option does not allow the value.
        """
        changes: dict[str, Any] = {}
        zone = values.get("tz") or self.tz
        if zone is not None:
            changes["tz"] = convert(Zone, zone, "tz", now)
            now = changes["tz"].local(now)
        for name, value in {"since": self.since, "until": self.until, **values}.items():
            if value is not None and name != "tz":
                converted = convert(_TYPES[name], value, name, now)
                changes[name] = tuple(converted) if isinstance(converted, list) else converted
        return replace(self, **changes)

    def without(self, names: Iterable[str]) -> CommonOptions:
        """Return a copy without those of the filters that a function's own parameters hide."""
        hidden: dict[str, Any] = {name: () for name in names if name in FILTERS}
        return replace(self, **hidden)

    def ledger_key(self) -> str:
        """Return the filters in the form under which a gather of these events records coverage.

        Empty, as for all events, if a history service cannot filter like this: coverage of all
        events also proves each part of them.
        """
        filters = (self.category, self.topic, self.user)
        if not any(filters) or any(set("*?[") & set(glob) for globs in filters for glob in globs):
            return ""
        return HistoryFilters(*filters).key

    def filters(self) -> dict[str, list[str]]:
        """Return the filters that are given, ready for JSON."""
        return {name: plain(getattr(self, name)) for name in FILTERS if getattr(self, name)}

    def stated(self) -> dict[str, Any]:
        """Return the options that are given, as parameters of a request."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None and value != ()}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all common options."""
        return tuple(field.name for field in fields(cls))


_TYPES: Mapping[str, Any] = {
    "since": datetime,
    "until": datetime,
    **dict.fromkeys(FILTERS, list[str]),
    "by": Literal["agent", "users"],
    "bots": bool,
    "tz": Zone,
}


@dataclass(frozen=True, slots=True)
class Range:
    """[since, until) in UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """A function about to run, with its converted parameters and the selection of events."""

    function: Function
    own: Mapping[str, Any]
    extra: Mapping[str, Any]  # injected as `params`
    options: CommonOptions  # inherited by the functions that it calls
    scope: CommonOptions  # filters of `events`: without those that the function's parameters hide
    time_range: Range
    by: str
    depth: int
    unmatched: Sequence[Unmatched] = ()  # values of filters that match nothing
    audience: Audience = field(default_factory=Audience)  # whether it counts people
    stated: str = ""  # range and filters as the request states them
    given: Mapping[str, Any] = field(default_factory=dict)  # injected objects that are made already

    @property
    def range_options(self) -> dict[str, Any]:
        """The values of `since`, `until`, `by` and `bots`, where the function asks for them."""
        return {
            "since": self.time_range.since,
            "until": self.time_range.until,
            "by": self.by,
            "bots": self.options.bots,
        }

    def within(self, time_range: Range) -> Call:
        """Return the call with another range."""
        bounds: dict[str, Any] = {"since": time_range.since, "until": time_range.until}
        options, scope = replace(self.options, **bounds), replace(self.scope, **bounds)
        return replace(self, options=options, scope=scope, time_range=time_range)


def own_values(function: Function, parameters: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the values of the function's own parameters, converted, defaults included.

    Args:
        function: the function to be called.
        parameters: those of the request.
        now: the current time, in the zone of the request.

    Raises:
        UsageError: one that the function needs is missing, or a value is not allowed.
    """
    values: dict[str, Any] = {}
    for parameter in function.parameters:
        name, value = parameter.name, parameters.get(parameter.name)
        if value is not None:
            values[name] = convert(parameter.annotation, value, name, now)
        elif parameter.required:
            raise UsageError(f"{function.noun} {function.name!r} needs --{name.replace('_', '-')}")
        else:
            values[name] = parameter.default
    return values


def document(call: Call) -> dict[str, Any]:
    """Return the parameters for the result: JSON-ready, defaults included."""
    zone = call.options.zone
    own = {name: plain(value) for name, value in (*call.own.items(), *call.extra.items())}
    if not call.function.has_common_options:
        return own
    return {
        **own,
        **call.scope.filters(),
        "since": plain(call.time_range.since),
        "until": plain(call.time_range.until),
        **({} if zone.is_utc else {"tz": zone.name}),
        "by": call.by,
        # where no people are counted, none are left out
        "bots": call.options.bots or not (call.audience or "bots" in call.function.signature),
    }


def next_second(when: datetime) -> datetime:
    """Return the next whole second, which is easier to read in results."""
    return when.replace(microsecond=0) + timedelta(seconds=1)


def _times(options: CommonOptions) -> tuple[datetime | None, datetime | None]:
    since, until = options.since, options.until
    assert not isinstance(since, str)  # `updated` converted them
    assert not isinstance(until, str)
    return since, until


def resolve(
    options: CommonOptions,
    extent: Extent,
    spans: Iterable[CoverageSpan],
    now: datetime,
    *,
    empty: bool = False,
) -> Range:
    """Return the time range of a request.

    Without `since` it begins with the first span of the ledger or, where that is earlier or there
    is no ledger, with the oldest event. Without `until` it ends with the proven coverage, or just
    after the newest event if nothing is proven. `extent` leaves out times that make no sense. An
    end that would lie before the beginning becomes `now`: the range is one of which the store knows
    nothing; that of an empty store is empty and begins in 1970, whatever the time.

    Args:
        options: as `updated` returns them.
        extent: of the stored events.
        spans: the coverage ledger.
        now: the current time.
        empty: whether an explicit range may be empty, which one that was resolved before can be.

    Raises:
        UsageError: both are given, and the end is not after the beginning.
    """
    since, until = _times(options)
    if (
        since is not None
        and until is not None
        and (until < since or (until == since and not empty))
    ):
        raise UsageError(
            f"the range ends at {plain(until)}, not after its beginning at {plain(since)}",
            hint="--since and --until take times (2026-01-31T10:00Z) or durations ago (7d)",
        )
    keys = {"", options.ledger_key()}
    relevant = [s for s in spans if s.filters in keys and EARLIEST <= s.start <= to_micros(now)]
    proven = [span for span in relevant if span.state in PROVEN]
    if until is None:
        if proven:
            until = min(from_micros(max(span.end for span in proven)), now)
        elif extent.newest is not None:
            until = next_second(from_micros(extent.newest))
        elif since is None and relevant:
            until = min(from_micros(max(span.end for span in relevant)), now)
    if since is None:
        since = _beginning(relevant, extent)
    if since is None:
        since = until if until is not None else EPOCH
        if until is None:
            return Range(since, since)
    if until is None or until < since:
        until = max(now, since)
    return Range(since, until)


def _beginning(spans: Iterable[CoverageSpan], extent: Extent) -> datetime | None:
    """Return where the range of a request begins that names no beginning; None: nothing is known.

    A time of which retention has deleted events is none that the store knows.
    """
    started = [max(span.start, extent.complete_from) for span in spans]
    first = min([*started, *([] if extent.oldest is None else [extent.oldest])], default=None)
    return None if first is None else from_micros(first)


def with_whole_periods(chosen: Range, zone: Zone, extent: Extent, store: Store) -> Range:
    """Let the range of a picture that begins with the oldest event begin with its day or hour.

    That is done where nothing is missing of these: the picture would otherwise leave out the first
    day, week or month as cut.
    """
    since = beginning(store, extent, zone, to_micros(chosen.since))
    return replace(chosen, since=from_micros(since))


def range_notes(options: CommonOptions, chosen: Range, extent: Extent) -> list[str]:
    """Return what the user should know of a range whose beginning or end was not given."""
    notes = []
    newest = extent.newest
    if options.until is None and newest is not None and _matters(newest, chosen):
        notes.append(
            f"the range ends at {plain(chosen.until)}, where the proven coverage ends; "
            "later events are stored too: add --until now"
        )
    earlier = extent.earlier if options.since is None else 0
    later = extent.later if options.until is None else 0
    if earlier or later:
        parts = [f"{earlier:,} from before the store began"] if earlier else []
        parts += [f"{later:,} from after now"] if later else []
        notes.append(
            f"events with times that make no sense are left out: {', '.join(parts)}; "
            "hubbub status names them, --since and --until include them"
        )
    return notes


def _matters(newest: int, chosen: Range) -> bool:
    """Whether what is stored after a range would change it: by a hundredth, or by a day."""
    length = to_micros(chosen.until) - to_micros(chosen.since)
    return newest - to_micros(chosen.until) >= min(
        length // 100, timedelta(days=1) // timedelta(microseconds=1)
    )


def extend_to_ledger(
    options: CommonOptions, extent: Extent, spans: Iterable[CoverageSpan]
) -> CommonOptions:
    """Let a range without beginning or end cover everything in the store and in the ledger."""
    since, until = _times(options)
    times = [from_micros(edge) for span in spans for edge in (span.start, span.end)]
    if extent.oldest is not None and extent.newest is not None:
        times += [from_micros(extent.oldest), next_second(from_micros(extent.newest))]
    if not times:
        return options
    first, last = min(times), max(times)
    since = since or (first if until is None or first < until else None)
    until = until or (last if since is None or last > since else None)
    return replace(options, since=since, until=until)


def coverage(time_range: Range, spans: Iterable[CoverageSpan], filters: str = "") -> Coverage:
    """Return how complete the store is in a range, according to the ledger."""
    if time_range.since >= time_range.until:
        return Coverage()
    since, until = to_micros(time_range.since), to_micros(time_range.until)
    verdict = judge(spans, since, until, filters=filters)
    return Coverage(
        verdict.state,
        tuple(
            Gap(from_micros(gap.start), from_micros(gap.end), gap.source, gap.proof)
            for gap in verdict.gaps
        ),
    )
