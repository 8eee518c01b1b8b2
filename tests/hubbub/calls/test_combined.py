"""Several places that answer as one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import hubbub
from hubbub.errors import RemoteError, UsageError
from hubbub.notebook import NotebookStore
from tests.support.peer_server import Peer, as_json, failed, serving


@pytest.fixture
def other() -> Iterator[Peer]:
    peer = Peer()
    peer.functions = {
        "query/q_int": lambda _: as_json("of the other"),
        "query/only_other": lambda _: as_json(5),
        "query/fails_there": lambda _: failed(500, "it broke"),
        "view/only_view": lambda _: (200, "text/html", b"<p>"),
    }
    with serving(peer):
        yield peer


def test_the_first_that_has_the_name_answers(peer: Peer, other: Peer) -> None:
    both = hubbub.combine(hubbub.connect(peer.url), hubbub.connect(other.url))
    assert both.query.q_int() == 3
    assert both.query.only_other() == 5
    assert both.query("ns.dotted") == "dotted"
    assert both.view.only_view() == "<p>"
    turned = hubbub.combine(hubbub.connect(other.url), hubbub.connect(peer.url))
    assert turned.query.q_int() == "of the other"


def test_names_are_the_sorted_union(peer: Peer, other: Peer) -> None:
    both = hubbub.combine(hubbub.connect(peer.url), hubbub.connect(other.url))
    assert dir(both.query) == [
        "fails_there", "ns.dotted", "only_other", "q_echo", "q_int", "q_raises", "q_secret",
        "q_text",
    ]  # fmt: skip
    assert dir(both.view) == ["hello", "only_view"]
    with pytest.raises(AttributeError, match="there is no query 'none'; there are: fails_there"):
        both.query.none()
    with pytest.raises(AttributeError):
        both.query("none")


def test_a_failure_is_that_of_the_first_that_has_the_name(peer: Peer, other: Peer) -> None:
    both = hubbub.combine(hubbub.connect(peer.url), hubbub.connect(other.url))
    with pytest.raises(RemoteError, match="'fails_there' failed there: it answered 500: it broke"):
        both.query.fails_there()


def test_a_server_that_is_away_hides_no_names_of_others(peer: Peer) -> None:
    both = hubbub.combine(hubbub.connect("http://127.0.0.1:9"), hubbub.connect(peer.url))
    assert both.query.q_int() == 3
    assert "q_int" in dir(both.query)
    with pytest.raises(
        RemoteError, match=r"http://127.0.0.1:9: no other server has the query 'none'"
    ):
        both.query.none()
    with pytest.raises(RemoteError, match="no other server has the view 'none'"):
        both.view("none")


def test_a_store_and_a_server(made_store: Path, peer: Peer) -> None:
    with hubbub.open(made_store) as store:
        both = hubbub.combine(store, hubbub.connect(peer.url))
        assert both.query.tail().data == store.query.tail().data
        assert both.query.q_int() == 3
        assert dir(both.query) == sorted({*dir(store.query), *dir(hubbub.connect(peer.url).query)})
        assert hubbub.combine(both, store).view.hello() == "<html>Hello</html>"


def test_query_objects_alone(peer: Peer, other: Peer) -> None:
    first, second = hubbub.connect(peer.url), hubbub.connect(other.url)
    query = hubbub.combine(first.query, second.query)
    assert (query.q_int(), query.only_other()) == (3, 5)
    assert hubbub.combine(first.view, second.view).only_view() == "<p>"
    assert "fails_there" in dir(query)
    with pytest.raises(UsageError, match="has no query and view"):
        hubbub.combine(first.query, second.view)
    with pytest.raises(UsageError, match="has no query and view"):
        hubbub.combine(first.query, second)


def test_what_cannot_be_combined(peer: Peer) -> None:
    with pytest.raises(UsageError, match="at least one"):
        hubbub.combine()
    with pytest.raises(UsageError, match="'http://x' has no query and view"):
        hubbub.combine("http://x")


def test_an_open_store_is_called_in_the_same_ways(made_store: Path) -> None:
    with hubbub.open(made_store) as store:
        assert isinstance(store, NotebookStore)
        assert store.query.tail(since="2026-01-01") == store.query("tail", since="2026-01-01")
        assert store.query.tail()["data"] == store.query.tail().data
        assert store.view.tail().svg() == store.chart("tail").svg()
        assert store.view.tail(theme="dark").svg() == store.chart("tail", theme="dark").svg()
        assert store.view("tail", theme="light").svg() != store.view.tail().svg()
        assert {"tail", "volume"} <= set(dir(store.query)) & set(dir(store.view))
        with pytest.raises(AttributeError, match="there is no query 'none'"):
            store.query.none()
        with pytest.raises(UsageError, match="there is no query 'none'"):
            store.query("none")
