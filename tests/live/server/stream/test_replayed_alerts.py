"""A replay shows the alerts that the rules would have raised, when their time has come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import AlertConfig, Config
from hubbub.live.alerts.judge import Judge
from hubbub.live.alerts.replay import replay
from hubbub.live.alerts.runner import Alerting
from hubbub.live.alerts.wording import Shown
from hubbub.live.server.stream.replayed_alerts import ReplayedAlerts
from hubbub.live.stream import past
from hubbub.store import Store
from tests.support.http import serving
from tests.support.stores.small_store import START, fill, lines

DAY = START + 3 * 86_400
RULE = AlertConfig("busy", short="10min", long="2h", threshold=2.0, resolution="1min", minimum=3)
CONFIG = Config(alerts=(RULE,))


def change(number: int, state: str, time: int, subject: str = "") -> Shown:
    return Shown(number, "busy", subject, state, time, "text")


def test_what_is_on_at_a_time_and_what_changed_before() -> None:
    alerts = ReplayedAlerts(
        [change(1, "raised", 10), change(2, "raised", 20, "git"), change(3, "ended", 30)]
    )

    def at(now: int) -> tuple[list[int], list[int]]:
        field = alerts.at(now)
        assert field["recorded"] is False
        return [c["number"] for c in field["open"]], [c["number"] for c in field["changes"]]

    assert at(9) == ([], [])
    assert at(10) == ([1], [1])
    assert at(29) == ([1, 2], [2, 1])
    assert at(30) == ([2], [3, 2, 1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with a burst at noon of a day."""
    burst = [
        {**line, "id": f"burst-{n}", "timestamp": DAY + 12 * 3_600 + 4 * n}
        for n, line in enumerate(lines(150))
    ]
    fill(tmp_path / "store", sorted([*lines(2_000), *burst], key=lambda e: e["timestamp"]))
    return tmp_path / "store"


def test_a_replay_shows_what_the_rules_would_have_raised(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SPEEDS", (1.0, 1e6))
    alerting = Alerting.of(CONFIG)
    start, end = DAY * 1_000_000, (DAY + 86_400) * 1_000_000
    with Store.open(folder, reading=True) as store:
        judge = Judge(store, end, alerting.base)
        expected = replay(judge, alerting.rules[0], start, end).changes
    assert [c.state for c in expected][:2] == ["raised", "ended"]
    with serving(folder, config=CONFIG) as served:
        query = "/live?replay=2026-01-04&speed=100000"
        list(frames(served.get(query, stream=True)))  # now the day has been judged
        seen = [f for f in frames(served.get(query, stream=True)) if "alerts" in f]
    last = seen[-1]["alerts"]["changes"]
    assert [(c["state"], c["time"] * 1000) for c in reversed(last)] == [
        (c.state, c.time) for c in expected
    ]
    for frame in seen:
        assert all(c["time"] <= frame["at"] for c in frame["alerts"]["changes"])


def frames(response: Any) -> Iterator[dict[str, Any]]:
    """Yield the frames of a stream."""
    name = ""
    for line in response.iter_lines():
        if line.startswith(b"event: "):
            name = line[7:].decode()
        elif line.startswith(b"data: "):
            if not name:
                yield json.loads(line[6:])
            name = ""
