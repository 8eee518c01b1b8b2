"""`overload` on small examples, and on random data against loops over plain lists."""

import cmath
import math
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.people import own_past
from hubbub.analyzers.people.overload import overload
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection

SINCE = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
UNTIL = SINCE + 16 * WEEK
SPLIT = UNTIL - 4 * WEEK


def act(user, when, name="pkg"):
    return {"timestamp": when.timestamp(), "topic": "a.b.c.git", "users": [user], "objects": [name]}


def office(user, weeks, *, hours=(9, 12, 15), days=range(5), name="pkg", start=SINCE):
    return [
        act(user, start + WEEK * week + DAY * day + timedelta(hours=hour), name)
        for week in weeks
        for day in days
        for hour in hours
    ]


def person(rows, user, events):
    data, _ = overload(events(rows), SINCE, UNTIL, people=True)
    [row] = [row for row in data if row["user"] == user]
    return row


def rates(rows, events):
    data, _ = overload(events(rows), SINCE, UNTIL)
    return {row["sign"]: (row["people"], row["of"], row["share"]) for row in data}


def test_a_steady_person_shows_no_sign(events):
    rows = office("ann", range(16)) + office("bob", range(16))
    row = person(rows, "ann", events)
    assert row == {
        "user": "ann", "signs": [], "load": 15, "usual": 15, "usual_high": 15, "ratio": 1,
        "zone": 3, "off_hours": 0, "off_hours_before": 0, "weeks_without_pause": 5 / 7,
        "alone_objects": 0, "alone_categories": 0,
    }  # fmt: skip


def test_a_load_beyond_nine_of_ten_times_of_four_weeks(events):
    rows = office("ann", range(12)) + office("ann", range(12, 16), hours=range(9, 17))
    row = person(rows, "ann", events)  # 40 actions a week
    assert "load" in row["signs"]
    assert (row["load"], row["usual_high"]) == (40, 15)
    assert row["ratio"] == pytest.approx(40 / 15)
    busy_month = rows + office("ann", range(3, 7), hours=range(1, 9))
    row = person(busy_month, "ann", events)
    assert "load" not in row["signs"]
    assert row["usual_high"] == 55


def test_a_load_is_compared_with_equally_long_times(events):
    """Fifteen actions in one week of four are not more than fifteen in another such week."""
    rows = office("ann", [1, 5, 9, 13]) + office("bob", range(16))
    row = person(rows, "ann", events)
    assert (row["load"], row["usual"], row["usual_high"]) == (15 / 4, 45 / 11, 15 / 4)
    assert row["signs"] == []


def test_a_week_without_actions_is_part_of_the_past(events):
    rows = office("ann", [0, 11, *range(12, 16)])
    row = person(rows, "ann", events)
    assert (row["usual"], row["usual_high"]) == (30 / 12, 15 / 4)
    rows = office("ann", [0, *range(12, 16)])
    assert person(rows, "ann", events)["usual_high"] == 15 / 4  # the most of nine sums


def test_people_who_act_twice_a_year_are_not_overloaded(events):
    """Twelve people, one message a quarter each: all were once said to do more than usual."""
    rows = [
        act(f"user{i:02}", UNTIL - timedelta(days=2 + i) - timedelta(days=91) * quarter)
        for i in range(12)
        for quarter in range(6)
    ]
    data, _ = overload(events(rows), SINCE, UNTIL)
    load = data[0]
    assert (load["sign"], load["people"], load["of"]) == ("load", None, 0)
    assert load["note"] == "not enough data"
    people, _ = overload(events(rows), SINCE, UNTIL, people=True)
    signs = {row["user"]: row["signs"] for row in people}
    assert signs == {f"user{i:02}": [] for i in range(12)}
    assert len(people) == 12


def test_a_busy_season_like_those_before_is_no_sign(events):
    """Twenty busy days every quarter, the last ones now; nothing else ever changes."""
    rng = random.Random(3)
    rows = [
        act(f"user{i:02}", UNTIL - timedelta(minutes=rng.randrange(20 * 1440)) - 91 * DAY * season,
            f"o{rng.random()}")
        for i in range(40)
        for season in range(4)
        for _ in range(round(rng.gauss(80, 9)))
    ]  # fmt: skip
    data, _ = overload(events(rows), SINCE, UNTIL)
    assert data[0]["of"] == 40
    assert data[0]["people"] <= 4


def test_nothing_that_is_chance_alone_is_a_sign(events):
    """Of people whose rate never changes hardly one in a hundred may be called overloaded."""
    rng = random.Random(9)
    rows = [
        act(
            f"user{i:03}",
            SINCE + timedelta(minutes=15 * rng.randrange(16 * 7 * 96)),
            f"o{rng.random()}",
        )
        for i in range(100)
        for _ in range(16 * 9)
    ]
    data, _ = overload(events(rows), SINCE, UNTIL)
    assert data[0]["of"] > 90
    assert data[0]["people"] <= 4


