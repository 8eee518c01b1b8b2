"""The ledger and the counters of hooks, and healing while a server runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from hubbub.config import Config, HookConfig
from hubbub.live.server.hooks import keeper
from hubbub.store import Store
from hubbub.store.spool.writer import SpoolWriter
from tests.support.forges.fake_github import TOKEN, Kept, fake_github
from tests.support.forges.hook_payloads import sign
from tests.support.http import Served, serving

T = TypeVar("T")
BODY = json.dumps({"sender": {"login": "anna"}}).encode()
CONFIG = Config(hooks={"github": HookConfig(secret="s"), "forum": HookConfig("t", kind="generic")})


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_TICK", 0.1)
    monkeypatch.setattr(keeper, "SLACK", 0.01)


def send(served: Served, secret="s", body: bytes = BODY, event="issues") -> int:
    headers = {"X-GitHub-Event": event, **sign("github", secret, body)}
    return served.post("/hook/github", data=body, headers=headers).status_code


def eventually(check: Callable[[], T]) -> T:
    end = time.monotonic() + 90
    while not (found := check()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def states(folder: Path, source="hook:github") -> list[str]:
    with Store.open(folder) as store:
        return [span.state for span in store.spans() if span.source == source]


def test_listening_and_gaps(tmp_path: Path):
    folder = tmp_path / "store"
    for _ in range(2):
        with serving(folder, config=CONFIG):
            time.sleep(0.3)
    for source in ("hook:github", "hook:forum"):
        assert states(folder, source) == ["unproven", "gap", "unproven"]
    with Store.open(folder) as store:
        gap = store.spans()[1]
        assert gap.proof == "we did not listen"
        assert store.coverage(gap.start, gap.end).state == "unproven"


def test_counters(tmp_path: Path):
    with serving(tmp_path / "store", config=CONFIG) as served:
        assert [send(served), send(served, "wrong"), send(served, body=b"x")] == [202, 401, 400]
        assert [send(served), send(served, event="ping")] == [202, 200]
        metrics = served.get("/metrics").text
    with Store.open(tmp_path / "store") as store:
        assert store.state.counts("hook:github")["hook:github"] == {
            "accepted": 2,
            "ping": 1,
            "refused:bad-signature": 1,
            "refused:not-json": 1,
        }
    assert 'hubbub_hook_deliveries_total{hook="github",result="accepted"} 2.0' in metrics
    assert 'hubbub_hook_deliveries_total{hook="github",result="refused:not-json"} 1.0' in metrics


def test_a_delivery_that_could_not_be_written_is_a_gap(tmp_path: Path, monkeypatch):
    flush = SpoolWriter.flush

    def fail(self: SpoolWriter) -> None:
        if self.name == "hooks":
            raise OSError("broken")
        flush(self)

    with serving(tmp_path / "store", config=CONFIG) as served:
        with monkeypatch.context() as patch:
            patch.setattr(SpoolWriter, "flush", fail)
            assert send(served) == 500
        eventually(lambda: "gap" in states(tmp_path / "store"))
        faults = served.get("/healthz").json()["faults"]
        assert [fault["name"] for fault in faults] == ["hooks"]
        assert send(served) == 202
        eventually(lambda: served.get("/healthz").json()["status"] == "ok")
        assert "gap" not in states(tmp_path / "store", "hook:forum")


def test_missed_deliveries_are_healed(tmp_path: Path):
    folder, token = tmp_path / "store", tmp_path / "token"
    token.write_text(TOKEN)
    now = time.time()
    with fake_github() as github:
        github.add(
            Kept("guid-of-a-missed-delivery", now - 7200, 502, payload={
                "action": "opened", "sender": {"login": "ben"},
                "repository": {"full_name": "o/n"}}),
            Kept("guid-of-a-ping-of-the-hook", now - 3600, 200, "ping"),
        )  # fmt: skip
        hook = HookConfig("s", repository="o/n", hook_id=7, token_file=str(token), api=github.url)
        with serving(folder, config=Config(hooks={"github": hook}, bodies=True)):
            eventually(lambda: "healed" in states(folder))
        asked = len(github.asked)
        with serving(folder, config=Config(hooks={"github": hook})):
            eventually(lambda: len(github.asked) > asked)
    with Store.open(folder) as store:
        assert store.load().new == 1
        (row,) = store.events().to_pyarrow().to_pylist()
        assert (row["id"], row["topic"]) == ("guid-of-a-missed-delivery", "github.issues.opened")
        assert (row["agent"], row["objects"]) == ("ben", ["o/n"])
        assert abs(row["time"].timestamp() - (now - 7200)) < 1
        assert json.loads(store.bodies.find([row["id"]])[row["id"]] or b"")["action"] == "opened"
        start, end = int((now - 7000) * 1e6), int((now - 1200) * 1e6)
        assert store.coverage(start, end).state == "complete"


def test_healing_that_fails_is_logged_and_stops_nothing(tmp_path: Path, capsys):
    token = tmp_path / "token"
    token.write_text("wrong")
    with fake_github() as github:
        hook = HookConfig("s", repository="o/n", hook_id=7, token_file=str(token), api=github.url)
        with serving(tmp_path / "store", config=Config(hooks={"github": hook})) as served:
            eventually(lambda: github.asked)
            assert send(served) == 202
    logged = capsys.readouterr().out
    assert "GitHub answers 401" in logged
    assert "allowed to read webhooks" in logged
    assert "wrong" not in logged
