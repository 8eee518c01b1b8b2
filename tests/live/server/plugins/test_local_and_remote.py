"""Functions of plugins give the same from code, from another server, and through several places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub.errors import HubbubError, RemoteError
from tests.live.server.plugins.test_scenarios import PLUGINS
from tests.support.http import serving
from tests.support.stores.small_store import fill, lines

#: Calls of module A whose answers depend on nothing else.
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    *(("query", name, {}) for name in (
        "q_int", "q_zero", "q_str", "q_unicode", "q_none", "q_bool", "q_float", "q_list", "q_dict",
        "q_tuple", "q_set", "q_with_digit_2", "base_value", "q_plus2", "alias_one",
        "ns.alias_three", "renamed", "overridden", "same_name", "count_seen", "batches",
    )),
    ("query", "q_echo", {"text": "a&b=ü +"}),
    ("query", "q_echo", {"text": ""}),
    ("query", "q_two", {"first": "1", "second": "2"}),
    ("query", "q_default", {"first": "x"}),
    ("query", "q_params", {"first": "1", "x": "2", "y": "3"}),
    ("query", "query_uses_query_with_args", {"text": "x"}),
    ("query", "m_square", {"n": "7"}),
    ("query", "b_documents", {"items": [1], "table": {"a": [None]}}),
    ("query", "b_documents", {"items": [], "table": {}}),
    ("query", "b_documents", {"items": ["a", "b"], "table": {"c": "d"}}),
    ("query", "volume", {"per": "day", "until": "2026-02-01"}),
    ("query", "tail", {"until": "2026-02-01", "tz": "Europe/Berlin", "category": ["git", "wiki"]}),
    ("view", "hello", {}),
    ("view", "hello_user", {"user": "<bob>"}),
    ("view", "view_uses_query", {}),
    ("view", "view_uses_view", {}),
    ("view", "same_name", {}),
    ("view", "tail", {"until": "2026-02-01"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("both") / "store"
    fill(folder, lines(60))
    return folder


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    with serving(store, plugins=PLUGINS) as served:
        yield served.url


@pytest.fixture
def local(store: Path, registry: None) -> Iterator[Any]:
    with pytest.warns(UserWarning, match=r"query 'overridden' of .* is replaced"):
        opened = hubbub.open(store, plugins=PLUGINS)
    with opened:
        yield opened


def called(place: Any, kind: str, name: str, parameters: dict[str, Any]) -> Any:
    return getattr(place, kind)(name, **parameters)


def test_a_remote_call_returns_the_same_value(local: Any, url: str) -> None:
    with hubbub.connect(url) as remote:
        for kind, name, parameters in CALLS:
            here = called(local, kind, name, parameters)
            there = called(remote, kind, name, parameters)
            assert there == here, name
            assert type(there) is type(here), name


def test_names_are_the_same(local: Any, url: str) -> None:
    remote = hubbub.connect(url)
    assert dir(remote.query) == dir(local.query)
    assert dir(remote.view) == dir(local.view)
    assert "_private" not in dir(remote.query)


def test_failures(local: Any, url: str) -> None:
    remote = hubbub.connect(url)
    with pytest.raises(HubbubError, match="ValueError"):
        local.query.q_raises()
    with pytest.raises(RemoteError, match=r"'q_raises' failed there: it answered 500.*ValueError"):
        remote.query.q_raises()
    with pytest.raises(RemoteError, match=r"'q_echo' failed there: it answered 400: .*'?text"):
        remote.query.q_echo()
    for place in (local, remote):
        for name in ("no_such", "_private", "q_alias"):
            with pytest.raises(AttributeError):
                getattr(place.query, name)


def test_places_in_a_row_and_their_restriction(local: Any, url: str, store: Path) -> None:
    both = hubbub.combine(hubbub.connect("http://127.0.0.1:9"), hubbub.connect(url), local)
    assert both.query.q_int() == 3
    assert both.view.hello() == "<html>Hello</html>"
    assert dir(both.query) == dir(local.query)
    part = hubbub.restrict(
        both, {"q_two": ["second"], "q_int": "allow", "hello_user": ["user"]},
        context={"second": "fixed", "user": "ann"},
    )  # fmt: skip
    assert part.query.q_two(first="1") == ["1", "fixed"]
    assert part.view.hello_user() == "<html>Hello ann</html>"
    assert (dir(part.query), dir(part.view)) == (["q_int", "q_two"], ["hello_user"])
    with pytest.raises(TypeError):
        part.query.q_two(first="1", second="mine")
    with pytest.raises(AttributeError):
        part.query.q_str()
