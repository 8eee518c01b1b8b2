"""What a listener notes about itself: heard, and where messages may be missing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from hubbub.collector.bus.endpoint import Endpoint
from hubbub.collector.bus.listener import Counts
from hubbub.collector.event import alive_key
from hubbub.collector.gaps.detector import (
    CLOCK,
    LOST,
    OVERFLOW,
    SILENT,
    SLACK,
    STOPPED,
    GapDetector,
)
from hubbub.store.state.database import State
from tests.support.fake_history import MemoryLedger

T0 = 1_795_000_000
ADDRESS = "tcp://bus.example.org:9940"
SOURCE = f"zmq:{ADDRESS}"


class Stage:
    """One endpoint, its listener's counts, two clocks and a ledger, all in our hands."""

    def __init__(self, ledger, *, at=0.0, bound=False):
        self.ledger, self.now, self.mono = ledger, T0 + at, 1000.0
        self.endpoint = Endpoint(ADDRESS, bound=bound)
        self.counts = Counts()
        self.gaps = GapDetector(
            [self.endpoint],
            lambda: self.counts,
            ledger,
            clock=lambda: self.now,
            monotonic=lambda: self.mono,
        )
        self.gaps.begin()

    def connect(self, there=True):
        self.endpoint._open = {1} if there else set()
        self.endpoint._greeted = there
        self.endpoint.connects += there
        self.endpoint.losses += not there
        return self

    def pass_(self, seconds, rate=1.0, *, waiting=0, step=0.5):
        for n in range(round(seconds / step)):
            self.now += step
            self.mono += step
            came = round(rate * step * (n + 1)) - round(rate * step * n)
            self.endpoint.received += came
            self.counts = replace(
                self.counts, received=self.counts.received + came, waiting=waiting
            )
            self.gaps.tick()
        return self

    def spans(self):
        """(start, end, state), seconds after T0."""
        return [
            (round(a / 1e6 - T0), round(b / 1e6 - T0), state)
            for a, b, state in self.ledger.spans(SOURCE, "")
        ]

    def why(self):
        return {span.proof for span in self.ledger.coverage() if span.state == "gap"}


@pytest.fixture
def ledger(tmp_path):
    with State(tmp_path / "state.sqlite") as state:
        state.execute("PRAGMA synchronous = OFF")  # thousands of heartbeats
        yield state


def test_a_connected_listener_has_heard_and_misses_nothing(ledger):
    stage = Stage(ledger).connect().pass_(60)
    stage.gaps.end()
    assert stage.spans() == [(0, 60, "unproven")]
    assert ledger.get(alive_key(SOURCE)) == (T0 + 60) * 10**6


def test_what_is_not_durable_is_not_heard(ledger):
    stage = Stage(ledger).connect().pass_(30)
    stage.pass_(30, waiting=5)
    ((_, end, state),) = stage.spans()
    assert state == "unproven"
    assert 20 <= end <= 56  # the last five messages wait
    assert ledger.get(alive_key(SOURCE)) <= (T0 + 56) * 10**6


