"""Judging a series: the golden vectors, a plain loop, and any way to split the ticks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.alerts import crossings
from hubbub.config import AlertConfig
from hubbub.intervals import subtract
from hubbub.live.alerts.averages import Values, average_series
from hubbub.live.alerts.covered import coverage_series
from hubbub.live.alerts.evaluate import NOTHING, Series, Transition, evaluate
from hubbub.live.alerts.rules import AlertRule, read_rules
from hubbub.live.alerts.silence import reach, silence_series
from hubbub.live.alerts.ticks import KnownTicks, first_needed
from tests.support.paths import GOLDEN

CASES = sorted((GOLDEN / "statistician" / "alerts").glob("*.json"))
MakeSeries = Callable[[AlertRule, KnownTicks, Values, int, int], Series]


def rule(**values: Any) -> AlertRule:
    return read_rules([AlertConfig(**{"name": "a", **values})])[0]


def sparse(values: Sequence[int], counts: Sequence[int], first: int = 0) -> Values:
    chosen = [k for k, (value, n) in enumerate(zip(values, counts, strict=True)) if value or n]
    return Values(
        np.array([k + first for k in chosen], dtype=np.int64),
        np.array([values[k] for k in chosen], dtype=np.int64),
        np.array([counts[k] for k in chosen], dtype=np.int64),
    )


def judged(
    make: MakeSeries,
    chosen: AlertRule,
    values: Values,
    end: int,
    *,
    unknown: Sequence[tuple[int, int]] = (),
    splits: Iterable[int] = (),
    needed: int | None = None,
) -> list[Transition]:
    """Judge the ticks [0, end) in parts, each with no more of the past than it needs."""
    edges = sorted({0, end, *(split for split in splits if split < end)})
    standing, changes = NOTHING, []
    number = chosen.short + chosen.long if needed is None else needed
    for start, stop in pairwise(edges):
        first = first_needed(subtract([(0, stop)], unknown), start, number)
        inside = (values.ticks >= first) & (values.ticks < stop)
        part = Values(values.ticks[inside], values.amounts[inside], values.messages[inside])
        known = KnownTicks(first, stop, unknown)
        found, standing = evaluate(
            make(chosen, known, part, start, stop), standing, chosen.hold_ticks
        )
        changes += found
    return changes


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("measure", ["bytes", "hits"])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_golden(case: Any, measure: str, step: int):
    vector = json.loads(case.read_text())
    parameters = vector["params"]
    chosen = rule(
        short=parameters["short_median"],
        long=parameters["long_median"],
        threshold=parameters["threshold"],
        resolution=parameters["time_resolution"],
        minimum=0,
    )
    values = sparse(vector[measure], vector["hits"])
    changes = judged(
        average_series,
        chosen,
        values,
        len(vector["hits"]),
        splits=range(0, len(vector["hits"]), step),
    )
    assert [
        {
            "tick": change.tick + 1,
            "kind": change.state,
            "short_average": change.value.details["short"],
            "long_average": change.value.details["long"],
            "short_rate": change.value.measured,
            "long_rate": change.value.expected,
        }
        for change in changes
    ] == vector["expected"][measure]


numbers = st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 5, 50]), max_size=60)
windows = st.tuples(st.integers(1, 4), st.integers(1, 6)).map(lambda pair: (pair[0], sum(pair)))
thresholds = st.sampled_from([1.1, 1.2, 1.5, 2, 3])
splits = st.sets(st.integers(1, 59))
gaps = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda p: (p[0], p[0] + p[1])), max_size=4
)


@given(numbers, windows, thresholds, splits)
def test_any_split_gives_what_the_query_gives(
    values: list[int], window: tuple[int, int], threshold: float, parts: set[int]
):
    short, long = window
    chosen = rule(short=short, long=long, threshold=threshold, minimum=0)
    changes = judged(average_series, chosen, sparse(values, values), len(values), splits=parts)
    expected = crossings(values, short=short, long=long, threshold=threshold, resolution=10)
    assert [
        (c.tick + 1, c.state, c.value.details["short"], c.value.details["long"]) for c in changes
    ] == [(e.tick, e.state.value, e.short, e.long) for e in expected]


def plain(
    chosen: AlertRule, holds: Sequence[bool | None], joined: Sequence[bool]
) -> list[tuple[int, str]]:
    """Judge tick by tick, from what holds in each."""
    changes, since, on = [], None, False
    for k, value in enumerate(holds):
        if not on and (value is None or not joined[k]):
            since = None
        if value and not on:
            since = k if since is None else since
            if k - since >= chosen.hold_ticks:
                on = True
                changes.append((k, "raised"))
        elif value is False:
            if on:
                changes.append((k, "ended"))
            since, on = None, False
    return changes


def known_list(number: int, unknown: Sequence[tuple[int, int]]) -> list[int]:
    return [k for k in range(number) if not any(a <= k < b for a, b in unknown)]


def check(
    series: MakeSeries,
    chosen: AlertRule,
    values: list[int],
    holds: Sequence[bool | None],
    unknown: list[tuple[int, int]],
    **options: Any,
) -> None:
    """Check that the changes are those of a plain loop over what holds in each known tick."""
    known = known_list(len(values), unknown)
    joined = [i == 0 or known[i] == known[i - 1] + 1 for i in range(len(known))]
    expected = [(known[k], state) for k, state in plain(chosen, holds, joined)]
    counted = sparse(values, values)
    changes = judged(series, chosen, counted, len(values), unknown=unknown, **options)
    assert [(change.tick, change.state) for change in changes] == expected


@given(numbers, windows, thresholds, splits, gaps, st.integers(0, 5), st.integers(0, 4))
def test_averages_with_gaps_are_those_of_a_plain_loop(
    values: list[int],
    window: tuple[int, int],
    threshold: float,
    parts: set[int],
    unknown: list[tuple[int, int]],
    hold: int,
    minimum: int,
):
    s, l = window  # noqa: E741
    chosen = rule(short=s, long=l, threshold=threshold, minimum=minimum, hold=hold * 10)
    known = known_list(len(values), unknown)
    holds: list[bool | None] = []
    for position in range(len(known)):
        window_of = known[position - s + 1 : position + 1]
        whole = len(window_of) == s and window_of[-1] - window_of[0] == s - 1
        if position < s + l or not whole:
            holds.append(None)
            continue
        recent = sum(values[k] for k in window_of)
        before = sum(values[k] for k in known[position - s - l + 1 : position - s + 1])
        over = Fraction(recent, s) > Fraction(str(threshold)) * Fraction(before, l)
        holds.append(over and recent >= minimum)
    check(average_series, chosen, values, holds, unknown, splits=parts)


@given(
    st.lists(st.sampled_from([0, 0, 0, 0, 1, 2]), max_size=60),
    st.integers(4, 20),
    st.sampled_from([1.2, 1.5, 2]),
    splits,
    gaps,
    st.integers(0, 3),
)
def test_silence_is_that_of_a_plain_loop(
    values: list[int],
    long: int,
    threshold: float,
    parts: set[int],
    unknown: list[tuple[int, int]],
    hold: int,
):
    chosen = rule(
        measure="silence", long=long, threshold=threshold, minimum=2, resolution=10, hold=hold * 10
    )
    known = known_list(len(values), unknown)
    longest = int(long * Fraction(str(threshold))) + 1
    holds: list[bool | None] = []
    for position in range(len(known)):
        heard = [i for i in range(position + 1) if values[known[i]]]
        if not heard or heard[-1] == position:
            holds.append(False if heard else None)
            continue
        last = heard[-1]
        habit = [i for i in heard if i > last - long]
        pauses = [b - a for a, b in pairwise(habit) if known[b] - known[a] == b - a]
        enough = sum(values[known[i]] for i in habit) >= 2 and 2 * (last - habit[0]) >= long
        begin = position
        while begin > last and known[begin] == known[begin - 1] + 1:
            begin -= 1
        begin = begin if begin == last else begin - 1
        is_silent = (
            enough
            and pauses
            and position - last <= longest
            and position - begin > Fraction(str(threshold)) * max(pauses)
        )
        holds.append(True if is_silent else None)
    check(silence_series, chosen, values, holds, unknown, splits=parts, needed=reach(chosen))


@given(st.integers(1, 60), st.integers(1, 5), st.sampled_from([50, 75, 99.5, 100]), splits, gaps)
def test_coverage_is_that_of_a_plain_loop(
    number: int, short: int, threshold: float, parts: set[int], unknown: list[tuple[int, int]]
):
    chosen = rule(measure="coverage", short=short, threshold=threshold)
    known = set(known_list(number, unknown))
    holds = [
        None
        if k < short - 1
        else Fraction(100 * sum(i in known for i in range(k - short + 1, k + 1)), short)
        < Fraction(str(threshold))
        for k in range(number)
    ]
    expected = plain(chosen, holds, [True] * number)

    def make(chosen: AlertRule, known: KnownTicks, _: Values, start: int, end: int) -> Series:
        return coverage_series(chosen, 0, unknown, start, end)

    changes = judged(make, chosen, sparse([], []), number, splits=parts)
    assert [(change.tick, change.state) for change in changes] == expected


def test_sums_beyond_64_bits_are_exact():
    huge = 2**61
    chosen = rule(short=1, long=2, threshold=1.5, minimum=0)
    values = [huge, huge, huge, huge * 3 // 2, huge * 3 // 2 + 1]
    assert judged(average_series, chosen, sparse(values[:4], [1] * 4), 4) == []
    series = [huge, huge, huge, huge * 3 // 2 + 1]
    changes = judged(average_series, chosen, sparse(series, [1] * 4), 4)
    assert [change.tick for change in changes] == [3]
