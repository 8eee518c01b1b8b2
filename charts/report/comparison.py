"""Compare a time range with the preceding one, in sentences that give both numbers.

No change is claimed where the confidence intervals of two estimates overlap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from hubbub.charts.picture import scale, text
from hubbub.charts.picture.sheet import badge, finite
from hubbub.language import _, ngettext
from hubbub.language.numbers import amount, percent, signed
from hubbub.language.wording import continued, joined
from hubbub.zones import current

__all__ = ["Numbers", "QueryRunner", "before", "changes", "numbers"]

_NAMED = 3  # categories


class QueryRunner(Protocol):
    """The part of a runner that a comparison needs."""

    def query(self, name: str, /, **parameters: Any) -> Any:
        """Run a query."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The compared numbers of one range."""

    messages: int
    people: int = 0
    effective: tuple[float, float, float] | None = None  # value, low, high
    categories: Mapping[str, int] = field(default_factory=dict)  # messages per category
    incomplete: str = ""  # what is missing or unproven of the range


def before(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Return the preceding range of the same length; of whole days, as many days."""
    zone = current()
    if scale.begins_day(since) and scale.begins_day(until):
        return zone.plus(since, zone.day(since) - zone.day(until)), since
    return since - (until - since), since


def numbers(runner: QueryRunner, since: datetime, until: datetime) -> Numbers:
    """Query the numbers of a range."""
    length = max(until - since, timedelta(microseconds=1))  # the range of an empty store is empty
    result = runner.query(
        "longtail", since=since, until=until, window=length, step=length, interval=True
    )
    row = result.data[-1] if result.data else {}
    estimate = result.diagnostics.get("effective_people") or {}
    value, low, high = (finite(estimate.get(key)) for key in ("value", "low", "high"))
    known = value is not None and low is not None and high is not None
    volume = runner.query("volume", since=since, until=until, per="day", axis="category")
    categories: Counter[str] = Counter()
    for cell in volume.data:
        if cell["name"] is not None:
            categories[str(cell["name"])] += int(cell["messages"])
    return Numbers(
        messages=result.events,
        people=int(row.get("n") or 0),
        effective=(value, low, high) if known else None,  # type: ignore[arg-type]  # none is None
        categories=dict(categories),
        incomplete=badge(result.coverage, since, until),
    )


def _messages(now: int, then: int) -> str:
    """Compare numbers of messages; there were some before."""
    if now == then:
        return ngettext("{n} message, as many as before.", "{n} messages, as many as before.", now)
    values = {"share": percent(abs(now - then) / then), "before": amount(then)}
    if now > then:
        return ngettext(
            "{n} message, {share} more than {before}.",
            "{n} messages, {share} more than {before}.",
            now,
            **values,
        )
    return ngettext(
        "{n} message, {share} fewer than {before}.",
        "{n} messages, {share} fewer than {before}.",
        now,
        **values,
    )


def _people(now: int, then: int) -> str:
    """Compare numbers of people."""
    if now == then:
        return ngettext("{n} person, as many as before.", "{n} people, as many as before.", now)
    if not then:
        return ngettext(
            "{n} person, {more} more than nothing.",
            "{n} people, {more} more than nothing.",
            now,
            more=amount(now),
        )
    values = {"share": percent(abs(now - then) / then), "before": amount(then)}
    if now > then:
        return ngettext(
            "{n} person, {share} more than {before}.",
            "{n} people, {share} more than {before}.",
            now,
            **values,
        )
    return ngettext(
        "{n} person, {share} fewer than {before}.",
        "{n} people, {share} fewer than {before}.",
        now,
        **values,
    )


def _effective(now: tuple[float, float, float], then: tuple[float, float, float]) -> str:
    """Compare effective people; the intervals decide whether there is a change."""
    value, low, high = now
    old, old_low, old_high = then
    values = {"people": amount(round(value, 1)), "before": amount(round(old, 1))}
    if low <= old_high and high >= old_low:
        return _(
            "As if {people} people shared the work equally, before {before}: no clear change, the "
            "intervals overlap.",
            **values,
        )
    if value > old:
        return _(
            "As if {people} people shared the work equally, before {before}: clearly more.",
            **values,
        )
    return _(
        "As if {people} people shared the work equally, before {before}: clearly fewer.", **values
    )


def changes(now: Numbers, then: Numbers, since: datetime, until: datetime) -> list[str]:
    """Return a sentence per change; `since` and `until` are those of the preceding range."""
    when = scale.zoned_span(since, until)
    if not then.messages:
        return [
            _(
                "Nothing is stored of the time before, {when}, so there is nothing to compare.",
                when=when,
            )
        ]
    first = _("Compared with {when}.", when=when)
    if then.incomplete:
        first = _(
            "Compared with {when}. Of that time: {missing}.",
            when=when,
            missing=continued(then.incomplete),
        )
    sentences = [
        first,
        _messages(now.messages, then.messages),
        _people(now.people, then.people),
    ]
    if now.effective and then.effective:
        sentences.append(_effective(now.effective, then.effective))
    names = set(now.categories) | set(then.categories)
    moved = {n: now.categories.get(n, 0) - then.categories.get(n, 0) for n in names}
    most = sorted((n for n in moved if moved[n]), key=lambda n: (-abs(moved[n]), n))[:_NAMED]
    if most:
        parts = [f"{text.clean(n, 40)} {signed(moved[n])}" for n in most]
        sentences.append(_("Changed most: {categories} messages.", categories=joined(parts)))
    return sentences