def test_the_past_is_read_whatever_the_range(events):
    rows = [row for i in range(12) for row in office(f"user{i:02}", range(16))]
    rows += office("user03", range(12, 16), hours=range(16, 20))
    everything = events(rows)
    recent = everything.filter(everything.time >= SPLIT)
    expected = overload(everything, SINCE, UNTIL, people=True)
    assert overload(recent, SPLIT, UNTIL, people=True, past=everything) == expected
    assert [row["user"] for row in expected[0] if "load" in row["signs"]] == ["user03"]


def test_a_past_that_is_too_short(events):
    rows = [row for i in range(12) for row in office(f"user{i:02}", [15], name=f"own{i}")]
    data, notes = overload(events(rows), SINCE, UNTIL)
    assert [(row["people"], row["share"], row["of"], row["note"]) for row in data] == [
        (None, None, 0, "too short to tell")
    ] * 4
    assert notes["past_since"] == SINCE + 15 * WEEK
    data, _ = overload(events([*rows, act("root", UNTIL - 22 * DAY)]), SINCE, UNTIL)
    by_sign = {row["sign"]: row for row in data}
    assert (by_sign["no_pause"]["people"], by_sign["no_pause"]["of"]) == (0, 13)
    assert by_sign["alone"]["note"] == "too short to tell"


def test_without_eight_weeks_there_is_no_usual_load(events):
    row = person(office("ann", range(5, 16)), "ann", events)
    assert (row["usual"], row["usual_high"], row["ratio"]) == (None, None, None)
    assert person(office("ann", range(4, 16)), "ann", events)["usual"] == 15


@pytest.mark.parametrize("east", [-11, -5, 0, 3, 9])
def test_nights_and_weekends_are_in_the_usual_zone(east, events):
    home = -timedelta(hours=east)
    rows = office("ann", range(16), hours=(11, 15, 19), start=SINCE + DAY + home, days=range(3))
    rows += office("ann", range(12, 16), hours=(2, 23), start=SINCE + DAY + home, days=range(3))
    rows += [act("ann", SINCE + WEEK * 13 + DAY * 5 + timedelta(hours=15) + home)]
    row = person(rows, "ann", events)
    assert row["zone"] == east
    assert row["off_hours"] == pytest.approx((4 * 6 + 1) / (4 * 15 + 1))
    assert row["off_hours_before"] == 0
    assert "off_hours" in row["signs"]


def test_a_few_more_nights_are_not_significant(events):
    rows = office("ann", range(16))
    rows += [act("ann", SINCE + WEEK * 13 + DAY * 5 + timedelta(hours=12))]
    row = person(rows, "ann", events)
    assert row["off_hours"] == pytest.approx(1 / 61)
    assert "off_hours" not in row["signs"]


def test_work_around_the_clock_has_no_zone(events):
    row = person(office("ann", range(16), hours=range(0, 24, 3)), "ann", events)
    assert (row["zone"], row["off_hours"], row["off_hours_before"]) == (None, None, None)


@pytest.mark.parametrize(("free", "days"), [(0, 34), (1, 35), (2, 17)])
def test_weeks_without_a_pause(free, days, events):
    active = [*range(17), *range(17 + free, 34 + free)]
    rows = [act("ann", SPLIT + DAY * (day - 10) + timedelta(hours=12)) for day in active]
    row = person(rows, "ann", events)
    assert row["weeks_without_pause"] == pytest.approx(days / 7)
    assert ("no_pause" in row["signs"]) == (days >= 21)


def test_an_old_streak_is_over(events):
    rows = [act("ann", SINCE + DAY * day) for day in range(40)] + [act("ann", UNTIL - DAY)]
    row = person(rows, "ann", events)
    assert row["weeks_without_pause"] == pytest.approx(1 / 7)


def test_objects_and_categories_of_one_person(events):
    rows = office("ann", range(12, 16), name="lonely") + office("ann", range(12, 16))
    rows += [act("ann", UNTIL - DAY, f"once{i}") for i in range(4)]
    rows += office("bob", [13])
    row = person(rows, "ann", events)
    assert (row["alone_objects"], row["alone_categories"]) == (1, 0)
    assert "alone" in row["signs"]
    assert person(rows, "bob", events)["alone_objects"] == 0
    alone = [row for row in rows if row["users"] == ["ann"]]
    assert person(alone, "ann", events)["alone_categories"] == 1


