"""Counts of history against counts of the store: the difference is found, and cheaply."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.gaps.audit import MINUTE, Part, audit

DAY = 86_400


class Counts:
    """Messages by second, and how often history was asked."""

    def __init__(self, stored, total):
        self.has, self.holds, self.asked = stored, total, 0

    def total(self, start, end):
        self.asked += 1
        return sum(n for at, n in self.holds.items() if start <= at < end)

    def stored(self, start, end):
        return sum(n for at, n in self.has.items() if start <= at < end)

    def compare(self, start=0, end=DAY, **more):
        return audit(self.total, self.stored, start, end, **more)


def every(seconds, end=DAY):
    return dict.fromkeys(range(0, end, seconds), 1)


def test_equal_counts_cost_one_request():
    counts = Counts(every(2), every(2))
    found = counts.compare()
    assert found.agreed == (Part(0, DAY, 43200, 43200),)
    assert (found.wrong, counts.asked) == ((), 1)


@pytest.mark.parametrize("more_in", ["history", "store"])
def test_one_missing_message_of_a_day_is_found_in_a_dozen_requests(more_in):
    whole, less = every(2), every(2)
    del less[40_000]
    counts = Counts(less, whole) if more_in == "history" else Counts(whole, less)
    found = counts.compare()
    (part,) = found.wrong
    assert part.start <= 40_000 < part.end
    assert part.total <= 800  # eight pages
    assert counts.asked <= 12
    assert sum(one.end - one.start for one in found.agreed) + part.end - part.start == DAY


def test_what_was_read_already_is_followed_to_the_minute():
    less = every(2)
    del less[40_000]
    found = Counts(less, every(2)).compare(read=lambda *_: True)
    assert [(one.start, one.end) for one in found.wrong] == [(39_960, 40_020)]


def test_where_much_is_missing_nothing_is_bisected():
    counts = Counts({}, every(2))
    assert counts.compare().wrong == (Part(0, DAY, 43200, 0),)
    assert counts.asked == 1


def test_stopped_in_the_middle_it_tells_what_it_knows():
    counts = Counts(every(7), every(2))
    assert counts.compare(stop=lambda: counts.asked >= 1).agreed == ()


def test_an_empty_window_asks_nothing():
    counts = Counts({}, {})
    assert (counts.compare(60, 60).agreed, counts.asked) == ((), 0)


@given(st.sets(st.integers(0, 40 * MINUTE - 1), max_size=30), st.booleans(), st.booleans())
def test_every_difference_lies_in_a_wrong_part_and_parts_tile_the_window(lost, read, swap):
    whole = every(1, 40 * MINUTE)
    less = {at: 1 for at in whole if at not in lost}
    counts = Counts(whole, less) if swap else Counts(less, whole)
    found = counts.compare(0, 40 * MINUTE, read=lambda *_: read)
    for at in lost:
        assert any(one.start <= at < one.end for one in found.wrong)
    parts = sorted((one.start, one.end) for one in (*found.agreed, *found.wrong))
    assert (parts[0][0], parts[-1][1]) == (0, 40 * MINUTE)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
