"""The explorer's tables: counted as by hand, in any zone, and coarser where they would be long."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.publish import explore_page
from hubbub.publish import explorer as module
from hubbub.publish.explorer import OTHER, Explorer, explorer
from hubbub.store import Selection, Store
from hubbub.zones import UNIVERSAL, find
from tests.support.stores.published_store import lines

SINCE, UNTIL = 1_420_070_400_000_000, 1_798_761_600_000_000  # 2015 to 2027, with changes of clocks
PERIODS: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}


def explored(store: Path, tz: str = "") -> Explorer:
    zone = find(tz) if tz else UNIVERSAL
    with Store.open(store, reading=True) as opened:
        events = opened.events(Selection(since=SINCE, until=UNTIL, bots=False, zone=zone))
        return explorer(events, {}, least=5, hide=lambda text: text)


@pytest.mark.parametrize("tz", ["", "America/New_York", "Asia/Kolkata"])
def test_people_and_messages_are_those_of_the_lines(people: Path, tz: str) -> None:
    zone = find(tz) if tz else UNIVERSAL
    users: dict[Any, set[str]] = defaultdict(set)
    messages: dict[Any, int] = defaultdict(int)
    for line in lines():
        day = zone.local(datetime.fromtimestamp(line["timestamp"], UTC)).date()
        category = line["topic"].split(".")[3]
        messages[day, category] += 1
        for per, start in PERIODS.items():
            for where in (category, None):
                users[per, start(day), where].update(line["users"])
    found = explored(people, tz)
    expected = {key: len(names) for key, names in users.items() if names}
    rows = {row[:3]: row[3] for row in found.people.rows}
    assert rows == {key: n if n >= 5 else None for key, n in expected.items()}
    counted: dict[Any, int] = defaultdict(int)
    for start, category, _, number, _ in found.topics.rows:
        counted[start, category] += number
    assert counted == messages
    assert found.per == "day"


@pytest.mark.parametrize(("most", "per", "periods"), [(120, "week", 6), (10, "month", 2)])
def test_a_long_history_is_counted_by_longer_periods(
    people: Path, monkeypatch: pytest.MonkeyPatch, most: int, per: str, periods: int
) -> None:
    monkeypatch.setattr(module, "_ROWS", most)
    monkeypatch.setattr(module, "_STEPS", [("day", 150), ("week", 150), ("month", 2)])
    found = explored(people)
    assert found.per == per
    assert len({row[0] for row in found.topics.rows}) == periods
    assert len(found.topics.rows) <= most
    assert sum(row[3] for row in found.topics.rows) == 600
    assert {row[0] for row in found.people.rows} == {per}
    assert f"messages are counted by {per}, not by day" in found.notes[0]
    assert any(row[2] == OTHER for row in found.topics.rows)


@pytest.mark.parametrize(
    ("per", "few", "most", "shown"),
    [
        ("day", 90, 12_000, "day"),
        ("day", 34, 12_000, "week"),
        ("day", 34, 14, "month"),
        ("week", 3, 14, "week"),  # weeks cannot be added up to months
    ],
)
def test_the_page_begins_with_few_rows_that_add_up_to_those_of_the_topics(
    people: Path, monkeypatch: pytest.MonkeyPatch, per: str, few: int, most: int, shown: str
) -> None:
    monkeypatch.setattr(module, "_FEW_DAYS", few)
    monkeypatch.setattr(module, "_FIRST_ROWS", most)
    monkeypatch.setattr(module, "_STEPS", [(per, 150)])
    found = explored(people)
    assert (found.per, found.shown) == (per, shown)
    sums: dict[Any, int] = defaultdict(int)
    for start, category, _, messages, _ in found.topics.rows:
        sums[PERIODS[shown](start), category] += messages
    assert {row[:2]: row[2] for row in found.categories.rows} == sums
    assert sum(sums.values()) == 600


def test_people_are_left_to_months_where_they_are_many(
    people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PEOPLE_ROWS", 20)
    found = explored(people)
    assert {row[0] for row in found.people.rows} == {"month"}
    assert "people are not counted by day" in " ".join(found.notes)
    assert list(found.people_per) == ["month"]
    assert ' data-people="month"' in explore_page.body(found, {}, least=5)


def test_people_of_weeks_are_all_there(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEPS", [("week", 150)])
    whole = explored(people)
    monkeypatch.setattr(module, "_PEOPLE_ROWS", 3)
    found = explored(people)
    assert list(found.people_per) == ["week"]
    assert found.people.rows == whole.people.rows
    assert len(whole.people.rows) > 3
