"""Rules as time goes on: the golden vectors, any split, crashes, two processes, changed rules."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.analyzers.alerts.threshold import alerts as alerts_query
from hubbub.config import AlertConfig
from hubbub.live.alerts import runner
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.rules import read_rules
from hubbub.live.alerts.runner import Alerting
from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.query.selection import Selection
from hubbub.store.state import alerts
from hubbub.store.state.alerts import Change
from hubbub.times import from_micros
from tests.support.paths import GOLDEN
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filling import put
from tests.support.stores.small_store import START, frames

SECOND = 1_000_000
LATER = (START + 40 * 86_400) * SECOND  # µs; long after all events


def alerting(**values: Any) -> Alerting:
    return Alerting(read_rules([AlertConfig(**{"name": "a", **values})]))


def of_vector(
    amounts: Sequence[int], counts: Sequence[int], resolution: int
) -> list[dict[str, Any]]:
    """Return events that have these sums of bytes and these counts, by tick."""
    return [
        {
            "id": f"{tick}-{n}",
            "timestamp": START + (tick + n / (count + 1)) * resolution,
            "topic": "org.example.prod.git.receive",
            "users": ["ann"],
            "size": 0 if n else amount,
        }
        for tick, (amount, count) in enumerate(zip(amounts, counts, strict=True))
        for n in range(count)
    ]


def feed(
    store: Store, rules: Alerting, lines: Sequence[dict[str, Any]], parts: int, now: int = LATER
) -> list[Change]:
    """Load events in parts and judge after each."""
    rules.begin(store, now)
    changes = []
    size = max(1, -(-len(lines) // parts))
    for n, start in enumerate(range(0, len(lines), size)):
        put(store, *frames(lines[start : start + size], source=f"jsonl:{n}"), load=True)
        changes += rules.step(store, now + n)
    return changes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.mark.parametrize("name", ["al04-step", "al17-drop-to-zero-during-alert"])
def test_golden_vectors_as_time_goes_on(store: Store, name: str):
    vector = json.loads((GOLDEN / "statistician" / "alerts" / f"{name}.json").read_text())
    p = vector["params"]
    rules = alerting(
        measure="bytes",
        short=p["short_median"],
        long=p["long_median"],
        threshold=p["threshold"],
        resolution=p["time_resolution"],
        notify="team",
    )
    feed(store, rules, of_vector(vector["bytes"], vector["hits"], p["time_resolution"]), 4)
    rules.step(store, LATER + 21 * SECOND)  # nothing arrives any more: the clock's time counts
    recorded = alerts.changes(store.state)[::-1]
    assert [
        {
            "tick": (change.time // SECOND - START) // p["time_resolution"],
            "kind": change.state,
            "short_average": change.details["short"],
            "long_average": change.details["long"],
            "short_rate": change.measured,
            "long_rate": change.expected,
        }
        for change in recorded
    ] == vector["expected"]["bytes"]
    store.load()
    rows = store.events(Selection(topic=("hubbub.alert.*",))).stored.order_by("time").to_pyarrow()
    assert [(row["id"], row["users"], row["action"]) for row in rows.to_pylist()] == [
        (f"hubbub-alert-{change.number}", [], change.state) for change in recorded
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_live_replay_and_query_agree_however_the_events_arrive(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    counts = [chance.choice([0, 0, 1, 1, 2, 9]) for _ in range(120)]
    counts[0] = 1
    lines = of_vector(counts, counts, 10)
    rules = alerting(short=2, long=5, threshold=1.2)
    [rule] = rules.rules
    found = []
    for parts in (1, 6):
        with Store.open(tmp_path / f"{parts}") as store:
            feed(store, rules, lines, parts)
            rules.step(store, LATER + 21 * SECOND)
            found.append([(c.time, c.state, c.measured) for c in alerts.changes(store.state)[::-1]])
            judge = Judge(store, LATER, Selection())
            replayed = judge.judge(rule, 0, (START // 10) + 300, {})
            found.append(
                [
                    ((change.tick + 1) * rule.tick, change.state, change.value.measured)
                    for _, change in replayed.changes
                ]
            )
            store.load()  # the events of the alerts
            until = from_micros(START * SECOND) + timedelta(seconds=3_000)
            rows, _ = alerts_query(store.events(), until, short=2, long=5, threshold=1.2)
            found.append(
                [
                    (int(row["time"].timestamp()) * SECOND, row["state"], row["short_rate"])
                    for row in rows
                ]
            )
    assert found[0]
    assert all(each == found[0] for each in found)


def test_a_new_rule_begins_with_the_present(store: Store):
    put(store, *frames(BURST), load=True)
    assert alerting(short=2, long=5).step(store, LATER) == []
    assert alerts.changes(store.state) == []


#: A series that raises an alert with short = 2 and long = 5, which is on at the end.
BURST = of_vector([1] * 24, [1] * 20 + [9] * 4, 10)


def burst(store: Store, rules: Alerting) -> Change:
    """Raise an alert that is on at the end."""
    [change] = feed(store, rules, BURST, 1)
    assert change.state == alerts.RAISED
    return change


def test_what_is_noticed_late_is_not_sent(store: Store):
    rules = alerting(short=2, long=5, notify="team")
    burst(store, rules)
    assert store.state.rows("SELECT * FROM alert_notifications") == []


def test_what_is_noticed_in_time_is_sent_once(tmp_path: Path):
    with Store.open(tmp_path / "s") as store:
        rules = alerting(short=2, long=5, notify="team")
        rules.begin(store, START * SECOND)
        put(store, *frames(BURST), load=True)
        [change] = rules.step(store, (START + 300) * SECOND)
        assert rules.step(store, (START + 300) * SECOND) == []
        assert store.state.rows("SELECT change, channel, status FROM alert_notifications") == [
            (change.number, "team", "pending")
        ]


def test_a_changed_rule_ends_its_alert_and_begins_again(store: Store):
    burst(store, alerting(short=2, long=5))
    assert len(alerts.opened(store.state)) == 1
    alerting(short=2, long=6).step(store, LATER)
    assert alerts.opened(store.state) == []
    [ended, _] = alerts.changes(store.state)
    assert (ended.state, ended.details) == ("ended", {"reason": "the rule was changed"})


def test_a_removed_rule_ends_its_alert(store: Store):
    burst(store, alerting(short=2, long=5))
    Alerting(()).step(store, LATER)
    assert len(alerts.opened(store.state)) == 1, "a process without rules leaves them alone"
    alerting(name="other").step(store, LATER)
    assert alerts.opened(store.state) == []
    assert store.state.keys("alert:") == ["alert:other"]


def test_of_two_processes_that_judge_at_once_one_has_no_effect(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    rules = alerting(short=2, long=5, notify="team")
    rules.begin(store, START * SECOND)
    put(store, *frames(BURST), load=True)
    now, judge = (START + 300) * SECOND, Judge.judge
    faster: list[Change] = []

    def interrupted(self: Judge, *args: Any) -> Any:
        monkeypatch.setattr(Judge, "judge", judge)
        judged = judge(self, *args)
        with Store.open(store.path) as other:
            faster.extend(rules.step(other, now))
        return judged

    monkeypatch.setattr(Judge, "judge", interrupted)
    assert rules.step(store, now) == []
    assert [change.number for change in faster] == [1]
    assert [change.number for change in alerts.changes(store.state)] == [1]


CRASH = """
import sys
from hubbub.live.alerts.runner import Alerting
from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.spool.writer import SpoolWriter
from hubbub.store.state import alerts
from hubbub.store.state.database import State
from tests.live.alerts.test_runner import START, SECOND, alerting
from tests.support.stores.crash import kill_at
owner = {"State": State, "alerts": alerts, "SpoolWriter": SpoolWriter}[sys.argv[2]]
kill_at(owner, sys.argv[3], after=sys.argv[4] == "after", nth=int(sys.argv[5]))
with Store.open(sys.argv[1]) as store:
    alerting(short=2, long=5, notify="team").step(store, (START + 300) * SECOND)
