"""A server, its store, a listener that writes into it, and one browser for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.live.server.stream import feed
from tests.support.browser.devtools import browser
from tests.support.browser.live_page import LivePage, Writer, clients, writing
from tests.support.http import Served, serving
from tests.support.processes import wait_until
from tests.support.stores.small_store import fill


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "store"
    fill(path)
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePage]:
    with browser(tmp_path_factory.mktemp("profile")) as running:
        yield LivePage(running)


@pytest.fixture
def page(chromium: LivePage, served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePage]:
    """The browser; afterwards no page is open, and its counts are forgotten."""
    monkeypatch.setattr(feed, "_LINGER", 0)
    yield chromium
    chromium.chromium.visit("about:blank")
    wait_until(lambda: clients(served) == 0)  # else its channel goes on with the next test's page


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    with writing(folder) as running:
        yield running
