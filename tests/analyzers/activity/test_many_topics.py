"""`radar` and `diff` with more topics than can be shown: they compute what is asked for."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from hubbub.analyzers.activity.radar import radar
from hubbub.analyzers.activity.volume import diff
from hubbub.analyzers.common import limits
from hubbub.errors import UsageError

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
UNTIL = MONDAY + 28 * DAY


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    numbers = random.Random(5)
    return [
        {
            "timestamp": (MONDAY + numbers.randrange(28 * 24) * DAY / 24).timestamp(),
            "topic": f"a.b.c.t{numbers.randrange(12)}",
            "users": [f"u{min(numbers.randrange(9) for _ in range(2))}"],
        }
        for _ in range(300)
    ]


def test_the_busiest_users_of_a_radar(events: Any, rows: list[dict[str, Any]]) -> None:
    everybody, notes = radar(events(rows), axis="topic")
    assert notes == {"users": 8}
    messages = Counter(row["users"][0] for row in rows)
    busiest = sorted(messages, key=lambda name: (-messages[name], name))[:3]
    three, notes = radar(events(rows), axis="topic", top=3)
    assert notes == {"users": 8}
    assert three == {
        "axes": everybody["axes"],
        "totals": everybody["totals"],
        "users": {name: everybody["users"][name] for name in sorted(busiest)},
    }


@pytest.mark.parametrize(("per", "last"), [("day", 14), ("day", 2), ("week", 2), ("week", 9)])
def test_the_last_periods_and_the_busiest_topics_of_a_diff(
    per: Any, last: int, events: Any, rows: list[dict[str, Any]]
) -> None:
    whole, _ = diff(events(rows), MONDAY, UNTIL, per=per)
    part, notes = diff(events(rows), MONDAY, UNTIL, per=per, last=last)
    assert part["labels"] == whole["labels"][-last:]
    assert part["counts"] == {n: c[-last:] for n, c in whole["counts"].items() if any(c[-last:])}
    assert notes["names"] == len(part["counts"])
    for name, changes in part["diff"].items():
        assert changes == [None, *whole["diff"][name][-last:][1:]]

    totals = {name: sum(counts) for name, counts in whole["counts"].items()}
    busiest = sorted(totals, key=lambda name: (-totals[name], name))[:4]
    four, notes = diff(events(rows), MONDAY, UNTIL, per=per, top=4)
    assert four["counts"] == {name: whole["counts"][name] for name in sorted(busiest)}
    assert notes["names"] == len(totals)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_change_is_that_of_all_topics(seed: int, events: Any) -> None:
    numbers = random.Random(seed)
    rows = [
        {
            "timestamp": (MONDAY + numbers.randrange(6) * DAY).timestamp() + 60,
            "topic": f"a.b.c.t{numbers.randrange(5)}",
            "users": [],
        }
        for _ in range(numbers.randrange(40))
    ]
    whole, notes = diff(events(rows), MONDAY, MONDAY + 6 * DAY)
    changes = [
        (name, whole["labels"][i + 1], after - before)
        for name, counts in whole["counts"].items()
        for i, (before, after) in enumerate(pairwise(counts))
    ]
    most = max((abs(change) for _, _, change in changes), default=0)
    reaching = [c for c in changes if abs(c[2]) == most > 0]
    largest = diff(events(rows), MONDAY, MONDAY + 6 * DAY, top=1)[1]["largest"]
    assert largest == notes["largest"]
    if not reaching:
        assert largest is None
    else:
        assert largest["times"] == len(reaching)
        assert (largest["name"], largest["label"], largest["change"]) in reaching


def test_an_answer_of_too_many_numbers_is_refused_with_what_to_do(
    events: Any, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_NUMBERS", 90)
    with pytest.raises(UsageError, match=r"96 numbers: 8 users by 12 axes") as caught:
        radar(events(rows), axis="topic")
    assert "--top" in caught.value.hint
    assert len(radar(events(rows), axis="topic", top=3)[0]["users"]) == 3
    with pytest.raises(UsageError, match=r"336 numbers: 12 names by 28 periods") as caught:
        diff(events(rows), MONDAY, UNTIL)
    assert "--last" in caught.value.hint
    assert len(diff(events(rows), MONDAY, UNTIL, last=5)[0]["labels"]) == 5
