"""Evenness metrics against the golden vectors, their definitions and their invariants."""

import json
import math
from collections import Counter
from dataclasses import asdict, fields
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.analyzers.evenness import metrics
from hubbub.analyzers.evenness.metrics import Evenness, measure_histogram
from tests.support import paths

GOLDEN = paths.GOLDEN / "longtail"
CASES = sorted(path.name for path in GOLDEN.glob("lt*.json"))


def measure(counts):
    """Call `measure` untyped: these tests know which metrics are defined."""
    return metrics.measure(counts)


def close(value, **tolerance):
    """Like pytest.approx, also for None."""
    return None if value is None else pytest.approx(value, **tolerance)


some_counts = st.lists(st.integers(0, 60), min_size=1, max_size=40)
counts_of_events = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    case = json.loads((GOLDEN / name).read_text())
    stamps = sorted(case["windows"], key=int)
    assert [row["window"] for row in case["expected"]] == stamps
    for expected in case["expected"]:
        numbers = asdict(measure(case["windows"][expected["window"]].values()))
        for key in expected.keys() - {"window", "users"}:
            assert numbers[key] == close(expected[key], rel=1e-9, abs=1e-9), key


def independent(counts):
    """Compute each metric from its definition, in exact fractions or with NumPy."""
    v = sorted(counts, reverse=True)
    n, total = len(v), sum(v)
    line = [v[0] + Fraction((v[-1] - v[0]) * i, n) for i in range(n)]
    met = [v[0] + Fraction((v[-1] - v[0]) * i, n - 1) for i in range(n)] if n > 1 else [v[0]]
    p = np.array([c / total for c in v if c])
    entropy = float(-(p * np.log(p)).sum())
    differences = sum(abs(a - b) for a in v for b in v)
    gini = Fraction(differences, 2 * n * total)
    active = sum(map(bool, v))
    same = Fraction(sum(c * (c - 1) for c in v), total * (total - 1)) if total > 1 else 0
    people = 1 / same if same and 2 * v.count(1) <= total else None
    if people is not None and people > active:
        people = active if people <= Fraction(21, 20) * active else None
    half = next(k for k in range(1, n + 1) if 2 * sum(v[:k]) >= total)
    ends = [0, math.ceil(n / 100), math.ceil(n / 10), math.ceil(n / 2), n]
    return {
        "longtail": float(sum(a - b for a, b in zip(line, v, strict=True)) / n),
        "longtail_exact": float(sum(a - b for a, b in zip(met, v, strict=True)) / n),
        "longtail_scaled": (v[0] + v[-1]) / (2 * total / n) - 1,
        "gini": float(gini),
        "gini_corrected": float(gini * n / (n - 1)) if n > 1 else 0.0,
        "effective_people": None if people is None else float(people),
        "hill_1": math.exp(entropy),
        "pielou": entropy / math.log(n) if n > 1 else None,
        "absence_factor": half,
        "top_shares": tuple(sum(v[a:b]) / total for a, b in pairwise(ends)),
    }


@given(some_counts.filter(any))
def test_every_metric_follows_its_definition(counts):
    numbers = measure(counts)
    for name, expected in independent(counts).items():
        assert getattr(numbers, name) == close(expected, rel=1e-9, abs=1e-9), name
    assert (numbers.n, numbers.total) == (len(counts), sum(counts))
    assert (numbers.head, numbers.tail) == (max(counts), min(counts))
    assert numbers.mean == close(sum(counts) / len(counts))


@given(some_counts, st.randoms())
def test_order_does_not_matter(counts, random):
    shuffled = random.sample(counts, len(counts))
    assert measure(counts) == measure(shuffled)


@given(counts_of_events, st.integers(2, 9))
def test_multiplied_counts_are_as_even(counts, factor):
    original, scaled = measure(counts), measure([count * factor for count in counts])
    for name in ("gini", "gini_corrected", "hill_1", "pielou", "longtail_scaled", "top_shares"):
        assert getattr(scaled, name) == close(getattr(original, name), abs=1e-9), name
    assert scaled.absence_factor == original.absence_factor
    assert scaled.longtail == close(original.longtail * factor, abs=1e-9)


@given(counts_of_events, st.integers(2, 5))
def test_copies_of_a_community_multiply_the_people(counts, copies):
    original, copied = measure(counts), measure(counts * copies)
    assert copied.hill_1 == close(original.hill_1 * copies)
    assert copied.gini == close(original.gini, abs=1e-9)


@given(counts_of_events)
def test_ranges(counts):
    numbers = measure(counts)
    n = len(counts)
    assert 0 <= numbers.gini < 1
    assert 0 <= numbers.gini_corrected <= 1
    assert 1 - 1e-9 <= numbers.hill_1 <= n
    assert numbers.pielou is None or 0 <= numbers.pielou <= 1
    assert 1 <= numbers.absence_factor <= n
    assert sum(numbers.top_shares) == close(1)
    assert numbers.longtail_scaled > -1
    if numbers.effective_people is not None:
        assert 1 <= numbers.effective_people <= n


