"""What the detector records of a listener: spans that were received, and gaps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from hubbub.collector.event import alive_key
from hubbub.collector.gaps.detector import SLACK, GapDetector
from hubbub.collector.gaps.watched import CLOCK, OVERFLOW, SILENT, STOPPED, UNREACHABLE
from hubbub.collector.listening.listener import Counts
from hubbub.collector.zeromq.endpoint import Endpoint
from hubbub.store.state.database import State
from tests.support.history.fake_history import MemoryLedger

T0 = 1_795_000_000
ADDRESS = "tcp://bus.example.org:9940"
SOURCE = f"zmq:{ADDRESS}"


class Stage:
    """A detector with one endpoint, whose clocks, counts and ledger the test controls."""

    def __init__(self, ledger, *, at=0.0, bound=False):
        self.ledger, self.now, self.mono = ledger, T0 + at, 1000.0
        self.endpoint = Endpoint(ADDRESS, bound=bound)
        self.counts = Counts()
        self.standstills: list[tuple[float, float]] = []
        self.detector = GapDetector(
            [self.endpoint],
            lambda: self.counts,
            ledger,
            standstills=lambda: [self.standstills.pop() for _ in range(len(self.standstills))],
            clock=lambda: self.now,
            monotonic=lambda: self.mono,
        )
        self.detector.begin()

    def connect(self):
        self.endpoint._open, self.endpoint._greeted = {1}, True
        self.endpoint.connects += 1
        return self

    def disconnect(self):
        self.endpoint._open, self.endpoint._greeted = set(), False
        self.endpoint.losses += 1
        return self

    def advance(self, seconds, rate=1.0, *, waiting=0, step=0.5):
        for n in range(round(seconds / step)):
            self.now += step
            self.mono += step
            received = round(rate * step * (n + 1)) - round(rate * step * n)
            self.endpoint.received += received
            self.counts = replace(
                self.counts, received=self.counts.received + received, waiting=waiting
            )
            self.detector.tick()
        return self

    def spans(self):
        """(start, end, state), seconds after T0."""
        return [
            (round(a / 1e6 - T0), round(b / 1e6 - T0), state)
            for a, b, state in self.ledger.spans(SOURCE, "")
        ]

    def gap_proofs(self):
        return {span.proof for span in self.ledger.coverage() if span.state == "gap"}


@pytest.fixture
def ledger(tmp_path):
    with State(tmp_path / "state.sqlite") as state:
        state.execute("PRAGMA synchronous = OFF")  # thousands of heartbeats
        yield state


def test_a_connected_listener_has_no_gap(ledger):
    stage = Stage(ledger).connect().advance(60)
    stage.detector.end()
    assert stage.spans() == [(0, 60, "unproven")]
    assert ledger.get(alive_key(SOURCE)) == (T0 + 60) * 10**6


def test_messages_that_are_not_durable_are_not_recorded_as_received(ledger):
    stage = Stage(ledger).connect().advance(30)
    stage.advance(30, waiting=5)
    ((_, end, state),) = stage.spans()
    assert state == "unproven"
    assert 20 <= end <= 56  # the last five messages wait for the disk
    assert ledger.get(alive_key(SOURCE)) <= (T0 + 56) * 10**6


def test_after_a_kill_the_time_since_the_last_heartbeat_is_a_gap(ledger):
    Stage(ledger).connect().advance(60)  # then kill -9
    stage = Stage(ledger, at=3600).connect().advance(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert 60 - 5.5 - SLACK <= gap[0] <= 60
    assert gap[1] >= 3600 + SLACK
    assert stage.gap_proofs() == {STOPPED}


def test_a_kill_before_the_first_heartbeat_leaves_a_gap(ledger):
    Stage(ledger).connect().advance(2)
    stage = Stage(ledger, at=7).connect().advance(10)
    assert stage.spans()[0] == (-10, 18, "gap")
    assert stage.gap_proofs() == {STOPPED}


def test_a_gap_that_was_not_recorded_yet_survives_a_second_kill(ledger):
    Stage(ledger).connect().advance(20)
    Stage(ledger, at=60).advance(1)
    stage = Stage(ledger, at=65).connect().advance(10)
    assert stage.spans() == [(0, 10, "unproven"), (10, 76, "gap")]


def test_an_endpoint_that_was_never_reached(ledger):
    stage = Stage(ledger).advance(5, rate=0)
    assert stage.spans() == []  # it may still be connecting
    stage.advance(55, rate=0)
    assert stage.spans() == [(0, 60, "gap")]
    assert stage.gap_proofs() == {UNREACHABLE}


def test_a_first_connection_that_takes_a_second_is_no_gap(ledger):
    stage = Stage(ledger).advance(1, rate=0).connect().advance(60)
    assert {state for _, _, state in stage.spans()} == {"unproven"}


def test_a_lost_connection_is_a_gap_until_it_is_made_again(ledger):
    stage = Stage(ledger).connect().advance(100).disconnect().advance(50, rate=0)
    assert stage.spans()[-1][2] == "gap"  # recorded while it lasts
    stage.connect().advance(50)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert abs(gap[0] - (100 - SLACK)) <= 1
    assert abs(gap[1] - (150 + SLACK)) <= 1
    assert stage.gap_proofs() == {UNREACHABLE}


def test_a_growing_gap_does_not_overwrite_a_healed_span(ledger):
    stage = Stage(ledger).connect().advance(100).disconnect().advance(50, rate=0)
    start, end = (T0 + 80) * 10**6, (T0 + 130) * 10**6
    ledger.span(SOURCE, "", start, end, "healed", "by history")
    stage.advance(50, rate=0)
    assert (80, 130, "healed") in stage.spans()


def test_a_reconnection_between_two_ticks(ledger):
    stage = Stage(ledger).connect().advance(100)
    stage.endpoint.losses += 1
    stage.advance(60)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert gap[0] <= 100 <= gap[1] <= gap[0] + 2 * SLACK + 1


@pytest.mark.parametrize(("rate", "quiet"), [(1.0, 8), (0.25, 14), (0.0, 300)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_lost_connection_is_a_gap_from_the_last_sign_of_life_on(ledger, rate, quiet, at_once):
    """A peer without power closes no connection: heartbeats notice it, seconds later."""
    stage = Stage(ledger).connect()
    stage.endpoint.heartbeat = (5.0, 10.0)
    stage.advance(400, rate=rate).advance(quiet, rate=0).disconnect()
    if at_once:  # lost and made again between two ticks
        stage.connect()
    stage.advance(30, rate=0).connect().advance(50)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    noticed = 400 + quiet
    last_life = noticed - 16 if rate == 0 else max(400 - 1 / rate, noticed - 16)
    assert gap[0] <= last_life - SLACK + 1
    assert gap[0] >= last_life - SLACK - 1 / (rate or 1) - 1
    assert gap[1] >= noticed + SLACK


def test_without_heartbeats_a_loss_may_be_as_old_as_tcp_s_keep_alive(ledger):
    stage = Stage(ledger).connect().advance(200).advance(90, rate=0).disconnect()
    stage.advance(30, rate=0).connect().advance(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert abs(gap[0] - (290 - 80 - SLACK)) <= 1


def test_a_receive_loop_that_stood_still_did_not_listen(ledger):
    stage = Stage(ledger).connect().advance(100)
    stage.now += 20  # SIGSTOP: every thread stands still, the clocks go on
    stage.mono += 20
    stage.standstills = [(1100.0, 1120.0)]
    stage.advance(60)
    assert stage.gap_proofs() == {STOPPED}
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert abs(gap[0] - (100 - SLACK)) <= 1
    assert abs(gap[1] - (120 + SLACK)) <= 1


def test_a_receive_loop_that_still_stands_still_is_not_recorded_as_heard(ledger):
    stage = Stage(ledger).connect().advance(100)
    for _ in range(40):
        stage.standstills = [(1100.0, stage.mono)]
        stage.advance(0.5, rate=0)
    assert stage.spans()[-1][2] == "gap"
    assert stage.spans()[-1][1] >= 119
    assert len([span for span in stage.spans() if span[2] == "gap"]) == 1


def test_publishers_may_disconnect_from_a_bound_endpoint(ledger):
    stage = Stage(ledger, bound=True).advance(30).connect().advance(30).disconnect().advance(30)
    assert {state for _, _, state in stage.spans()} == {"unproven"}


def test_an_overflow_is_a_gap(ledger):
    stage = Stage(ledger).connect().advance(100)
    stage.counts = replace(stage.counts, overflow=7)
    stage.advance(60)
    assert stage.gap_proofs() == {OVERFLOW}
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert gap[0] <= 100 <= gap[1]


@pytest.mark.parametrize("rate", [0.5, 20])
def test_an_unusual_silence_is_a_gap(ledger, rate):
    stage = Stage(ledger).connect().advance(1200, rate=rate, step=2)
    stage.advance(25, rate=0)
    assert stage.gap_proofs() == set()  # such a silence may be chance
    stage.advance(120, rate=0)
    assert stage.gap_proofs() == {SILENT}
    stage.advance(60, rate=rate)
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    assert abs(gap[0] - (1200 - SLACK)) <= 4
    assert abs(gap[1] - (1345 + SLACK)) <= 4


def test_the_silence_of_a_quiet_bus_is_no_gap(ledger):
    stage = Stage(ledger).connect().advance(7200, rate=1 / 60, step=2).advance(600, rate=0, step=2)
    assert stage.gap_proofs() == set()


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps(ledger, jump):
    stage = Stage(ledger).connect().advance(4000, step=2)
    stage.now += jump
    stage.advance(60)
    assert stage.gap_proofs() == {CLOCK}
    (gap,) = [span for span in stage.spans() if span[2] == "gap"]
    low, high = sorted((4000, 4000 + jump))
    assert gap[0] <= low <= high <= gap[1]
    stage.advance(5)
    alive_until = ledger.get(alive_key(SOURCE)) / 1e6 - T0
    assert abs(alive_until - (4000 + jump + 65)) <= 6


def test_a_clock_that_was_set_back_while_the_listener_was_stopped(ledger):
    Stage(ledger).connect().advance(4000, step=2)
    stage = Stage(ledger, at=2000).connect().advance(20)
    gaps = [span for span in stage.spans() if span[2] == "gap"]
    assert gaps[0][0] <= 2000
    assert gaps[-1][1] >= 3990
    assert all(a[1] == b[0] for a, b in itertools.pairwise(gaps))


def test_writes_to_a_failing_ledger_are_retried():
    class Failing(MemoryLedger):
        full = False

        def span(self, *span):
            if self.full:
                raise OSError("no room")
            super().span(*span)

    ledger = Failing()
    stage = Stage(ledger).connect().advance(20)
    ledger.full = True
    stage.disconnect().advance(1, rate=0).connect().advance(60)
    assert all(span[4] == "unproven" for span in ledger.recorded)
    ledger.full = False
    stage.advance(20)
    assert [span[4] for span in ledger.recorded if span[4] == "gap"] == ["gap"]
    assert max(span[3] for span in ledger.recorded) >= (T0 + 95) * 10**6


def test_a_heartbeat_of_many_endpoints_is_one_transaction(tmp_path):
    """Each transaction syncs the disk: 229 endpoints took longer than a stop may take."""
    with State(tmp_path / "state.sqlite") as state:
        commits = []
        state._db.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        now = [float(T0)]
        detector = GapDetector(
            [Endpoint(f"tcp://10.0.{n // 250}.{n % 250}:9940", bound=True) for n in range(700)],
            Counts, state, clock=lambda: now[0], monotonic=lambda: now[0],
        )  # fmt: skip
        detector.begin()
        for _ in range(6):
            now[0] += 1.0
            detector.tick()
        detector.end()
        assert len(state.coverage()) == 700
        assert len(commits) <= 4


def test_a_limited_listener_records_spans_only_under_its_filters(ledger):
    stage = Stage(ledger)
    stage.detector._filters = "category=git"
    stage.connect().advance(60)
    assert stage.spans() == []
    assert ledger.spans(SOURCE, "category=git") != []


def test_a_pause_between_reading_the_two_clocks_is_no_jump(ledger):
    stage = Stage(ledger).connect().advance(10)
    pauses = [30.0]

    def suspended():
        now = stage.now
        if pauses:  # the process is suspended after the first clock was read
            stage.now += pauses[0]
            stage.mono += pauses.pop()
        return now

    stage.detector._clock = suspended
    stage.detector.tick()
    assert pauses == []
    stage.advance(10)
    assert "our clock jumped" not in stage.gap_proofs()
