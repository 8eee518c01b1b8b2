"""Exact tests of significance, one-sided: whether a count is larger than chance explains.

Both sum probabilities computed from logarithms of factorials; their relative error is below 1e-9
for up to a million observations.
"""

from __future__ import annotations

import math

__all__ = ["at_least", "fisher"]

#: Terms of a sum below this share of it do not change its leading nine digits.
_NEGLIGIBLE = 1e-15


def at_least(successes: int, trials: int, chance: float) -> float:
    """Return the probability of at least so many successes in independent trials.

    Args:
        successes: at most `trials`.
        trials: number of trials.
        chance: of each; more than 0 and less than 1.
    """
    if successes <= 0:
        return 1.0
    if successes <= trials * chance:
        return 1 - _tail(trials - successes + 1, trials, 1 - chance)
    return _tail(successes, trials, chance)


def _tail(successes: int, trials: int, chance: float) -> float:
    """Return `at_least` of more successes than are expected, where each term is below the last."""
    log_term = _log_ways(trials, successes) + successes * math.log(chance)
    term = math.exp(log_term + (trials - successes) * math.log1p(-chance))
    total, odds = 0.0, chance / (1 - chance)
    for k in range(successes, trials + 1):
        total += term
        term *= (trials - k) / (k + 1) * odds
        if term < total * _NEGLIGIBLE:
            break
    return total


def fisher(part: int, whole: int, part_before: int, whole_before: int) -> float:
    """Return the p-value of Fisher's exact test for part/whole > part_before/whole_before.

    It is the probability that so many or more of the marked observations lie in the first group if
    the two groups are drawn at random (Fisher 1935, The Design of Experiments).
    """
    both = part + part_before
    log_all = _log_ways(whole + whole_before, both)
    return math.fsum(
        math.exp(_log_ways(whole, k) + _log_ways(whole_before, both - k) - log_all)
        for k in range(max(part, both - whole_before), min(whole, both) + 1)
    )


def _log_ways(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)
