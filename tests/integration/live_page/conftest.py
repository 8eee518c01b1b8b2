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


@pytest.fixture
def page(window: Browser, served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePage]:
    """A page in a browser; afterwards it is closed, and its counts are forgotten."""
    monkeypatch.setattr(feed, "_LINGER", 0)
    with window.fresh_page() as chromium:
        yield LivePage(chromium)
    wait_until(lambda: clients(served) == 0)  # else its channel goes on with the next test's page


@pytest.fixture
def writer(folder: Path) -> Iterator[Writer]:
    with writing(folder) as running:
        yield running
