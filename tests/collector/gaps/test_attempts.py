"""Back-off of requests for a gap, with a settling time of ten minutes."""

from itertools import pairwise

import pytest

from hubbub.collector.gaps.attempts import Attempts

MINUTE, HOUR, DAY = 60, 3600, 86_400
SETTLE = 10 * MINUTE


def requests(attempts: Attempts, start: int, end: int, rounds: range) -> list[int]:
    """Return the times of the rounds in which the gap was requested."""
    times = []
    for now in rounds:
        if attempts.due(start, end, now):
            attempts.record(start, end, now)
            times.append(now)
    return times


def test_a_gap_is_requested_at_once_when_settled_and_then_with_growing_pauses() -> None:
    times = requests(Attempts(SETTLE), 0, 60, range(60, 5 * DAY, MINUTE))
    assert times[:2] == [60, 60 + SETTLE]
    pauses = [b - a for a, b in pairwise(times[1:])]
    assert pauses[:6] == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR, DAY]
    assert set(pauses[6:]) == {DAY}, "and never less often than once a day"


def test_a_growing_gap_is_requested_with_growing_pauses_and_once_more_at_its_end() -> None:
    attempts, minutes = Attempts(SETTLE), []
    for now in range(MINUTE, DAY, MINUTE):
        if attempts.due(0, now, now):
            attempts.record(0, now, now)
            minutes.append(now // MINUTE)
    assert minutes[:6] == [1, 6, 16, 36, 76, 136]
    assert {b - a for a, b in pairwise(minutes[5:])} == {60}
    assert requests(attempts, 0, DAY, range(DAY, DAY + HOUR, MINUTE))[-1] == DAY + SETTLE
    assert requests(attempts, 0, DAY, range(DAY + HOUR, DAY + 3 * HOUR, MINUTE)) == [
        DAY + SETTLE + HOUR
    ], "requests while it grew do not lengthen the pause"


def test_gaps_are_distinguished_and_forgotten_once_filled() -> None:
    attempts = Attempts(SETTLE)
    attempts.record(0, 100, 100)
    assert not attempts.due(50, 100, 101), "it was requested as a part of the other"
    assert attempts.due(100, 200, 101), "its neighbour was not requested"
    attempts.retain([(100, 300)])
    assert attempts.due(0, 100, 102)


@pytest.mark.parametrize("settle", [1, HOUR])
def test_short_and_long_settling_times(settle: int) -> None:
    times = requests(Attempts(settle), 0, 60, range(60, 20 * DAY, 20))
    pauses = [b - a for a, b in pairwise(times[1:])]
    assert pauses[0] == max(10 * MINUTE, 6 * settle)
    assert max(pauses) == DAY
