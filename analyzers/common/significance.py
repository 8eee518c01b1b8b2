"""Exact tests of significance, one-sided: whether a count is larger than chance explains.

Both sum probabilities computed from logarithms of factorials; their relative error is below 1e-9
for up to a million observations.
"""

from __future__ import annotations

import math

__all__ = ["at_least", "fisher"]


def at_least(successes: int, trials: int, chance: float) -> float:
    """Return the probability of at least so many successes in independent trials.

    Args:
        successes: at most `trials`.
        trials: number of trials.
        chance: of each; more than 0 and less than 1.
    """
    log_success, log_failure = math.log(chance), math.log1p(-chance)
    return math.fsum(
        math.exp(_log_ways(trials, k) + k * log_success + (trials - k) * log_failure)
        for k in range(successes, trials + 1)
    )


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
