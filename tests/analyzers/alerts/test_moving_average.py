"""The moving averages behind alerts, against plain loops."""

from __future__ import annotations

import random

import pytest

from hubbub.analyzers.alerts.moving_average import averages, peak, sums


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("max_points", [7, 20, 1000])
def test_averages_are_those_of_slices(whole: bool, max_points: int) -> None:
    rng = random.Random(4)
    values = [rng.randrange(9) if whole else rng.random() for _ in range(60)]
    points = averages(values, short=3, long=10, max_points=max_points)
    assert len(points) <= max_points
    for point in points:
        k = point.tick
        assert point.short == pytest.approx(sum(values[k - 3 : k]) / 3)
        if k < 13:
            assert point.long is None
        else:
            assert point.long == pytest.approx(sum(values[k - 13 : k - 3]) / 10)


def test_thinning_out_keeps_peaks() -> None:
    values = [1] * 500 + [90, 90] + [1] * 500
    points = averages(values, short=2, long=20, max_points=50)
    assert len(points) <= 50
    assert max(points, key=lambda point: point.short).tick == 502
    assert [point.tick for point in points] == sorted({point.tick for point in points})


def test_every_tick_where_they_fit_and_none_where_there_are_too_few() -> None:
    points = averages([1] * 9, short=2, long=4, max_points=9)
    assert [point.tick for point in points] == list(range(2, 10))
    assert averages([1], short=2, long=4, max_points=9) == []
    assert averages([], short=2, long=4, max_points=9) == []


def test_peak_is_the_largest_multiple_of_the_long_average() -> None:
    values = [1] * 10 + [3, 6, 3]
    assert peak(sums(values), 11, 13, short=1, long=4) == 6 / 1.5
    assert peak(sums(values), 11, 11, short=1, long=4) == 3
    assert peak(sums([0] * 10 + [3]), 11, 11, short=1, long=4) is None
