"""The briefing: its numbers against loops over plain lists, and its sentences."""

from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.activity.briefing import briefing
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection

SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def numbers(rows, start):
    """Messages, users, new users and objects of the day, and messages of each category."""
    first, end = start.timestamp(), (start + DAY).timestamp()
    inside = [e for e in rows if first <= e["timestamp"] < end]
    users = {user for e in inside for user in e["users"]}
    old = {user for e in rows if e["timestamp"] < first for user in e["users"]}
    categories: dict[str, int] = {}
    for e in inside:
        name = e["topic"].split(".")[3]
        categories[name] = categories.get(name, 0) + 1
    objects = {name for e in inside for name in e["objects"]}
    return [len(inside), len(users), len(users - old), len(objects)], categories


@pytest.mark.parametrize("day", [None, datetime(2015, 9, 23, 13, tzinfo=UTC)])
def test_numbers_of_a_day(day, events, month):
    start = day.replace(hour=0) if day else UNTIL - DAY
    data, notes = briefing(events(month), SINCE, UNTIL, day)
    assert notes["day"] == f"{start:%Y-%m-%d}"
    weekdays = [start - DAY * back for back in (7, 14, 21, 28) if start - DAY * back >= SINCE]
    assert notes["same_weekdays"] == len(weekdays)
    today, categories = numbers(month, start)
    before, categories_before = numbers(month, start - DAY)
    usual = [
        sum(each) / len(weekdays)
        for each in zip(*(numbers(month, w)[0] for w in weekdays), strict=True)
    ]
    assert [row["what"] for row in data[:4]] == ["messages", "users", "new users", "objects"]
    assert [row["value"] for row in data[:4]] == today
    before[2] = usual[2] = None  # new users: less than 28 days are known before the days
    assert [row["yesterday"] for row in data[:4]] == before
    assert [row["usual"] for row in data[:4]] == [
        None if value is None else pytest.approx(value) for value in usual
    ]
    assert notes["look_back"] == start - SINCE
    assert notes["new_users"].startswith("not compared: 28 days")
    for row in data:
        assert row["change"] == (row["value"] / row["yesterday"] - 1 if row["yesterday"] else None)
        assert row["change_usual"] == (row["value"] / row["usual"] - 1 if row["usual"] else None)
    other = [numbers(month, w)[1] for w in weekdays]
    mean = {
        name: sum(each.get(name, 0) for each in other) / len(weekdays)
        for name in {n for each in [*other, categories, categories_before] for n in each}
    }
    most = sorted(mean, key=lambda name: (-abs(categories.get(name, 0) - mean[name]), name))
    assert [row["name"] for row in data[4:]] == most[:5]
    assert [row["value"] for row in data[4:]] == [categories.get(name, 0) for name in most[:5]]
    assert [row["yesterday"] for row in data[4:]] == [
        categories_before.get(name, 0) for name in most[:5]
    ]


def sent(day, number, category="git"):
    return [
        {"timestamp": (SINCE + DAY * day).timestamp() + i, "topic": f"a.b.c.{category}",
         "users": ["ann"], "objects": ["pkg"]}
        for i in range(number)
    ]  # fmt: skip


def test_sentences(events):
    rows = sent(0, 1) + sent(7, 4) + sent(13, 1000) + sent(14, 5) + sent(14, 2, "wiki")
    _, notes = briefing(events(rows), SINCE, SINCE + 15 * DAY, top=1)
    before, usual = "than the day before", "a usual Monday"
    assert notes["text"].splitlines() == [
        "Monday, 2015-09-21 (UTC)",
        f"7 messages, 99 % fewer {before} (1,000), 180 % more than on {usual} (2.5)",
        f"1 user, as many as the day before (1), as many as on {usual} (1)",
        "0 new users (not seen in the 14 days before)",
        f"1 object, as many as the day before (1), as many as on {usual} (1)",
        f"5 messages of git, 99 % fewer {before} (1,000), 100 % more than on {usual} (2.5)",
    ]
    data, notes = briefing(events(rows), SINCE, SINCE + 8 * DAY, day=SINCE + 2 * DAY)
    assert notes["text"].splitlines()[1:] == [
        "0 messages, as the day before",
        "0 users, as the day before",
        "0 new users (not seen in the 2 days before)",
        "0 objects, as the day before",
        "not enough data to say what is usual on a Wednesday",
    ]
    assert [row["usual"] for row in data] == [None] * 4


def test_new_users_of_all_compared_days_look_back_equally_far(events):
    """Each day 5 of 60 people in turn, so after twelve days nobody is new."""
    rows = [
        {"timestamp": (SINCE + DAY * day).timestamp() + i, "topic": "t", "users": [user]}
        for day in range(70)
        for i, user in enumerate([*(f"u{(5 * day + k) % 60}" for k in range(5)), f"new{day}"])
    ]
    data, notes = briefing(events(rows), SINCE, SINCE + 70 * DAY)
    assert notes["look_back"] == (69 - 28) * DAY
    assert "new_users" not in notes
    [row] = [row for row in data if row["what"] == "new users"]
    assert (row["value"], row["yesterday"], row["usual"]) == (1, 1, 1)
    assert (
        "1 new user (not seen in the 41 days before), as many as the day before (1)"
        in (notes["text"])
    )


def test_days_before_the_first_event_are_unknown(events):
    rows = [row for day in range(20, 30) for row in sent(day, 5)]
    data, notes = briefing(events(rows), SINCE, SINCE + 30 * DAY)
    assert notes["same_weekdays"] == 1  # not four, three of them empty
    assert (data[0]["value"], data[0]["usual"], data[0]["change_usual"]) == (5, 5, 0)


def test_a_rounded_equality_reads_about_as_many(events):
    rows = sent(0, 1001) + sent(1, 1000)
    _, notes = briefing(events(rows), SINCE, SINCE + 2 * DAY)
    assert "1,000 messages, about as many as the day before (1,001)" in notes["text"]


def test_without_earlier_days_there_is_no_comparison(events):
    data, _ = briefing(events(sent(0, 3)), SINCE, SINCE + DAY)
    assert [(row["value"], row["yesterday"], row["change"]) for row in data] == [
        (3, None, None), (1, None, None), (1, None, None), (1, None, None)
    ]  # fmt: skip


def test_only_whole_days_are_reported(events, month):
    _, notes = briefing(events(month), SINCE, UNTIL - timedelta(seconds=1))
    assert notes["day"] == "2015-10-03"
    data, notes = briefing(events(month), SINCE + timedelta(hours=1), SINCE + DAY)
    assert data == []
    assert notes["note"].startswith("not enough data")
    with pytest.raises(UsageError, match="is not wholly in the range"):
        briefing(events(month), SINCE + timedelta(hours=1), UNTIL, day=SINCE + timedelta(hours=2))
    with pytest.raises(UsageError, match="-1 is too small"):
        briefing(events(month), SINCE, UNTIL, top=-1)


def test_an_empty_store():
    empty = read(connect(), 0, [], Selection())
    assert briefing(empty, SINCE, UNTIL) == ([], {})
    assert briefing(empty, SINCE, SINCE)[0] == []
