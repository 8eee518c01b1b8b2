"""`/alerts` and the permanent link of each alert: everybody sees what they may."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import AlertConfig, Config
from hubbub.store import Store
from hubbub.store.state import silences, tokens
from tests.live.alerts.delivery.support import Bench
from tests.support.http import Served, serving

HOSTILE = "\u202e<script>alert(1)</script>\"'&"
CONFIG = Config(
    alerts=(
        AlertConfig("busy", per="category"),
        AlertConfig("people", measure="users", per="user"),
        AlertConfig("load", measure="overload"),
    )
)


@dataclass
class Lab:
    """A server for everybody, and one that asks for tokens."""

    served: Served
    token: str

    def get(self, path: str, **headers: str) -> Any:
        return self.served.get(path, headers=headers)

    def json(self, path: str) -> Any:
        return self.get(path).json()

    def as_people(self, path: str) -> Any:
        return self.get(path, Authorization=f"Bearer {self.token}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("alerts") / "store"
    fill(folder)
    now = time.time_ns() // 1000
    with Store.open(folder) as store:
        _, secret = tokens.add(store.state, "staff", ["people"], now=now, expires=None)
    with serving(folder, config=CONFIG, auth="tokens") as served:
        yield Lab(served, secret)


def fill(folder: Path) -> None:
    with Store.open(folder) as store:
        bench = Bench(store)
        bench.now = time.time_ns() // 1000
        bench.change("raised", subject="git", per="category")  # 1
        bench.change("ended", subject="git", per="category")
        bench.change("raised", subject=HOSTILE, per="category")
        bench.change("raised", rule="people", subject="ralph", per="user", measure="users")
        bench.change(
            "raised", rule="load", subject="lmacken", per="user", measure="overload",
            measured=2.0, details={"signs": ["load", "alone"]},
        )  # fmt: skip
        silences.add(
            store.state, rule="people", subject="ralph", author="toshio", reason="holiday <b>",
            starts=bench.now, ends=bench.now + 3600 * 1_000_000,
        )  # fmt: skip


def test_everything_as_json(lab: Lab) -> None:
    document = lab.json("/alerts")
    assert [rule["name"] for rule in document["rules"]] == ["busy", "people"]
    assert document["rules"][0]["open"] == 1
    assert [change["number"] for change in document["open"]] == [3, 4]
    assert [change["number"] for change in document["history"]] == [4, 3, 2, 1]
    assert document["history"][0] == {
        "number": 4, "time": document["history"][0]["time"], "state": "raised", "rule": "people",
        "subject": "a person", "text": "3 people/s, 3 times the 1 before",
    }  # fmt: skip
    [silence] = document["silences"]
    assert (silence["subject"], silence["active"], silence["suppressed"]) == ("a person", True, 0)


def test_nothing_private_is_shown_to_everybody(lab: Lab) -> None:
    for path in ("/alerts", "/alerts.csv", "/alerts.html", "/alerts/4", "/alerts?rule=load"):
        for name in ("ralph", "lmacken", "toshio", "holiday", "too much work"):
            assert name not in lab.get(path).text, path
    assert lab.get("/alerts/5").status_code == 403
    assert "lmacken" not in lab.get("/alerts/5").text


def test_who_may_see_names_sees_all(lab: Lab) -> None:
    document = lab.as_people("/alerts.json").json()
    assert [rule["name"] for rule in document["rules"]] == ["busy", "people", "load"]
    assert [change["subject"] for change in document["open"][1:]] == ["ralph", "lmacken"]
    assert document["silences"][0]["author"] == "toshio"
    assert "holiday &lt;b&gt; (toshio)" in lab.as_people("/alerts.html").text
    one = lab.as_people("/alerts/5").json()
    assert one["text"] == (
        "2 signs of too much work: more work than usual; something that only this person touches"
    )
    assert one["notifications"][0] == {
        "channel": "team", "status": "pending", "attempts": 0, "sent": None, "why": None,
        "silence": None,
    }  # fmt: skip


def test_an_alert_has_a_page_and_knows_its_end(lab: Lab) -> None:
    raised, ended = lab.json("/alerts/1"), lab.json("/alerts/2.json")
    assert (raised["state"], raised["counterpart"]["number"]) == ("raised", 2)
    assert (ended["state"], ended["counterpart"]["number"]) == ("ended", 1)
    assert lab.json("/alerts/3")["counterpart"] is None
    page = lab.get("/alerts/3", Accept="text/html").text
    assert "it is still on" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "Notifications" not in page, "names of channels are for those who may see names"


@pytest.mark.parametrize("number", ["0", "99", "x", "9" * 30, "-1", "1.5"])
def test_an_unknown_alert_is_not_found(lab: Lab, number: str) -> None:
    assert lab.get(f"/alerts/{number}").status_code == 404


def test_hostile_names_are_escaped_in_the_list(lab: Lab) -> None:
    page = lab.get("/alerts.html").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    rows = list(csv.DictReader(lab.get("/alerts.csv").text.splitlines()))
    assert [row["number"] for row in rows] == ["4", "3", "2", "1"]
    assert rows[1]["subject"] == "category <script>alert(1)</script>\"'&"


def test_a_range_and_a_rule(lab: Lab) -> None:
    assert lab.json("/alerts?until=1d")["history"] == []
    assert len(lab.json("/alerts?since=1d&limit=2")["history"]) == 2
    of_busy = lab.json("/alerts?rule=busy")
    assert {change["rule"] for change in of_busy["history"]} == {"busy"}
    assert [rule["name"] for rule in of_busy["rules"]] == ["busy"]
    for wrong in ("limit=0", "limit=x", "since=never", "rulee=busy", "content_type=png"):
        assert lab.get(f"/alerts?{wrong}").status_code == 400, wrong


def test_the_live_page_has_a_panel_where_rules_are_configured(lab: Lab, tmp_path: Path) -> None:
    assert 'id="alerts-list"' in lab.get("/", Accept="text/html").text
    assert 'id="alerts-list"' in lab.get("/embed/alerts", Accept="text/html").text
    with serving(tmp_path / "store") as served:
        assert 'id="alerts-list"' not in served.get("/").text
        page = served.get("/alerts", headers={"Accept": "text/html"})
        assert "No rule is configured" in page.text


def test_frames_have_what_is_on_and_what_changed(lab: Lab) -> None:
    field: dict[str, Any] = {}
    with lab.served.session.get(f"{lab.served.url}/live", stream=True, timeout=60) as response:
        for line in response.iter_lines():
            if line.startswith(b"data: {") and (field := json.loads(line[6:]).get("alerts") or {}):
                break
    assert [change["number"] for change in field["open"]] == [3, 4]
    assert [change["number"] for change in field["changes"]] == [4, 3, 2, 1]
    assert field["more"] == 0
    assert "ralph" not in json.dumps(field)
