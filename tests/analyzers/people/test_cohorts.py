"""`cohorts` and `returning` against loops over plain lists."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.evenness.metrics import measure
from hubbub.analyzers.people.cohorts import cohorts, returning
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection
from tests.support.examples import examples

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
WEEK = timedelta(weeks=1)
SHARES = ("top_1", "next_9", "next_40", "rest")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_cohorts_are_the_top_shares_of_weeks_that_end_on_mondays(events, month):
    data, notes = cohorts(events(month), SINCE, UNTIL - timedelta(days=1), window=2 * WEEK)
    assert notes == {"windows": 2}
    assert [row["end"] for row in data] == [SINCE + 2 * WEEK, SINCE + 3 * WEEK]
    for row in data:
        start, end = row["start"].timestamp(), row["end"].timestamp()
        assert row["end"] - row["start"] == 2 * WEEK
        inside = [e for e in month if start <= e["timestamp"] < end]
        counts = Counter(user for e in inside for user in e["users"])
        numbers = measure(counts.values())
        assert (row["n"], row["total"]) == (len(counts), counts.total())
        assert tuple(row[name] for name in SHARES) == pytest.approx(numbers.top_shares)
        assert sum(row[name] for name in SHARES) == pytest.approx(1)


def test_the_newest_cohort_may_end_with_the_range(events, month):
    data, _ = cohorts(events(month), SINCE, UNTIL, window=WEEK)
    assert data[-1]["end"] == UNTIL
    end = UNTIL - timedelta(hours=5)
    data, _ = cohorts(events(month), SINCE, end, window=WEEK, step=timedelta(days=3))
    assert data[-1]["end"] == end


def test_a_short_range_is_not_enough_data(events, month):
    data, notes = cohorts(events(month), SINCE, UNTIL)
    assert data == []
    assert notes["note"].startswith("not enough data: the range holds no 91 days")


def test_a_window_without_users_has_no_shares(events):
    rows = [{"timestamp": SINCE.timestamp(), "topic": "t", "users": []}]
    [row], _ = cohorts(events(rows), SINCE, SINCE + WEEK, window=WEEK)
    assert (row["n"], row["total"], row["top_1"], row["rest"]) == (0, 0, None, None)


def test_returning_users_of_an_example(events):
    seen = {
        "ann": [utc("2026-01-01"), utc("2026-01-31T23:59"), utc("2026-02-01"), utc("2026-04-02")],
        "bob": [utc("2026-01-09"), utc("2026-03-05")],
        "cid": [utc("2026-03-31T23:59:59")],
    }
    rows = [
        {"timestamp": when.timestamp(), "topic": "t", "users": [user]}
        for user, times in seen.items()
        for when in times
    ]
    data, notes = returning(events(rows), utc("2026-01-01"), utc("2026-04-20"))
    assert notes == {"look_back_months": 1}
    assert [tuple(row.values()) for row in data] == [
        ("2026-01", 2, 0, 2, None, False),  # nothing is known of the time before
        ("2026-01", 2, 1, 1, None, False),
        ("2026-01", 2, 2, 1, None, False),
        ("2026-01", 2, 3, 1, None, False),
        ("2026-03", 2, 0, 2, 1.0, True),  # bob was away for longer than the look-back
        ("2026-03", 2, 1, 0, 0.0, False),
        ("2026-04", 1, 0, 1, 1.0, False),
    ]
    assert list(data[0]) == ["group", "people", "after", "active", "share", "complete"]


def test_months_without_active_users_are_listed_up_to_the_end_of_the_range(events):
    rows = [{"timestamp": utc("2025-12-05").timestamp(), "topic": "t", "users": ["ann"]}]
    data, _ = returning(events(rows), utc("2025-12-02"), utc("2026-02-01"))
    assert [(row["after"], row["active"], row["complete"]) for row in data] == [
        (0, 1, False),
        (1, 0, False),
    ]


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2024-01-01", "2024-04"),  # a year and more: three months
        ("2024-10-01", "2024-12"),  # eight months: two
        ("2025-01-01", "2025-02"),  # less: one
        ("2025-01-10", "2025-03"),  # the first of February is no 28 days later
    ],
)
def test_groups_are_compared_only_if_the_time_before_is_known(since, first, events):
    rows = [
        {"timestamp": utc(f"{month}-15").timestamp(), "topic": "t", "users": [f"in {month}"]}
        for month in (f"{y}-{m:02}" for y in (2024, 2025) for m in range(1, 13))
        if since <= f"{month}-15" < "2025-06"
    ]
    data, _ = returning(events(rows), utc(since), utc("2025-06-01"))
    assert min(row["group"] for row in data if row["share"] is not None) == first
    for row in data:
        assert row["complete"] == (row["group"] >= first)
        assert row["share"] == (float(row["after"] == 0) if row["group"] >= first else None)


@settings(max_examples=examples(15))
@given(
    seen=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 400)), min_size=1, max_size=40)
)
def test_each_user_is_in_a_group_after_each_pause_of_more_than_three_months(seen, events):
    start = utc("2024-02-10")
    rows = [
        {"timestamp": (start + timedelta(days=day)).timestamp(), "topic": "t", "users": [user]}
        for user, day in seen
    ]
    data, notes = returning(events(rows), start, start + timedelta(days=401))
    assert notes == {"look_back_months": 3}
    groups: Counter[int] = Counter()
    active: Counter[tuple[int, int]] = Counter()
    for user in {u for u, _ in seen}:
        days = (start + timedelta(days=day) for u, day in seen if u == user)
        months = {when.year * 12 + when.month - 1 for when in days}
        for month in months:
            if not months & set(range(month - 3, month)):
                groups[month] += 1
                active.update((month, later - month) for later in months if later >= month)
    for row in data:
        year, number = map(int, row["group"].split("-"))
        month = year * 12 + number - 1
        assert row["people"] == groups[month]
        assert row["active"] == active[month, row["after"]]
    assert len({row["group"] for row in data}) == len(groups)
    assert all(row["share"] in {1, None} for row in data if row["after"] == 0)


def test_nothing_changes_where_nothing_changes(events):
    """50 of 300 people are drawn anew in each month: no group returns more than another."""
    rng = random.Random(3)
    rows = [
        {"timestamp": utc(f"{year}-{month:02}-15").timestamp(), "topic": "t", "users": [f"u{user}"]}
        for year in (2022, 2023, 2024, 2025)
        for month in range(1, 13)
        for user in rng.sample(range(300), 50)
    ]
    data, _ = returning(events(rows), utc("2022-01-01"), utc("2026-01-01"))
    people = [row["people"] for row in data if row["after"] == 0 and row["share"] is not None]
    assert len(people) == 45
    half = len(people) // 2
    assert sum(people[:half]) / half == pytest.approx(sum(people[-half:]) / half, rel=0.1)


def test_an_answer_for_thousands_of_years_is_refused(events):
    rows = [
        {"timestamp": utc(f"{year}-01-15").timestamp(), "topic": "t", "users": ["ann"]}
        for year in (1990, 1995, 2000, 2005)
    ]
    with pytest.raises(UsageError, match=r"the answer has 383,\d\d\d rows"):
        returning(events(rows), utc("1980-01-01"), utc("9990-01-01"))
    data, _ = returning(events(rows), utc("1980-01-01"), utc("2026-01-01"))
    assert len(data) == sum(12 * (2026 - year) for year in (1990, 1995, 2000, 2005))


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    assert returning(empty, SINCE, UNTIL) == ([], {"look_back_months": 1})
    assert cohorts(empty, SINCE, UNTIL, window=WEEK) == ([], {"windows": 4})
