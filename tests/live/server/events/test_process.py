"""Event handlers and jobs in the plugins' own process, also such as do what they should not."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config, PluginsConfig
from hubbub.live.server.events import dispatcher
from hubbub.store import Store
from hubbub.store.stream.places import places
from tests.live.server.events.test_dispatcher import store_events
from tests.support.http import Served, serving

PLUGIN = """
import ctypes, os, sys, time
from datetime import timedelta
from hubbub import cron, event_handler, event_property, query

@event_handler
def careful(db, state, cache, query, log, events):
    state.inc("events", len(events))
    for event in events:
        db["seen"].append(event.get("n") or event.get("id"))
    cache.set("last", query.base(), 60)

@event_property
def double(event):
    return event["n"] * 2

@event_handler
def hostile(db, events):
    for event in events:
        match event.get("do"):
            case "exit": os._exit(3)
            case "leave": sys.exit(4)
            case "segfault": ctypes.string_at(0)
            case "loop":
                while True: pass
            case "memory": x = b"x" * (8 << 30)
            case "print": print("x" * 50_000_000)
            case "double": db["doubled"]["n"] = event.double
        db["hostile"].append(event.get("n"))

@query
def base():
    return 20

@query
def seen(db):
    return list(db["seen"].values())

@query
def by_hostile(db):
    return [*db["hostile"].values(), *db["doubled"].values()]

@query
def last(cache, state):
    return [cache.get("last"), state.get("events"), state.get("ticks", 0)]

@cron(timedelta(seconds=1))
def tick(state):
    state.inc("ticks")
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "watcher.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ATTEMPTS", 2)
    monkeypatch.setattr(dispatcher, "RETRY", 0.01)
    monkeypatch.setattr(dispatcher, "PAUSE", 0.1)


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def seen(served: Served, name: str = "seen") -> Any:
    return served.get(f"/query/{name}").json()


def test_handlers_have_their_objects_and_jobs_run(tmp_path: Path, plugin: Path) -> None:
    with serving(tmp_path / "s", plugins=[plugin]) as served:
        assert served.post("/httpevent", json=[{"n": 1}, {"n": 2}]).text == "Success"
        assert seen(served) == [1, 2]
        assert seen(served, "last")[:2] == [20, 2]
        assert served.post("/httpevent", json={"n": 4, "do": "double"}).text == "Success"
        assert seen(served, "by_hostile") == [1, 2, 4, 8]
        store_events(tmp_path / "s", 7)
        until(lambda: "s7" in seen(served))
        until(lambda: seen(served, "last")[2] >= 1)
    with serving(tmp_path / "s", plugins=[plugin]) as served:
        assert served.post("/httpevent", json={"n": 5}).text == "Success"
        assert seen(served) == [1, 2, 4, "s7", 5], "nothing is handed over again"


@pytest.mark.parametrize("deed", ["exit", "segfault", "loop"])
def test_a_handler_that_ends_its_process_costs_only_its_own_batch(
    tmp_path: Path, plugin: Path, deed: str
) -> None:
    config = Config(plugins=PluginsConfig(timeout="2s"))
    with serving(tmp_path / "s", config=config, plugins=[plugin]) as served:
        events = [{"n": 1}, {"n": 2, "do": deed}, {"n": 3}]
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda event: served.post("/httpevent", json=event), events))
        assert [answer.text for answer in answers] == ["Success"] * 3
        until(lambda: sorted(seen(served)) == [1, 2, 3])
        until(lambda: sorted(seen(served, "by_hostile")) == [1, 3])
        assert served.post("/httpevent", json={"n": 4}).text == "Success"
        until(lambda: sorted(seen(served, "by_hostile")) == [1, 3, 4])
        assert sorted(seen(served)) == [1, 2, 3, 4]
    with Store.open(tmp_path / "s") as store:
        skipped = {name.rpartition(":")[2]: p.skipped for name, p in places(store.state).items()}
    assert skipped == {"careful": 0, "hostile": 1}


@pytest.mark.parametrize("deed", ["leave", "memory", "print"])
def test_one_that_fails_within_its_process_is_logged(
    tmp_path: Path, plugin: Path, deed: str
) -> None:
    with serving(tmp_path / "s", plugins=[plugin]) as served:
        assert served.post("/httpevent", json={"n": 1, "do": deed}).text == "Success"
        assert served.post("/httpevent", json={"n": 2}).text == "Success"
        assert seen(served) == [1, 2]
        assert seen(served, "by_hostile")[-1] == 2
    with Store.open(tmp_path / "s") as store:
        failed = {name.rpartition(":")[2]: p.failed for name, p in places(store.state).items()}
    assert failed == {"careful": 0, "hostile": 0 if deed == "print" else 1}


def test_many_clients_and_two_handlers_count_the_same(tmp_path: Path, plugin: Path) -> None:
    with serving(tmp_path / "s", plugins=[plugin]) as served:

        def post(n: int) -> str:
            return served.get("/httpevent", params={"msg": json.dumps({"n": n})}).text

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(post, range(1, 201))) == {"Success"}
        assert sorted(seen(served)) == list(range(1, 201))
        assert sorted(seen(served, "by_hostile")) == list(range(1, 201))
