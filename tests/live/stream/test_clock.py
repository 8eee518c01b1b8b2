"""The clock of a replay: pace, pause, step; and which part of the past is replayed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hubbub.collector.event import Event
from hubbub.errors import UsageError
from hubbub.live.stream.clock import Replay
from hubbub.live.stream.past import replay_range, replay_speed
from hubbub.times import to_micros
from hubbub.zones import UNIVERSAL, find
from tests.live.stream.test_frames import event

SECONDS = (10, 20, 30, 90)


class Past:
    """Events at `SECONDS`, replayed from 10 to 100 at 60 times the pace, by a clock of its own."""

    def __init__(self) -> None:
        self.time = 100.0
        self.replay = Replay(self.read, 10_000_000, 100_000_000, 60, lambda: self.time)

    def read(self, since: int) -> Iterator[Event]:
        return (event(n) for n in SECONDS if n * 1_000_000 >= since)

    def after(self, seconds: float) -> list[str]:
        self.time += seconds
        return [e.id for e in self.replay.poll()]


def test_each_event_is_given_at_its_time() -> None:
    past = Past()
    assert past.after(0) == ["10"]
    assert past.after(0.5) == ["20", "30"]  # half a minute of the past
    assert past.replay.now == 40_000_000
    assert (past.after(0), past.replay.ended) == ([], False)
    assert (past.after(1), past.replay.ended) == (["90"], True)
    assert past.replay.now == 100_000_000


def test_a_pause_stops_the_clock() -> None:
    past = Past()
    past.after(0)
    past.replay.pause()
    assert (past.after(100), past.replay.now) == ([], 10_000_000)
    past.replay.pause()
    assert past.after(0.2) == ["20"]


def test_another_speed_goes_on_from_the_same_time() -> None:
    past = Past()
    past.after(0.1)
    past.replay.speed = 4
    assert past.replay.now == 16_000_000
    assert past.after(1) == ["20"]


def test_steps_forward_give_what_lies_between_and_back_give_it_again() -> None:
    past = Past()
    past.after(0)
    assert not past.replay.step(60)
    assert past.after(0) == ["20", "30"]
    assert past.replay.step(-45)
    assert past.replay.now == 25_000_000
    assert past.after(0.1) == ["30"]
    past.replay.step(10_000)
    assert (past.after(0), past.replay.ended) == (["90"], True)
    assert past.replay.step(-10_000)
    assert (past.replay.now, past.replay.ended) == (10_000_000, False)
    assert past.after(2) == ["10", "20", "30", "90"]


def test_a_paused_replay_can_be_stepped() -> None:
    past = Past()
    past.replay.pause()
    past.replay.step(15)
    assert past.after(1_000) == ["10", "20"]


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [("2026-10-25", "Europe/Berlin", 25), ("2026-03-29", "Europe/Berlin", 23)],
)
def test_a_day_is_one_of_its_zone(day: str, zone: str, hours: int) -> None:
    start, end = replay_range(day, find(zone))
    assert end - start == hours * 3_600_000_000
    assert find(zone).day(datetime.fromtimestamp(start / 1e6, UTC)).isoformat() == day


def test_a_replay_may_start_within_the_day() -> None:
    start, end = replay_range("2026-11-14", UNIVERSAL, "2026-11-14T12:00")
    assert start == to_micros(datetime(2026, 11, 14, 12, tzinfo=UTC))
    assert end == to_micros(datetime(2026, 11, 15, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "0.5", "4000", "nan", "inf", "fast"])
def test_no_speed(text: str) -> None:
    with pytest.raises(UsageError, match="speed cannot be"):
        replay_speed(text)


@pytest.mark.parametrize("text", ["", "yesterday", "9999-12-31"])
def test_no_day(text: str) -> None:
    with pytest.raises(UsageError, match="replay cannot be"):
        replay_range(text, UNIVERSAL)
