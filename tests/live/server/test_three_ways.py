"""Every built-in query and view answers the same by command, over HTTP and from code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config
from hubbub.formats.encode import MEDIA_TYPES, encode
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.run.configured import configured_runner
from hubbub.store import Store
from tests.support.commandline import Run
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill, lines

load_builtins()
#: What the functions need that have parameters without a default.
NEEDED: dict[str, dict[str, str]] = {
    "event_activity": {"from": "2026-01-05", "to": "2026-01-07"},
    "what_if": {"without": "ann"},
}
RANGE = {"since": "2026-01-01", "until": "2026-01-15"}
QUERIES = sorted(name for name, f in REGISTRY.queries.items() if f.public)
VIEWS = sorted(name for name, f in REGISTRY.views.items() if f.public)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("three") / "store"
    fill(path, lines(200, days=14))
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, timeout="240s") as running:
        yield running


def parameters(name: str) -> dict[str, str]:
    return RANGE | NEEDED.get(name, {})


def options(given: dict[str, str]) -> list[str]:
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def printed(out: str) -> Any:
    """Return the document that a command printed; the server's thread may log beside it."""
    return json.JSONDecoder().raw_decode(out[out.index("{\n") :])[0]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query(hubbub: Run, served: Served, folder: Path, name: str) -> None:
    given = parameters(name)
    command = hubbub("query", name, "--store", folder, "--format", "json", *options(given))
    assert command.code == 0, command.err
    answered = served.get(f"/query/{name}.json", params=given)
    assert answered.status_code == 200, answered.text
    with Store.open(folder, reading=True) as store:
        called = configured_runner(store, Config()).query(name, **given)
    document = json.loads(json.dumps(called.document()))
    assert answered.json() == printed(command.out) == document
    for form in MEDIA_TYPES:
        assert encode(called, form) or not document["data"], form


@pytest.mark.parametrize("name", VIEWS)
def test_a_view(hubbub: Run, served: Served, folder: Path, tmp_path: Path, name: str) -> None:
    given = parameters(name)
    file = tmp_path / "picture.svg"
    command = hubbub("chart", name, "--store", folder, "-o", file, *options(given))
    assert command.code == 0, command.err
    answered = served.get(f"/view/{name}.svg", params=given)
    assert answered.status_code == 200, answered.text
    with Store.open(folder, reading=True) as store:
        drawn: Any = configured_runner(store, Config()).view(name, **given)
    assert answered.content == file.read_bytes() == drawn.svg()


def test_there_is_something_to_compare() -> None:
    assert len(QUERIES) >= 30
    assert len(VIEWS) >= 18
