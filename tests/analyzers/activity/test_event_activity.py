"""`event_activity` and `year_over_year` against loops over plain lists."""

from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.activity.event_activity import event_activity
from hubbub.analyzers.activity.year_over_year import year_over_year
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
FROM, TO = datetime(2015, 9, 16, tzinfo=UTC), datetime(2015, 9, 19, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def users_of(rows, start, end):
    inside = [e for e in rows if start.timestamp() <= e["timestamp"] < end.timestamp()]
    return len(inside), {user for e in inside for user in e["users"]}


@pytest.mark.parametrize("around", [None, DAY])
def test_before_during_and_after(around, events, month):
    data, notes = event_activity(events(month), SINCE, UNTIL, FROM, TO, around=around)
    length = around or TO - FROM
    look_back = FROM - length - SINCE
    assert notes == {"seen_since": SINCE, "look_back": look_back}
    edges = [FROM - length, FROM, TO, TO + length]
    assert [(row["phase"], row["start"], row["end"]) for row in data] == [
        ("before", *edges[:2]),
        ("during", *edges[1:3]),
        ("after", *edges[2:]),
    ]
    _, attended = users_of(month, FROM, TO)
    new = attended - users_of(month, FROM - look_back, FROM)[1]
    for row in data:
        sent, people = users_of(month, row["start"], row["end"])
        _, earlier = users_of(month, row["start"] - look_back, row["start"])
        assert (row["messages"], row["users"]) == (sent, len(people))
        assert row["newcomers"] == len(people - earlier)
        assert row["of_users"] == len(people & attended)
        assert row["of_newcomers"] == len(people & new)
        assert row["per_day"] == pytest.approx(sent * DAY / (row["end"] - row["start"]))
        assert row["complete"] is True


@pytest.mark.parametrize(
    ("start", "end", "outside"),
    [
        (SINCE - DAY, SINCE, True),
        (UNTIL, UNTIL + DAY, True),
        (UNTIL - DAY, UNTIL, False),
        (SINCE, SINCE + DAY, False),
    ],
)
def test_a_note_tells_that_an_occasion_is_outside_the_range(start, end, outside, events, month):
    _, notes = event_activity(events(month), SINCE, UNTIL, start, end)
    assert ("holds nothing of the occasion" in notes.get("note", "")) is outside


def test_newcomers_who_stay(events):
    seen = [("ann", 0), ("ann", 10), ("bob", 10), ("cid", 11), ("cid", 12), ("dan", 12)]
    rows = [
        {"timestamp": (SINCE + DAY * day).timestamp(), "topic": "t", "users": [user]}
        for user, day in seen
    ]
    occasion = SINCE + 10 * DAY, SINCE + 12 * DAY
    data, _ = event_activity(events(rows), SINCE, SINCE + 13 * DAY, *occasion)
    assert [(r["users"], r["newcomers"], r["of_users"], r["of_newcomers"]) for r in data] == [
        (0, 0, 0, 0),
        (3, 3, 3, 3),  # ann was away for longer than the look-back of eight days
        (2, 1, 1, 1),
    ]
    assert [row["complete"] for row in data] == [
        True,
        True,
        False,
    ]  # the range cuts it
    assert [row["per_day"] for row in data] == [0, 1.5, None]


@pytest.mark.parametrize(
    ("begin", "look_back", "known"),
    [
        (SINCE + 5 * DAY, 3 * DAY, [True, True, True]),
        (SINCE + 7 * DAY, 3 * DAY, [False, True, True]),
        (SINCE + 9 * DAY, None, [False, False, False]),
    ],
)
def test_all_phases_look_back_equally_far(begin, look_back, known, events):
    """Every day the same number of other people: no phase has more newcomers than another."""
    rows = [
        {"timestamp": (SINCE + DAY * day).timestamp(), "topic": "t", "users": [f"u{day * k % 13}"]}
        for day in range(30)
        for k in range(1, 6)
        if SINCE + DAY * day >= begin
    ]
    occasion = SINCE + 10 * DAY, SINCE + 12 * DAY
    data, notes = event_activity(events(rows), begin, UNTIL, *occasion)
    assert notes.get("look_back") == look_back
    assert [row["newcomers"] is not None for row in data] == known
    for row in data:
        if row["newcomers"] is not None:
            _, people = users_of(rows, row["start"], row["end"])
            _, earlier = users_of(rows, row["start"] - look_back, row["start"])
            assert row["newcomers"] == len(people - earlier)


@pytest.mark.parametrize(
    ("start", "end", "around"), [(TO, FROM, None), (FROM, FROM, None), (FROM, TO, timedelta(0))]
)
def test_an_occasion_without_a_length_is_refused(start, end, around, events):
    with pytest.raises(UsageError):
        event_activity(events([]), SINCE, UNTIL, start, end, around=around)


def test_year_over_year(events):
    days = {"2020-12-28": 3, "2021-01-04": 2, "2022-01-04": 4, "2022-01-10": 1, "2023-01-02": 5}
    rows = [
        {"timestamp": utc(day).timestamp() + i, "topic": "t", "users": ["ann", f"user{i}"]}
        for day, number in days.items()
        for i in range(number)
    ]
    data = year_over_year(events(rows), utc("2020-12-27"), utc("2023-01-08T23:59"))
    by_week = {(row["year"], row["week"]): row for row in data}
    assert [(row["week"], row["year"]) for row in data] == sorted((w, y) for y, w in by_week)
    assert (2023, 1) not in by_week  # the range ends a minute before the week does
    first = by_week[2022, 1]
    assert first["start"] == utc("2022-01-03")
    assert (first["messages"], first["messages_before"], first["change"]) == (4, 2, 1.0)
    assert (first["users"], first["users_before"]) == (5, 3)
    assert by_week[2020, 53]["messages"] == 3
    assert by_week[2020, 53]["messages_before"] is None
    assert by_week[2022, 2]["messages_before"] == 0
    assert by_week[2022, 2]["change"] is None
    assert by_week[2021, 5]["messages"] == by_week[2021, 5]["users"] == 0
    assert len(data) == 1 + 52 + 52  # 2020-W53, 2021, 2022


def test_a_week_counts_each_user_once_and_all_messages(events, month):
    rows = [*month, {"timestamp": SINCE.timestamp() - 1, "topic": "t", "users": ["late"]}]
    data = year_over_year(events(rows), SINCE - DAY, UNTIL)
    assert [row["start"] for row in data] == [SINCE + timedelta(weeks=i) for i in range(4)]
    for row in data:
        sent, people = users_of(month, row["start"], row["start"] + timedelta(weeks=1))
        assert (row["messages"], row["users"]) == (sent, len(people))


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    assert event_activity(empty, SINCE, UNTIL, FROM, TO) == ([], {"seen_since": SINCE})
    assert year_over_year(empty, SINCE, UNTIL) == []
