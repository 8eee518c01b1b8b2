"""Rarefaction against all possible draws from small windows, and its invariants."""

import math
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.evenness.longtail import longtail
from hubbub.analyzers.evenness.metrics import measure, measure_histogram
from hubbub.analyzers.evenness.rarefaction import expected_histogram, rarefied, smallest_window
from hubbub.errors import UsageError
from tests.support.examples import examples

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
COUNTS = st.lists(st.integers(1, 30), min_size=1, max_size=12)
EXTREMES = ("head", "tail", "longtail", "longtail_exact", "longtail_scaled")


def values(numbers):
    """The fields of an Evenness, untyped: here they are not None."""
    fields: dict[str, Any] = asdict(numbers)
    return SimpleNamespace(**fields)


def groups(counts):
    return list(Counter(counts).items())


def draws(counts, size):
    """Yield the counts per user of every way to draw `size` messages."""
    messages = [user for user, count in enumerate(counts) for _ in range(count)]
    for chosen in combinations(range(len(messages)), size):
        yield list(Counter(messages[i] for i in chosen).values())


@pytest.mark.parametrize("counts", [[3, 2, 1], [5, 5], [7], [4, 1, 1, 1], [6, 3, 3]])
def test_against_every_draw(counts):
    for size in range(1, sum(counts) + 1):
        all_draws = list(draws(counts, size))
        expected = Counter(k for draw in all_draws for k in draw)
        histogram = expected_histogram(groups(counts), size)
        assert {k: f for k, f in enumerate(histogram) if k and f > 1e-12} == pytest.approx(
            {k: number / len(all_draws) for k, number in expected.items()}
        )
        numbers = rarefied(groups(counts), size)
        assert numbers.total == size
        assert numbers.n == pytest.approx(sum(map(len, all_draws)) / len(all_draws))
        entropies = [-sum(k / size * math.log(k / size) for k in draw) for draw in all_draws]
        entropy = sum(entropies) / len(all_draws)
        assert numbers.hill_1 == pytest.approx(math.exp(entropy))
        assert all(getattr(numbers, name) is None for name in EXTREMES)


@given(COUNTS)
def test_rarefying_to_its_own_size_changes_nothing(counts):
    numbers, whole = rarefied(groups(counts), sum(counts)), measure(counts)
    for name in ("n", "total", "mean", "gini", "gini_corrected", "effective_people", "hill_1",
                 "pielou", "absence_factor", "top_shares"):  # fmt: skip
        expected = getattr(whole, name)
        value = getattr(numbers, name)
        assert value == (None if expected is None else pytest.approx(expected, abs=1e-9)), name


@given(COUNTS, st.data())
def test_fewer_messages_name_fewer_people_equally_unevenly(counts, data):
    total = sum(counts)
    size = data.draw(st.integers(1, total))
    numbers, whole = values(rarefied(groups(counts), size)), values(measure(counts))
    assert 1 - 1e-9 <= numbers.n <= whole.n + 1e-9
    assert numbers.mean == pytest.approx(size / numbers.n)
    assert numbers.hill_1 <= whole.hill_1 + 1e-9
    assert sum(numbers.top_shares) == pytest.approx(1)
    assert 1 <= numbers.absence_factor <= math.ceil(numbers.n)
    if numbers.effective_people is not None:
        assert numbers.effective_people == pytest.approx(whole.effective_people)
        assert numbers.effective_people <= numbers.n + 1e-9


@settings(max_examples=examples(10))
@given(COUNTS, st.integers(1, 20))
def test_gini_is_close_to_that_of_real_draws(counts, size):
    if size > sum(counts) or len(counts) < 5:
        return
    rng = np.random.default_rng(1)
    drawn = rng.multivariate_hypergeometric(counts, size, size=400)
    ginis = [values(measure(row[row > 0].tolist())).gini for row in drawn]
    assert rarefied(groups(counts), size).gini == pytest.approx(np.mean(ginis), abs=0.1)


def test_busy_and_quiet_days_of_the_same_people_become_comparable():
    weights = np.arange(1, 61) ** -1.25
    rng = np.random.default_rng(3)
    quiet, busy = (
        groups(c for c in rng.multinomial(size, weights / weights.sum()).tolist() if c)
        for size in (60, 6_000)
    )

    before = abs(values(measure_histogram(busy)).gini - values(measure_histogram(quiet)).gini)
    after = abs(values(rarefied(busy, 60)).gini - values(rarefied(quiet, 60)).gini)
    assert after < before / 3


def test_a_window_with_fewer_messages():
    numbers = rarefied([(2, 3)], 7)
    assert (numbers.n, numbers.total, numbers.gini) == (3, 6, None)
    with pytest.raises(ValueError, match="7 messages cannot be drawn from 6"):
        expected_histogram([(2, 3)], 7)
    with pytest.raises(ValueError, match="to 0 messages"):
        rarefied([(2, 3)], 0)


def test_the_smallest_window_with_enough_messages():
    assert smallest_window([[(1, 60)], [(10, 7)], [(49, 1)], []]) == 60
    assert smallest_window([[(1, 3)], []]) == 50


def test_many_messages():
    numbers = rarefied([(200_000, 3), (10, 5_000), (1, 10_000)], 50_000)
    assert numbers.n == pytest.approx(
        3
        + 5_000 * (1 - math.exp(ways(659_990, 50_000) - ways(660_000, 50_000)))
        + 10_000 * 50_000 / 660_000
    )


def ways(of, chosen):
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


def test_longtail_rarefied(events, month):
    day = timedelta(days=1)
    plain, _ = longtail(events(month), SINCE, UNTIL, step=day)
    data, notes = longtail(events(month), SINCE, UNTIL, step=day, rarefy=0)
    size = min(row["total"] for row in plain if row["total"] >= 50)
    assert notes["rarefied_to"] == size
    assert list(data[0]) == list(plain[0])
    for row, before in zip(data, plain, strict=True):
        if before["total"] < size:
            assert (row["total"], row["n"], row["gini"]) == (before["total"], before["n"], None)
            continue
        inside = [
            e for e in month if row["start"].timestamp() <= e["timestamp"] < row["end"].timestamp()
        ]
        counts = Counter(user for e in inside for user in e["users"])
        numbers = rarefied(groups(counts.values()), size)
        assert (row["total"], row["n"], row["gini"]) == (size, numbers.n, numbers.gini)
    data, notes = longtail(events(month), SINCE, UNTIL, step=day, rarefy=20)
    assert {row["total"] for row in data if row["gini"] is not None} == {20}
    with pytest.raises(UsageError, match="rarefied to -1"):
        longtail(events(month), SINCE, UNTIL, rarefy=-1)
