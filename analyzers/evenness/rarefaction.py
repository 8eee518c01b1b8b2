"""Rarefaction: the metrics expected of a window if it had fewer messages.

The result is the `Evenness` of the expected histogram when m of the N messages of a window are
drawn without replacement. A user with c messages then has k of them with the hypergeometric
probability C(c,k) C(N-c,m-k) / C(N,m), so the expected number of users with k messages is the sum
of these over the users (Hurlbert 1971, Ecology 52; Chao et al. 2014, Ecol. Monogr. 84, equation 4
for f_k(m)). It is computed, not sampled.

`n` and `effective_people` are exact expectations (the latter does not change; it is None where it
is above the expected `n`, or None in the whole window), and `hill_1` is exp
of the expected entropy, as Chao et al. define it. `gini`, `pielou`, `mean` and `top_shares` are
those of the expected histogram, which are close to their expectations. Head, tail and the three
longtail numbers depend only on the two extreme users and have no such value: None.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from hubbub.analyzers.evenness.metrics import Evenness, measure_histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["expected_histogram", "rarefied", "smallest_window"]

#: Smaller windows are ignored when the common size is chosen.
MIN_MESSAGES = 50
_EPSILON = 1e-9
_COHORTS = (1, 10, 50)


def expected_histogram(groups: Iterable[tuple[int, int]], size: int) -> NDArray[np.float64]:
    """Return the expected numbers of users with k = 0, 1, … of `size` drawn messages.

    Args:
        groups: (count, number of users who have it), whole counts.
        size: how many messages are drawn; at most as many as there are.

    Raises:
        ValueError: there are fewer messages than `size`.
    """
    import numpy as np

    histogram = sorted((count, users) for count, users in groups if count)
    total = sum(count * users for count, users in histogram)
    if not 0 < size <= total:
        raise ValueError(f"{size} messages cannot be drawn from {total}")
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])  # ln k!

    def log_ways(of: int, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        ways: NDArray[np.float64] = logs[of] - logs[chosen] - logs[of - chosen]
        return ways

    log_all = float(log_ways(total, np.array([size]))[0])
    largest = min(size, max(count for count, _ in histogram))
    expected = np.zeros(largest + 1)
    for count, users in histogram:
        k = np.arange(max(0, size - (total - count)), min(count, size) + 1)
        chance = np.exp(log_ways(count, k) + log_ways(total - count, size - k) - log_all)
        expected[k] += users * chance / chance.sum()  # normalised: large logarithms are rounded
    return expected


def smallest_window(windows: Iterable[Iterable[tuple[int, int]]]) -> int:
    """Return the smallest total of the windows with at least 50 messages; 50 if there are none."""
    totals = (sum(count * users for count, users in groups) for groups in windows)
    return min((total for total in totals if total >= MIN_MESSAGES), default=MIN_MESSAGES)


def rarefied(groups: Iterable[tuple[int, int]], size: int) -> Evenness:
    """Return the expected metrics of `size` messages of a window; n and total if it has fewer.

    Args:
        groups: (count, number of users who have it), as from `hubbub.analyzers.evenness.windows`.
        size: messages, counted once for each user that they name.

    Raises:
        ValueError: the size is below 1.
    """
    histogram = [(int(count), int(users)) for count, users in groups]
    total = sum(count * users for count, users in histogram)
    if size < 1:
        raise ValueError(f"a window cannot be rarefied to {size} messages")
    if total < size:
        return Evenness(n=sum(users for _, users in histogram), total=total)
    expected = expected_histogram(histogram, size)
    users = [(k, float(f)) for k, f in enumerate(expected) if k and f > 0]
    numbers = measure_histogram(users)
    effective = measure_histogram(histogram).effective_people
    return replace(
        numbers,
        effective_people=(
            min(effective, numbers.n) if effective and effective <= numbers.n + _EPSILON else None
        ),
        total=size,
        mean=size / numbers.n,
        absence_factor=math.ceil(_people_with(users, 0.5 * size)),
        pielou=numbers.pielou if numbers.n > 1 + _EPSILON else None,
        top_shares=_top_shares(users, numbers.n, size),
        head=None,
        tail=None,
        longtail=None,
        longtail_exact=None,
        longtail_scaled=None,
    )


def _people_with(users: Sequence[tuple[int, float]], messages: float) -> float:
    """Return the fewest users (a fraction) who together have this many messages."""
    people = 0.0
    for count, number in reversed(users):
        if count * number >= messages:
            return people + messages / count
        people, messages = people + number, messages - count * number
    return people


def _messages_of(users: Sequence[tuple[int, float]], people: float) -> float:
    """Return how many messages the busiest `people` have."""
    messages = 0.0
    for count, number in reversed(users):
        if number >= people:
            return messages + count * people
        people, messages = people - number, messages + count * number
    return messages


def _top_shares(
    users: Sequence[tuple[int, float]], n: float, size: int
) -> tuple[float, float, float, float]:
    top_1, top_10, top_50 = (
        _messages_of(users, math.ceil(n * percent / 100)) / size for percent in _COHORTS
    )
    return top_1, top_10 - top_1, top_50 - top_10, max(0.0, 1 - top_50)
