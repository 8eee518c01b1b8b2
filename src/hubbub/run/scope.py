"""Scope: which events a question is about, and how completely the store holds them.

Comes in: the common options of a request, the store's oldest and newest event, its ledger of spans.
Goes out: a half-open range [since, until) in UTC and the coverage of that range.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from hubbub.analyzers.result import Coverage, Gap
from hubbub.errors import UsageError
from hubbub.parameters import convert, plain
from hubbub.registry import FILTERS
from hubbub.store.state.coverage import judge
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import from_micros, to_micros

__all__ = ["CommonOptions", "Extent", "Range", "coverage", "just_after", "known", "resolve"]

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

    def ledger_key(self) -> str:
        """The filter under which a gather of exactly these events keeps its coverage.

        Empty, as for everything, where the filters are not such that a history service knows:
        spans of everything prove every part of it.
        """
        asked = (self.category, self.topic, self.user)
        if not any(asked) or any(set("*?[") & set(glob) for globs in asked for glob in globs):
            return ""
        from hubbub.collector.history.client import Filters  # loads an HTTP library

        return Filters(*asked).key

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


def just_after(when: datetime) -> datetime:
    """The next whole second; people read it."""
    return when.replace(microsecond=0) + timedelta(seconds=1)


def resolve(
    options: CommonOptions,
    extent: Extent,
    spans: Iterable[CoverageSpan],
    now: datetime,
    *,
    empty: bool = False,
) -> Range:
    """The range that a request means.

    Without `since` from the oldest event; without `until` to the end of the proven coverage, or
    where there is none to just after the newest event. A range without an end that would lie before
    its beginning ends now: it is a question about a time of which the store knows nothing.

    Args:
        options: since and until as stated, or None.
        extent: of the stored events.
        spans: the ledger.
        now: what durations count back from.
        empty: whether a stated range may be empty, as one that was resolved before is.

    Raises:
        UsageError: both were given, and the end is not after the beginning.
    """
    given = options.updated({"since": options.since, "until": options.until}, now)
    since, until = given.since, given.until
    assert since is None or isinstance(since, datetime)
    assert until is None or isinstance(until, datetime)
    if (
        since is not None
        and until is not None
        and (until < since or (until == since and not empty))
    ):
        raise UsageError(
            f"the range ends at {plain(until)}, not after its beginning at {plain(since)}",
            hint="--since and --until take times (2026-01-31T10:00Z) or durations ago (7d)",
        )
    keys = {"", given.ledger_key()}
    proven = [span for span in spans if span.state in PROVEN and span.filters in keys]
    if until is None:
        if proven:
            until = from_micros(max(span.end for span in proven))
        elif extent.newest is not None:
            until = just_after(extent.newest)
    if since is None:
        since = extent.oldest
        if since is None and proven:
            since = from_micros(min(span.start for span in proven))
    if since is None:
        since = until if until is not None else now
    if until is None or until < since:
        until = max(now, since)
    return Range(since, until)


def known(
    options: CommonOptions, extent: Extent, spans: Iterable[CoverageSpan], now: datetime
) -> CommonOptions:
    """The same, where no beginning or end is stated: all that events or the ledger say."""
    given = options.updated({"since": options.since, "until": options.until}, now)
    since, until = given.since, given.until
    assert not isinstance(since, str)  # `updated` converted them
    assert not isinstance(until, str)
    times = [from_micros(at) for span in spans for at in (span.start, span.end)]
    if extent.oldest is not None and extent.newest is not None:
        times += [extent.oldest, just_after(extent.newest)]
    first, last = min(times, default=now), max(times, default=now)
    since = since or (first if until is None or first < until else None)
    until = until or (last if since is None or last > since else None)
    return replace(given, since=since, until=until)


def coverage(where: Range, spans: Iterable[CoverageSpan], filters: str = "") -> Coverage:
    """How complete the store is in a range, by the ledger's rule."""
    if where.since >= where.until:
        return Coverage()
    verdict = judge(spans, to_micros(where.since), to_micros(where.until), filters=filters)
    return Coverage(
        verdict.state,
        tuple(
            Gap(from_micros(g.start), from_micros(g.end), g.source, g.proof) for g in verdict.gaps
        ),
    )
