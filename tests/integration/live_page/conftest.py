"""The live page of a server, and a listener that writes into its store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.live.server.stream import feed
from tests.support.browser.devtools import Browser
from tests.support.browser.live_page import LivePage, Writer, clients, writing
from tests.support.http import Served
from tests.support.processes import wait_until


@pytest.fixture(scope="module")
def chromium(window: Browser) -> Iterator[Browser]:
    """One page for the tests of a module: a fresh one takes longer than many of them."""
    with window.fresh_page() as page:
        yield page


@pytest.fixture
def page(chromium: Browser, served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePage]:
    """The page; afterwards it is left, and its counts are forgotten."""
    monkeypatch.setattr(feed, "_LINGER", 0)
    yield LivePage(chromium)
    chromium.visit("about:blank")
    wait_until(lambda: clients(served) == 0)  # else its channel goes on with the next test's page


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    with writing(folder) as running:
        yield running
