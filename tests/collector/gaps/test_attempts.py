"""When a gap is worth another question; minutes here, of a history that settles within ten."""

from itertools import pairwise

import pytest

from hubbub.collector.gaps.attempts import Asked

MINUTE, HOUR, DAY = 60, 3600, 86_400
SETTLE = 10 * MINUTE


def times(asked: Asked, start: int, end: int, looks: range) -> list[int]:
    """The looks at which a gap was asked for."""
    found = []
    for now in looks:
        if asked.due(start, end, now):
            asked.note(start, end, now)
            found.append(now)
    return found


def test_at_once_when_it_has_settled_and_then_ever_more_rarely() -> None:
    found = times(Asked(SETTLE), 0, 60, range(60, 5 * DAY, MINUTE))
    assert found[:2] == [60, 60 + SETTLE]
    waits = [b - a for a, b in pairwise(found[1:])]
    assert waits[:6] == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY]
    assert set(waits[6:]) == {DAY}, "and never less often than once a day"


def test_one_that_grows_ever_more_rarely_and_once_more_at_its_end() -> None:
    asked, found = Asked(SETTLE), []
    for now in range(MINUTE, DAY, MINUTE):
        if asked.due(0, now, now):
            asked.note(0, now, now)
            found.append(now // MINUTE)
    assert found[:6] == [1, 6, 16, 36, 76, 136]
    assert {b - a for a, b in pairwise(found[5:])} == {60}
    assert times(asked, 0, DAY, range(DAY, DAY + HOUR, MINUTE))[-1] == DAY + SETTLE
    assert times(asked, 0, DAY, range(DAY + HOUR, DAY + 3 * HOUR, MINUTE)) == [
        DAY + SETTLE + HOUR
    ], "what came of it while it grew does not count against it"


def test_gaps_are_told_apart_and_forgotten_when_they_are_none() -> None:
    asked = Asked(SETTLE)
    asked.note(0, 100, 100)
    assert not asked.due(50, 100, 101), "a part of it was asked for with it"
    assert asked.due(100, 200, 101), "its neighbour was not"
    asked.keep([(100, 300)])
    assert asked.due(0, 100, 102)


@pytest.mark.parametrize("settle", [1, HOUR])
def test_short_and_long_settling_times(settle: int) -> None:
    found = times(Asked(settle), 0, 60, range(60, 20 * DAY, 20))
    waits = [b - a for a, b in pairwise(found[1:])]
    assert waits[0] == max(10 * MINUTE, 6 * settle)
    assert max(waits) == DAY
