"""Gaps of a broker that keeps messages: only a queue that was gone is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubbub.collector.amqp.endpoint import Endpoint
from hubbub.collector.amqp.settings import Settings
from hubbub.collector.event import CONNECTIONS_KEY, alive_key
from hubbub.collector.gaps.detector import SLACK, GapDetector
from hubbub.collector.gaps.watched import QUEUE_GONE, RECONNECTED, STOPPED, UNREACHABLE
from hubbub.collector.listening.listener import Counts
from hubbub.store.state.database import State

T0 = 1_800_000_000
DURABLE = Settings("bus.example.org", 5672)
SOURCE = DURABLE.source


class Stage:
    """A detector with one broker, whose clock, queue and ledger the test controls."""

    def __init__(self, ledger: State, *, at: float = 0.0, settings: Settings = DURABLE) -> None:
        self.ledger, self.now = ledger, T0 + at
        self.endpoint = Endpoint(settings)
        self.counts = Counts()
        self.detector = GapDetector(
            [self.endpoint], lambda: self.counts, ledger, clock=lambda: self.now,
            standstills=lambda: self.still, monotonic=lambda: self.now,
        )  # fmt: skip
        self.still: list[tuple[float, float]] = []
        self.empty = True  # whether the queue is known to be empty at each moment
        self.detector.begin()

    def connect(self, *, existed: bool = True) -> Stage:
        endpoint = self.endpoint
        endpoint.losses += (not existed) if endpoint.retains else endpoint.connects > 0
        endpoint.connects += 1
        endpoint.connected = True
        return self

    def disconnect(self) -> Stage:
        self.endpoint.connected = False
        return self

    def advance(self, seconds: float) -> Stage:
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            if self.endpoint.connected:
                self.endpoint.received += 1
                self.counts = replace(self.counts, received=self.counts.received + 1)
                if self.empty:
                    self.endpoint.emptied = self.now
            self.detector.tick()
        return self

    def spans(self) -> list[tuple[int, int, str]]:
        return [
            (round(a / 1e6 - T0), round(b / 1e6 - T0), state)
            for a, b, state in self.ledger.spans(SOURCE, "")
        ]

    def gap_proofs(self) -> set[str]:
        return {span.proof for span in self.ledger.coverage() if span.state == "gap"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        state.execute("PRAGMA synchronous = OFF")  # hundreds of heartbeats
        yield state


def test_the_first_queue_is_no_loss(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(20)
    stage.detector.end()
    assert [state for *_, state in stage.spans()] == ["unproven"]


def test_a_lost_connection_is_no_gap_while_the_queue_exists(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(20).disconnect().advance(600)
    assert all(end <= 21 for _, end, _ in stage.spans())  # nothing is claimed meanwhile
    assert ledger.get(alive_key(SOURCE)) <= (T0 + 21) * 10**6
    stage.connect().advance(20)
    stage.detector.end()
    assert {state for *_, state in stage.spans()} == {"unproven"}
    assert stage.spans()[0][0] <= 1
    assert stage.spans()[-1][1] == 640


def test_a_queue_that_is_gone_after_a_lost_connection_is_a_gap(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(20).disconnect().advance(600)
    stage.connect(existed=False).advance(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert gap[0] <= 20 - SLACK + 1
    assert gap[1] >= 620
    assert stage.gap_proofs() == {QUEUE_GONE}


def test_a_queue_that_is_made_again_between_two_looks_is_a_gap(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(60)
    stage.disconnect().connect(existed=False).advance(20)
    assert stage.gap_proofs() == {QUEUE_GONE}
    assert any(start <= 60 <= end for start, end, state in stage.spans() if state == "gap")


@pytest.mark.parametrize("existed", [False, True])
def test_a_queue_that_is_made_again_before_the_first_look_is_a_gap(
    ledger: State, existed: bool
) -> None:
    stage = Stage(ledger).connect(existed=existed).disconnect().connect(existed=False).advance(20)
    assert stage.gap_proofs() == {QUEUE_GONE}
    assert [(start, end) for start, end, state in stage.spans() if state == "gap"] == [
        (0, round(0.5 + SLACK))
    ]


def test_a_restart_is_no_gap_while_the_queue_exists(ledger: State) -> None:
    Stage(ledger).connect(existed=False).advance(60)  # then kill -9
    stage = Stage(ledger, at=3600).connect().advance(20)
    stage.detector.end()
    assert {state for *_, state in stage.spans()} == {"unproven"}
    assert stage.spans()[-1][1] == 3620


def test_a_queue_that_is_gone_at_the_start_is_a_gap(ledger: State) -> None:
    Stage(ledger).connect(existed=False).advance(60)
    stage = Stage(ledger, at=3600).connect(existed=False).advance(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert gap[0] <= 60
    assert gap[1] >= 3600
    assert stage.gap_proofs() == {QUEUE_GONE}


def test_what_waits_in_the_queue_is_not_recorded_as_received(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(20)
    stage.empty = False
    stage.advance(300)
    stage.detector.end()
    assert max(end for _, end, _ in stage.spans()) <= 20
    assert ledger.get(alive_key(SOURCE)) <= (T0 + 20) * 10**6
    stage = Stage(ledger, at=400).connect(existed=False).advance(20)  # and then it was deleted
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert gap[0] <= 20
    assert gap[1] >= 400


def test_a_process_that_stood_still_missed_nothing(ledger: State) -> None:
    stage = Stage(ledger).connect(existed=False).advance(20)
    stage.still = [(stage.now - 8, stage.now)]
    stage.advance(20)
    assert stage.gap_proofs() == set()


def test_a_queue_that_ends_with_the_connection_misses_what_is_sent_meanwhile(
    ledger: State,
) -> None:
    temporary = replace(DURABLE, temporary=True, exclusive=True)
    stage = Stage(ledger, settings=temporary).connect().advance(20).disconnect().advance(60)
    stage.connect().advance(20)
    gap = next(span for span in stage.spans() if span[2] == "gap")
    assert gap[0] <= 20
    assert gap[1] >= 80
    assert stage.gap_proofs() <= {UNREACHABLE, RECONNECTED}
    stage = Stage(ledger, at=500, settings=temporary).connect().advance(20)
    assert STOPPED in stage.gap_proofs()


def test_the_states_of_connections_are_kept_for_status(ledger: State) -> None:
    ledger.set(CONNECTIONS_KEY, {
        "zmq:tcp://old": {"at": (T0 - 100_000) * 10**6, "state": "lost"},
        "zmq:tcp://other": {"at": (T0 - 100) * 10**6, "state": "connected"},
    })  # fmt: skip
    stage = Stage(ledger).connect(existed=False)
    stage.endpoint.waiting, stage.endpoint.redelivered = 7, 3
    stage.advance(20)
    states = ledger.get(CONNECTIONS_KEY)
    assert set(states) == {SOURCE, "zmq:tcp://other"}
    assert states[SOURCE]["state"] == "connected"
    assert (states[SOURCE]["waiting"], states[SOURCE]["redelivered"]) == (7, 3)
    assert states[SOURCE]["at"] <= stage.now * 10**6
