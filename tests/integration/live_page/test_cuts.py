"""After a cut, a restart or an hour in a hidden tab the page is right again by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.browser.live_page import LivePage, Writer, clients, event
from tests.support.http import Served, serving
from tests.support.processes import numbered_bus, start, wait_until
from tests.support.proxy import Proxy, proxying

pytestmark = pytest.mark.service("browser")
GIT, WIKI = "org.example.prod.git.receive", "org.example.prod.wiki.edit"
CONNECTED = "document.body?.dataset.state === 'connected'"
LOST = "document.body?.dataset.state === 'lost'"
#: What the browser says of a server that it does not reach.
UNREACHED = "net::ERR_"


def port(served: Served) -> int:
    """Return the port of a server."""
    number = urlsplit(served.url).port
    assert number is not None
    return number


@pytest.fixture
def proxy(served: Served) -> Iterator[Proxy]:
    with proxying(port(served)) as running:
        yield running


def test_a_cut_that_the_browser_notices(page: LivePage, proxy: Proxy, writer: Writer) -> None:
    page.open(f"{proxy.url}/?screen")
    writer.receive_topics([GIT, WIKI], 6)
    page.await_messages(6)
    proxy.cut()
    page.until(LOST)
    assert "no connection" in page.text("state")
    writer.receive_topics([WIKI, GIT], 3)
    proxy.mend()
    page.until(CONNECTED)
    assert page.text("state") == "live"
    # the kinds are numbered anew: what is received now is counted under its own name
    writer.receive(event(WIKI), event(WIKI), event(GIT))
    page.await_messages(3)
    page.until("document.querySelectorAll('#bars-list li').length === 2")
    page.await_bars({"wiki.edit": 2, "git.receive": 1})
    assert page.value("document.body.classList.contains('screen')")
    assert page.value("document.getElementById('pause').offsetHeight") == 0


def test_a_cut_that_goes_unnoticed(page: LivePage, proxy: Proxy, writer: Writer) -> None:
    page.open(f"{proxy.url}/")
    proxy.frozen.set()
    page.until(LOST)  # no frame for five seconds
    page.until("document.body.dataset.state === 'connecting'")
    proxy.mend()
    page.until(CONNECTED)
    writer.receive(event(GIT))
    page.await_messages(1)


def test_a_replay_goes_on_where_it_was_cut(page: LivePage, proxy: Proxy) -> None:
    page.open(f"{proxy.url}/?replay=2026-01-02&speed=3600")
    clock = "document.getElementById('clock').textContent"
    page.until(f"{clock} > '2026-01-02 03'")
    proxy.cut()
    page.until(LOST)
    at = page.value(clock)
    proxy.mend()
    page.until(CONNECTED)
    page.until(f"{clock} > '{at}'")
    assert page.value("new URL(location).searchParams.get('at')") >= "2026-01-02T03"


def test_a_page_of_many_streams_keeps_few_lamps(
    page: LivePage, proxy: Proxy, writer: Writer
) -> None:
    page.open(f"{proxy.url}/")
    for round_ in range(4):
        writer.receive_topics([f"org.example.prod.c{round_}.k{n}" for n in range(50)], 50)
        page.await_messages(50)
        kinds = page.value("document.querySelectorAll('#lights-list li').length")
        assert 50 <= kinds <= 130
        proxy.cut()
        page.until(LOST)
        proxy.mend()
        page.until(CONNECTED)
    assert page.value("document.querySelectorAll('#bars-list li').length") <= 130


def test_a_hidden_tab_watches_nothing_and_is_right_when_it_is_seen_again(
    page: LivePage, served: Served, writer: Writer
) -> None:
    page.open(served.url)
    writer.receive_topics([GIT, WIKI], 4)
    page.await_messages(4)
    show(page, "hidden")
    wait_until(lambda: clients(served) == 0)
    writer.receive_topics([WIKI], 50)
    assert page.messages() == 4
    show(page, "visible")
    page.until(CONNECTED)
    wait_until(lambda: clients(served) == 1)
    writer.receive(event(WIKI))
    page.await_messages(1)
    page.until("document.querySelectorAll('#bars-list li').length === 2")
    page.await_bars({"wiki.edit": 1})


def show(page: LivePage, state: str) -> None:
    """Let the window be minimized (hidden), or as it was (visible)."""
    window = page.chromium.send("Browser.getWindowForTarget")["windowId"]
    bounds = {"windowState": {"hidden": "minimized", "visible": "normal"}[state]}
    page.chromium.send("Browser.setWindowBounds", windowId=window, bounds=bounds)
    page.until(f"document.visibilityState === '{state}'")


def test_a_server_that_is_started_again_and_one_of_another_version(
    page: LivePage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    with serving(store) as first:
        number = port(first)
        page.open(f"{first.url}/?category=wiki")
        page.value("window.before = true")
    page.until(LOST)
    with serving(store, port=number):
        page.until(CONNECTED)
        assert page.value("window.before") is True
    page.until(LOST)
    monkeypatch.setattr("hubbub.__version__", "99.0")
    with serving(store, port=number):
        page.until("window.before === undefined && " + CONNECTED)
        assert page.value("location.search") == "?category=wiki"


def test_a_listener_that_is_started_again(page: LivePage, tmp_path: Path) -> None:
    store = tmp_path / "store"
    with numbered_bus() as bus, serving(store) as served:
        page.open(served.url)
        for _ in range(2):
            listening = start("listen", "--store", store, "--zmq", bus.address)
            try:
                bus.await_subscriptions()
                page.until("/0 of|[0-9] s ago, 1 of 1/.test("
                           "document.getElementById('receiving').textContent)")  # fmt: skip
                before = page.messages()
                for _ in range(10):
                    bus.publish()
                page.await_messages(before + 10)
            finally:
                listening.terminate()
                listening.communicate(timeout=60)
            bus.await_subscriptions()  # the end of this one
        page.await_bars({"git.receive": 20})


def test_refused_and_admitted_later(
    page: LivePage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.live.server.stream.feed._MAX_CLIENTS", 0)
    page.chromium.visit(served.url)
    page.until("document.getElementById('state').textContent.includes('refused: too many')")
    monkeypatch.undo()
    page.until(CONNECTED)


def test_under_a_prefix_everything_works(page: LivePage, folder: Path, writer: Writer) -> None:
    with serving(folder, root_path="/hubbub") as served, proxying(port(served), "/hubbub") as proxy:
        page.open(f"{proxy.url}/")
        writer.receive_topics([GIT], 3)
        page.await_messages(3)
        page.value("document.querySelector('#lights-list button').click()")
        page.until(CONNECTED)
        assert page.value("location.pathname") == "/hubbub/"
        paths = {urlsplit(url).path for url in page.chromium.requested()}
        assert {path.split("/")[1] for path in paths} == {"hubbub"}
        assert {"/hubbub/live", "/hubbub/live/clock", "/hubbub/static/live/main.js"} <= paths
        page.open(f"{proxy.url}/embed/lights")
        page.watch_lamps()
        writer.receive_topics([GIT], 1)
        page.until("window.litKinds.length === 1")
        assert page.chromium.complaints() == []
        page.open(f"{proxy.url}/?replay=2026-01-02&speed=3600")
        page.until("Number(document.getElementById('total').textContent.split(' ')[0]) > 0")
        assert page.value(
            "[...document.querySelectorAll('a')].every(a => a.pathname.startsWith('/hubbub/') ||"
            " a.getAttribute('href').startsWith('#'))"
        )
        assert page.chromium.complaints() == []