def test_no_users():
    assert measure([]) == Evenness(n=0, total=0)
    nothing = asdict(measure([]))
    assert {name for name, value in nothing.items() if value is not None} == {"n", "total"}


def test_users_without_events():
    numbers = asdict(measure([0, 0, 0]))
    stated = {name: value for name, value in numbers.items() if value is not None}
    zeros = ["total", "head", "tail", "mean", "longtail", "longtail_exact", "gini"]
    assert stated == {"n": 3, **dict.fromkeys(zeros, 0)}


def test_one_user():
    numbers = measure([7])
    assert (numbers.longtail, numbers.gini, numbers.gini_corrected) == (0, 0, 0)
    assert numbers.pielou is None
    assert numbers.effective_people == 1
    assert numbers.absence_factor == 1
    assert numbers.top_shares == (1, 0, 0, 0)


def test_one_user_of_two_does_all():
    numbers = measure([7, 0])
    assert (str(numbers.pielou), numbers.hill_1, numbers.gini_corrected) == ("0.0", 1, 1)


def test_equal_fractions_are_exactly_even():
    even = measure([0.1] * 3)
    assert even.longtail == even.longtail_exact == even.longtail_scaled == even.gini == 0


@pytest.mark.parametrize(
    ("counts", "people"),
    [
        ([1], None),  # fewer than two events
        ([1, 1, 1], None),  # no user twice
        ([2.5, 2], None),  # not whole
        ([6.0, 2], 8 * 7 / 32),  # whole, though written as a fraction
        ([5, 5, 5, 5], None),  # 20 * 19 / 80 = 4.75 of 4 people
        ([50, 50, 50, 50], 4),  # 4.06: equal, as far as the data can tell
        ([30, *[1] * 30], 60 * 59 / 870),
        ([12, 3, 3, *[1] * 97], None),  # most of the work is by people seen once
        ([2, *[1] * 59], None),
        ([0, 0, 6, 2], 56 / 32),
        ([0] * 90 + [5] * 4, None),  # people without a message are not evidence
        (np.array([3, 1]), 4 * 3 / 6),
    ],
)
def test_effective_people(counts, people):
    assert measure(counts).effective_people == (None if people is None else close(people))


def test_effective_people_by_pairs_of_different_actions():
    """Against counting all pairs of messages."""
    actions = [("ann", 3), ("ann", 2), ("ann", 1), ("bob", 4), ("bob", 4), ("cyd", 1), ("cyd", 2)]
    messages = [(user, i) for i, (user, size) in enumerate(actions) for _ in range(size)]
    pairs = [(a, b) for a in messages for b in messages if a[1] != b[1]]
    same = sum(a[0] == b[0] for a, b in pairs)
    counts = Counter(user for user, _ in messages)
    squares = sum(c * c for c in counts.values())
    sizes = sum(size * size for _, size in actions)
    value = metrics.effective_people(9, len(messages), squares, sizes, once=0)
    assert value == close(len(pairs) / same)
    # were all its actions one, the person would say nothing of how work is shared
    assert metrics.effective_people(3, 17, squares, squares, once=0) is None


def test_half_is_enough_for_the_absence_factor():
    assert measure([5, 3, 2]).absence_factor == 1
    # The worked example of CHAOSS' definition.
    assert measure([1000, 202, 90, 33, 332, 343, 42, 433]).absence_factor == 2
    assert measure([4, 4, 4]).absence_factor == 2
    assert measure([4, 3, 3]).absence_factor == 2
    assert measure([10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]).absence_factor == 2


def test_cohorts_of_two_hundred():
    numbers = measure(range(1, 201))
    sums = (200 + 199, sum(range(181, 199)), sum(range(101, 181)), sum(range(1, 101)))
    assert numbers.top_shares == close(tuple(part / 20100 for part in sums))


def test_counts_may_be_strings():
    assert measure(["3", "1.0", " 2 "]) == measure([3, 1, 2])


def test_enormous_counts_stay_exact():
    huge = 10**18
    numbers = measure([huge + 1, huge, huge])
    assert numbers.total == 3 * huge + 1
    assert numbers.gini == close(2 / (3 * (3 * huge + 1)), rel=1e-9)


@pytest.mark.parametrize("bad", [-1, -0.5, math.nan, math.inf, 10**400, "ann", None, [1]])
def test_bad_counts_are_named(bad):
    with pytest.raises(ValueError, match="count 1 is"):
        measure([4, bad])


def test_a_histogram_gives_the_same():
    assert measure_histogram([(1, 3), (9, 1), (4, 2)]) == measure([1, 1, 1, 4, 4, 9])


def test_fields_are_in_the_documented_order():
    names = (
        "n total head tail mean longtail longtail_exact longtail_scaled gini gini_corrected "
        "effective_people hill_1 pielou absence_factor top_shares"
    )
    assert [field.name for field in fields(Evenness)] == names.split()
