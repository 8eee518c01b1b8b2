"""Plugins over HTTP: files, schema, replaced built-ins, formats, modules that cannot be loaded."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from hubbub.config import Config, PluginsConfig
from hubbub.plugins.host import PluginHost
from hubbub.plugins.messages import Start
from hubbub.plugins.process import PluginProcess
from tests.support.http import serving
from tests.support.stores import small_store

MINE = '''
from typing import Literal

from hubbub import cron, event_handler, event_property, query, view


@query
def tail(events, top: int = 2):
    """My own tail."""
    users = events.unnest_users("time").group_by("user")
    return users.agg(n=lambda t: t.count()).order_by("user").head(top)


@query(category="mine")
def typed(n: int, per: Literal["day", "week"] = "day", names: list[str] = (), flag: bool = False):
    """Typed parameters."""
    return [n, per, list(names), flag]


@query
def nested(query):
    return len(query.tail(top=3).data) + len(query.volume(per="day").data) * 0


@query
def asks_too_much(query):
    return query.typed(n="no number")


@query
def asks_for_nothing(query):
    return query.no_such_query()


@query
def refuses(n: int):
    from hubbub.errors import UsageError

    raise UsageError("n is too small", hint="choose a larger one")


@view
def picture(query, chart, since, until):
    return chart.bars(query.tail(since=since, until=until), x="user", y="n")


@query
def publishes(fs, name, text):
    with fs.open(name, "w") as file:
        file.write(text)
    return fs.get_url(name)


@query
def table():
    return [{"a": 1, "b": "=x"}, {"a": 2, "b": "y"}]


@cron("1h")
def hourly(db):
    db["runs"].append(1)
    return len(db["runs"])


@event_handler(batch=False)
def handles(events):
    pass


@event_property
def shout(event):
    """Louder."""
    return event["topic"].upper()


@query
def _hidden():
    return 1
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_everything_of_a_plugin(tmp_path: Path, mine: Path) -> None:
    store = tmp_path / "store"
    small_store.fill(store)
    with serving(store, plugins=[mine]) as served:
        document = served.get("/query/tail?top=3&since=2026-01-01&until=2026-02-01")
        assert [row["user"] for row in document.json()["data"]] == ["ann", "bob", "cid"]
        assert document.json()["parameters"]["top"] == 3
        assert document.headers["Hubbub-Coverage"] == "unproven"
        assert served.get("/query/nested?since=2026-01-01&until=2026-02-01").json() == 3
        typed = served.get("/query/typed?n=1&n=2&names=a&names=b&flag=yes&per=week")
        assert typed.json() == [2, "week", ["a", "b"], True]
        assert served.get("/query/table.csv").text.splitlines() == ["a,b", "1,'=x", "2,y"]
        assert served.get("/query/table.jsonl").text.splitlines()[0] == '{"a": 1, "b": "=x"}'
        assert "<td>" in served.get("/query/table.html").text
        assert served.post("/query/typed?n=1", data={"n": 5, "per": "week"}).json()[0] == 1
        assert served.post("/query/typed", json={"n": 5, "names": ["a"]}).json()[2] == ["a"]

        svg = served.get("/view/picture.svg?since=2026-01-01&until=2026-02-01")
        assert (svg.headers["Content-Type"], b"<svg" in svg.content) == ("image/svg+xml", True)
        page = served.get("/view/picture.html?since=2026-01-01&until=2026-02-01").text
        assert page.lower().startswith("<!doctype html>")

        for path, status, text in (
            ("/query/typed", 400, "needs n"),
            ("/query/typed?n=x", 400, "write a whole number"),
            ("/query/typed?n=1&x=2", 400, "has no parameter 'x'"),
            ("/query/typed?n=1&per=year", 400, "choose one of day, week"),
            ("/query/refuses?n=1", 400, "n is too small"),
            ("/query/asks_too_much", 500, "n cannot be"),
            ("/query/asks_for_nothing", 500, "no_such_query"),
            ("/query/_hidden", 404, "there is no query"),
            ("/view/typed", 404, "there is no view"),
        ):
            response = served.get(path)
            assert (response.status_code, text in response.text) == (status, True), (
                path,
                response.text,
            )


def test_schema_and_event_properties(tmp_path: Path, mine: Path) -> None:
    with serving(tmp_path / "store", plugins=[mine]) as served:
        entries = {(e["class"], e["name"]): e for e in served.get("/schema").json()}
        assert ("query", "_hidden") not in entries
        assert ("query", "volume") in entries  # built-in
        assert entries["query", "tail"]["doc"] == "My own tail."
        assert entries["query", "typed"]["category"] == "mine"
        assert entries["query", "publishes"]["category"] == "name+text"
        assert entries["query", "typed"]["parameters"] == [
            {"name": "n", "type": "integer", "required": True, "default": None},
            {"name": "per", "type": "day|week", "required": False, "default": "day"},
            {"name": "names", "type": "list of text", "required": False, "default": []},
            {"name": "flag", "type": "yes or no", "required": False, "default": False},
        ]
        page = served.get("/schema?f=html")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "My own tail." in page.text
        assert served.get("/event_properties").json() == [{"name": "shout", "doc": "Louder."}]
        plugins = served.server.plugins
        assert plugins is not None
        assert plugins.registry.jobs["hourly"].extra["schedule"].text == "1h"
        (handler,) = plugins.registry.event_handlers.values()
        assert (handler.name, handler.extra["batch"]) == ("handles", False)


def test_files_are_served_and_nothing_else(tmp_path: Path, mine: Path) -> None:
    (tmp_path / "secret").write_text("content of another file")
    with serving(tmp_path / "store", plugins=[mine]) as served:
        url = served.get("/query/publishes?name=a%20b.html&text=<script>1</script>").text
        assert url == f"{served.url}/files/mine/a%20b.html"
        response = served.session.get(url)
        assert response.text == "<script>1</script>"
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert served.get("/query/publishes?name=..%2Fx&text=x").status_code == 500
        for path in (
            "/files/mine/none",
            "/files/other/a%20b.html",
            "/files/mine/..%2f..%2f..%2f..%2fsecret",
            "/files/mine/%2e%2e/mine/a%20b.html",
            "/files/..%2fmine/a%20b.html",
            "/files/mine/",
            "/files/mine",
            "/files//a%20b.html",
            "/files/mine/a%00b",
        ):
            response = served.get(path)
            assert (response.status_code, "content" in response.text) == (404, False), path


def test_files_of_one_name_do_not_share_anything(tmp_path: Path) -> None:
    files = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "same.py")
        files[-1].write_text(
            "from hubbub import query\n"
            f"@query\ndef put_{folder}(fs, db, cache, text):\n"
            "    with fs.open('x.txt', 'w') as file:\n        file.write(text)\n"
            "    db['d']['k'] = text\n    cache.set('k', text, 60)\n"
            "    return fs.get_url('x.txt')\n"
            f"@query\ndef get_{folder}(fs, db, cache):\n"
            "    return [fs.exists('x.txt'), db['d'].get('k'), cache.get('k')]\n"
        )
    with serving(tmp_path / "store", plugins=files) as served:
        url = served.get("/query/put_one?text=1").text
        assert url.endswith("/same/x.txt")
        assert served.session.get(url).text == "1"
        assert served.get("/query/get_two").json() == [False, None, None]
        other = served.get("/query/put_two?text=2").text
        assert other != url
        assert served.session.get(url).text == "1"
        assert served.session.get(other).text == "2"


@pytest.mark.parametrize(
    "source",
    [
        "import no_such_module\n",
        "def broken(:\n",
        "import os\nos._exit(3)\n",
        "raise SystemExit(3)\n",
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_skipped(tmp_path: Path, mine: Path, source: str) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(source)
    config = Config(plugins=PluginsConfig(modules=("no_such_module_either",)))
    with serving(tmp_path / "store", config=config, plugins=[broken, mine]) as served:
        assert served.get("/query/typed?n=1").json()[0] == 1
        assert served.server.plugins is not None
        assert set(served.server.plugins.failed) == {str(broken), "no_such_module_either"}


def test_a_process_that_is_being_started_ends_with_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    async def stop_while_it_starts() -> None:
        loading = asyncio.Event()

        async def load(process: PluginProcess, _start: Start) -> None:
            started.append(process.number)
            loading.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(PluginProcess, "_load", load)
        host = PluginHost(tmp_path, Config(), [])
        call = asyncio.ensure_future(host.call("query", "tail", {}))
        await loading.wait()
        await host.stop()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(stop_while_it_starts())
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_a_server_without_plugins_starts_no_process(tmp_path: Path) -> None:
    with serving(tmp_path / "store") as served:
        assert served.server.plugins is None
        assert served.get("/event_properties").json() == []
        assert json.loads(served.get("/schema").text)
