"""The panel of alerts: what is on, what changed, and what a screen reader reads out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.config import AlertConfig, Config
from hubbub.store import Store
from tests.live.alerts.delivery.support import Bench
from tests.support.browser.live_page import LivePage
from tests.support.http import Served, serving

pytestmark = pytest.mark.service("browser")
HOSTILE = "\u202e</bdi><img src=x onerror=alert(1)>\u2066"
ROWS = "[...document.querySelectorAll('#alerts-list li')].map(row => row.innerText)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alerts") / "store"
    Store.open(path).close()
    return path


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    config = Config(alerts=(AlertConfig("busy", per="category"),))
    with serving(folder, config=config, auth="tokens") as running:
        yield running


@pytest.fixture
def bench(folder: Path) -> Iterator[Bench]:
    with Store.open(folder) as store:
        bench = Bench(store)
        bench.now = time.time_ns() // 1000
        yield bench


def test_alerts_are_shown_as_they_are_raised_and_end(
    page: LivePage, served: Served, bench: Bench
) -> None:
    page.open(served.url)
    page.until("document.getElementById('alerts-now').textContent === 'none is on'")
    assert page.text("alerts-said") == ""
    raised = bench.change(subject="git", per="category")
    page.until(f"{ROWS}.length === 1")
    assert page.text("alerts-now") == "1 on"
    assert page.text("alerts-said") == "Alert raised: busy: category git."
    link = "document.querySelector('#alerts-list a')"
    assert page.value(f"{link}.textContent") == "▲ busy: category git"
    assert page.value(f"new URL({link}.href).pathname") == f"/alerts/{raised.number}"
    page.value(f"{link}.focus()")
    bench.change(subject=HOSTILE, per="category")
    page.until(f"{ROWS}.length === 2")
    assert page.value("document.activeElement.textContent") == "▲ busy: category git"
    bench.change("ended", subject="git", per="category")
    page.until("document.getElementById('alerts-now').textContent === '1 on'")
    page.until(f"{ROWS}.some(text => text.startsWith('▽ busy: category git'))")
    assert page.value(f"{ROWS}.length") == 2, "the end of an alert replaces its beginning"
    assert page.text("alerts-said") == "Alert ended: busy: category git."
    assert page.value("document.querySelectorAll('#alerts-list img').length") == 0
    assert "\u202e" not in str(page.value("document.body.textContent"))
    assert page.chromium.complaints() == []


def test_people_and_private_alerts_are_not_named(
    page: LivePage, served: Served, bench: Bench
) -> None:
    bench.change(rule="load", subject="lmacken", per="user", measure="overload", measured=2.0)
    bench.change(rule="people", subject="ralph", per="user", measure="users")
    page.open(f"{served.url}/embed/alerts")
    page.until(f"{ROWS}.some(text => text.startsWith('▲ people: a person'))")
    everything = str(page.value("document.documentElement.outerHTML"))
    assert "lmacken" not in everything
    assert "ralph" not in everything
    assert page.value("document.querySelectorAll('nav, header').length") == 0
    assert page.chromium.complaints() == []


@pytest.mark.parametrize("width", [390, 1400])
def test_the_pages_of_alerts_fit(page: LivePage, served: Served, width: int, bench: Bench) -> None:
    bench.change(subject="x" * 500, per="category")
    page.chromium.screen(width=width)
    for path in ("/alerts", "/alerts/1"):
        page.chromium.visit(served.url + path)
        assert page.value("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.value("document.querySelectorAll('h1').length") == 1
        assert page.chromium.complaints() == []
