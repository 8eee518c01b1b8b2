"""Scope: which events a question is about, and how completely the store holds them.

Comes in: the common options of a request, the store's oldest and newest event, its ledger of spans.
Goes out: a half-open range [since, until) in UTC and the coverage of that range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from hubbub.analyzers.result import Coverage, Gap
from hubbub.errors import UsageError
from hubbub.parameters import convert, plain
from hubbub.registry import FILTERS
from hubbub.times import from_micros, to_micros

__all__ = ["CommonOptions", "Extent", "Range", "Span", "coverage", "resolve"]

PROVEN = frozenset({"complete", "healed"})


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """What every query and view understands. None and () mean: not stated."""

    since: str | datetime | None = None
    until: str | datetime | None = None
    topic: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    not_user: tuple[str, ...] = ()
    object: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    by: str | None = None
    bots: bool | None = None

    def updated(self, values: Mapping[str, Any], now: datetime) -> CommonOptions:
        """The same with these values, converted; None leaves what was there.

        Raises:
            UsageError: a value that the option does not allow.
        """
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if value is not None:
                converted = convert(_KINDS[name], value, name, now)
                changes[name] = tuple(converted) if isinstance(converted, list) else converted
        return replace(self, **changes)

    def without(self, names: Iterable[str]) -> CommonOptions:
        """The same without these filters: a function has parameters of these names itself."""
        hidden: dict[str, Any] = {name: () for name in names if name in FILTERS}
        return replace(self, **hidden)

    def filters(self) -> dict[str, list[str]]:
        """The filters that are stated, for a document."""
        return {name: plain(getattr(self, name)) for name in FILTERS if getattr(self, name)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All names, in the order of the help text."""
        return tuple(field.name for field in fields(cls))


_KINDS: Mapping[str, Any] = {
    "since": datetime,
    "until": datetime,
    **dict.fromkeys(FILTERS, list[str]),
    "by": Literal["agent", "users"],
    "bots": bool,
}


class Span(Protocol):
    """One line of the ledger of coverage, whoever keeps it."""

    @property
    def source(self) -> str:
        """`KIND:NAME` of what was heard or asked."""

    @property
    def filters(self) -> str:
        """What was asked for; empty for everything."""

    @property
    def start(self) -> int:
        """The beginning in µs, included."""

    @property
    def end(self) -> int:
        """The end in µs, excluded."""

    @property
    def state(self) -> str:
        """`complete`, `healed`, `unproven` or `gap`."""

    @property
    def proof(self) -> str:
        """Why that state."""


@dataclass(frozen=True, slots=True)
class Range:
    """[since, until) in UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Extent:
    """Times of the oldest and newest event that the store holds; None for an empty store."""

    oldest: datetime | None
    newest: datetime | None


def _just_after(when: datetime) -> datetime:
    """The next whole second; people read it."""
    return when.replace(microsecond=0) + timedelta(seconds=1)


def resolve(options: CommonOptions, extent: Extent, spans: Sequence[Span], now: datetime) -> Range:
    """The range that a request means.

    Without `since` from the oldest event; without `until` to the end of the proven coverage, or
    where there is none to just after the newest event. A range without an end that would lie before
    its beginning ends now: it is a question about a time of which the store knows nothing.

    Raises:
        UsageError: both were given, and the end is not after the beginning.
    """
    given = options.updated({"since": options.since, "until": options.until}, now)
    since, until = given.since, given.until
    assert since is None or isinstance(since, datetime)
    assert until is None or isinstance(until, datetime)
    if since is not None and until is not None and until <= since:
        raise UsageError(
            f"the range ends at {plain(until)}, not after its beginning at {plain(since)}",
            hint="--since and --until take times (2026-01-31T10:00Z) or durations ago (7d)",
        )
    proven = [span for span in spans if span.state in PROVEN]
    if until is None:
        if proven:
            until = from_micros(max(span.end for span in proven))
        elif extent.newest is not None:
            until = _just_after(extent.newest)
    if since is None:
        since = extent.oldest
        if since is None and proven:
            since = from_micros(min(span.start for span in proven))
    if since is None:
        since = until if until is not None else now
    if until is None or until < since:
        until = max(now, since)
    return Range(since, until)


def _uncovered(start: int, end: int, spans: Iterable[Span]) -> bool:
    """Whether any part of [start, end) lies in none of the spans."""
    reached = start
    for span in sorted(spans, key=lambda s: s.start):
        if span.start > reached:
            break
        reached = max(reached, span.end)
    return reached < end


def coverage(where: Range, spans: Sequence[Span]) -> Coverage:
    """How complete the store is in a range.

    `complete`: spans proven by count cover it; `healed`: they do together with spans that history
    filled; else `unproven`. Known gaps are listed, cut to the range.
    """
    start, end = to_micros(where.since), to_micros(where.until)
    touching = [span for span in spans if span.start < end and span.end > start]
    gaps = tuple(
        Gap(from_micros(max(s.start, start)), from_micros(min(s.end, end)), s.source, s.proof)
        for s in sorted(touching, key=lambda s: (s.start, s.source))
        if s.state == "gap"
    )
    complete = [span for span in touching if span.state == "complete"]
    proven = [span for span in touching if span.state in PROVEN]
    if start >= end or _uncovered(start, end, proven):
        return Coverage("unproven", gaps)
    return Coverage("healed" if _uncovered(start, end, complete) else "complete", gaps)
