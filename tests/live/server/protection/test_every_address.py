"""Every address of the server: closed where it should be, and without names for most."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.routing import Route

from hubbub.config import Config
from hubbub.live.server.app import build
from hubbub.live.server.server import Server
from hubbub.live.server.settings import serve_settings
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.store import Store
from hubbub.store.state import tokens
from tests.support.http import Served, serving
from tests.support.stores.small_store import USERS

load_builtins()
#: What is answered to everybody: it tells nothing of the store, or proves in another way who asks.
OPEN = {"/healthz", "/login", "/logout", "/me", "/me/close", "/hook/{name}"}
NAMES = re.compile(rf"\b({'|'.join(USERS)})\b")


def addresses(folder: Path) -> list[tuple[str, str]]:
    """Return method and path of every route."""
    server = Server(folder, Config(), serve_settings(Config()))
    try:
        routes = [route for route in build(server).routes if isinstance(route, Route)]
    finally:
        server.engines.close()
        server.access.close()
        server.store.close()
    return [
        (method, route.path)
        for route in routes
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


def filled(path: str) -> str:
    """Fill the parameters of a path with a name that exists at some addresses."""
    return re.sub(r"\{[^}]+\}", "volume", path)


def test_nothing_is_answered_where_everybody_needs_a_token(folder: Path) -> None:
    paths = addresses(folder)
    assert len(paths) > 15
    with serving(folder, auth="tokens", anonymous="none") as running:
        for method, path in paths:
            answer = requests.request(
                method, running.url + filled(path), timeout=60, allow_redirects=False
            )
            if path in OPEN:
                assert not NAMES.search(answer.text)
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, auth="tokens") as running:
        yield running


PAGES = [
    *("/", "/explore", "/schema", "/schema?f=html", "/openapi.json", "/event_properties", "/usage"),
    *("/usage/org.example.prod.git.receive", "/feed.atom", "/metrics", "/badge/longtail.svg"),
    *("/query/volume.csv", "/query/objects.html", "/query/users.html", "/query/users.csv"),
    *(f"/view/{name}.html" for name in sorted(REGISTRY.views)),
    *(f"/explore/{name}" for name in ("volume", "users", "tail", "radar", "overload")),
    *(f"/embed/{name}" for name in ("users", "tail")),
    "/explain/volume?row=start=2026-01-05T00:00:00Z",
    "/live?replay=2026-01-05&speed=3600",
]  # fmt: skip


def read(url: str, **options: Any) -> tuple[int, str]:
    """Return status and text of an answer; of a stream what comes in six seconds."""
    text, began = b"", time.monotonic()
    with requests.get(url, timeout=60, stream=True, **options) as answer:
        for chunk in answer.iter_content(None):
            text += chunk
            if time.monotonic() > began + 6:
                break
        return answer.status_code, text.decode("utf-8", "replace")


@pytest.mark.parametrize("path", PAGES)
def test_no_answer_names_people_to_everybody(served: Served, path: str) -> None:
    status, text = read(served.url + path)
    assert status in {200, 403, 404, 400}
    assert not NAMES.search(text)


@pytest.mark.parametrize(
    "path", ["/query/users.html", "/view/tail.html", "/live?replay=2026-01-05&speed=3600"]
)
def test_answers_name_people_to_those_who_may_see_them(
    served: Served, folder: Path, path: str
) -> None:
    with Store.open(folder) as store:
        _, secret = tokens.add(store.state, path, ["people"], now=0, expires=4 * 10**15)
    status, text = read(served.url + path, headers={"Authorization": f"Bearer {secret}"})
    assert status == 200
    assert NAMES.search(text)
