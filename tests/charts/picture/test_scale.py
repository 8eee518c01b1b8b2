"""Ticks: round numbers and calendar boundaries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.charts.chart import Chart
from hubbub.charts.graphs import common
from hubbub.charts.picture import scale

T = datetime(2026, 1, 5, tzinfo=UTC)


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_an_axis_holds_its_values_with_four_to_six_ticks(a: float, b: float) -> None:
    axis = scale.values(min(a, b), max(a, b))
    slack = abs(axis.high - axis.low) * 1e-9 + 1e-9
    assert axis.low <= min(a, b, 0) + slack
    assert axis.high >= max(a, b, 0) - slack
    assert 4 <= len(axis.ticks) <= 6
    assert axis.low <= 0 <= axis.high


@given(st.integers(0, 10**9))
def test_counts_have_whole_ticks(high: int) -> None:
    axis = scale.values(0, high, whole=True)
    assert all(t == int(t) for t in axis.ticks)
    assert axis.high >= high
    assert 4 <= len(axis.ticks) <= 6


def test_an_axis_wastes_little() -> None:
    assert scale.values(0, 822).high <= 1000
    assert scale.values(0, 142).ticks == (0, 50, 100, 150)


@given(
    st.datetimes(T.replace(year=1971, tzinfo=None), T.replace(year=2200, tzinfo=None)),
    st.timedeltas(timedelta(minutes=5), timedelta(days=40_000)),
)
def test_calendar_labels_are_few_and_on_boundaries(since: datetime, length: timedelta) -> None:
    first = since.replace(tzinfo=UTC)
    labels = scale.calendar(first, first + length)
    assert 1 <= len(labels) <= 9
    assert len({t for _, t in labels}) == len(labels)
    if len(labels) > 1:
        assert all(t.second == 0 and t.microsecond == 0 for _, t in labels)
        gaps = {b - a for (_, a), (_, b) in pairwise(labels)}
        if max(gaps) >= timedelta(days=1):
            assert all(t.hour == t.minute == 0 for _, t in labels)


def test_labels_name_the_year_where_it_is_new() -> None:
    year = scale.calendar(T, T + timedelta(days=365))
    assert [label for label, _ in year] == ["Mar 2026", "May", "Jul", "Sep", "Nov", "Jan 2027"]
    fortnight = scale.calendar(T, T + timedelta(days=13))
    assert [label for label, _ in fortnight][:2] == ["5 Jan 2026", "7 Jan"]
    day = scale.calendar(T, T + timedelta(hours=24))
    assert [label for label, _ in day][:2] == ["5 Jan 00:00", "03:00"]


def test_days_have_no_hours_between_them() -> None:
    days = [T + timedelta(days=n) for n in range(4)]
    assert [label for label, _ in common.time_axis(days)[1]][:2] == ["5 Jan 00:00", "12:00"]
    places, ticks = common.time_axis(days, centred=True)
    assert [label for label, _ in ticks] == ["5 Jan 2026", "6 Jan", "7 Jan", "8 Jan"]
    assert [at for _, at in ticks] == pytest.approx(places)
    hours = [T + timedelta(hours=n) for n in range(3)]
    assert [label for label, _ in common.time_axis(hours, centred=True)[1]] == [
        *("5 Jan 00:00", "01:00", "02:00")
    ]
    assert len(common.time_axis(days[:1], centred=True)[1]) == 1


def test_span() -> None:
    assert scale.span(T, T + timedelta(days=7)) == "5–11 Jan 2026"
    assert scale.span(T, T + timedelta(days=84)) == "5 Jan – 29 Mar 2026"
    assert scale.span(T, T + timedelta(days=400)) == "5 Jan 2026 – 8 Feb 2027"
    assert scale.span(T, T + timedelta(days=1)) == "5 Jan 2026"
    assert scale.span(T, T + timedelta(hours=3)) == "5 Jan 2026 00:00 – 03:00 UTC"
    assert scale.span(T, T) == "an empty range"


def test_as_time() -> None:
    assert scale.as_time("2026-W02") == T
    assert scale.as_time("2026-01-05T00:00:00Z") == T
    assert scale.as_time("2026-01-05") == T
    assert scale.as_time(T.date()) == T
    assert scale.as_time("2026-01") == T.replace(day=1)
    for nothing in ("alice", "2026-99-99", "", 7, None, "user-name", "1234-W99"):
        assert scale.as_time(nothing) is None


def test_fewer_labels_keep_their_distance_and_their_year() -> None:
    names = ("1 Dec", 2025), ("15 Dec", 2025), ("29 Dec", 2025), ("12 Jan", 2026), ("26 Jan", 2026)
    labels = [
        (scale.Dated.of(name, f"{name} {year}", year, shown=i in {0, 3}), i / 10)
        for i, (name, year) in enumerate(names)
    ]
    assert [label for label, _ in labels][2:4] == ["29 Dec", "12 Jan 2026"]
    assert scale.every(labels, 1) == labels
    assert scale.every(labels, 2) == [("1 Dec 2025", 0.0), ("29 Dec", 0.2), ("26 Jan 2026", 0.4)]
    for others in (["1", "2"], ["5 Jan 14:00", "15:00"], ["kernel", "5 Jan"]):
        assert scale.every([(n, 0.0) for n in others], 2) is None


def test_labels_of_a_calendar_that_do_not_all_fit_stand_evenly() -> None:
    start = datetime(2025, 12, 1, tzinfo=UTC)
    wide = "a name that takes much of the width of the picture"
    rows = [{"day": start + timedelta(days=n), wide: n, "n": n} for n in range(121)]
    svg = Chart().line(rows, x="day", y=[wide, "n"]).svg().decode()
    assert re.findall(r">(\d+ [A-Z][a-z]{2}(?: \d{4})?)</text>", svg) == [
        "1 Dec 2025", "29 Dec", "26 Jan 2026", "23 Feb", "23 Mar",
    ]  # fmt: skip
    ticks = [float(x) for x in re.findall(r'd="M([\d.]+) [\d.]+v5"', svg)]
    steps = [b - a for a, b in pairwise(ticks)]
    assert max(steps) - min(steps) < 0.1


@pytest.mark.parametrize("year", [1, 1000, 5000])
def test_the_longest_ranges_have_labels_too(year: int) -> None:
    since, until = datetime(year, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    assert 2 <= len(scale.calendar(since, until)) <= 9
