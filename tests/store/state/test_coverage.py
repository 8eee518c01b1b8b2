"""What the ledger says about each moment, and about each day."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.store.state.coverage import days, judge, clip, timeline
from hubbub.store.state.ledger import STATES, CoverageSpan

DAY = 86_400_000_000


def span(state, start, end, source="zmq:a", filters=""):
    return CoverageSpan(source, filters, start, end, state, "")


def told(spans, since=0, until=100):
    return [(s.start, s.end, s.state) for s in timeline(spans, since, until)]


def test_proven_wins_over_a_gap_and_a_gap_over_what_was_heard():
    spans = [
        span("unproven", 0, 90),
        span("gap", 20, 40),
        span("complete", 30, 60, source="history:x"),
    ]
    assert told(spans) == [
        (0, 20, "unproven"),
        (20, 30, "gap"),
        (30, 40, "healed"),
        (40, 60, "complete"),
        (60, 90, "unproven"),
        (90, 100, "unknown"),
    ]


def test_healed_without_history_is_proven_too():
    assert told([span("healed", 10, 100)]) == [(0, 10, "unknown"), (10, 100, "healed")]


def test_a_narrower_filter_proves_nothing_about_everything():
    spans = [span("complete", 0, 100, filters="category=git")]
    assert told(spans) == [(0, 100, "unknown")]
    assert [s.state for s in timeline(spans, 0, 100, filters="category=git")] == ["complete"]


def test_days_are_cut_at_midnight_and_at_the_ends_of_the_range():
    spans = [span("complete", DAY // 2, 2 * DAY + DAY // 4), span("gap", 0, DAY // 2)]
    found = days(spans, DAY // 4, 3 * DAY)
    assert [day.percent for day in found] == [pytest.approx(200 / 3), 100, 25]
    assert found[0].gap == DAY // 4
    assert found[2].unknown == 3 * DAY // 4


spans = st.builds(
    lambda state, start, length, source: span(state, start, start + length, source),
    st.sampled_from(STATES),
    st.integers(0, 40),
    st.integers(1, 30),
    st.sampled_from(["zmq:a", "zmq:b", "history:x"]),
)


@given(st.lists(spans, max_size=8))
def test_a_timeline_tiles_the_range_and_agrees_with_the_verdict(found):
    parts = timeline(found, 5, 60)
    assert (parts[0].start, parts[-1].end) == (5, 60)
    assert all(a.end == b.start for a, b in itertools.pairwise(parts))
    verdict = judge(found, 5, 60)
    states = {part.state for part in parts}
    assert (verdict.state in {"complete", "healed"}) == (states <= {"complete", "healed"})
    if verdict.state != "unproven":
        assert (verdict.state == "healed") == ("healed" in states)
    assert bool(verdict.gaps) == ("gap" in states)
    (day,) = days(found, 5, 60)
    assert day.complete + day.healed + day.gap + day.unproven + day.unknown == 55


def test_near_clips():
    assert clip([span("gap", 0, 10), span("gap", 20, 30)], 5, 20) == (span("gap", 5, 10),)
