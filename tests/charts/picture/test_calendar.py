"""Ranges are narrowed to whole periods, and what is left out or cut is said."""

from datetime import UTC, datetime, timedelta

import pytest

from hubbub.charts.picture.calendar import Whole, named_part, narrowed, starts, whole_ticks
from hubbub.errors import UsageError
from hubbub.zones import Zone, find, showing

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HALF = DAY / 2


def test_periods_that_a_range_cuts_are_left_out_if_two_others_are_left() -> None:
    assert narrowed(START + HALF, START + 3 * DAY + HALF, "day") == Whole(
        START + DAY,
        START + 3 * DAY,
        ("the parts of days before 6 January and from 8 January on are left out",),
    )
    assert narrowed(START + HALF, START + 2 * DAY, "day") == Whole(
        START + HALF, START + 2 * DAY, ("the range cuts the first day",)
    )
    assert narrowed(START, START + 2 * DAY + HALF, "day").notes == (
        "the part of a day from 7 January on is left out",
    )
    assert narrowed(START, START + 150 * timedelta(minutes=1), "hour").notes == (
        "the part of an hour from 5 January, 02:00 UTC on is left out",
    )
    months = narrowed(START, START + 90 * DAY, "month")
    assert (months.since, months.until) == (
        datetime(2026, 2, 1, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
    )


def test_a_hundredth_of_a_period_may_be_cut() -> None:
    second, long = timedelta(seconds=35), timedelta(minutes=16)
    ends = START + second, START + 3 * DAY - second
    assert narrowed(*ends, "day") == Whole(*ends)
    whole = narrowed(START + long, START + 4 * DAY - long, "day")
    assert (whole.since, whole.until) == (START + DAY, START + 3 * DAY)


def test_a_last_period_that_has_all_that_is_stored_is_kept() -> None:
    end = START + 3 * DAY + HALF
    assert narrowed(START, end, "day", to_newest=True) == Whole(
        START, end, ("the last day ends with the newest message",)
    )
    assert narrowed(START + HALF, START + DAY + HALF, "day", to_newest=True) == Whole(
        START + HALF,
        START + DAY + HALF,
        ("the range cuts the first day", "the last day ends with the newest message"),
    )
    assert narrowed(START, START + 3 * DAY, "day", to_newest=True).notes == ()


def test_ticks_are_those_of_the_zone() -> None:
    end = START + 4 * HOUR
    with showing(find("Asia/Kathmandu")):  # 5:45 ahead of UTC
        whole = whole_ticks(START, end, HOUR)
    quarter = timedelta(minutes=15)
    assert (whole.since, whole.until) == (START + quarter, end - 3 * quarter)
    assert whole_ticks(START, end, HOUR) == Whole(START, end)
    assert whole_ticks(START, START + 90 * timedelta(minutes=1), HOUR).notes == (
        "the range cuts the last period",
    )
    kept = whole_ticks(START, end + HOUR / 2, HOUR, to_newest=True)
    assert kept.until == end + HOUR / 2
    assert kept.notes == ("the last period ends with the newest message",)


def test_an_empty_range_is_not_narrowed() -> None:
    assert narrowed(START, START, "day") == whole_ticks(START, START, HOUR) == Whole(START, START)


@pytest.mark.parametrize(
    ("per", "since", "until", "name"),
    [
        ("day", 0, 24, "on 5 January"),
        ("day", 6, 18, "on 5 January, 06:00–18:00 UTC"),
        ("day", 6, 30, "on 5 January, 06:00–24:00 UTC"),
        ("day", -5, 18, "on 5 January, 00:00–18:00 UTC"),
        ("hour", 0.25, 0.5, "on 5 January, 00:15–00:30 UTC"),
        ("week", 36, 24 * 5, "from 6 January, 12:00 UTC to 9 January"),
        ("week", 36, 40, "on 6 January, 12:00–16:00 UTC"),
        ("week", -100, 24 * 9, "in the week of 5 January"),
    ],
)
def test_the_part_of_a_period_is_named(per: str, since: float, until: float, name: str) -> None:
    assert named_part(START, per, START + since * HOUR, START + until * HOUR, year=False) == name


def test_a_range_of_all_times_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(zone: Zone, start: datetime, per: str) -> datetime:
        asked.append(start)
        return following(zone, start, per)

    following = Zone.following
    monkeypatch.setattr(Zone, "following", counted)
    since, until = datetime(1900, 1, 1, 12, tzinfo=UTC), datetime(9900, 1, 1, tzinfo=UTC)
    for per in ("hour", "day", "week", "month"):
        assert narrowed(since, until, per).until == until
        with pytest.raises(UsageError, match=rf"{per}s, more than 50,000"):
            starts(since, until, per)
    assert len(asked) < 40
    assert len(starts(since, until, "year")) == 8000
