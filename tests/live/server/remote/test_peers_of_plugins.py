"""Plugins of several servers that ask each other, in real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

import hubbub
from hubbub.errors import RemoteError
from tests.support.paths import ROOT
from tests.support.processes import free_port, within
from tests.support.stores.small_store import fill, lines

NORTH = """
from hubbub import query, view

@query
def whoami():
    return "north"

@query
def north_asks(query):
    return ["north got", query.south_says()]

@query
def ping(query, n: int = 0):
    return query.pong(n=n + 1)

@query
def nobody(query):
    return query.nowhere()

@query
def both(query):
    return [query.whoami(), query.volume(per="day").coverage.state, query.south_events().data]

@view
def north_page(view):
    return f"[{view.south_page(user='bob')}]"
"""
SOUTH = """
from hubbub import query, view

@query
def whoami():
    return "south"

@query
def south_says():
    return {"from": "south"}

@query
def south_fails():
    raise ValueError("no luck")

@query
def south_sleeps():
    import time
    time.sleep(60)

@query
def pong(query, n: int = 0):
    return query.ping(n=n + 1)

@query
def south_events(events):
    return events.group_by("category").agg(n=events.count()).order_by("category")

@view
def south_page(user):
    return f"<p>{user}</p>"
"""
HUBBUB = (sys.executable, "-c", "from hubbub.cli import main; main()")


@contextmanager
def server(folder: Path, plugin: str, port: int, other: str, timeout: str = "20s") -> Iterator[str]:
    """`hubbub serve` with a plugin, and another server in its configuration."""
    folder.mkdir()
    fill(folder / "store", lines(40))
    (folder / "plugin.py").write_text(plugin)
    config = folder / "hubbub.toml"
    config.write_text(f'[servers.other]\nurl = "{other}"\ntimeout = "{timeout}"\n')
    arguments = ["serve", "--auth", "none", "--port", str(port), "--store", folder / "store"]
    process = subprocess.Popen(
        [*HUBBUB, *map(str, [*arguments, "--config", config, "--plugins", folder / "plugin.py"])],
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 90
        while True:
            try:
                requests.get(f"{url}/healthz", timeout=5)
                break
            except requests.ConnectionError:
                if process.poll() is not None or time.monotonic() > end:
                    process.kill()
                    raise RuntimeError(process.communicate()[1]) from None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=90)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two servers that ask each other."""
    folder = tmp_path_factory.mktemp("pair")
    ports = free_port(), free_port()
    first, second = (f"http://127.0.0.1:{port}" for port in ports)
    with ExitStack() as stack:
        stack.enter_context(server(folder / "north", NORTH, ports[0], second))
        stack.enter_context(server(folder / "south", SOUTH, ports[1], first))
        yield first, second


def get(url: str) -> Any:
    return requests.get(url, timeout=60)


def test_a_plugin_reaches_the_other_server(pair: tuple[str, str]) -> None:
    north, _ = pair
    assert get(f"{north}/query/north_asks").json() == ["north got", {"from": "south"}]
    assert get(f"{north}/view/north_page").text == "[<p>bob</p>]"
    whoami, state, rows = get(f"{north}/query/both").json()
    assert (whoami, state) == ("north", "unproven")
    assert sum(row["n"] for row in rows) == 40


def test_its_names_are_answered_through_this_one(pair: tuple[str, str]) -> None:
    north, south = pair
    assert get(f"{north}/query/south_says").json() == {"from": "south"}
    assert get(f"{north}/view/south_page?user=ann").text == "<p>ann</p>"
    assert get(f"{north}/query/whoami").text == "north"
    assert get(f"{south}/query/whoami").text == "south"
    through = get(f"{north}/query/south_events?since=2026-01-02&tz=Europe/Berlin")
    direct = get(f"{south}/query/south_events?since=2026-01-02&tz=Europe/Berlin")
    assert through.json() == direct.json()
    assert through.headers["hubbub-coverage"] == direct.headers["hubbub-coverage"] == "unproven"
    csv = get(f"{north}/query/south_events.csv").text
    assert csv == get(f"{south}/query/south_events.csv").text


def test_a_client_sees_one_server(pair: tuple[str, str]) -> None:
    north, south = pair
    with hubbub.connect(north) as first, hubbub.connect(south) as second:
        assert first.query.south_says() == second.query.south_says() == {"from": "south"}
        assert set(dir(first.query)) == set(dir(second.query))
        assert hubbub.combine(second, first).query.whoami() == "south"
        with pytest.raises(RemoteError, match=r"'south_fails' failed there: it answered 502: .*no"):
            first.query.south_fails()


def test_servers_that_ask_each_other_come_to_an_end(pair: tuple[str, str]) -> None:
    north, _ = pair
    began = time.monotonic()
    answer = get(f"{north}/query/ping")
    assert answer.status_code == 502
    assert "this request has passed 4 servers already" in answer.json()["error"]["message"]
    assert time.monotonic() - began < 45
    assert get(f"{north}/query/north_asks").status_code == 200


@pytest.mark.parametrize("kind", ["query", "view"])
def test_a_name_that_exists_nowhere_comes_to_an_end(pair: tuple[str, str], kind: str) -> None:
    north, south = pair
    for url in pair:
        answer = get(f"{url}/{kind}/nowhere")
        assert answer.status_code == 404
    answer = get(f"{north}/query/nobody")
    assert answer.status_code == 500
    assert "there is no query 'nowhere'" in answer.json()["error"]["message"]
    names = {each["name"] for each in get(f"{south}/schema").json()}
    assert "north_asks" in names
    assert "nowhere" not in names


def test_a_slow_server_is_named_after_its_time(tmp_path: Path, pair: tuple[str, str]) -> None:
    _, south = pair
    with server(tmp_path / "east", "", free_port(), south, "1s") as east:
        began = time.monotonic()
        answer = get(f"{east}/query/south_sleeps")
        assert answer.status_code == 502
        message = answer.json()["error"]["message"]
        assert message == f"{south}: query 'south_sleeps' was not answered within 1 s"
        assert time.monotonic() - began < within(5)
        assert get(f"{east}/healthz").status_code == 200


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    plugin = "from hubbub import query\n@query\ndef asks(query):\n    return query.far()\n"
    with server(tmp_path / "west", plugin, free_port(), "http://127.0.0.1:9") as west:
        answer = get(f"{west}/query/asks")
        assert answer.status_code == 502
        assert "http://127.0.0.1:9: no other server has the query 'far'" in answer.text
        assert get(f"{west}/query/volume.json").status_code == 200
