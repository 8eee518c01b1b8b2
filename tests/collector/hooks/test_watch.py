"""When hooks were listened to."""

from __future__ import annotations

import pytest

from hubbub.collector.event import alive_key
from hubbub.collector.hooks.watch import HookWatch
from hubbub.errors import StoreError
from hubbub.store.state.database import State

A, B = "hook:github", "hook:forum"
S = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.wall, self.steady = 1_000.0, 0.0

    def pass_(self, wall: float, steady: float | None = None) -> None:
        self.wall += wall
        self.steady += wall if steady is None else steady


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watch(ledger: State, clock: Clock, *sources: str) -> HookWatch:
    made = HookWatch(
        sources or (A,), ledger, clock=lambda: clock.wall, monotonic=lambda: clock.steady
    )
    made.start()
    return made


def test_listening_and_not(ledger: State, clock: Clock):
    first = watch(ledger, clock)
    for _ in range(3):
        clock.pass_(5)
        first.tick()
    clock.pass_(100)
    watch(ledger, clock)
    assert ledger.spans(A, "") == [(1000 * S, 1005 * S, "unproven"), (1005 * S, 1125 * S, "gap")]
    assert ledger.get(alive_key(A)) == 1115 * S


def test_a_new_hook_begins_now(ledger: State, clock: Clock):
    watch(ledger, clock).tick()
    clock.pass_(60)
    both = watch(ledger, clock, A, B)
    clock.pass_(5)
    both.tick()
    assert ledger.spans(B, "") == [(1060 * S, 1065 * S, "unproven")]


def test_a_suspended_machine(ledger: State, clock: Clock):
    made = watch(ledger, clock)
    clock.pass_(3600, 5)
    made.tick()
    assert ledger.spans(A, "") == [(990 * S, 4610 * S, "gap")]


def test_a_clock_that_is_put_back(ledger: State, clock: Clock):
    made = watch(ledger, clock)
    clock.pass_(-500, 5)
    made.tick()
    clock.pass_(5)
    made.tick()
    assert ledger.spans(A, "") == [(500 * S, 505 * S, "unproven")]


def test_what_could_not_be_written(ledger: State, clock: Clock):
    made = watch(ledger, clock, A, B)
    clock.pass_(5)
    made.tick({A})
    assert ledger.spans(A, "") == [(990 * S, 1015 * S, "gap")]
    assert ledger.spans(B, "") == [(1000 * S, 1005 * S, "unproven")]


def test_a_ledger_that_cannot_be_written(ledger: State, clock: Clock, monkeypatch):
    made = watch(ledger, clock)
    clock.pass_(5)

    def fail(*_: object) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "span", fail)
        with pytest.raises(StoreError):
            made.tick()
    clock.pass_(5)
    made.tick()
    assert ledger.spans(A, "") == [(1000 * S, 1010 * S, "unproven")]
