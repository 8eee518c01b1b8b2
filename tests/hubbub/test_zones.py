"""Time zones: where periods begin, also where clocks change; names that do not exist."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hubbub.times import from_micros, parse_time, to_micros
from hubbub.zones import UNIVERSAL, current, find, showing

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "day", "begins", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00", 23),
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-24T22:00", 25),
        ("Asia/Kathmandu", date(2026, 3, 29), "2026-03-28T18:15", 24),
        ("America/St_Johns", date(2026, 3, 8), "2026-03-08T03:30", 23),
        ("America/St_Johns", date(2026, 11, 1), "2026-11-01T02:30", 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-04T13:00", 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), "2026-10-03T13:30", 23.5),
        ("Pacific/Kiritimati", date(2026, 1, 1), "2025-12-31T10:00", 24),
        # clocks skip midnight; go back at midnight, and a minute after it
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00", 23),
        ("America/Sao_Paulo", date(2019, 2, 16), "2019-02-16T02:00", 25),
        ("America/St_Johns", date(2010, 11, 7), "2010-11-07T02:30", 25),
        ("UTC", date(2026, 3, 29), "2026-03-29T00:00", 24),
    ],
)
def test_days_begin_at_midnight_of_the_zone(
    name: str, day: date, begins: str, hours: float
) -> None:
    zone, start = find(name), datetime.fromisoformat(begins).replace(tzinfo=UTC)
    assert zone.midnight(day) == zone.floor(start, "day") == start
    end = zone.following(start, "day")
    assert (end - start) / HOUR == hours
    assert zone.floor(end - timedelta(microseconds=1), "day") == start
    assert zone.day(start) == zone.day(end - timedelta(microseconds=1)) == day
    assert zone.day(end) == day + DAY


def test_a_date_that_a_zone_skipped_is_no_day() -> None:
    zone = find("Pacific/Apia")
    edges = zone.edges(zone.midnight(date(2011, 12, 29)), zone.midnight(date(2012, 1, 1)), "day")
    assert [zone.day(edge).day for edge in edges] == [29, 31, 1]


@pytest.mark.parametrize(
    ("name", "since", "hours", "labels"),
    [
        ("Europe/Berlin", "2026-03-29", 3, ["00:00+01:00", "01:00+01:00", "03:00+02:00"]),
        (
            "Europe/Berlin", "2026-10-25T01:00", 4,
            ["01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"],
        ),
        (
            "Australia/Lord_Howe", "2026-04-05T01:00", 2.5,
            ["01:00+11:00", "01:30+10:30", "02:00+10:30"],
        ),
        (
            "Australia/Lord_Howe", "2026-10-04T01:00", 2.5,
            ["01:00+10:30", "02:30+11:00", "03:00+11:00"],
        ),
        ("Asia/Kathmandu", "2026-01-01T10:20", 1, ["10:00+05:45", "11:00+05:45"]),
    ],
)  # fmt: skip
def test_hours_follow_the_clock(name: str, since: str, hours: float, labels: list[str]) -> None:
    zone = find(name)
    start = parse_time(since, zone.local(datetime.now(UTC)))
    edges = zone.edges(start, start + hours * HOUR, "hour")
    assert [zone.iso(edge)[11:16] + zone.iso(edge)[19:] for edge in edges[:-1]] == labels


@pytest.mark.parametrize("per", ["week", "month", "quarter", "year"])
def test_longer_periods_begin_with_a_day(per: str) -> None:
    zone, info = find("America/St_Johns"), ZoneInfo("America/St_Johns")
    edges = zone.edges(datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), per)
    first = {"week": "%u", "month": "%d", "quarter": "%d", "year": "%j"}[per]
    for edge in edges:
        local = edge.astimezone(info)
        assert (local.hour, local.minute, int(local.strftime(first))) == (0, 0, 1)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]
)
def test_the_wall_clock_in_microseconds_is_that_of_the_standard_library(name: str) -> None:
    zone, info = find(name), ZoneInfo(name)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    offsets = zone.offsets(to_micros(start), to_micros(start + 300 * DAY))
    for minutes in range(0, 300 * 24 * 60, 45):
        when = start + timedelta(minutes=minutes)
        shown = to_micros(when.astimezone(info).replace(tzinfo=UTC))
        offset = [value for begin, value in offsets if begin <= to_micros(when)][-1]
        assert zone.wall(to_micros(when)) == to_micros(when) + offset == shown


def test_times_of_day_name_their_zone_and_repeated_ones_their_offset() -> None:
    zone = find("Europe/Berlin")
    night = datetime(2026, 10, 25, tzinfo=UTC)
    assert [zone.clock(night + n * HOUR) for n in range(3)] == [
        "02:00+02:00 Europe/Berlin", "02:00+01:00 Europe/Berlin", "03:00 Europe/Berlin",
    ]  # fmt: skip
    assert UNIVERSAL.clock(night) == "00:00 UTC"


def test_days_added_by_the_clock() -> None:
    zone = find("Europe/Berlin")
    noon = datetime(2026, 3, 28, 11, tzinfo=UTC)  # 12:00
    assert zone.plus(noon, DAY) == noon + 23 * HOUR
    assert zone.plus(noon + 23 * HOUR, -DAY) == noon
    assert zone.plus(noon, 24.5 * HOUR) == noon + 24.5 * HOUR


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "utc", "Zulu", "Universal", "Etc/UCT"])
def test_names_of_utc_are_one_zone(name: str) -> None:
    assert find(name) == UNIVERSAL


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Berlin", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("St Johns", "did you mean America/St_Johns?"),
        ("+05:45", "write an IANA name"),
        ("../../etc/passwd", "write an IANA name"),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("localtime", "no such time zone"),
        ("", "write an IANA name"),
        ("x" * 10_000, "write an IANA name"),
    ],
)
def test_an_unknown_zone_is_said_with_near_names(name: str, near: str) -> None:
    with pytest.raises(ValueError, match="there is no such time zone") as error:
        find(name)
    assert near in str(error.value)


def test_the_zone_that_shows_times_is_that_of_the_request() -> None:
    assert current() == UNIVERSAL
    with showing(find("Asia/Kathmandu")):
        assert current().iso(from_micros(0)) == "1970-01-01T05:30:00+05:30"  # as it was then
    assert current().iso(from_micros(0)) == "1970-01-01T00:00:00Z"
