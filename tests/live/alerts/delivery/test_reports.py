"""Notifications that could not be delivered are seen in status, /healthz and /metrics."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from hubbub.live.alerts.delivery.sender import Outcome
from hubbub.live.health import Fault, status_of
from hubbub.live.vitals import read_store
from hubbub.store import Store
from hubbub.store.state import notifications
from tests.live.alerts.delivery.support import Bench
from tests.support.commandline import Run
from tests.support.http import serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with an alert whose first message is retried, and whose second may have been sent."""
    with Store.open(tmp_path / "store") as store:
        bench = Bench(store)
        bench.now = time.time_ns() // 1000
        bench.sender.outcomes = [
            Outcome("refused", "the connection was refused"), Outcome("unsure", "it broke")
        ]  # fmt: skip
        bench.change(subject="git", per="category"), bench.change(rule="calm")
        bench.after(0)
    return tmp_path / "store"


def test_status_lists_alerts_and_what_could_not_be_delivered(folder: Path, hubbub: Run) -> None:
    shown = hubbub("status", "--store", folder)
    assert shown.code == 0
    assert "▲ busy: category git" in shown.out
    assert "the connection was refused" in shown.out
    alerts = json.loads(hubbub("status", "--store", folder, "--json").out)["alerts"]
    assert [each["alert"] for each in alerts["open"]] == ["▲ busy: category git", "▲ calm"]
    troubled = [(each["alert"], each["status"], each["attempts"]) for each in alerts["undelivered"]]
    assert troubled == [(1, "pending", 1), (2, "unsure", 1)]
    assert alerts["notifications"]["pending"] == alerts["notifications"]["unsure"] == 1


def test_a_server_is_degraded_not_down(folder: Path) -> None:
    with serving(folder) as served:
        health = served.get("/healthz")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        [fault] = health.json()["faults"]
        assert fault["name"] == "notifications"
        metrics = served.get("/metrics").text
    assert "hubbub_healthy 1.0" in metrics
    assert 'hubbub_alert_notifications{status="pending"} 1.0' in metrics
    assert 'hubbub_alert_notifications{status="sent"} 0.0' in metrics
    assert "hubbub_alert_notifications_undelivered 2.0" in metrics


def test_another_fault_outweighs_a_degradation() -> None:
    degraded, down = Fault("a", "", "", degraded=True), Fault("b", "", "")
    assert status_of([]) == "ok"
    assert status_of([degraded]) == "degraded"
    assert status_of([degraded, down]) == "failing"


def test_what_was_given_up_long_ago_is_no_fault(folder: Path) -> None:
    with Store.open(folder) as store:
        assert read_store(store).undelivered == 2
        with store.state.transaction() as db:
            db.execute("UPDATE alert_changes SET detected = 0")
        assert read_store(store).undelivered == 1, "what is being retried still is one"
        of = notifications.of_changes(store.state, [1, 2, 3])
    assert {number: [each.status for each in every] for number, every in of.items()} == {
        1: ["pending"], 2: ["unsure"]
    }  # fmt: skip
