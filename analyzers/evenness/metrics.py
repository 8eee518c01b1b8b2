"""Evenness metrics of one window, from the counts of its users.

Pure arithmetic on counts; `hubbub.analyzers.evenness.windows` applies it to events.

Notation: n users, N their total, counts v sorted descending, head h = v[0], tail t = v[n-1].
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Evenness", "effective_people", "measure", "measure_histogram", "measure_top_shares"]

#: Cumulative percent of users at which the cohorts of `top_shares` end; the rest is the last one.
_COHORTS = (1, 10, 50)
#: Estimates of effective people up to this multiple of n are n; those above have too little data.
_AT_MOST = 1.05

TopShares = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Evenness:
    """The metrics of one window; None where a metric is not defined.

    Attributes:
        n: users; a fraction where it is an expectation (`hubbub.analyzers.evenness.rarefaction`).
        total: N, the sum of the counts, in messages.
        head: h, the largest count.
        tail: t, the smallest count.
        mean: N/n.
        longtail: h + (t-h)(n-1)/(2n) - mean, in messages: the mean distance between the line from
            head to tail and the counts, as first published. The line reaches the tail one step
            late, so a straight ramp gives (h-t)/(2n). 0 for one user or equal counts; it can be
            negative and grows with volume.
        longtail_exact: (h+t)/2 - mean, in messages: the line meets the tail, a ramp gives 0.
        longtail_scaled: (h+t)/(2 mean) - 1, no unit, from -1 (excluded); comparable between weeks.
        gini: sum of (2i-n-1) x_i over nN, x ascending, i = 1…n: 0 is even, near 1 one does all.
        gini_corrected: gini n/(n-1), 0 for n = 1 (Deltas 2003, Rev. Econ. Stat. 85).
        effective_people: N(N-1) / sum of c(c-1): the Hill number of order 2, unbiased (Chao et al.
            2014, Ecol. Monogr. 84), "as if so many people shared the work equally"; never above n.
            None for counts that are not whole, and where there is not enough data: see
            `effective_people`, with each message an action of its own.
        hill_1: exp of Shannon's entropy H, from 1 to n.
        pielou: H / ln n; None for n = 1.
        absence_factor: the fewest users who together have at least half of the events (CHAOSS
            Contributor Absence Factor, "bus factor").
        top_shares: shares of the events of the top 1 %, next 9 %, next 40 % and the rest of the
            users. The cohorts end at the ranks ceil(n/100), ceil(n/10) and ceil(n/2), so that the
            top 1 % of a small window is its first user.
    """

    n: float
    total: float
    head: float | None = None
    tail: float | None = None
    mean: float | None = None
    longtail: float | None = None
    longtail_exact: float | None = None
    longtail_scaled: float | None = None
    gini: float | None = None
    gini_corrected: float | None = None
    effective_people: float | None = None
    hill_1: float | None = None
    pielou: float | None = None
    absence_factor: int | None = None
    top_shares: TopShares | None = None


def measure(counts: Iterable[float | str]) -> Evenness:
    """Compute all metrics of one window.

    Args:
        counts: one non-negative number (or its text) per user, in any order; a zero counts as a
            user. Sums of whole numbers are exact, whatever their size.

    Returns:
        The metrics. Without counts n and total are 0 and all others None; with only zeros longtail,
        longtail_exact and gini are 0 and all ratios that divide by the total None.

    Raises:
        ValueError: a count is negative, not finite, or not a number; the message names it.
    """
    return measure_histogram(Counter(_number(count, i) for i, count in enumerate(counts)).items())


def measure_histogram(groups: Iterable[tuple[float, float]]) -> Evenness:
    """Compute all metrics from a histogram: (count, number of users), each count once."""
    ranked = sorted(groups, reverse=True)
    n = sum(users for _, users in ranked)
    if not n:
        return Evenness(n=0, total=0)
    whole = all(isinstance(count, int) for count, _ in ranked)
    add = sum if whole else math.fsum
    total = add(count * users for count, users in ranked)
    head, tail, mean = ranked[0][0], ranked[-1][0], total / n
    if not total:
        return Evenness(n, total, head, tail, mean, longtail=0.0, longtail_exact=0.0, gini=0.0)
    even = head == tail  # a special case: sums of fractions would miss 0 by their last digit
    above = list(accumulate((users for _, users in ranked), initial=0))  # users ranked before
    weights = (c * m * (n - 2 * k - m) for (c, m), k in zip(ranked, above, strict=False))
    gini = 0.0 if even else add(weights) / (n * total)
    entropy = 0.0 - math.fsum(m * (c / total) * math.log(c / total) for c, m in ranked if c)
    active = n - sum(users for count, users in ranked if not count)
    effective = None
    if whole:
        squares = sum(users * count * count for count, users in ranked)
        once = sum(users for count, users in ranked if count == 1)
        effective = effective_people(active, total, squares, total, once=once / total)
    return Evenness(
        n=n,
        total=total,
        head=head,
        tail=tail,
        mean=mean,
        longtail=0.0 if even else (2 * n * head + (tail - head) * (n - 1) - 2 * total) / (2 * n),
        longtail_exact=0.0 if even else (n * (head + tail) - 2 * total) / (2 * n),
        longtail_scaled=0.0 if even else (n * (head + tail) - 2 * total) / (2 * total),
        gini=gini,
        gini_corrected=min(gini * n / (n - 1), 1.0) if n > 1 else 0.0,
        effective_people=effective,
        hill_1=float(active if even else min(math.exp(entropy), active)),  # never rounded above
        pielou=(1.0 if even else min(entropy / math.log(n), 1.0)) if n > 1 else None,
        absence_factor=_absence_factor(ranked, above, total),
        top_shares=_top_shares(ranked, above, total),
    )


def measure_top_shares(groups: Iterable[tuple[int, int]]) -> Evenness:
    """Compute n, total and top_shares alone from a histogram of counts above 0."""
    ranked = sorted(groups, reverse=True)
    if not ranked:
        return Evenness(n=0, total=0)
    above = list(accumulate((users for _, users in ranked), initial=0))
    total = sum(count * users for count, users in ranked)
    return Evenness(above[-1], total, top_shares=_top_shares(ranked, above, total))


def effective_people(
    people: float, total: float, squares: float, action_squares: float, *, once: float
) -> float | None:
    """Estimate the effective number of people from pairs of messages of different actions.

    Two messages of one action always have the same person, which says nothing about how work is
    shared. Of the pairs of messages from different actions, N² - sum of s², those of one person are
    sum of c² - sum of s². The ratio of the two is the Hill number of order 2, unbiased (Chao et al.
    2014, Ecol. Monogr. 84, where each action is one message).

    Args:
        people: people with at least one message; the result never exceeds it.
        total: N, the messages of all people.
        squares: sum of c², the squared messages of each person.
        action_squares: sum of s², the squared messages of each action.
        once: share of the actions whose person has no other.

    Returns:
        People; None where there is not enough data: no person has two actions; more than half of
        the actions are their person's only one, so that the sample does not cover half of the work
        (Good 1953, Biometrika 40); or the estimate is more than 5 % above the number of people. Up
        to that it is the number of people: they share the work as equally as the data can tell.
    """
    same = squares - action_squares
    if same <= 0 or 2 * once > 1:
        return None
    estimate = (total * total - action_squares) / same
    return float(min(estimate, people)) if estimate <= _AT_MOST * people else None


def _number(count: float | str, position: int) -> float:
    """Convert a count to an int where it is whole, else to a float."""
    try:
        value = float(count)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"count {position} is {count!r}; counts are finite numbers, zero or more")
    if isinstance(count, int):
        return int(count)
    return int(value) if value.is_integer() else value


def _absence_factor(
    ranked: Sequence[tuple[float, float]], above: Sequence[float], total: float
) -> int:
    """Count whole users, heaviest first, until they have half of the total."""
    so_far: float = 0
    for (count, users), before in zip(ranked, above, strict=False):
        if 2 * (so_far + count * users) >= total:
            missing = math.ceil((total - 2 * so_far) / (2 * count))  # of this group
            return math.ceil(before + min(missing, users))
        so_far += count * users
    return math.ceil(above[-1])  # rounding: fractions can add up to slightly less than half


def _top_shares(
    ranked: Sequence[tuple[float, float]], above: Sequence[float], total: float
) -> TopShares:
    so_far = list(accumulate((count * users for count, users in ranked), initial=0.0))
    cumulative = []
    for end in (-(-above[-1] * percent // 100) for percent in _COHORTS):
        group = bisect_right(above, end - 1) - 1  # the group of the user with this rank
        cumulative.append((so_far[group] + ranked[group][0] * (end - above[group])) / total)
    top_1, top_10, top_50 = cumulative
    return top_1, top_10 - top_1, top_50 - top_10, 1 - top_50
