"""A range beside the one before it: what changed, in words.

Comes in: a runner and a range. Goes out: sentences, each of which names both numbers. Where the
intervals of two estimates overlap, no change is claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from hubbub.charts.picture import scale, text
from hubbub.charts.picture.sheet import badge, finite

__all__ = ["Asks", "Numbers", "before", "numbers", "said"]

_NAMED = 3  # categories


class Asks(Protocol):
    """What a comparison needs of a runner."""

    def query(self, name: str, **parameters: Any) -> Any:
        """Run a query."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one range: messages, people, effective people with the interval, messages by category."""

    messages: int
    people: int = 0
    effective: tuple[float, float, float] | None = None
    categories: Mapping[str, int] = field(default_factory=dict)
    doubt: str = ""  # what is known to be missing of the range


def before(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The range of the same length that ends where this one begins."""
    return since - (until - since), since


def numbers(runner: Asks, since: datetime, until: datetime) -> Numbers:
    """Ask for the numbers of a range."""
    whole = max(until - since, timedelta(microseconds=1))  # an empty store's range is empty
    result = runner.query(
        "longtail", since=since, until=until, window=whole, step=whole, interval=True
    )
    row = result.data[-1] if result.data else {}
    found = result.diagnostics.get("effective_people")
    ends = [finite(found.get(k)) for k in ("value", "low", "high")] if found else [None]
    value, low, high = ends if None not in ends else (None, None, None)
    volume = runner.query("volume", since=since, until=until, per="day", axis="category")
    categories: Counter[str] = Counter()
    for of in volume.data:
        if of["name"] is not None:
            categories[str(of["name"])] += int(of["messages"])
    sure = None if value is None or low is None or high is None else (value, low, high)
    doubt = badge(result.coverage, since, until)
    return Numbers(result.events, int(row.get("n") or 0), sure, dict(categories), doubt)


def _changed(now: float, then: float) -> str:
    if now == then:
        return "as many as before"
    share = text.percent(abs(now - then) / then) if then else ""
    than = f"than {text.amount(then)}" if then else "than nothing"
    amount = share or text.amount(abs(now - then))
    return f"{amount} {'more' if now > then else 'fewer'} {than}"


def said(now: Numbers, then: Numbers, since: datetime, until: datetime) -> list[str]:
    """What changed, a sentence each; `since` and `until` are those of the range before."""
    when = scale.span(since, until)
    if not then.messages:
        return [f"Nothing is stored of the time before, {when}, so there is nothing to compare."]
    out = [
        f"Compared with {when}."
        + (f" Of that time: {then.doubt[0].lower()}{then.doubt[1:]}." if then.doubt else ""),
        f"{text.plural(now.messages, 'message')}, {_changed(now.messages, then.messages)}.",
        f"{text.plural(now.people, 'person', 'people')}, {_changed(now.people, then.people)}.",
    ]
    if now.effective and then.effective:
        value, low, high = now.effective
        old, old_low, old_high = then.effective
        both = f"as if {_one(value)} people shared the work equally, before {_one(old)}"
        clear = low > old_high or high < old_low
        more = "more even" if value > old else "less even"
        verdict = f"clearly {more}" if clear else "no clear change, the intervals overlap"
        out.append(f"{both[0].upper()}{both[1:]}: {verdict}.")
    names = set(now.categories) | set(then.categories)
    moved = {n: now.categories.get(n, 0) - then.categories.get(n, 0) for n in names}
    most = sorted((n for n in moved if moved[n]), key=lambda n: (-abs(moved[n]), n))[:_NAMED]
    if most:
        parts = [f"{text.clean(n, 40)} {text.signed(moved[n])}" for n in most]
        out.append(f"Changed most: {text.joined(parts)} messages.")
    return out


def _one(value: float) -> str:
    return text.amount(round(value, 1))
