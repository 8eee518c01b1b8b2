"""`/healthz` states what is wrong, `/metrics` what was done; docs/operations.md lists both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from hubbub.config import Config, HookConfig, PluginsConfig
from hubbub.errors import StoreError
from hubbub.live.health import Fault, undelivered_fault
from hubbub.live.server.background.loading import loading_faults
from hubbub.live.server.monitoring import routes
from tests.support import paths
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill, lines

PAGE = (paths.ROOT / "docs" / "operations.md").read_text()
SECTION = PAGE.partition("\n## The server\n")[2].partition("\n## ")[0]


PLUGIN = """
import os
from hubbub import event_handler, query

@event_handler
def ignore(events):
    pass

@query
def fine():
    return 1

@query
def raises():
    raise ValueError

@query
def sleeps():
    import time
    time.sleep(600)

@query
def ends(status: int):
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("monitored") / "store"
    fill(folder, lines(30))
    plugin = folder.with_name("plugin.py")
    plugin.write_text(PLUGIN)
    config = Config(
        plugins=PluginsConfig(timeout="5s", processes=1),
        hooks={"github": HookConfig(secret="0123456789")},
    )
    with serving(folder, config=config, timeout="240s", plugins=[plugin]) as running:
        yield running


def samples(response: requests.Response) -> dict[str, float]:
    assert response.status_code == 200
    found = re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", response.text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_a_healthy_server(served: Served) -> None:
    response = served.get("/healthz")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert response.json()["status"] == "ok"
    assert response.json()["faults"] == []


def test_what_is_wrong_is_stated(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise StoreError("it is damaged", where="/secret/place")

    with monkeypatch.context() as patch:
        patch.setattr(served.server.answers, "stamp", damaged)
        patch.setattr(routes, "MIN_FREE", 1 << 60)
        patch.setattr(served.server, "checks", [lambda: [Fault("own", "what", "hint")]])
        response = served.get("/healthz")
        assert response.status_code == 503
        assert [fault["name"] for fault in response.json()["faults"]] == ["store", "own"]
        assert "secret" not in response.text
    with monkeypatch.context() as patch:
        patch.setattr(routes, "MIN_FREE", 1 << 60)
        assert [f["name"] for f in served.get("/healthz").json()["faults"]] == ["disk"]
        assert samples(served.get("/metrics"))["hubbub_healthy"] == 0


def test_a_loader_that_does_not_run_is_a_fault() -> None:
    class Loader:
        alive = False

    assert [fault.name for fault in loading_faults(Loader())] == ["loader"]  # type: ignore[arg-type]
    Loader.alive = True
    assert loading_faults(Loader()) == []  # type: ignore[arg-type]


def test_plugins_that_are_left_out_are_a_fault(tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text("import nothing_of_this_name\n")
    with serving(tmp_path / "store", plugins=[plugin]) as running:
        faults = running.get("/healthz").json()["faults"]
        assert [fault["name"] for fault in faults] == ["plugins"]
        assert str(tmp_path) not in str(faults)


def test_requests_are_counted_by_route(served: Served) -> None:
    before = samples(served.get("/metrics"))
    first = served.get("/query/users.json")
    served.get("/query/users.json", headers={"If-None-Match": first.headers["etag"]})
    served.get("/nowhere/" + "x" * 20)
    served.get("/query/nothing")
    after = samples(served.get("/metrics"))

    def more(name: str) -> float:
        return after.get(name, 0) - before.get(name, 0)

    counted = 'hubbub_http_requests_total{{method="GET",route="{}",status="{}"}}'
    assert more(counted.format("/query/{name}", 200)) == 1
    assert more(counted.format("/query/{name}", 304)) == 1
    assert more(counted.format("/query/{name}", 404)) == 1
    assert more(counted.format("other", 404)) == 1
    assert more('hubbub_http_request_seconds_count{route="/query/{name}"}') == 3
    assert more('hubbub_answers_total{from="cache"}') >= 1
    assert after['hubbub_stored_events_total{kind="jsonl"}'] == 30
    assert not [name for name in after if "xxx" in name]


def test_calls_and_processes_of_plugins_are_counted(served: Served) -> None:
    def plugin() -> dict[str, float]:
        every = samples(served.get("/metrics")).items()
        return {name[14:]: value for name, value in every if name.startswith("hubbub_plugin_")}

    assert served.get("/query/fine").json() == 1
    before = plugin()
    assert (before["processes"], before["calls_waiting"]) == (1, 0)
    assert 10 << 20 < before["memory_bytes"] < 4 << 30
    for path, status in (
        ("fine", 200),
        ("raises", 500),
        ("ends?status=3", 500),
        ("ends?status=-9", 500),
        ("sleeps", 504),
        ("fine", 200),
    ):
        assert served.get(f"/query/{path}").status_code == status
    after = plugin()
    more = {name: after[name] - before[name] for name in after}
    results = {"answered": 2, "failed": 1, "died": 2, "timeout": 1}
    assert {name: more[f'calls_total{{result="{name}"}}'] for name in results} == results
    ended = {"died": 1, "killed": 1, "timeout": 1, "asked": 0}
    assert {name: more[f'processes_ended_total{{why="{name}"}}'] for name in ended} == ended
    assert more["restarts_total"] == 3
    assert after["processes"] == 1


def test_the_documentation_lists_all_metrics_and_faults(served: Served) -> None:
    served.server.engines.stopped["timeout"] += 1  # a label that is there after the first one
    assert served.post("/hook/github", data=b"{}").status_code == 401  # another one
    exported = {re.split(r"[ {]", line)[0] for line in served.get("/metrics").text.splitlines()}
    own = {
        re.sub(r"_(bucket|count|sum)$", "", name) for name in exported if name.startswith("hubbub_")
    }
    tables = "\n".join(line for line in SECTION.splitlines() if line.startswith("| `"))
    documented = set(re.findall(r"`(hubbub_\w+)", tables))
    listener = PAGE.partition("\n## Metrics")[2].partition("\n## ")[0]
    of_the_store = set(re.findall(r"`(hubbub_\w+)", listener.partition("`hubbub_store_up`")[2]))
    assert own - of_the_store == documented - of_the_store
    assert own - documented <= of_the_store
    source = "".join(path.read_text() for path in (paths.ROOT / "live" / "server").rglob("*.py"))
    names = set(re.findall(r'Fault\("(\w+)"', source))
    names |= {fault.name for fault in undelivered_fault(1)}
    assert set(re.findall(r"^\| `([a-z]+)` \|", SECTION, re.MULTILINE)) == names
