"""Lamps do not flicker: three reversals of brightness a second at most, of each and of all.

WCAG 2.2 (2.3.1) allows three flashes a second, each of two reversals. Here are at most three
reversals, measured from pictures of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.support.browser.live_page import LivePage
from tests.support.browser.recording import STEP, Recorder, reversals
from tests.support.http import Served

pytestmark = pytest.mark.service("browser")
SECONDS = 3.0


def most_in_a_second(turns: Sequence[int]) -> int:
    """Return the largest number of reversals within any second."""
    pictures = 1000 // STEP
    return max((sum(a <= b < a + pictures for b in turns) for a in turns), default=0)


@pytest.mark.parametrize(
    ("rate", "kinds", "slope", "dark"),
    [
        (20, 12, 1.0, False),
        (20, 12, 1.0, True),
        (200, 12, 1.0, False),
        (200, 60, 0.0, False),
        (5, 3, 0.0, True),
        (1, 1, 0.0, False),
    ],
)
def test_lamps_do_not_flicker(
    rate: int, kinds: int, slope: float, dark: bool, page: LivePage, served: Served
) -> None:
    url = f"{served.url}/embed/lights"
    page.open(url, width=500, dark=dark)
    rows = Recorder(page.chromium).record(url, SECONDS, rate=rate, kinds=kinds, slope=slope)
    assert len(rows) == SECONDS * 1000 / STEP
    lamps = list(zip(*(row[:-1] for row in rows), strict=True))
    assert len(lamps) == kinds
    panel = [row[-1] for row in rows]
    together = [sum(row[:-1]) / kinds for row in rows]
    assert max(max(lamp) - min(lamp) for lamp in lamps) >= 0.1, "no lamp is lit"
    for brightness in (*lamps, together, panel):
        assert most_in_a_second(reversals(brightness)) <= 3
        least = 0.1 * max(brightness)  # of its own brightness: what is dim is seen in the dark
        assert most_in_a_second(reversals(brightness, least)) <= 3


def test_reduced_motion_glows_and_changes_every_three_seconds(
    page: LivePage, served: Served
) -> None:
    url = f"{served.url}/embed/lights"
    page.open(url, width=500, reduced=True)
    rows = Recorder(page.chromium).record(url, 7, rate=8, kinds=6, slope=3.0)
    changes = [
        n for n, (before, now) in enumerate(pairwise(rows))
        if any(abs(a - b) > 0.01 for a, b in zip(before[:-1], now[:-1], strict=True))
    ]  # fmt: skip
    assert 1 <= len(changes) <= 3
    assert all(b - a >= 2_900 / STEP for a, b in pairwise(changes))
    last = rows[-1][:-1]
    assert max(last) - min(last) > 0.05  # it shows how much is received
    assert len(set(last)) >= 3


def test_the_measure_finds_flicker() -> None:
    assert reversals([0.2, 0.2, 0.9, 0.9, 0.2, 0.25, 0.21, 0.9]) == [0, 3, 4]
    assert reversals([0.2, 0.25, 0.2, 0.25]) == []
    assert reversals([0.1, 0.15, 0.2, 0.15, 0.1]) == [0, 2]
    square = [0.9 if n % 4 < 2 else 0.3 for n in range(80)]  # five flashes a second
    assert most_in_a_second(reversals(square)) == 10
