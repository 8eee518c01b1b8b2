"""Windows of a range, and their metrics against the golden vectors and a plain loop."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.evenness.metrics import measure
from hubbub.analyzers.evenness.windows import MAX_WINDOWS, Windows, measure_windows
from hubbub.errors import UsageError
from tests.support import paths
from tests.support.examples import examples

GOLDEN = paths.GOLDEN / "longtail"
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def people(events, rows):
    return events(rows).unnest_users().select("time", "user")


def by_loop(rows, windows):
    """Compute each window as first published: by a loop over all events."""
    for _, start, end in windows.spans():
        counts: Counter[str] = Counter()
        for row in rows:
            if start.timestamp() <= row["timestamp"] < end.timestamp():
                counts.update(row["users"])
        yield start, end, measure(counts.values())


def row(when, *users):
    return {"timestamp": when.timestamp(), "topic": "a.b.c.git.x", "users": users}


def test_golden_sliding_windows(events, month):
    case = json.loads((GOLDEN / "sliding-windows.json").read_text())
    ends = [datetime.fromtimestamp(end, UTC) for end in case["ends"]]
    length, step = timedelta(seconds=case["delta"]), timedelta(seconds=case["step"])
    windows = Windows.between(ends[0] - length, ends[-1], length, step)
    measured = list(measure_windows(people(events, month), windows))
    assert [end for _, end, _ in measured] == ends
    assert len(case["expected"]) == len(ends)
    for (_, end, numbers), expected in zip(measured, case["expected"], strict=True):
        assert end.timestamp() == int(expected["window"])
        for key in expected.keys() - {"window", "users"}:
            approx = pytest.approx(expected[key], rel=1e-9, abs=1e-9)
            assert getattr(numbers, key) == approx, (end, key)


@settings(max_examples=examples(25))
@given(
    st.lists(
        st.tuples(st.integers(0, 48 * 60), st.sets(st.sampled_from("abcdef"), max_size=3)),
        max_size=60,
    ),
    st.integers(1, 30 * 60),
    st.integers(20, 20 * 60),
)
def test_any_windows_agree_with_the_published_loop(events, moments, length, step):
    rows = [row(START + timedelta(minutes=m), *sorted(users)) for m, users in moments]
    windows = Windows.between(
        START, START + 2 * DAY, timedelta(minutes=length), timedelta(minutes=step)
    )
    assert list(measure_windows(people(events, rows), windows)) == list(by_loop(rows, windows))


@pytest.mark.parametrize("step", [HOUR, DAY, 2 * DAY])
def test_windows_are_half_open(events, step):
    tick = timedelta(microseconds=1)
    rows = [
        row(START - tick, "before"),
        row(START, "first"),
        row(START + DAY - tick, "last"),
        row(START + DAY, "after"),
    ]
    windows = Windows.between(START, START + DAY, DAY, step)
    [(start, end, numbers)] = measure_windows(people(events, rows), windows)
    assert (start, end, numbers.n) == (START, START + DAY, 2)


def test_events_between_windows_belong_to_none(events):
    rows = [row(START + HOUR * h + timedelta(minutes=30), f"u{h}") for h in range(10)]
    windows = Windows.between(START, START + HOUR * 10, HOUR, HOUR * 3)
    measured = measure_windows(people(events, rows), windows)
    users = [(start, numbers.n) for start, _, numbers in measured]
    assert users == [(START + HOUR * h, 1) for h in (0, 3, 6, 9)]


def test_a_window_without_users_has_only_zeros(events):
    windows = Windows.between(START, START + 3 * HOUR, HOUR, HOUR)
    rows = [row(START, "ann"), row(START + 2 * HOUR, "ann")]
    [_, (_, _, empty), _] = measure_windows(people(events, rows), windows)
    assert empty == measure([])


def test_merging_windows_adds_their_events(events, month):
    start, end = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
    table = people(events, month)
    days = [n for _, _, n in measure_windows(table, Windows.between(start, end, DAY, DAY))]
    [(_, _, together)] = measure_windows(table, Windows.between(start, end, 28 * DAY, DAY))
    assert len(days) == 28
    assert sum(day.total for day in days) == together.total > 0
    assert max(day.n for day in days) <= together.n


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (timedelta(hours=30), timedelta(minutes=30)),
        (timedelta(days=2), timedelta(minutes=30)),
        (timedelta(days=8), timedelta(minutes=30)),
        (timedelta(days=30), timedelta(hours=2)),
        (timedelta(days=365), timedelta(days=1)),
        (timedelta(days=3652), timedelta(days=14)),
        (timedelta(days=36525), timedelta(days=112)),
    ],
)
def test_default_step(length, step):
    windows = Windows.between(START, START + length, DAY)
    assert windows.step == step
    assert 1 < windows.number <= 400


@given(st.integers(1, 10**16), st.integers(1, 10**15))
def test_the_default_step_gives_at_most_400_windows(length, window):
    micro = timedelta(microseconds=1)
    windows = Windows.between(START, START + micro * min(length, 10**17), micro * window)
    assert windows.number <= 400
    assert all(start >= START for _, start, _ in windows.spans())


def test_the_first_window_may_begin_with_the_range():
    assert Windows.between(START, START + DAY, DAY).number == 1
    assert Windows.between(START, START + DAY - timedelta(microseconds=1), DAY).number == 0
    assert Windows.between(START, START + DAY + HOUR, DAY, HOUR).number == 2


def test_too_many_windows_are_refused():
    with pytest.raises(UsageError, match="windows"):
        Windows.between(START, START + DAY * 365, DAY, timedelta(seconds=1))
    assert Windows.between(START, START + MAX_WINDOWS * HOUR, HOUR, HOUR).number == MAX_WINDOWS


@pytest.mark.parametrize(("length", "step"), [(-DAY, None), (DAY, timedelta(0))])
def test_a_length_or_step_of_zero_or_less_is_refused(length, step):
    with pytest.raises(UsageError, match="longer than zero"):
        Windows.between(START, START + DAY, length, step)
