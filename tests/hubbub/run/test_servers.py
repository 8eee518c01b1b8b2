"""The injected `query` and `view` reach other servers after the store's own functions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hubbub import query, view
from hubbub.analyzers.result import Coverage, Gap, Result
from hubbub.calls import exchange
from hubbub.config import Config
from hubbub.errors import HubbubError, RemoteError
from hubbub.language import use_language
from hubbub.run.configured import configured_runner
from hubbub.run.runner import Runner
from hubbub.run.scope import CommonOptions
from hubbub.store import Store
from hubbub.times import EPOCH
from tests.support.peer_server import Peer, as_json, serving


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    made.functions = {
        "query/far": as_json,
        "query/near": lambda _: as_json("of the other"),
        "view/far_page": lambda _: (200, "text/html", b"<p>far</p>"),
    }
    with serving(made):
        yield made


@pytest.fixture
def runner(made_store: Path, peer: Peer, registry: None) -> Iterator[Runner]:
    @query
    def near() -> str:
        return "of this store"

    @query
    def asks(query: Any, name: str, text: str = "x") -> Any:
        return query(name, text=text) if name != "near" else query.near()

    @query
    def lists(query: Any, view: Any) -> Any:
        return [dir(query), dir(view)]

    @view
    def page(view: Any) -> Any:
        return f"[{view.far_page()}]"

    with Store.open(made_store, reading=True) as store:
        yield configured_runner(store, Config(servers={"far": peer.url}))


def test_names_that_only_others_have(runner: Runner, peer: Peer) -> None:
    assert runner.query("asks", name="far").bare == {"text": ["x"]}
    assert runner.query("asks", name="near").bare == "of this store"
    assert runner.view("page") == "[<p>far</p>]"
    assert "/query/near" not in peer.paths()


def test_a_view_is_drawn_in_the_language_of_the_caller(runner: Runner, peer: Peer) -> None:
    for language in ("en", "de"):
        with use_language(language):
            runner.view("page")
        assert peer.requests[-1][2] == {"lang": [language]}


def test_they_are_listed(runner: Runner) -> None:
    queries, views = runner.query("lists").bare
    assert {"far", "near", "volume"} <= set(queries)
    assert {"far_page", "page", "tail"} <= set(views)
    assert queries == sorted(queries)


def test_a_name_that_exists_nowhere(runner: Runner) -> None:
    with pytest.raises(HubbubError, match="there is no query 'nowhere'"):
        runner.query("asks", name="nowhere")


def test_a_server_that_is_away_is_named(made_store: Path, registry: None) -> None:
    @query
    def calls_far(query: Any) -> Any:
        return query.far()

    @query
    def calls_near(query: Any) -> Any:
        return query.volume(per="day").query

    with Store.open(made_store, reading=True) as store:
        runner = configured_runner(store, Config(servers={"gone": "http://127.0.0.1:9"}))
        assert runner.query("calls_near").bare == "volume"
        with pytest.raises(RemoteError, match=r"http://127.0.0.1:9: .*the query 'far'"):
            runner.query("calls_far")


def test_options_are_inherited_where_they_matter(
    made_store: Path, peer: Peer, registry: None
) -> None:
    @query
    def both(query: Any, since: datetime, until: datetime) -> Any:
        return [query.far(text="x"), query.ranged(text="y", until=until)]

    entries = [{"class": "query", "name": name} for name in ("far", "ranged")]
    entries[1] |= {"common_options": True}  # type: ignore[dict-item]
    peer.schema = as_json(entries)
    peer.functions["query/ranged"] = as_json
    with Store.open(made_store, reading=True) as store:
        options = CommonOptions(
            since="2026-01-01", until="2026-01-03", category=("git",), by="agent"
        )
        runner = configured_runner(store, Config(servers={"far": peer.url}), common=options)
        plain, ranged = runner.query("both").bare
    assert plain == {"text": ["x"]}
    assert ranged == {
        "text": ["y"], "since": ["2026-01-01T00:00:00Z"], "until": ["2026-01-03T00:00:00Z"],
        "category": ["git"], "by": ["agent"], "bots": ["no"],
    }  # fmt: skip


def test_gaps_of_the_other_server_are_noted(runner: Runner, peer: Peer) -> None:
    gap = Gap(EPOCH, EPOCH, "zmq:far", "missed")
    result = Result("far", {}, [1], EPOCH, EPOCH, 1, Coverage("unproven", (gap,)))
    peer.functions["query/far"] = lambda _: (200, exchange.MEDIA_TYPE, exchange.encode(result))
    assert runner.query("asks", name="far").bare["data"] == [1]
    assert runner.gaps == [gap]


def test_names_are_hidden_where_the_request_may_not_see_them(
    made_store: Path, peer: Peer, registry: None
) -> None:
    @query(names_people=False)
    def asks_far(query: Any) -> Any:
        return query.far()

    with Store.open(made_store, reading=True) as store:
        config = Config(servers={"far": peer.url})
        configured_runner(store, config, names=False).query("asks_far")
        assert peer.requests[-1][3]["Hubbub-Names"] == "hidden"
        configured_runner(store, config).query("asks_far")
        assert "Hubbub-Names" not in peer.requests[-1][3]
