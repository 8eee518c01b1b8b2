"""Coverage: the state of each moment and each day, computed from the ledger's spans."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.store.state.coverage import clip, days, judge, timeline
from hubbub.store.state.ledger import STATES, CoverageSpan
from hubbub.times import to_micros
from hubbub.zones import find

DAY = 86_400_000_000


def span(state, start, end, source="zmq:a", filters=""):
    return CoverageSpan(source, filters, start, end, state, "")


def states(spans, since=0, until=100):
    return [(entry.start, entry.end, entry.state) for entry in timeline(spans, since, until)]


def test_proven_wins_over_a_gap_and_a_gap_over_unproven():
    spans = [
        span("unproven", 0, 90),
        span("gap", 20, 40),
        span("complete", 30, 60, source="history:x"),
    ]
    assert states(spans) == [
        (0, 20, "unproven"),
        (20, 30, "gap"),
        (30, 40, "healed"),
        (40, 60, "complete"),
        (60, 90, "unproven"),
        (90, 100, "unknown"),
    ]


def test_healed_without_history_is_proven_too():
    assert states([span("healed", 10, 100)]) == [(0, 10, "unknown"), (10, 100, "healed")]


def test_a_narrower_filter_proves_nothing_about_everything():
    spans = [span("complete", 0, 100, filters="category=git")]
    assert states(spans) == [(0, 100, "unknown")]
    assert [s.state for s in timeline(spans, 0, 100, filters="category=git")] == ["complete"]


def test_days_are_cut_at_midnight_and_at_the_ends_of_the_range():
    spans = [span("complete", DAY // 2, 2 * DAY + DAY // 4), span("gap", 0, DAY // 2)]
    by_day = days(spans, DAY // 4, 3 * DAY)
    assert [day.percent for day in by_day] == [pytest.approx(200 / 3), 100, 25]
    assert by_day[0].gap == DAY // 4
    assert by_day[2].unknown == 3 * DAY // 4


SPANS = st.builds(
    lambda state, start, length, source: span(state, start, start + length, source),
    st.sampled_from(STATES),
    st.integers(0, 40),
    st.integers(1, 30),
    st.sampled_from(["zmq:a", "zmq:b", "history:x"]),
)


@given(st.lists(SPANS, max_size=8))
def test_a_timeline_tiles_the_range_and_agrees_with_the_verdict(spans):
    entries = timeline(spans, 5, 60)
    assert (entries[0].start, entries[-1].end) == (5, 60)
    assert all(a.end == b.start for a, b in itertools.pairwise(entries))
    verdict = judge(spans, 5, 60)
    states = {entry.state for entry in entries}
    assert (verdict.state in {"complete", "healed"}) == (states <= {"complete", "healed"})
    if verdict.state != "unproven":
        assert (verdict.state == "healed") == ("healed" in states)
    assert bool(verdict.gaps) == ("gap" in states)
    (day,) = days(spans, 5, 60)
    assert day.complete + day.healed + day.gap + day.unproven + day.unknown == 55


def test_clip():
    assert clip([span("gap", 0, 10), span("gap", 20, 30)], 5, 20) == (span("gap", 5, 10),)


_HOUR = 3_600_000_000  # µs


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_a_day_with_a_change_of_clocks_is_complete(name: str, day: date, hours: float) -> None:
    zone = find(name)
    start = to_micros(zone.midnight(day))
    end = int(start + hours * _HOUR)
    span = CoverageSpan("s", "", start, end, "complete", "")
    before, whole, after = days([span], start - _HOUR, end + _HOUR, zone)
    assert (whole.start, whole.end, whole.complete) == (start, end, end - start)
    assert whole.percent == 100
    assert (before.unknown, after.unknown) == (_HOUR, _HOUR)
