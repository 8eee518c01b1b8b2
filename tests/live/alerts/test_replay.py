"""Rules over a store: each measure and `per`, and how many messages it would have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hubbub.analyzers.alerts import crossings
from hubbub.analyzers.people.overload import overload
from hubbub.config import AlertConfig
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.present import readings
from hubbub.live.alerts.replay import Replayed, messages, replay
from hubbub.live.alerts.rules import AlertRule, read_rules
from hubbub.store import Store
from hubbub.store.query.selection import Selection
from hubbub.store.state.alerts import NewChange
from hubbub.times import from_micros
from tests.support.stores.small_store import START, fill, lines

SECOND = 1_000_000
DAYS = 28
END = (START + DAYS * 86_400) * SECOND
#: With one busy time.
LINES = [
    line
    for n, line in enumerate(lines(number=2_000, days=DAYS))
    if n % 3 == 0 or 1_000 <= n < 1_100
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("replay") / "store"
    fill(folder, LINES)
    with Store.open(folder) as opened:
        yield opened


def rule(**values: Any) -> AlertRule:
    return read_rules([AlertConfig(**{"name": "a", **values})])[0]


def replayed(store: Store, chosen: AlertRule, **base: Any) -> Replayed:
    return replay(Judge(store, END, Selection(**base)), chosen, START * SECOND, END)


@pytest.mark.parametrize("per", ["none", "topic", "category", "user"])
@pytest.mark.parametrize("measure", ["messages", "users"])
def test_averages_of_each_subject_are_those_of_a_plain_count(store: Store, per: str, measure: str):
    threshold = 1.1 if measure == "users" else 1.5
    chosen = rule(
        measure=measure, per=per, resolution="6h", short=2, long=8, threshold=threshold, minimum=0
    )
    counts: Counter[tuple[str, int]] = Counter()
    seen = set()
    for line in LINES:
        tick = (line["timestamp"] - START) // 21_600
        users = line["users"]
        subjects = {
            "none": [""],
            "topic": [line["topic"]],
            "category": [line["topic"].split(".")[3]],
            "user": users,
        }[per]
        for subject in subjects:
            for user in users if measure == "users" and per != "user" else [subject]:
                if measure == "messages" or (subject, tick, user) not in seen:
                    counts[subject, tick] += 1
                seen.add((subject, tick, user))
    expected = []
    for subject in {subject for subject, _ in counts}:
        series = [counts[subject, tick] for tick in range(DAYS * 4)]
        expected += [
            (change.tick, subject, change.state.value, change.short_rate)
            for change in crossings(series, short=2, long=8, threshold=threshold, resolution=21_600)
        ]
    found = [
        ((c.time // SECOND - START) // 21_600, c.subject, c.state, c.measured)
        for c in replayed(store, chosen).changes
    ]
    assert found
    assert found == sorted(expected, key=lambda change: change[:2])


def test_filters_and_bots_apply(store: Store):
    git = rule(filter={"topic": "*.git.*"}, resolution="6h", short=2, long=8, threshold=1.5)
    assert replayed(store, git).changes
    assert replayed(store, replace(git, filters=rule(filter={"topic": "no"}).filters)).changes == ()
    people = rule(per="user", resolution="6h", short=2, long=8)
    subjects = {c.subject for c in replayed(store, people, bot_names=("a*", "bob")).changes}
    assert subjects
    assert not subjects & {"ann", "bob"}


def test_overload_is_that_of_the_query(store: Store):
    chosen = rule(measure="overload", minimum=1, short="1w")
    found = replay(Judge(store, END, Selection()), chosen, END - 2 * 86_400 * SECOND, END)
    assert found.changes
    assert all(change.private for change in found.changes)
    first = found.changes[0]
    until = from_micros(first.time)
    events = store.events(Selection(until=first.time, bots=False))
    rows, _ = overload(events, until, until, people=True, recent=timedelta(weeks=1))
    signs = {row["user"]: {*row["signs"]} - {"alone"} for row in rows}
    assert {*first.details["signs"]} == signs[first.subject]


def test_what_is_measured_now(store: Store):
    judge = Judge(store, END, Selection())
    now, *_ = readings(judge, rule(resolution="6h", short=2, long=8), END)
    total = sum(line["timestamp"] >= START + DAYS * 86_400 - 43_200 for line in LINES)
    assert now.value is not None
    assert now.value.measured == pytest.approx(total / 43_200)
    assert now.holds is False
    assert now.time == END
    young = readings(judge, rule(resolution="1d", short=10, long=30), END)
    assert [(each.holds, each.value) for each in young] == [(None, None)]
    assert [r.subject for r in readings(judge, rule(measure="silence", per="category"), END)]


def change(time: int, **values: Any) -> NewChange:
    fields: dict[str, Any] = {
        "rule": "a", "subject": "", "state": "raised", "time": time, "detected": time,
        "measured": 1.0, "expected": 1.0, "measure": "messages", "per": "none",
    }  # fmt: skip
    return NewChange(**{**fields, **values})


def test_messages_are_counted_as_they_would_be_sent():
    plain = rule(notify="team")
    times = [change(time) for time in (1, 2, *[3] * 6)]
    assert messages([Replayed(plain, tuple(times), None)]) == {"team": 3}
    assert messages([Replayed(rule(), tuple(times[:2]), None)]) == {"": 2}
    daily = rule(notify=("team", "mail"), digest="10s")
    spread = tuple(change(time * SECOND) for time in (0, 3, 9, 10, 19, 25))
    assert messages([Replayed(daily, spread, None)]) == {"team": 3, "mail": 3}
    both = [Replayed(plain, tuple(times[:1]), None), Replayed(daily, spread, None)]
    assert messages(both) == {"team": 4, "mail": 3}


def test_private_alerts_are_sent_to_the_person_only():
    private = rule(measure="overload", notify=("team", "anns"))
    changes = tuple(
        change(n, subject=name, measure="overload", per="user")
        for n, name in enumerate(["ann", "bob"])
    )
    counted = messages([Replayed(private, changes, None)], {"team": None, "anns": "ann"})
    assert counted == {"team": 0, "anns": 1}


def test_the_store_is_not_changed(store: Store):
    assert store.state.rows("SELECT count(*) FROM alert_changes") == [(0,)]
    assert store.state.keys("alert") == []
