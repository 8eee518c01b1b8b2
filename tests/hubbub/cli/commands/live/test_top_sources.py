"""The alerts that `hubbub top` shows beside a store, live and in a replay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hubbub.cli.commands.live.top_sources import _Alerts
from hubbub.live.stream.clock import Replay
from hubbub.store import Store
from hubbub.store.state.alerts import NewChange, apply

SECOND = 1_000_000


def change(state: str, second: int, subject: str, per: str = "category") -> NewChange:
    return NewChange(
        rule="busy", subject=subject, state=state, time=second * SECOND, detected=0,
        measured=3.0, expected=1.0, measure="messages", per=per,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("alerts") / "store") as store:
        changes = (
            change("raised", 10, "git"), change("raised", 20, "wiki"), change("ended", 30, "git"),
            change("raised", 40, "ann", "user"),
        )  # fmt: skip
        apply(store.state, "busy", [(each, ()) for each in changes], {})
        yield store


def test_recorded_alerts(store: Store) -> None:
    board = _Alerts(store, names=True).board()
    assert board is not None
    assert [shown.subject for shown in board.open] == ["category wiki", "ann"]
    assert [(shown.state, shown.subject) for shown in board.changes][:2] == [
        ("raised", "ann"),
        ("ended", "category git"),
    ]


def test_without_names(store: Store) -> None:
    board = _Alerts(store, names=False).board()
    assert board is not None
    assert [shown.subject for shown in board.open] == ["category wiki", "a person"]


@pytest.mark.parametrize(
    ("second", "on", "changes"),
    [(5, [], 0), (25, ["category git", "category wiki"], 2), (35, ["category wiki"], 3)],
)
def test_of_a_replay_what_happened_so_far(
    store: Store, second: int, on: list[str], changes: int
) -> None:
    now = [0.0]
    replay = Replay(lambda _: iter(()), 0, 100 * SECOND, 1, lambda: now[0])
    now[0] = second
    replay.poll()
    board = _Alerts(store, names=True, replay=replay).board()
    assert board is not None
    assert [shown.subject for shown in board.open] == on
    assert len(board.changes) == changes


def test_they_are_read_from_time_to_time(store: Store) -> None:
    alerts = _Alerts(store, names=True)
    assert alerts.board() is alerts.board()
