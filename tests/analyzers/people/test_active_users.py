"""`active_users` against the golden logins, the other queries against loops over lists."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.analyzers.people.active_users import (
    active_users,
    daily_users,
    last_day,
    period_number,
    recipients,
)
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import Events
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection
from tests.support import paths
from tests.support.examples import examples

LOGIN = paths.GOLDEN / "core4" / "login"
SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def queries():
    for path in sorted(LOGIN.glob("*.json")):
        for number in range(len(json.loads(path.read_text())["queries"])):
            yield path.name, number


@pytest.mark.parametrize(("name", "number"), list(queries()))
def test_golden_logins(name, number, events):
    case = json.loads((LOGIN / name).read_text())
    golden = case["queries"][number]
    rows = [
        {
            "timestamp": utc(created).timestamp(),
            "topic": "login",
            "users": [user] if user else [],
            "action": message,
        }
        for created, user, message in case["events"]
        if utc(golden["start"]) <= utc(created) < utc(golden["end"])
        and "successful login" in message
    ]
    logins = Events(events(rows).table, Selection(not_user=("admin",)))
    periods = active_users(logins, per=golden["aggregate"])
    assert [[str(label), users] for label, users in periods] == golden["expected"]


PERIODS = {
    "d": lambda day: day,
    "w": lambda day: day + timedelta(days=6 - day.weekday()),
    "m": lambda day: (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1),
    "q": lambda day: [
        date(day.year, 3, 31), date(day.year, 6, 30), date(day.year, 9, 30), date(day.year, 12, 31)
    ][(day.month - 1) // 3],
    "y": lambda day: date(day.year, 12, 31),
}  # fmt: skip
DAYS = st.dates(date(1960, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize("per", PERIODS)
@settings(max_examples=examples(10))
@given(days=st.lists(DAYS, min_size=1, max_size=20))
def test_labels_are_the_last_days_of_periods(per, days, events):
    rows = [
        {
            "timestamp": datetime(d.year, d.month, d.day, 23, 59, tzinfo=UTC).timestamp(),
            "topic": "t",
        }
        for d in days
    ]
    table = events(rows).table
    numbers = table.select("seq", number=period_number(per, Events(table), table.time)).order_by(
        "seq"
    )
    labels = [last_day(per, number) for number in numbers.to_pyarrow()["number"].to_pylist()]
    assert labels == [PERIODS[per](day) for day in days]


def test_the_last_period_of_the_calendar_has_a_label():
    assert [last_day(per, 9999 * 12 // size + 12 // size - 1) for per, size in
            (("m", 1), ("q", 3), ("y", 12))] == [date.max] * 3  # fmt: skip


def test_periods_do_not_depend_on_the_zone_of_the_session(events):
    rows = [{"timestamp": utc("2026-01-01").timestamp(), "topic": "t", "users": ["ann"]}]
    backend = connect()
    backend.raw_sql("SET TimeZone = 'America/New_York'").fetchall()
    backend.con.register("rows", events(rows).table.to_pyarrow())
    zoned = Events(backend.table("rows"), Selection())
    assert active_users(zoned, per="y") == [(date(2026, 12, 31), 1)]
    assert active_users(zoned, per="d") == [(date(2026, 1, 1), 1)]


@pytest.mark.parametrize("per", ["day", "week", "hour"])
def test_daily_users(per, events, month):
    length = {"hour": 3600, "day": 86400, "week": 604800}[per]
    data, notes = daily_users(events(month), SINCE, UNTIL, per=per)
    assert notes == {"new_since": SINCE}
    seen: set[str] = set()
    assert [row["start"] for row in data] == [
        SINCE + timedelta(seconds=length) * i for i in range(28 * 86400 // length)
    ]
    for row in data:
        start = row["start"].timestamp()
        inside = [e for e in month if start <= e["timestamp"] < start + length and e["users"]]
        users = {user for e in inside for user in e["users"]}
        assert (row["users"], row["new"]) == (len(users), len(users - seen))
        seen |= users
        assert row["total"] == len(seen)


@pytest.mark.parametrize("top", [None, 2])
def test_recipients(top, events, month):
    data = recipients(events(month), per="w", object=["pkg0*"], top=top).to_pylist()
    people: dict[tuple[date, str], list[str]] = defaultdict(list)
    for e in month:
        day = datetime.fromtimestamp(e["timestamp"], UTC).date()
        for name in e["objects"]:
            if name.startswith("pkg0"):
                people[PERIODS["w"](day), name] += e["users"]
    expected = sorted(
        (
            (end, -len(set(users)), name, len(users))
            for (end, name), users in people.items()
            if users
        )
    )
    if top:
        expected = [
            row for row in expected
            if row in [other for other in expected if other[0] == row[0]][:top]
        ]  # fmt: skip
    assert data
    assert data == [
        {"end": end, "object": name, "users": -negative, "messages": n}
        for end, negative, name, n in expected
    ]


def test_recipients_refuses_a_top_of_zero(events):
    with pytest.raises(UsageError, match="0 is too small"):
        recipients(events([]), top=0)


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    assert active_users(empty) == []
    assert recipients(empty).to_pylist() == []
    assert daily_users(empty, SINCE, UNTIL) == ([], {"new_since": SINCE})
