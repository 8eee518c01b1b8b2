"""`hubbub status`: the states of connections, as the listener last reported them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import CONNECTIONS_KEY
from hubbub.store import Store
from tests.support.commandline import Run

SOURCE = "amqp:amqps://bus.example.org/"


@pytest.fixture
def report(tmp_path: Path, hubbub: Run):
    def show(age: float = 1.0, **fields: Any) -> str:
        state = {
            "at": int((time.time() - age) * 1e6), "state": "connected", "fault": "", "hint": "",
            "received": 1234, "redelivered": 5, "unacknowledged": 6, "waiting": 7,
            "certificate_expires": None,
        } | fields  # fmt: skip
        with Store.open(tmp_path / "s") as store:
            store.state.set(CONNECTIONS_KEY, {SOURCE: state})
        result = hubbub("status", "--store", tmp_path / "s")
        assert result.code == 0
        (connection,) = json.loads(hubbub("status", "--store", tmp_path / "s", "--json").out)[
            "connections"
        ]
        assert connection["source"] == SOURCE
        return result.out

    return show


def row(text: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(SOURCE)).split()


def test_a_connected_broker(report) -> None:
    assert row(report())[1:] == ["connected", *row(report())[2:5], "1234", "7", "6", "5"]


def test_a_report_that_is_old_says_nothing_about_now(report) -> None:
    assert row(report(age=3600))[1] == "unknown"


def test_a_fault_is_said_with_what_to_do(report) -> None:
    text = report(state="lost", fault="the broker does not respond", hint="check the broker")
    assert row(text)[1] == "lost"
    assert f"{SOURCE}: the broker does not respond\n  check the broker" in text


@pytest.mark.parametrize(
    ("days", "said"), [(61, None), (59, "expires on"), (0, "in 0 days"), (-1, "expired on")]
)
def test_a_certificate_is_warned_of_60_days_before(report, days: int, said: str | None) -> None:
    day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
    text = report(certificate_expires=day)
    if said is None:
        assert "a certificate" not in text
    else:
        assert said in text
        assert day in text
