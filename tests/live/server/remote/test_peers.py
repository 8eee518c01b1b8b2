"""Several servers that answer as one, and clients of a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubbub
from hubbub.config import Config, PeerConfig, ProjectConfig
from hubbub.errors import RemoteError
from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.peer_server import Peer, as_json, failed
from tests.support.peer_server import serving as serving_peer
from tests.support.stores.small_store import fill


@pytest.mark.parametrize("name", ["volume", "tail", "radar", "briefing"])
def test_a_query_has_the_same_value_as_on_the_store(
    served: Served, folder: Path, name: str
) -> None:
    with hubbub.open(folder) as store, hubbub.connect(served.url) as server:
        local = store.query(name, since="2026-01-05", until="2026-01-20", category="git")
        remote = server.query(name, since="2026-01-05", until="2026-01-20", category="git")
        assert remote.document() == local.document()
        assert remote._repr_html_() == local._repr_html_()


def test_a_view_has_the_same_value_as_on_the_store(served: Served, folder: Path) -> None:
    with hubbub.open(folder) as store, hubbub.connect(served.url) as server:
        local, remote = store.view.tail(until="2026-01-20"), server.view.tail(until="2026-01-20")
        assert remote.svg() == local.svg()
        assert remote.html() == local.html()
        assert server.view.tail(theme="dark").svg() == store.chart("tail", theme="dark").svg()


def test_names_and_documentation_are_those_of_the_store(served: Served, folder: Path) -> None:
    with hubbub.open(folder) as store, hubbub.connect(served.url) as server:
        assert dir(server.query) == dir(store.query)
        assert dir(server.view) == dir(store.view)
        assert server.query.volume.__doc__ == store.query.volume.__doc__
        with pytest.raises(AttributeError):
            server.query.none()
        with pytest.raises(RemoteError, match=r"it answered 400: .*no parameter 'colour'"):
            server.query.volume(colour="red")


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    made.functions = {
        "query/volume": lambda _: as_json("of the other"),
        "query/far": as_json,
        "query/far.text": lambda _: (200, "text/plain", b"far away"),
        "query/far_fails": lambda _: failed(500, "it broke"),
        "query/far_refuses": lambda _: failed(400, "no parameter 'x'"),
        "view/far_page": lambda _: (200, "text/html", b"<p>far</p>"),
    }
    with serving_peer(made):
        yield made


@pytest.fixture
def joined(folder: Path, peer: Peer) -> Iterator[Served]:
    with serving(folder, config=Config(servers={"far": peer.url})) as running:
        yield running


def test_names_of_other_servers_are_answered_through_them(joined: Served, peer: Peer) -> None:
    answer = joined.get("/query/far?a=1&a=2&b=x%26y")
    assert (answer.status_code, answer.json()) == (200, {"a": ["1", "2"], "b": ["x&y"]})
    assert joined.get("/query/far.json").json() == {}
    assert joined.get("/query/far.csv?a=1").headers["content-type"].startswith("text/csv")
    text = joined.get("/query/far.text")
    assert (text.text, text.headers["content-type"]) == ("far away", "text/plain; charset=utf-8")
    page = joined.get("/view/far_page")
    assert (page.text, page.headers["content-type"]) == ("<p>far</p>", "text/html; charset=utf-8")
    assert "script" not in page.headers["content-security-policy"]
    assert joined.get("/query/volume").json()["query"] == "volume"  # its own comes first
    assert not [path for path in peer.paths() if path == "/query/volume"]


def test_pictures_of_other_servers_are_in_the_language_of_this_one(
    folder: Path, peer: Peer
) -> None:
    config = Config(servers={"far": peer.url}, project=ProjectConfig(lang="de"))
    with serving(folder, config=config) as running:
        running.get("/view/far_page?theme=dark")
        assert peer.requests[-1][2] == {"theme": ["dark"], "lang": ["de"]}
        running.get("/view/far_page?lang=en")
        assert peer.requests[-1][2] == {"lang": ["en"]}
        running.get("/query/far")
        assert peer.requests[-1][2] == {}


def test_failures_of_other_servers_name_them(joined: Served, peer: Peer) -> None:
    answer = joined.get("/query/far_fails")
    assert answer.status_code == 502
    message = answer.json()["error"]["message"]
    assert message == f"{peer.url}: query 'far_fails' failed there: it answered 500: it broke"
    refused = joined.get("/query/far_refuses?x=1")
    assert refused.status_code == 400
    assert "no parameter 'x'" in refused.json()["error"]["message"]


def test_a_name_that_exists_nowhere(joined: Served) -> None:
    answer = joined.get("/query/nowhere")
    assert answer.status_code == 404
    assert "there is no query 'nowhere'" in answer.json()["error"]["message"]


def test_the_schema_lists_other_servers(joined: Served) -> None:
    answer = joined.get("/schema")
    assert answer.headers["hubbub-api"] == "1"
    entries = {(each["class"], each["name"]): each for each in answer.json()}
    assert entries["query", "far"]["server"] == "far"
    assert entries["view", "far_page"]["server"] == "far"
    assert "server" not in entries["query", "volume"]
    assert entries["query", "volume"]["category"].startswith("per")


def test_a_server_that_is_away(folder: Path, peer: Peer) -> None:
    config = Config(servers={"gone": "http://127.0.0.1:9", "far": peer.url})
    with serving(folder, config=config) as running:
        assert running.get("/query/far").status_code == 200
        assert running.get("/query/volume").status_code == 200
        assert running.get("/schema").status_code == 200
        answer = running.get("/query/nowhere")
        assert answer.status_code == 502
        message = answer.json()["error"]["message"]
        assert message.startswith("http://127.0.0.1:9: no other server has the query 'nowhere'")


def test_who_may_not_see_names_here_does_not_see_them_there(
    folder: Path, peer: Peer, tmp_path: Path
) -> None:
    """The token of this server may open more than the one who asks may see."""
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    config = Config(servers={"far": PeerConfig(peer.url, str(token))})
    with serving(folder, config=config, auth="tokens") as running:
        assert running.get("/query/far").status_code == 200
    _, asked = peer.requests
    assert (asked[3]["Authorization"], asked[3]["Hubbub-Names"]) == ("Bearer s3cret", "hidden")


def test_names_are_hidden_by_the_server_that_is_asked(folder: Path) -> None:
    with (
        serving(folder, auth="tokens", anonymous="people") as inner,
        serving(folder, config=Config(servers={"in": inner.url}), auth="tokens") as outer,
    ):
        far = outer.server.peers.servers[0]
        assert far.call("query", "tail", {}).data[0]["user"] == "ann"
        with pytest.raises(RemoteError, match=r"it answered 403: query 'tail' names people"):
            far.call("query", "tail", {}, names=False)
        shown = far.call("view", "tail", {}, names=False)
        assert "person 1" in {row["user"] for row in shown.table()}


def test_servers_of_servers(folder: Path, peer: Peer) -> None:
    with (
        serving(folder, config=Config(servers={"far": peer.url})) as middle,
        hubbub.connect(middle.url) as server,
    ):
        assert server.query.far(a="1") == {"a": ["1"]}
        assert server.query("far.text") == "far away"
        assert server.view.far_page() == "<p>far</p>"
        assert server.query.volume().query == "volume"
        *_, last = peer.requests
        assert len(last[3]["Hubbub-Via"].split(",")) == 1


def test_tokens(tmp_path: Path) -> None:
    fill(tmp_path / "store")
    now = time.time_ns() // 1000
    with Store.open(tmp_path / "store") as store:
        read, people = (
            tokens.add(store.state, scope, [scope], now=now, expires=None)[1]
            for scope in ("read", "people")
        )
    with serving(tmp_path / "store", auth="tokens", anonymous="none") as running:
        with pytest.raises(RemoteError, match=r"/schema.*it answered 401"):
            hubbub.connect(running.url).query.volume()
        with pytest.raises(RemoteError, match=r"it answered 401"):
            hubbub.connect(running.url, token="hubbub_wrong").query.volume()
        server = hubbub.connect(running.url, token=read)
        assert server.query.volume().data
        with pytest.raises(RemoteError, match=r"query 'tail' failed there: it answered 403"):
            server.query.tail()
        assert "person 1" in {row["user"] for row in server.view.tail().table()}
        assert hubbub.connect(running.url, token=people).query.tail().data[0]["user"] == "ann"
