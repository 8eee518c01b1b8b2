"""Changes of alerts, what is to be sent, and silences, in the state file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubbub.errors import UsageError
from hubbub.store.state import alerts, silences
from hubbub.store.state.alerts import NewChange
from hubbub.store.state.database import State

RAISED = NewChange(
    rule="busy",
    subject="git",
    state=alerts.RAISED,
    time=100,
    detected=110,
    measured=25.0,
    expected=10.0,
    measure="messages",
    per="category",
    details={"since": 90},
)
ENDED = replace(RAISED, state=alerts.ENDED, time=200, detected=210)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as opened:
        yield opened


def notifications(state: State) -> list[tuple[object, ...]]:
    return state.rows("SELECT change, channel, status FROM alert_notifications ORDER BY 1, 2")


def test_a_change_and_its_notifications(state: State):
    [raised] = alerts.apply(state, "busy", [(RAISED, ["mail", "chat", "mail"])], {"src": 95})
    assert raised.number == 1
    assert notifications(state) == [(1, "chat", "pending"), (1, "mail", "pending")]
    assert alerts.conditions(state, "busy") == {
        "git": alerts.Condition(90, 1),
        "src": alerts.Condition(95, None),
    }
    assert alerts.opened(state) == [raised]
    assert alerts.totals(state) == ({("busy", "raised"): 1}, {"busy": 1})
    [ended] = alerts.apply(state, "busy", [(ENDED, [])], {})
    assert alerts.conditions(state, "busy") == {}
    assert alerts.opened(state) == []
    assert alerts.changes(state) == [ended, raised]
    assert alerts.changes(state, since=101) == [ended]
    assert alerts.changes(state, until=200, rules=["busy"]) == [raised]
    assert alerts.changes(state, rules=["other"]) == []
    assert alerts.changes(state, limit=1) == [ended]


def test_nothing_is_recorded_of_a_transaction_that_fails(state: State):
    def crash() -> None:
        with state.transaction():
            alerts.apply(state, "busy", [(RAISED, ["mail"])], {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert (alerts.changes(state), notifications(state)) == ([], [])


def test_old_changes_are_deleted_but_stay_counted(state: State, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alerts, "MOST", 4)
    for subject in ("on", "sent"):
        alerts.apply(state, "busy", [(replace(RAISED, subject=subject), ["mail"])], {})
    state.execute("UPDATE alert_notifications SET status = 'sent'")
    for _ in range(4):
        alerts.apply(state, "busy", [(replace(ENDED, subject="sent"), ["mail"])], {})
        alerts.apply(state, "busy", [(replace(RAISED, subject="sent"), [])], {})
    kept = [change.number for change in alerts.after(state, 0)]
    assert kept[:1] == [1], "it is on"
    assert {7, 8, 9, 10} <= set(kept)
    assert 2 not in kept
    assert alerts.totals(state)[0] == {("busy", "raised"): 6, ("busy", "ended"): 4}
    assert (2, "mail", "sent") not in notifications(state)
    assert (3, "mail", "pending") in notifications(state)


def test_a_silence_holds_back_and_counts(state: State):
    silence = silences.add(state, rule="busy", author="ann", reason="release", starts=100, ends=150)
    alerts.apply(state, "busy", [(RAISED, ["mail", "chat"]), (ENDED, ["mail"])], {})
    assert notifications(state) == [
        (1, "chat", "silenced"),
        (1, "mail", "silenced"),
        (2, "mail", "pending"),
    ]
    [stored] = silences.listed(state)
    assert stored == replace(silence, suppressed=2)
    assert silences.listed(state, since=150) == []


def test_a_silence_of_one_subject_or_of_every_rule(state: State):
    one = silences.add(state, rule="busy", subject="git", author="a", reason="r", starts=0, ends=9)
    assert silences.find(state, "busy", "git", now=5) == one
    assert silences.find(state, "busy", "src", now=5) is None
    assert silences.find(state, "busy", "git", now=9) is None
    every = silences.add(state, rule="", author="a", reason="r", starts=0, ends=9)
    assert silences.find(state, "other", "x", now=5) == every


def test_a_silence_can_be_ended(state: State):
    silence = silences.add(state, rule="busy", author="a", reason="r", starts=0, ends=9)
    assert silences.end(state, silence.number, now=5).ends == 5
    assert silences.find(state, "busy", "", now=5) is None
    with pytest.raises(UsageError, match="has ended"):
        silences.end(state, silence.number, now=6)
    with pytest.raises(UsageError, match="no silence 7"):
        silences.end(state, 7, now=6)


@pytest.mark.parametrize(
    "values", [{"author": " "}, {"reason": ""}, {"reason": "x" * 501}, {"ends": 0}]
)
def test_a_silence_needs_an_author_a_reason_and_an_end(state: State, values: dict[str, object]):
    fields = {"rule": "busy", "author": "a", "reason": "r", "starts": 0, "ends": 9, **values}
    with pytest.raises(UsageError):
        silences.add(state, **fields)  # type: ignore[arg-type]