def test_killed_without_a_word_the_time_since_the_last_heartbeat_is_a_gap(ledger):
    Stage(ledger).connect().pass_(60)  # and then kill -9
    stage = Stage(ledger, at=3600).connect().pass_(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert 60 - 5.5 - SLACK <= gap[0] <= 60
    assert gap[1] >= 3600 + SLACK
    assert stage.why() == {STOPPED}


def test_killed_before_its_first_heartbeat_it_is_known_that_we_were_to_listen(ledger):
    Stage(ledger).connect().pass_(2)
    again = Stage(ledger, at=7).connect().pass_(10)
    assert again.spans()[0] == (-10, 18, "gap")
    assert again.why() == {STOPPED}


def test_a_gap_that_nobody_was_told_of_outlives_a_second_kill(ledger):
    Stage(ledger).connect().pass_(20)
    Stage(ledger, at=60).pass_(1)
    last = Stage(ledger, at=65).connect().pass_(10)
    assert last.spans() == [(0, 10, "unproven"), (10, 76, "gap")]


def test_nobody_ever_answered(ledger):
    stage = Stage(ledger).pass_(5, rate=0)
    assert stage.spans() == []  # it may still be connecting
    stage.pass_(55, rate=0)
    assert stage.spans() == [(0, 60, "gap")]
    assert stage.why() == {LOST}


def test_a_first_connection_that_takes_a_second_is_no_gap(ledger):
    stage = Stage(ledger).pass_(1, rate=0).connect().pass_(60)
    assert {state for _, _, state in stage.spans()} == {"unproven"}


def test_a_lost_connection_is_a_gap_until_it_is_there_again(ledger):
    stage = Stage(ledger).connect().pass_(100).connect(there=False).pass_(50, rate=0)
    assert stage.spans()[-1][2] == "gap"  # told while it lasts
    stage.connect().pass_(50)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert abs(gap[0] - (100 - SLACK)) <= 1
    assert abs(gap[1] - (150 + SLACK)) <= 1
    assert stage.why() == {LOST}


def test_a_growing_gap_does_not_take_back_what_was_healed(ledger):
    stage = Stage(ledger).connect().pass_(100).connect(there=False).pass_(50, rate=0)
    start, end = (T0 + 80) * 10**6, (T0 + 130) * 10**6
    ledger.span(SOURCE, "", start, end, "healed", "by history")
    stage.pass_(50, rate=0)
    assert (80, 130, "healed") in stage.spans()


def test_a_connection_that_was_made_again_between_two_looks(ledger):
    stage = Stage(ledger).connect().pass_(100)
    stage.endpoint.losses += 1
    stage.pass_(60)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert gap[0] <= 100 <= gap[1] <= gap[0] + 2 * SLACK + 1


def test_publishers_come_and_go_where_we_bind(ledger):
    stage = Stage(ledger, bound=True).pass_(30).connect().pass_(30).connect(there=False).pass_(30)
    assert {state for _, _, state in stage.spans()} == {"unproven"}


def test_what_the_disk_could_not_take_is_a_gap(ledger):
    stage = Stage(ledger).connect().pass_(100)
    stage.counts = replace(stage.counts, overflow=7)
    stage.pass_(60)
    assert stage.why() == {OVERFLOW}
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert gap[0] <= 100 <= gap[1]


@pytest.mark.parametrize("rate", [0.5, 20])
def test_silence_against_its_habit(ledger, rate):
    stage = Stage(ledger).connect().pass_(1200, rate=rate, step=2)
    stage.pass_(25, rate=0)
    assert stage.why() == set()  # so long chance may make it
    stage.pass_(120, rate=0)
    assert stage.why() == {SILENT}
    stage.pass_(60, rate=rate)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert abs(gap[0] - (1200 - SLACK)) <= 4
    assert abs(gap[1] - (1345 + SLACK)) <= 4


def test_a_quiet_bus_is_quiet(ledger):
    stage = Stage(ledger).connect().pass_(7200, rate=1 / 60, step=2).pass_(600, rate=0, step=2)
    assert stage.why() == set()


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps(ledger, jump):
    stage = Stage(ledger).connect().pass_(4000, step=2)
    stage.now += jump
    stage.pass_(60)
    assert stage.why() == {CLOCK}
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    low, high = sorted((4000, 4000 + jump))
    assert gap[0] <= low <= high <= gap[1]
    stage.pass_(5)
    heard = ledger.get(alive_key(SOURCE)) / 1e6 - T0
    assert abs(heard - (4000 + jump + 65)) <= 6


def test_a_clock_that_was_set_back_while_we_were_stopped(ledger):
    Stage(ledger).connect().pass_(4000, step=2)
    stage = Stage(ledger, at=2000).connect().pass_(20)
    gaps = [span for span in stage.spans() if span[2] == "gap"]
    assert gaps[0][0] <= 2000
    assert gaps[-1][1] >= 3990
    assert all(a[1] == b[0] for a, b in itertools.pairwise(gaps))


def test_a_ledger_that_fails_is_told_later():
    class Failing(MemoryLedger):
        full = False

        def span(self, *span):
            if self.full:
                raise OSError("no room")
            super().span(*span)

    ledger = Failing()
    stage = Stage(ledger).connect().pass_(20)
    ledger.full = True
    stage.connect(there=False).pass_(1, rate=0).connect().pass_(60)
    assert all(span[4] == "unproven" for span in ledger.recorded)
    ledger.full = False
    stage.pass_(20)
    assert [span[4] for span in ledger.recorded if span[4] == "gap"] == ["gap"]
    assert max(span[3] for span in ledger.recorded) >= (T0 + 95) * 10**6


def test_a_limited_listener_says_nothing_about_everything(ledger):
    stage = Stage(ledger)
    stage.gaps._filters = "category=git"
    stage.connect().pass_(60)
    assert stage.spans() == []
    assert ledger.spans(SOURCE, "category=git") != []


def test_a_pause_between_two_looks_at_the_clocks_is_no_jump(ledger):
    stage = Stage(ledger).connect().pass_(10)
    pauses = [30.0]

    def paused():
        now = stage.now
        if pauses:  # the machine does something else after the first clock was read
            stage.now += pauses[0]
            stage.mono += pauses.pop()
        return now

    stage.gaps._clock = paused
    stage.gaps.tick()
    assert pauses == []
    stage.pass_(10)
    assert "our clock jumped" not in stage.why()
