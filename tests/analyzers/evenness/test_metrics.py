import json
import math
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
    """As the real one, without types: these tests know which numbers are there."""
    return metrics.measure(counts)


def close(value, **tolerance):
    """As pytest.approx, but None is None."""
    return None if value is None else pytest.approx(value, **tolerance)


some_counts = st.lists(st.integers(0, 60), min_size=1, max_size=40)
counts_of_events = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    case = json.loads((GOLDEN / name).read_text())
    stamps = sorted(case["windows"], key=int)
    assert [row["window"] for row in case["expected"]] == stamps
    for expected in case["expected"]:
        found = asdict(measure(case["windows"][expected["window"]].values()))
        for key in expected.keys() - {"window", "users"}:
            assert found[key] == close(expected[key], rel=1e-9, abs=1e-9), key


def independent(counts):
    """From the definitions, one by one, in exact fractions or with numpy."""
    v = sorted(counts, reverse=True)
    n, total = len(v), sum(v)
    line = [v[0] + Fraction((v[-1] - v[0]) * i, n) for i in range(n)]
    met = [v[0] + Fraction((v[-1] - v[0]) * i, n - 1) for i in range(n)] if n > 1 else [v[0]]
    p = np.array([c / total for c in v if c])
    entropy = float(-(p * np.log(p)).sum())
    differences = sum(abs(a - b) for a in v for b in v)
    gini = Fraction(differences, 2 * n * total)
    same = Fraction(sum(c * (c - 1) for c in v), total * (total - 1)) if total > 1 else 0
    half = next(k for k in range(1, n + 1) if 2 * sum(v[:k]) >= total)
    ends = [0, math.ceil(n / 100), math.ceil(n / 10), math.ceil(n / 2), n]
    return {
        "longtail": float(sum(a - b for a, b in zip(line, v, strict=True)) / n),
        "longtail_exact": float(sum(a - b for a, b in zip(met, v, strict=True)) / n),
        "longtail_scaled": (v[0] + v[-1]) / (2 * total / n) - 1,
        "gini": float(gini),
        "gini_corrected": float(gini * n / (n - 1)) if n > 1 else 0.0,
        "effective_people": float(1 / same) if same else None,
        "hill_1": math.exp(entropy),
        "pielou": entropy / math.log(n) if n > 1 else None,
        "absence_factor": half,
        "top_shares": tuple(sum(v[a:b]) / total for a, b in pairwise(ends)),
    }


@given(some_counts.filter(any))
def test_every_number_by_its_definition(counts):
    found = measure(counts)
    for name, expected in independent(counts).items():
        assert getattr(found, name) == close(expected, rel=1e-9, abs=1e-9), name
    assert (found.n, found.total) == (len(counts), sum(counts))
    assert (found.head, found.tail) == (max(counts), min(counts))
    assert found.mean == close(sum(counts) / len(counts))


@given(some_counts, st.randoms())
def test_order_does_not_matter(counts, random):
    shuffled = random.sample(counts, len(counts))
    assert measure(counts) == measure(shuffled)


@given(counts_of_events, st.integers(2, 9))
def test_ten_times_the_work_is_as_even(counts, factor):
    once, more = measure(counts), measure([count * factor for count in counts])
    for same in ("gini", "gini_corrected", "hill_1", "pielou", "longtail_scaled", "top_shares"):
        assert getattr(more, same) == close(getattr(once, same), abs=1e-9), same
    assert more.absence_factor == once.absence_factor
    assert more.longtail == close(once.longtail * factor, abs=1e-9)


@given(counts_of_events, st.integers(2, 5))
def test_a_second_community_alike_doubles_the_people(counts, copies):
    once, more = measure(counts), measure(counts * copies)
    assert more.hill_1 == close(once.hill_1 * copies)
    assert more.gini == close(once.gini, abs=1e-9)


@given(counts_of_events)
def test_ranges(counts):
    found = measure(counts)
    n = len(counts)
    assert 0 <= found.gini < 1
    assert 0 <= found.gini_corrected <= 1 + 1e-9
    assert 1 - 1e-9 <= found.hill_1 <= n + 1e-9
    assert 1 <= found.absence_factor <= n
    assert sum(found.top_shares) == close(1)
    assert found.longtail_scaled > -1
    if found.effective_people is not None:
        assert found.effective_people >= 1


def test_nobody():
    assert measure([]) == Evenness(n=0, total=0)
    nothing = asdict(measure([]))
    assert {name for name, value in nothing.items() if value is not None} == {"n", "total"}


def test_users_without_events():
    found = asdict(measure([0, 0, 0]))
    stated = {name: value for name, value in found.items() if value is not None}
    zeros = ["total", "head", "tail", "mean", "longtail", "longtail_exact", "gini"]
    assert stated == {"n": 3, **dict.fromkeys(zeros, 0)}


def test_one_user():
    found = measure([7])
    assert (found.longtail, found.gini, found.gini_corrected) == (0, 0, 0)
    assert found.pielou is None
    assert found.effective_people == 1
    assert found.absence_factor == 1
    assert found.top_shares == (1, 0, 0, 0)


def test_one_user_of_two_does_all():
    found = measure([7, 0])
    assert (str(found.pielou), found.hill_1, found.gini_corrected) == ("0.0", 1, 1)


def test_equal_fractions_are_exactly_even():
    found = measure([0.1] * 3)
    assert found.longtail == found.longtail_exact == found.longtail_scaled == found.gini == 0


@pytest.mark.parametrize(
    ("counts", "people"),
    [
        ([1], None),  # fewer than two events
        ([1, 1, 1], None),  # nobody twice
        ([2.5, 2], None),  # not whole
        ([2.0, 2], 4 * 3 / 4),  # whole, though written as a fraction
        ([5, 5, 5, 5], 20 * 19 / 80),
        (np.array([3, 1]), 4 * 3 / 6),
    ],
)
def test_effective_people(counts, people):
    assert measure(counts).effective_people == (None if people is None else close(people))


def test_half_is_enough_for_the_absence_factor():
    assert measure([5, 3, 2]).absence_factor == 1
    assert measure([4, 4, 4]).absence_factor == 2
    assert measure([4, 3, 3]).absence_factor == 2
    assert measure([10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]).absence_factor == 2


def test_cohorts_of_two_hundred():
    found = measure(range(1, 201))
    by_hand = (200 + 199, sum(range(181, 199)), sum(range(101, 181)), sum(range(1, 101)))
    assert found.top_shares == close(tuple(part / 20100 for part in by_hand))


def test_texts_are_numbers_too():
    assert measure(["3", "1.0", " 2 "]) == measure([3, 1, 2])


def test_enormous_counts_stay_exact():
    huge = 10**18
    found = measure([huge + 1, huge, huge])
    assert found.total == 3 * huge + 1
    assert found.gini == close(2 / (3 * (3 * huge + 1)), rel=1e-9)


@pytest.mark.parametrize("bad", [-1, -0.5, math.nan, math.inf, 10**400, "ann", None, [1]])
def test_bad_counts_are_named(bad):
    with pytest.raises(ValueError, match="count 1 is"):
        measure([4, bad])


def test_a_histogram_is_the_same():
    assert measure_histogram([(1, 3), (9, 1), (4, 2)]) == measure([1, 1, 1, 4, 4, 9])


def test_fields_are_those_of_the_design():
    names = (
        "n total head tail mean longtail longtail_exact longtail_scaled gini gini_corrected "
        "effective_people hill_1 pielou absence_factor top_shares"
    )
    assert [field.name for field in fields(Evenness)] == names.split()
