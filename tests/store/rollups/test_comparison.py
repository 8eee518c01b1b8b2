"""Actions are compared as streams, however these are cut."""

import pyarrow as pa
import pytest

from hubbub.store import Store
from hubbub.store.rollups import comparison, refresh
from hubbub.store.rollups.comparison import _same, differs
from hubbub.store.rollups.monthly import MONTHLY
from hubbub.store.rollups.tables import Rollup
from tests.support.stores.rollup_events import add, make

DAY = 86_400_000_000


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [([[1, 2], [3]], [[1], [], [2, 3]], True), ([], [[]], True), ([[1]], [[1], [2]], False),
     ([[1, 2]], [[1, 3]], False), ([[1], [2]], [[1]], False)],
)  # fmt: skip
def test_streams(first: list[list[int]], second: list[list[int]], same: bool) -> None:
    tables = [
        [pa.table({"n": pa.array(part, pa.int64())}) for part in parts] for parts in (first, second)
    ]
    assert _same(*tables) is same


def test_actions_of_several_commits(store: Store) -> None:
    for n in range(6):
        add(store, make(n, n % 3 * DAY + n * 60_000_000), make(10 + n, n * 1_000_000))
        refresh.catch_up(store)
    (actions,) = (rollup for rollup in store.rollups if rollup.name == "actions")
    ((source, own),) = refresh.files_by_month(store, actions).values()
    assert len(own) > 1
    assert not differs(store, actions, source, own)
    for n in range(len(own)):
        assert differs(store, actions, source, own[:n] + own[n + 1 :])
    assert differs(store, actions, source[1:], own)
    assert differs(store, actions, source, [])


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
@pytest.mark.parametrize("kind", MONTHLY)
def test_months_are_compared_some_parts_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: type[Rollup], at_once: int
) -> None:
    monkeypatch.setattr(comparison, "_ROWS", at_once)
    for n in range(4):
        names = [f"n{n * 5 + i}" for i in range(5)]
        add(store, *(make(10 * n + i, users=(name, "ann"), objects=(name, "x"))
                     for i, name in enumerate(names)))  # fmt: skip
        refresh.catch_up(store)
    (rollup,) = (rollup for rollup in store.rollups if rollup.name == kind.name)
    ((source, own),) = refresh.files_by_month(store, rollup).values()
    assert len(own) == 4
    assert not differs(store, rollup, source, own)
    for n in range(4):
        assert differs(store, rollup, source, own[:n] + own[n + 1 :])
        assert differs(store, rollup, source[:n] + source[n + 1 :], own)
    assert differs(store, rollup, source, [])
    assert differs(store, rollup, [], own)
    assert not differs(store, rollup, [], [])
