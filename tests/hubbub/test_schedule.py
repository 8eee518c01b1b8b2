"""Schedules: parsing, and the next due time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.schedule import parse
from hubbub.times import from_micros

TIMES = st.integers(-(10**16), 7 * 10**15).map(from_micros)  # 1653 to 2191


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "last", "following"),
    [
        ("1d", "2026-03-10T03:00", "2026-03-11T00:00"),
        ("1d", "2026-03-10T00:00", "2026-03-11T00:00"),
        ("1h", "2026-03-10T03:59:59", "2026-03-10T04:00"),
        ("1w", "2026-03-10T03:00", "2026-03-16T00:00"),  # a Monday
        ("90m", "2026-03-09T23:00", "2026-03-10T00:00"),
        (900, "2026-03-10T03:16", "2026-03-10T03:30"),
        (1.5, "2026-03-09T00:00:02", "2026-03-09T00:00:03"),
        (timedelta(minutes=15), "2026-03-10T03:16", "2026-03-10T03:30"),
        ("0 3 * * *", "2026-03-10T02:59:59.5", "2026-03-10T03:00"),
        ("0 3 * * *", "2026-03-10T03:00", "2026-03-11T03:00"),
        ("*/20  8-9 * * MON", "2026-03-09T09:40", "2026-03-16T08:00"),
        ("0 0 29 2 *", "2026-03-10", "2028-02-29T00:00"),
        ("0 0 L * *", "2026-02-03", "2026-02-28T00:00"),
    ],
)
def test_the_next_due_time(schedule: str | float | timedelta, last: str, following: str) -> None:
    assert parse(schedule).after(at(last)) == at(following)


@given(last=TIMES, schedule=st.sampled_from(["7min", "1h", "1d", "2w", "5 4 * * 0", "*/7 * 1 * *"]))
def test_the_next_due_time_is_later_and_none_lies_between(last: datetime, schedule: str) -> None:
    parsed = parse(schedule)
    following = parsed.after(last)
    assert following > last
    assert parsed.after(following - timedelta(microseconds=1)) == following
    if parsed.every is not None:
        assert following - last <= parsed.every


@pytest.mark.parametrize(
    "schedule",
    ["", "daily", "61 * * * *", "* * * *", "* * * * * *", "0 0 30 2 *", "0s", "10ms", "300y",
     "0 0 31 4,6 *", "a b c d e", "-1d", timedelta(0), timedelta(days=-1), 0, 0.5, -1,
     float("nan"), float("inf"), 1e300],
)  # fmt: skip
def test_an_invalid_schedule_is_an_error(schedule: str | float | timedelta) -> None:
    with pytest.raises(ValueError, match="is not a schedule"):
        parse(schedule)


@pytest.mark.parametrize(
    "every",
    [
        timedelta(seconds=2),
        timedelta(seconds=90.5),
        timedelta(minutes=5),
        timedelta(hours=36),
        timedelta(days=1),
        timedelta(weeks=2),
    ],
)
def test_the_text_of_a_duration_can_be_read_again(every: timedelta) -> None:
    assert parse(parse(every).text) == parse(every)