def test_names_are_listed_only_on_request(events):
    rows = [row for i in range(12) for row in office(f"user{i:02}", range(16))]
    rows += office("user03", range(12, 16), hours=range(16, 20), name="mine")
    data, notes = overload(events(rows), SINCE, UNTIL)
    assert "user" not in str(data) + str(notes)
    by_sign = rates(rows, events)
    assert by_sign["load"] == (1, 12, 1 / 12)
    assert by_sign["alone"] == (1, 12, 1 / 12)
    assert by_sign["no_pause"] == (0, 12, 0)
    data, notes = overload(events(rows), SINCE, UNTIL, people=True, top=5)
    assert [row["user"] for row in data] == ["user03", "user00", "user01", "user02", "user04"]
    assert {row["sign"]: row["share"] for row in notes["base_rates"]} == {
        sign: share for sign, (_, _, share) in by_sign.items()
    }


def test_few_people_are_not_enough_data(events):
    rows = [row for i in range(9) for row in office(f"user{i}", range(16))]
    assert rates(rows, events)["load"] == (None, 9, None)


def test_against_loops_over_a_list(events):
    random.seed(4)
    rows = []
    for i in range(12):
        zone, often = random.randrange(24), random.choice([20, 80, 300])
        for _ in range(often):
            when = SINCE + DAY * random.randrange(112)
            when += timedelta(hours=(zone + random.gauss(0, 4)) % 24)
            rows.append(act(f"user{i:02}", when, f"pkg{random.randrange(60)}"))
    data, _ = overload(events(rows), SINCE, UNTIL, people=True)
    starts = defaultdict(list)
    last: dict[tuple[str, str], float] = {}
    for e in sorted(rows, key=lambda e: e["timestamp"]):
        key = e["users"][0], e["objects"][0]
        if key not in last or e["timestamp"] - last[key] > 600:
            starts[key[0]].append(datetime.fromtimestamp(e["timestamp"], UTC))
        last[key] = e["timestamp"]
    assert {row["user"] for row in data} == {
        user for user, times in starts.items() if max(times) >= SPLIT
    }
    judged = loads = 0
    for row in data:
        times = starts[row["user"]]
        late = [t for t in times if t >= SPLIT]
        weeks = Counter((t - SPLIT) // WEEK for t in times if t < SPLIT)
        counts = [weeks[w] for w in range(min(weeks, default=0), 0)]
        assert row["load"] == len(late) / 4
        if len(counts) >= 8:
            assert row["usual"] == pytest.approx(sum(counts) / len(counts))
            months = sorted((sum(counts[i : i + 4]) for i in range(len(counts) - 3)), reverse=True)
            assert row["usual_high"] == months[len(months) // 10] / 4
            loads += 1
        else:
            assert row["usual"] is row["usual_high"] is None
        hours = [t.hour + t.minute / 60 + t.second / 3600 for t in times if t < SPLIT]
        mean = sum(cmath.exp(2j * math.pi * h / 24) for h in hours)
        if len(hours) < 50 or abs(mean) < 0.2 * len(hours):
            assert row["zone"] is None
            continue
        east = round(15 - cmath.phase(mean) * 12 / math.pi)
        assert (row["zone"] - east) % 24 == 0
        assert -12 <= row["zone"] < 12
        local = [t + timedelta(hours=row["zone"]) for t in late]
        off = sum(t.weekday() >= 5 or t.hour >= 23 or t.hour < 7 for t in local)
        if local:
            assert row["off_hours"] == pytest.approx(off / len(local))
            judged += 1
    assert judged > 5
    assert loads > 5


@pytest.mark.parametrize("wrong", [{"recent": timedelta(0)}, {"top": 0}])
def test_numbers_out_of_range_are_refused(wrong, events):
    with pytest.raises(UsageError):
        overload(events([]), SINCE, UNTIL, **wrong)


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    assert overload(empty, SINCE, UNTIL)[0] == []
    assert overload(empty, SINCE, UNTIL, people=True)[0] == []
    assert overload(empty, SINCE, SINCE)[0] == []


@pytest.mark.parametrize("zone", [-12, -9, -1, 0, 1, 9, 11])
def test_each_action_is_of_its_day_in_the_persons_zone(zone, events, monkeypatch):
    """Every second day is no pause; with one action on the day before or after it would be."""
    monkeypatch.setattr(own_past, "zone", lambda *_: zone)
    first, last = timedelta(0), timedelta(hours=23, minutes=59)
    rows = [
        act(user, SINCE + DAY * day + (first, last)[day // 2 % 2] - timedelta(hours=zone))
        for begin, user in enumerate(("ann", "bob"))
        for day in range(2 + begin, 16 * 7 - 2, 2)
    ]
    data, _ = overload(events(rows), SINCE, UNTIL, people=True)
    days = {row["user"]: round(7 * row["weeks_without_pause"]) for row in data}
    assert days == {"ann": 16 * 7 - 5, "bob": 16 * 7 - 5}
