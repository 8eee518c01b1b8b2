"""`tail`, `lorenz` and `longtail`: how evenly messages are shared."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

from tests.property.titles.facts import Facts, actions, half_of, ranked
from tests.property.titles.view import View, nobody_or_alike
from tests.property.titles.wording import (
    OF,
    about_midnight,
    date,
    lasting,
    moment,
    num,
    pct,
    years,
)
from tests.property.titles.worlds import DAY


class Tail(View):
    name = "tail"

    def title(self, facts: Facts) -> str:
        counts, total = ranked(facts.counts), facts.counts.total()
        if alike := nobody_or_alike(facts, OF):
            return alike
        half, n = half_of(facts.counts.values()), len(counts)
        if half == 1:
            share = pct(counts[0][1] / total)
            return f"{counts[0][0]} alone, of {n} people, has {share} of all {OF}"
        return f"{half} of {n} people have half of all {OF}"

    def subtitle(self, facts: Facts, said: str) -> str:
        gap = "the smaller the shaded gap to the line, the flatter the tail"
        return "; ".join(["Messages per person, sorted", gap, *facts.several])

    def labels(self, facts: Facts, texts: list[str]) -> None:
        named = {name: number for name, number in map(_label, texts) if name in facts.counts}
        assert {name: num(facts.counts[name]) for name in named} == named
        # as many as there is room for, from the busiest person on, who is always named
        assert set(named) == {name for name, _ in ranked(facts.counts)[: len(named)]}
        assert bool(named) == bool(facts.counts)

    def rows(self, facts: Facts, rows: list[tuple[Any, ...]]) -> None:
        expected = [(i, *pair) for i, pair in enumerate(ranked(facts.counts), 1)]
        assert [row[:3] for row in rows] == expected


def _label(text: str) -> tuple[str, str]:
    name, _, number = text.rpartition(" ")
    return name, number


class Lorenz(View):
    name = "lorenz"

    def title(self, facts: Facts) -> str:
        if alike := nobody_or_alike(facts, OF):
            return alike
        counts = ranked(facts.counts)
        n, size = len(counts), -(-len(counts) // 10)
        share = pct(sum(c for _, c in counts[:size]) / facts.counts.total())
        if size > 1:
            return f"The busiest {size} of {n} people have {share} of all {OF}"
        if counts[0][1] == counts[1][1]:
            return f"One of {n} people has {share} of all {OF}"
        return f"The busiest of {n} people, {counts[0][0]}, has {share} of all {OF}"

    def subtitle(self, facts: Facts, said: str) -> str:
        parts = [
            "Share of mentions of the people with the fewest; nearer to the diagonal is more even"
        ]
        if facts.counts:
            half = half_of(facts.counts.values())
            suffice = "person suffices" if half == 1 else "people suffice"
            parts.append(f"{half} {suffice} for half of them")
            parts.append(f"Gini index {gini(list(facts.counts.values())):.2f}")
            parts.append(effective(facts, said))
        return "; ".join([*parts, *facts.several])

    def labels(self, facts: Facts, texts: list[str]) -> None:
        counts, total = ranked(facts.counts), facts.counts.total()
        size = -(-len(counts) // 10)
        for text in texts:
            if match := re.fullmatch(r"([\d,]+) (?:person|people): (\S+)", text):
                rest = sum(c for _, c in counts[size:])
                assert match.groups() == (str(len(counts) - size), pct(rest / total))


def gini(values: list[int]) -> float:
    return sum(abs(a - b) for a in values for b in values) / (2 * len(values) * sum(values))


def effective(facts: Facts, said: str) -> str:
    """Check what is said of the effective people of a range, and return it.

    The ends of the interval are random; they have to lie around the value and not beyond everybody.
    """
    runs = actions(facts)
    n, sizes = len(runs), {u: [len(run) for run in mine] for u, mine in runs.items()}
    number = sum(map(len, sizes.values()))
    value = None
    if number >= 50 and n >= 10:
        alone = sum(len(mine) == 1 for mine in sizes.values()) / number
        value = hill([sum(mine) for mine in sizes.values()], sizes.values(), alone)
    if value is None:
        return "effective people in all: not enough data"
    about = f"in all, as if about {num(round(value, 1))} people had equally many messages"
    if about in said:
        return about
    match = re.search(r"in all, as if (\S+) people had .* \(90% interval ([\d.]+)–([\d.]+)\)", said)
    assert match, said
    assert match[1] == num(round(value, 1))
    assert float(match[2]) <= float(match[1]) <= float(match[3]) <= n
    return match[0]


def hill(counts: list[int], sizes: Any, alone: float) -> float | None:
    """The Hill number of order 2 from pairs of different actions; None: not enough data."""
    total = sum(counts)
    same_action = sum(s * s for mine in sizes for s in mine)
    same_person = sum(c * c for c in counts) - same_action
    if same_person <= 0 or alone > 0.5:
        return None
    value = (total * total - same_action) / same_person
    return None if value > 1.05 * len(counts) else min(value, len(counts))


def _longtail(v: list[int]) -> float:
    n = len(v)
    line = [v[0] + (v[-1] - v[0]) * i / n for i in range(n)]
    return sum(a - b for a, b in zip(line, v, strict=True)) / n


def _entropy(v: list[int]) -> float:
    return -sum(c / sum(v) * math.log(c / sum(v)) for c in v)


def _messages_as_actions(v: list[int]) -> float | None:
    return hill(v, [[1] * c for c in v], v.count(1) / sum(v))


def _middle(v: list[int]) -> float:
    return (v[0] + v[-1]) / 2


VOLUME, ALIKE = (
    "it also grows with the number of messages",
    "compare windows of equally many messages",
)
MORE = "higher where more people share the work"
HILL = (
    "as if so many people had equally many messages (Hill number of order 2), each message counted "
    "as an action of its own"
)
#: Metric → its name, what it means, how to read it, whether the highest is told, its value.
METRICS: dict[str, tuple[str, str, str, bool, Callable[[list[int]], float | None]]] = {
    "longtail": (
        "The long-tail metric", "mean gap to the head→tail line, in messages", VOLUME,
        True, _longtail,
    ),
    "longtail_exact": (
        "The exact long-tail metric", "mean gap to the line that meets the tail, in messages",
        VOLUME, True, lambda v: _middle(v) - sum(v) / len(v),
    ),
    "longtail_scaled": (
        "The scaled long-tail metric",
        "gap to the straight head→tail line, in multiples of the mean",
        "0 for equal counts and for a straight slope",
        True, lambda v: _middle(v) * len(v) / sum(v) - 1,
    ),
    "gini": (
        "The Gini index", "0 even, near 1 one person has nearly all", ALIKE, True, gini,
    ),
    "gini_corrected": (
        "The corrected Gini index", "0 even, near 1 one person has nearly all", ALIKE,
        True, lambda v: gini(v) * len(v) / (len(v) - 1) if len(v) > 1 else 0,
    ),
    "effective_people": (
        "Effective people",
        HILL, MORE, False, _messages_as_actions,
    ),
    "hill_1": (
        "Effective people of order 1", "exponential of Shannon's entropy", MORE,
        False, lambda v: math.exp(_entropy(v)),
    ),
    "pielou": (
        "Pielou's evenness", "1 even, near 0 one person has nearly all", ALIKE,
        False, lambda v: _entropy(v) / math.log(len(v)) if len(v) > 1 else None,
    ),
    "absence_factor": (
        "The absence factor", "fewest people who together have half of the mentions", MORE,
        False, half_of,
    ),
}  # fmt: skip


class LongTail(View):
    name = "longtail"

    def choose(self) -> None:
        metric = self.rng.choice([*METRICS, "absence_factor", "absence_factor"])
        length = self.rng.choice((DAY, DAY, 7 * DAY))
        self.options = {"window": length, "step": length, "metric": metric}

    def windows(self, facts: Facts) -> list[tuple[Facts, float | None]]:
        length, windows = self.options["window"], []
        value = METRICS[self.options["metric"]][4]
        for k in reversed(range((facts.until - facts.since) // length)):
            end = facts.until - k * length
            window = facts.between(end - length, end)
            counts = sorted(window.counts.values(), reverse=True)
            windows.append((window, value(counts) if counts else None))
        return windows

    def title(self, facts: Facts) -> str:
        name, _, _, highest, _ = METRICS[self.options["metric"]]
        windows = self.windows(facts)
        known = [(value, window) for window, value in windows if value is not None]
        year = years(facts.since, facts.until)
        if not windows:
            return f"The range is shorter than one window of {lasting(self.options['window'])}"
        if not known:
            inside = name[0].lower() + name[1:] if name[0] in "TE" else name
            return f"No window in this range has enough activity for {inside}"
        values = [value for value, _ in known]
        low, middle, high = min(values), median(values), max(values)
        extreme = high if highest else low
        if len(known) == 1:
            return f"{name} was {num(_tidy(extreme))} {_when(known[0][1], year=year)}"
        if num(_tidy(low)) == num(_tidy(high)):
            everywhere = "throughout" if len(known) == len(windows) else "wherever it is known"
            return f"{name} was {num(_tidy(middle))} {everywhere}"
        notable = high > middle * 1.6 if highest else low * 1.6 < middle
        best = [window for value, window in known if math.isclose(value, extreme, abs_tol=1e-12)]
        if notable and len(best) == 1:
            which = "highest" if highest else "lowest"
            when = _when(best[0], year=year)
            return f"{name} was {which} {when}, {num(extreme)}; the median is {num(_tidy(middle))}"
        ends = f"{num(_tidy(low))} and {num(_tidy(high))}"
        return f"{name} stayed between {ends}, median {num(_tidy(middle))}"

    def subtitle(self, facts: Facts, said: str) -> str:
        name, means, better, _, _ = METRICS[self.options["metric"]]
        windows = self.windows(facts) if facts.messages else []
        days = self.options["window"] == DAY and bool(windows)
        days = days and all(_is_midnight(window.since) for window, _ in windows)
        each = "per day" if days else f"of the {lasting(self.options['window'])} before each point"
        name = name.removeprefix("The ")
        parts = [f"{name[0].upper()}{name[1:]} {each}: {means}; {better}"]
        unknown = sum(value is None for _, value in windows)
        if 0 < unknown < len(windows):
            parts.append(f"unknown in {unknown:,} of {len(windows):,} windows")
        return "; ".join([*parts, *facts.several, effective(facts, said)])


def _tidy(value: float) -> float:
    """Without the last digits, in which two ways to compute a number may differ."""
    return round(value, 12)


def _is_midnight(when: Any) -> bool:
    return moment(about_midnight(when)) == date(about_midnight(when))


def _when(window: Facts, *, year: bool) -> str:
    length = window.until - window.since
    first, last = about_midnight(window.since), about_midnight(window.until)
    if length == timedelta(days=1) and _is_midnight(first):
        return f"on {date(first, year=year)}"
    if _is_midnight(last):
        return f"in the {lasting(length)} to {date(last - DAY, year=year)}"
    return f"in the {lasting(length)} to {moment(last, year=year)}"
