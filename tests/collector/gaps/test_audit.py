"""The audit finds every difference between two sets of counts, with few requests."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.gaps.audit import MINUTE, CountedSpan, audit, proof_of

DAY = 86_400


class Counts:
    """Messages by second in the store and in history, and the number of requests."""

    def __init__(self, in_store, in_history):
        self.in_store, self.in_history, self.requests = in_store, in_history, 0

    def total(self, start, end):
        self.requests += 1
        return sum(n for second, n in self.in_history.items() if start <= second < end)

    def stored(self, start, end):
        return sum(n for second, n in self.in_store.items() if start <= second < end)

    def compare(self, start=0, end=DAY, **options):
        return audit(self.total, self.stored, start, end, **options)


def every(seconds, end=DAY):
    return dict.fromkeys(range(0, end, seconds), 1)


def test_equal_counts_take_one_request():
    counts = Counts(every(2), every(2))
    result = counts.compare()
    assert result.matching == (CountedSpan(0, DAY, 43200, 43200),)
    assert (result.differing, counts.requests) == ((), 1)


@pytest.mark.parametrize("missing_from", ["store", "history"])
def test_one_missing_message_of_a_day_is_found_in_a_dozen_requests(missing_from):
    complete, incomplete = every(2), every(2)
    del incomplete[40_000]
    if missing_from == "store":
        counts = Counts(incomplete, complete)
    else:
        counts = Counts(complete, incomplete)
    result = counts.compare()
    (span,) = result.differing
    assert span.start <= 40_000 < span.end
    assert span.total <= 800  # eight pages
    assert counts.requests <= 12
    matching = sum(match.end - match.start for match in result.matching)
    assert matching + span.end - span.start == DAY


def test_a_difference_that_was_read_already_is_bisected_to_the_minute():
    incomplete = every(2)
    del incomplete[40_000]
    result = Counts(incomplete, every(2)).compare(already_read=lambda *_: True)
    assert [(span.start, span.end) for span in result.differing] == [(39_960, 40_020)]


def test_where_many_messages_are_missing_nothing_is_bisected():
    counts = Counts({}, every(2))
    assert counts.compare().differing == (CountedSpan(0, DAY, 43200, 0),)
    assert counts.requests == 1


def test_a_stopped_audit_returns_the_results_so_far():
    counts = Counts(every(7), every(2))
    assert counts.compare(stop=lambda: counts.requests >= 1).matching == ()


def test_an_empty_window_takes_no_request():
    counts = Counts({}, {})
    assert (counts.compare(60, 60).matching, counts.requests) == ((), 0)


@given(st.sets(st.integers(0, 40 * MINUTE - 1), max_size=30), st.booleans(), st.booleans())
def test_differing_spans_contain_every_difference_and_the_spans_tile_the_window(lost, read, swap):
    complete = every(1, 40 * MINUTE)
    incomplete = {second: 1 for second in complete if second not in lost}
    counts = Counts(complete, incomplete) if swap else Counts(incomplete, complete)
    result = counts.compare(0, 40 * MINUTE, already_read=lambda *_: read)
    for second in lost:
        assert any(span.start <= second < span.end for span in result.differing)
    spans = sorted((span.start, span.end) for span in (*result.matching, *result.differing))
    assert (spans[0][0], spans[-1][1]) == (0, 40 * MINUTE)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))


def test_a_proof_counts_what_is_stored_not_what_is_expected():
    span = CountedSpan(0, 600, total=500, stored=500)
    assert proof_of(span, {}) == "500 messages are stored, as many as history counts"
    assert proof_of(span, {600: 3}) == proof_of(span, {})
    assert proof_of(span, {120: 3}).startswith("497 messages are stored and history counts 500")
