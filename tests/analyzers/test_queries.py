"""The built-in queries against the golden vectors and against loops over plain lists."""

import json
import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from hubbub.analyzers.activity.radar import radar
from hubbub.analyzers.activity.totals import objects, users
from hubbub.analyzers.activity.volume import diff, volume
from hubbub.analyzers.evenness.longtail import longtail, tail
from hubbub.analyzers.evenness.metrics import measure
from hubbub.errors import UsageError
from hubbub.registry import REGISTRY
from tests.support import paths

GOLDEN = paths.GOLDEN / "radar"
CASES = sorted(path.name for path in GOLDEN.glob("*.json"))
SINCE, UNTIL = datetime(2015, 9, 7, tzinfo=UTC), datetime(2015, 10, 5, tzinfo=UTC)


def utc(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def rows_of(table):
    return table.to_pyarrow().to_pylist()


def load(name, month):
    """Return a case and its events in the range of the case."""
    case = json.loads((GOLDEN / name).read_text())
    rows = month if "file" in case else case["events"]
    return case, [row for row in rows if case["start"] <= row["timestamp"] < case["end"]]


def test_both_golden_folders_have_the_same_events(month):
    lines = (GOLDEN / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == month


def radars():
    """Yield (case, key of its vector); `medium.json` has none by topic."""
    for name in CASES:
        expected = json.loads((GOLDEN / name).read_text())["expected"]
        yield from ((name, key) for key in ("radar", "radar_by_topic") if key in expected)


@pytest.mark.parametrize(("name", "key"), list(radars()))
def test_golden_radar(name, key, events, month):
    case, rows = load(name, month)
    axis: Literal["category", "topic"] = "category" if key == "radar" else "topic"
    expected = case["expected"][key]
    chosen = list(expected["users"]) if "file" in case else None
    data, _ = radar(events(rows), axis=axis, user=chosen)
    assert data["axes"] == expected["axes"]
    assert data["totals"] == expected["totals"]
    assert list(data["users"]) == sorted(expected["users"])
    for user, golden in expected["users"].items():
        shares = pytest.approx(golden["share"], rel=1e-9, abs=1e-9)
        assert data["users"][user]["counts"] == golden["counts"]
        assert data["users"][user]["share"] == shares


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("per", "key"), [("day", "daily"), ("d", "daily"), ("week", "weekly")])
def test_golden_diff(name, per, key, events, month):
    case, rows = load(name, month)
    expected = case["expected"][key]
    data, _ = diff(events(rows), utc(case["start"]), utc(case["end"]), per=per)
    assert data["labels"] == expected["days" if key == "daily" else "weeks"]
    assert data["counts"] == expected["counts"]
    assert data["diff"] == expected["diff"]


def test_the_most_active_users_of_the_golden_radar_are_those_of_tail(events, month):
    case, rows = load("medium.json", month)
    busiest = [row["user"] for row in rows_of(tail(events(rows)))[:25]]
    assert sorted(busiest) == sorted(case["expected"]["radar"]["users"])


def test_radar_users_may_be_globs(events, month):
    data, _ = radar(events(month), user=["user00?", "nobody"])
    assert list(data["users"]) == [f"user00{i}" for i in range(1, 10)]


def test_diff_of_categories_and_of_part_of_a_day(events):
    rows = [{"timestamp": SINCE.timestamp() + 3600, "topic": "a.b.c.git.x", "users": []}]
    hour = timedelta(hours=1)
    data, _ = diff(events(rows), SINCE + hour, SINCE + 24 * hour + hour, axis="category")
    assert data == {
        "labels": ["2015-09-07", "2015-09-08"],
        "counts": {"git": [1, 0]},
        "diff": {"git": [None, -1]},
    }


def test_longtail_has_the_metrics_of_each_window(events, month):
    data, notes = longtail(events(month), SINCE, UNTIL, step=timedelta(days=1))
    assert (len(data), notes["windows"]) == (28, 28)
    for row in data:
        assert row["end"] - row["start"] == timedelta(days=1)
        inside = [
            e for e in month if row["start"].timestamp() <= e["timestamp"] < row["end"].timestamp()
        ]
        numbers = measure(Counter(user for e in inside for user in e["users"]).values())
        assert {name: row[name] for name in ("n", "total", "gini", "top_shares")} == {
            "n": numbers.n,
            "total": numbers.total,
            "gini": numbers.gini,
            "top_shares": numbers.top_shares,
        }


def test_longtail_by_agent_counts_each_event_once(events):
    rows = [
        {"timestamp": SINCE.timestamp(), "topic": "t", "users": ["ann", "bob"], "agent": "bob"},
        {"timestamp": SINCE.timestamp(), "topic": "t", "users": ["ann"], "agent": None},
    ]
    day = timedelta(days=1)
    [by_users], _ = longtail(events(rows), SINCE, SINCE + day)
    [by_agent], _ = longtail(events(rows, by="agent"), SINCE, SINCE + day)
    assert (by_users["n"], by_users["total"]) == (2, 3)
    assert (by_agent["n"], by_agent["total"]) == (1, 1)


def test_longtail_of_windows_without_users(events):
    rows = [{"timestamp": SINCE.timestamp(), "topic": "t", "users": []}]
    data, _ = longtail(events(rows), SINCE, SINCE + timedelta(days=3), step=timedelta(days=1))
    assert [(row["n"], row["total"], row["longtail"]) for row in data] == [(0, 0, None)] * 3


def test_longtail_of_a_range_shorter_than_a_window_has_a_note(events, month):
    data, notes = longtail(events(month), SINCE, SINCE + timedelta(hours=1))
    assert data == []
    assert "shorter" in notes["note"]


def test_tail_is_sorted_and_its_ideal_line_gives_longtail(events, month):
    rows = rows_of(tail(events(month)))
    counts = Counter(user for e in month for user in e["users"])
    expected = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    assert [(row["user"], row["count"]) for row in rows] == expected
    assert [row["rank"] for row in rows] == list(range(1, len(counts) + 1))
    distance = sum(row["ideal"] - row["count"] for row in rows) / len(rows)
    assert distance == pytest.approx(measure(counts.values()).longtail)
    assert rows[0]["ideal"] == rows[0]["count"]
    assert list(rows[0]) == ["rank", "user", "count", "ideal"]


@pytest.mark.parametrize("per", ["h", "hour", "d", "day", "w", "week"])
def test_volume_without_axis_has_every_period(per, events, month):
    length = {"h": 3600, "d": 86400, "w": 604800}[per[0]]
    data = volume(events(month), SINCE, UNTIL, per=per)
    assert [row["start"] for row in data] == [
        SINCE + timedelta(seconds=length) * i for i in range(28 * 86400 // length)
    ]
    for row in data:
        start = row["start"].timestamp()
        sizes = [e["size"] for e in month if start <= e["timestamp"] < start + length]
        assert (row["name"], row["messages"], row["bytes"]) == (None, len(sizes), sum(sizes))


def test_volume_per_category_adds_up(events, month):
    data = volume(events(month), SINCE, UNTIL, per="week", axis="category")
    expected: Counter[tuple[datetime, str]] = Counter()
    for e in month:
        week = int((e["timestamp"] - SINCE.timestamp()) // 604800)
        expected[SINCE + timedelta(weeks=week), e["topic"].split(".")[3]] += 1
    assert {(row["start"], row["name"]): row["messages"] for row in data} == expected
    assert data == sorted(data, key=lambda row: (row["start"], row["name"]))


@pytest.mark.parametrize(("query", "field"), [(users, "users"), (objects, "objects")])
def test_totals(query, field, events, month):
    name = field.removesuffix("s")
    seen = defaultdict(list)
    for e in month:
        for value in e[field]:
            seen[value].append((e["timestamp"], e["size"]))
    data = rows_of(query(events(month)))
    assert list(data[0]) == [name, "messages", "bytes", "first", "last"]
    assert [row[name] for row in data] == sorted(seen, key=lambda value: (-len(seen[value]), value))
    for row in data:
        times, sizes = zip(*seen[row[name]], strict=True)
        assert (row["messages"], row["bytes"]) == (len(times), sum(sizes))
        assert row["first"].timestamp() == pytest.approx(min(times), abs=1e-6)
        assert row["last"].timestamp() == pytest.approx(max(times), abs=1e-6)
    assert rows_of(query(events(month), top=3)) == data[:3]


def test_a_top_of_zero_is_refused(events):
    with pytest.raises(UsageError, match="0 is too small"):
        users(events([]), top=0)


def test_the_order_of_events_does_not_matter(events, month):
    shuffled = random.Random(5).sample(month, len(month))
    for query in (tail, users, objects):
        assert rows_of(query(events(shuffled))) == rows_of(query(events(month)))
    assert radar(events(shuffled)) == radar(events(month))
    assert longtail(events(shuffled), SINCE, UNTIL) == longtail(events(month), SINCE, UNTIL)


def test_an_empty_table(events):
    empty = events([])
    assert longtail(empty, SINCE, UNTIL)[0] == []
    assert volume(empty, SINCE, UNTIL) == volume(empty, SINCE, UNTIL, axis="topic") == []
    assert radar(empty) == ({"axes": [], "totals": [], "users": {}}, {"users": 0})
    assert diff(empty, SINCE, SINCE + timedelta(days=1))[0] == {
        "labels": ["2015-09-07"],
        "counts": {},
        "diff": {},
    }
    for query in (tail, users, objects):
        assert rows_of(query(empty)) == []
    assert diff(empty, SINCE, SINCE)[0]["labels"] == []


def test_all_are_registered_with_help():
    names = {"longtail", "tail", "radar", "diff", "volume", "users", "objects"}
    assert names <= set(REGISTRY.queries)
    for name in names:
        assert REGISTRY.queries[name].doc
        assert all(p.name != "events" for p in REGISTRY.queries[name].parameters)
