"""Significance tests against exact fractions, and against values of SciPy 1.17.1."""

import math
import random
from fractions import Fraction

import pytest

from hubbub.analyzers.common.significance import at_least, fisher


def exact_fisher(part, whole, part_before, whole_before):
    """Count the ways in which at least `part` of all marked ones lie in the first group."""
    both = part + part_before
    ways = sum(
        math.comb(whole, k) * math.comb(whole_before, both - k)
        for k in range(part, min(whole, both) + 1)
    )
    return Fraction(ways, math.comb(whole + whole_before, both))


#: scipy.stats.fisher_exact([[part, whole - part], [before, whole_before - before]], "greater")
SCIPY = {
    (1, 61, 0, 180): 0.25311203319502074,
    (3, 20, 2, 60): 0.0966723150267454,
    (5, 20, 2, 60): 0.00939498407852838,
    (4, 20, 3, 60): 0.06158595082645715,
    (20, 20, 1, 1): 1.0,
    (0, 30, 5, 50): 1.0,
    (30, 400, 120, 2400): 0.030234288207118203,
    (150, 400, 700, 2400): 0.0005761648870243971,
    (12, 25, 300, 1000): 0.04704433351926993,
    (7, 23, 40, 240): 0.09144217128708297,
}


@pytest.mark.parametrize("table", SCIPY)
def test_fishers_exact_test_as_scipy_computes_it(table):
    assert fisher(*table) == pytest.approx(SCIPY[table], rel=1e-7)


def test_fishers_exact_test_in_fractions():
    rng = random.Random(5)
    for _ in range(200):
        whole, whole_before = rng.randint(1, 150), rng.randint(1, 900)
        table = rng.randint(0, whole), whole, rng.randint(0, whole_before), whole_before
        assert fisher(*table) == pytest.approx(float(exact_fisher(*table)), rel=1e-9), table


def test_binomial_tails_in_fractions():
    rng = random.Random(6)
    for _ in range(200):
        trials = rng.randint(1, 400)
        successes, chance = rng.randint(0, trials), Fraction(rng.randint(1, 99), 100)
        expected = sum(
            math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k)
            for k in range(successes, trials + 1)
        )
        assert at_least(successes, trials, float(chance)) == pytest.approx(
            float(expected), rel=1e-9
        )