"""


@pytest.mark.parametrize(
    ("owner", "name", "when", "nth"),
    [
        ("alerts", "apply", "after", 1),  # before the checkpoint
        ("State", "set", "after", 2),  # before the transaction is committed
        ("SpoolWriter", "flush", "after", 1),  # before it is known that the events are written
    ],
)
def test_a_crash_neither_repeats_nor_loses_a_change(
    tmp_path: Path, owner: str, name: str, when: str, nth: int
):
    folder, now = tmp_path / "store", (START + 300) * SECOND
    rules = alerting(short=2, long=5, notify="team")
    with Store.open(folder) as store:
        rules.begin(store, START * SECOND)
        put(store, *frames(BURST), load=True)
    run_and_crash(CRASH, folder, owner, name, when, nth)
    with Store.open(folder) as store:
        rules.step(store, now)
        [change] = alerts.changes(store.state)
        assert store.state.rows("SELECT change, channel, status FROM alert_notifications") == [
            (change.number, "team", "pending")
        ]
        store.load()
        rows = store.events(Selection(topic=("hubbub.alert.*",))).stored.select("id").to_pyarrow()
        assert rows["id"].to_pylist() == ["hubbub-alert-1"]
        assert store.state.get(runner._WRITTEN) == 1


def test_a_condition_has_to_hold_over_several_steps(store: Store):
    rules = alerting(short=2, long=5, hold="40s")
    lines = of_vector([1] * 40, [1] * 20 + [9] * 20, 10)
    assert not feed(store, rules, lines[: 20 + 9 * 3], 1)
    assert alerts.conditions(store.state, "a") != {}
    put(store, *frames(lines, source="jsonl:all"), load=True)
    [change, _] = rules.step(store, LATER + 10)
    assert change.time - change.details["since"] == 40 * SECOND


def test_a_gap_of_the_listener_is_neither_a_fall_nor_a_silence(store: Store):
    rules = alerting(measure="silence", per="topic", long=30, resolution=10, minimum=5)
    lines = of_vector([1] * 40, [1] * 40, 10)
    store.state.span("zmq:x", "", START * SECOND, (START + 400) * SECOND, "unproven", "heard")
    store.state.span(
        "zmq:x", "", (START + 400) * SECOND, (START + 4000) * SECOND, "gap", "we did not listen"
    )
    assert feed(store, rules, lines, 3, (START + 400) * SECOND) == []
    assert rules.step(store, (START + 3_900) * SECOND) == []
    heard = (START + 4_000) * SECOND
    store.state.span("zmq:x", "", heard, heard + 100 * SECOND, "unproven", "heard")
    [change] = rules.step(store, heard + 100 * SECOND)
    assert (change.state, change.subject) == ("raised", "org.example.prod.git.receive")
    assert change.time == heard + 30 * SECOND


def test_people_are_neither_in_events_nor_in_logs(store: Store, capsys: pytest.CaptureFixture[str]):
    rules = alerting(per="user", short=2, long=5)
    change = burst(store, rules)
    assert change.subject == "ann"
    store.load()
    rows = store.events(Selection(topic=("hubbub.alert.*",))).stored.to_pyarrow().to_pylist()
    assert [row["objects"] for row in rows] == [["a"]]
    assert "ann" not in capsys.readouterr().out
    assert replace(change, per="topic").names_person is False


def test_an_alert_goes_on_after_the_person_and_the_rule_were_forgotten(store: Store):
    rules = alerting(name="of ann", per="user", short=2, long=5)
    burst(store, rules)
    forget(store, "ann")
    [change] = alerts.opened(store.state)
    assert change.subject.startswith("forgotten-")
    assert rules.step(store, LATER + 1) == []
    assert rules.step(store, LATER + 21 * SECOND) != []
    assert alerts.opened(store.state) == []
    assert [c.state for c in alerts.changes(store.state)] == ["ended", "raised"]
    assert rules.step(store, LATER + 70 * SECOND) == []
