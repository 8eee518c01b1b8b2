"""The scenarios of tests/golden/insights, each against a server with two plugin files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.commandline import Run
from tests.support.http import Served, serving
from tests.support.paths import GOLDEN

HERE = Path(__file__).parent
PLUGINS = [HERE / "confmod_a.py", HERE / "confmod_b.py"]
SCENARIOS = [json.loads(path.read_text()) for path in sorted((GOLDEN / "insights").glob("*.json"))]
#: Those that are sequences of requests and events; others are in test_scheduled.py and elsewhere.
SERVED = [
    scenario
    for scenario in SCENARIOS
    if all({"request", "event", "sleep", "maintenance"} & step.keys() for step in scenario["steps"])
    and scenario["id"] != "ins25"
]


def test_there_are_scenarios() -> None:
    assert len(SERVED) >= 11


@pytest.mark.parametrize("scenario", SERVED, ids=lambda scenario: scenario["id"])
def test_scenario(scenario: dict[str, Any], tmp_path: Path, hubbub: Run) -> None:
    store = tmp_path / "store"
    with serving(store, plugins=PLUGINS) as served:
        for number, step in enumerate(scenario["steps"]):
            where = f"step {number}: {step}"
            if "sleep" in step:
                time.sleep(step["sleep"])
            elif "maintenance" in step:
                assert hubbub("jobs", "run", "expire_files", "--store", store).code == 0, where
            else:
                check(ask(served, step), step["expected"], where)


def test_a_number_of_any_size_reaches_the_handlers(tmp_path: Path) -> None:
    """One that does not fit 64 bits does not stop them for the events after it."""
    with serving(tmp_path / "store", plugins=PLUGINS) as served:
        for event in ({"user": 2**70}, {"user": -(2**63) - 1}, {"user": "ann"}):
            began = time.monotonic()
            check(ask(served, {"event": event}), {"status": 200, "body": "Success"}, str(event))
            assert time.monotonic() - began < 59, "answered before all handlers had it"
        assert served.get("/query/count_seen").json() == 3
        assert served.get("/query/count_seen_by?user=ann").json() == 1


def ask(served: Served, step: dict[str, Any]) -> requests.Response:
    """Do what a step says."""
    if "event" in step:
        event = step["event"]
        message = event if isinstance(event, str) else json.dumps(event)
        return served.get("/httpevent", params={"msg": message})
    method, _, path = step["request"].partition(" ")
    return served.post(path, data=step["form"]) if method == "POST" else served.get(path)


def check(response: requests.Response, expected: dict[str, Any], where: str) -> None:
    """Compare an answer with what is expected."""
    allowed = expected["status"]
    assert response.status_code in (allowed if isinstance(allowed, list) else [allowed]), (
        where,
        response.text,
    )
    if response.status_code != 200:
        return
    if "json" in expected:
        assert response.json() == expected["json"], where
        assert response.headers["Content-Type"] == "application/json"
    if "body" in expected:
        _, root, rest = expected["body"].rpartition("<url root>")
        if root:
            assert response.text.endswith(rest), where
        else:
            assert response.text == expected["body"], where
    for text in expected.get("contains", ()):
        assert text in response.text, where
