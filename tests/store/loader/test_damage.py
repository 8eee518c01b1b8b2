"""Spans proven by a damaged segment become gaps, and are gathered again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import DAMAGE_KEY
from hubbub.collector.history.gather import Gathered, gather
from hubbub.store import Store
from hubbub.store.loader.damage import DAMAGED
from tests.support.history.fake_history import (
    T0,
    FakeDatagrepper,
    FakeHistory,
    MemoryLedger,
    at,
    run,
    steady,
)
from tests.support.stores.filling import MakeFrame, ReadIds, put

S = 10**6
SOURCE = "history:http://history.example"
ROWS = steady(250)


def gathered(store: Store, first: int, last: int, **options: Any) -> Gathered:
    with store.spool("gather") as sink:
        return gather(
            FakeHistory(FakeDatagrepper(ROWS)), sink, store.state,
            start=at(first), end=at(last), jobs=1,
            settle=timedelta(0), clock=lambda: T0 + 10**7, **options,
        )  # fmt: skip


def states(store: Store) -> list[tuple[int, int, str, str]]:
    return [(s.start // S - T0, s.end // S - T0, s.state, s.proof) for s in store.spans()]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("where", [0, 3000], ids=["its head", "a record"])
def test_spans_proven_by_a_damaged_segment_are_gaps_until_they_are_gathered_again(
    store: Store, ids: ReadIds, where: int
) -> None:
    gathered(store, 0, 400)
    store.load()
    before = states(store)
    assert before == [(0, 400, "complete", "100 rows, as many as history counts")]
    gathered(store, 400, 1000)
    store.state.set(f"gather {SOURCE}", [[T0, [[T0 + 5, 2, True]]]])  # a started slice
    (segment,) = (store.path / "spool").glob("*.seg")
    flip(segment, where)
    store.load()
    assert len(ids(store)) < 250
    assert states(store) == [*before, (400, 1000, "gap", DAMAGED)]
    assert store.state.keys("gather ") == []
    assert store.coverage(T0 * S, (T0 + 1000) * S).gaps
    gathered(store, 0, 1000)
    store.load()
    assert len(ids(store)) == 250
    assert store.coverage(T0 * S, (T0 + 1000) * S).state == "complete"


def test_unproven_spans_stay_unproven(store: Store, frame: MakeFrame) -> None:
    store.state.span("zmq:x", "", 0, 10 * S, "unproven", "heard")
    put(store, frame(1), writer="listen")
    (segment,) = (store.path / "spool").glob("*.seg")
    flip(segment, 40)
    assert store.load().refused == {"damaged": 1}
    assert [span.state for span in store.spans()] == ["unproven"]


def test_a_gather_that_is_under_way_proves_nothing_after_damage() -> None:
    ledger = MemoryLedger()

    def report_damage(_: FakeDatagrepper, n: int) -> None:
        if n == 3:
            ledger.set(DAMAGE_KEY, 1)  # as a concurrent loader does

    done, _, _ = run(FakeDatagrepper(steady(950), before=report_damage), ledger=ledger)
    assert done.incomplete
    assert ledger.seconds("complete") == set()
    assert ledger.seconds("gap") == set(range(1000))
    assert list(ledger.values) == [DAMAGE_KEY], "no started slice is resumed"
    done, _, _ = run(FakeDatagrepper(steady(950)), ledger=ledger)
    assert not done.incomplete
