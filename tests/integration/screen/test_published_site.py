"""A published site in a browser: from a disk, under a sub-path, by keyboard, without scripts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hubbub.cli.root import execute
from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import Keyboard, evaluate, faults
from tests.support.processes import wait_until
from tests.support.stores.published_store import HOSTILE, people_store

pytestmark = pytest.mark.service("browser")
PAGES = ("index.html", "explore.html", "data.html", "views/users_per_object.html")
SUMMARY = "document.getElementById('summary').textContent"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a site in stats/."""
    folder = tmp_path_factory.mktemp("www")
    people_store(folder / "store")
    command = ["publish", "--store", str(folder / "store"), "-o", str(folder / "root" / "stats"),
               "--views", "tail,volume,users_per_object", "--no-cards"]  # fmt: skip
    assert execute(command) == 0
    return folder / "root"


@pytest.fixture(scope="module")
def site(root: Path) -> str:
    """The address of the site on the disk."""
    return (root / "stats").as_uri()


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[str]:
    """The address of the site on a server, in a folder of it."""
    handler = partial(Quiet, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/stats"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Log nothing."""


def says(chromium: Browser, words: str) -> None:
    """Wait until the explorer's summary says something."""
    wait_until(
        lambda: words in evaluate(chromium, SUMMARY), output=lambda: evaluate(chromium, SUMMARY)
    )


def choose(chromium: Browser, field: str, value: str) -> None:
    """Choose a value in a field of the form."""
    script = "((e, v) => {e.value = v; e.dispatchEvent(new Event('input', {bubbles: true}))})"
    evaluate(chromium, f"{script}(document.getElementById({field!r}), {value!r})")


def open_explorer(chromium: Browser, address: str) -> None:
    chromium.visit("about:blank")
    chromium.visit(address)
    says(chromium, "Messages")


def test_explore_by_keyboard_from_a_disk(chromium: Browser, site: str) -> None:
    chromium.screen()
    open_explorer(chromium, f"{site}/explore.html")
    assert evaluate(chromium, SUMMARY).startswith("Messages from 2026-01-01 to 2026-02-04: 600;")
    keys = Keyboard(chromium)
    keys.tab_to(name="measure")
    keys.press("ArrowDown")
    says(chromium, ": 239,700;")
    keys.tab_to(name="topic")
    keys.type("receive")
    says(chromium, "in topics that contain “receive”")
    rows = evaluate(chromium, "document.querySelectorAll('#parts tbody tr').length")
    assert rows == 1
    kept = evaluate(chromium, "location.href")
    assert kept.endswith("explore.html#measure=bytes&topic=receive")
    chromium.visit("about:blank")
    chromium.visit(kept)
    says(chromium, "in topics that contain “receive”")
    keys.tab_to(tag="button", text="Show everything")
    keys.press("Enter")
    says(chromium, ": 600;")
    # what strangers wrote is a text
    assert evaluate(chromium, "document.querySelectorAll('#result img').length") == 0
    names = evaluate(chromium, "[...document.querySelectorAll('#topics option')].map(o => o.value)")
    assert f"org.example.prod.{HOSTILE}.{HOSTILE}" in names
    assert chromium.complaints() == []


def test_people_are_counted_by_category(chromium: Browser, site: str) -> None:
    open_explorer(chromium, f"{site}/explore.html")
    choose(chromium, "measure", "people")
    says(chromium, "Different people per day")
    choose(chromium, "category", "fas")
    says(chromium, "Fewer than 5 people in each period in the category fas from 2026-01-01")
    assert "fewer than 5" in evaluate(chromium, "document.getElementById('periods').textContent")
    assert evaluate(chromium, "document.getElementById('topic').disabled")


def received(chromium: Browser) -> int:
    """Return the bytes that were received since the last visit began."""
    return sum(
        event["params"]["encodedDataLength"] for event in chromium.events
        if event.get("method") == "Network.loadingFinished"
    )  # fmt: skip


def asked(chromium: Browser) -> list[str]:
    """Return the names of the files that were asked for since the last visit began."""
    return [url.rpartition("/")[2] for url in chromium.requested()]


def test_the_explorer_loads_at_first_only_what_it_shows(chromium: Browser, served: str) -> None:
    chromium.screen()
    open_explorer(chromium, f"{served}/explore.html")
    tables = [name for name in asked(chromium) if name.endswith(".parquet")]
    assert tables == ["categories.parquet"]
    assert 70_000 < received(chromium) <= 150_000
    broad = evaluate(chromium, "document.getElementById('parts').textContent")
    choose(chromium, "from", "2026-01-03")  # whole days of the table
    says(chromium, "from 2026-01-03")
    assert "topics.parquet" not in asked(chromium)
    choose(chromium, "category", "git")
    says(chromium, "in the category git from 2026-01-03")
    choose(chromium, "category", "")
    choose(chromium, "from", "2026-01-01")
    choose(chromium, "per", "week")  # days of topics are added up to weeks
    says(chromium, "Messages from 2026-01-01 to 2026-02-04: 600; most: 120 in the week from")
    assert evaluate(chromium, "document.getElementById('parts').textContent") == broad
    choose(chromium, "measure", "people")
    says(chromium, "Different people per week")
    assert asked(chromium).count("topics.parquet") == asked(chromium).count("people.parquet") == 1
    assert evaluate(chromium, "document.getElementById('result').ariaBusy") is None
    assert chromium.complaints() == []


def test_under_a_sub_path_of_a_server(chromium: Browser, served: str) -> None:
    chromium.screen(width=1400)
    chromium.visit(f"{served}/index.html")
    assert 20_000 < received(chromium) <= 150_000
    open_explorer(chromium, f"{served}/explore.html#per=month")
    assert evaluate(chromium, "document.querySelectorAll('#periods tbody tr').length") == 2
    chromium.visit(f"{served}/views/tail.html")
    code = evaluate(chromium, "document.querySelector('.code').value")
    assert f'<img src="{served}/views/tail.svg"' in code
    assert all(url.startswith(served) for url in chromium.requested())
    assert chromium.complaints() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 800, 1400])
def test_every_page_is_legible(chromium: Browser, site: str, width: int, *, dark: bool) -> None:
    chromium.screen(width=width, dark=dark)
    for page in PAGES:
        chromium.visit(f"{site}/{page}")
        if page == "explore.html":
            says(chromium, "Messages")
        assert faults(chromium) == [], page
        assert chromium.complaints() == [], page


@pytest.fixture(scope="module")
def german(root: Path) -> str:
    """The address of the site in German on the disk."""
    command = ["publish", "--store", str(root.parent / "store"), "-o", str(root / "deutsch"),
               "--views", "tail,volume,users_per_object", "--no-cards", "--lang", "de"]  # fmt: skip
    assert execute(command) == 0
    return (root / "deutsch").as_uri()


def test_german(chromium: Browser, german: str) -> None:
    for width in (375, 800, 1400):
        chromium.screen(width=width)
        for page in PAGES:
            chromium.visit(f"{german}/{page}")
            if page == "explore.html":
                says(chromium, "Nachrichten vom 01.01.2026 bis 04.02.2026: 600; die meisten: 18 am")
            assert faults(chromium) == [], page
    chromium.visit(f"{german}/explore.html")
    says(chromium, ": 600;")
    parts = "document.getElementById('parts').innerText"
    assert "KATEGORIE NACHRICHTEN ANTEIL" in " ".join(evaluate(chromium, parts).upper().split())
    assert "33,0\u00a0%" in evaluate(chromium, parts)
    choose(chromium, "measure", "bytes")
    says(chromium, "Bytes vom 01.01.2026 bis 04.02.2026: 239.700")
    choose(chromium, "category", "fas")
    says(chromium, "Bytes in der Kategorie fas vom 01.01.2026")
    choose(chromium, "topic", "rare")
    says(chromium, "Nichts in der Kategorie fas, in Themen, die „rare“ enthalten, vom")
    choose(chromium, "measure", "people")
    choose(chromium, "per", "week")
    says(chromium, "Weniger als 5 Personen in jedem Abschnitt in der Kategorie fas vom")
    assert "weniger als 5" in evaluate(chromium, "document.getElementById('periods').textContent")
    chromium.visit(f"{german}/views/tail.html")
    assert evaluate(chromium, "document.documentElement.lang") == "de"
    buttons = "[...document.querySelectorAll('button.copy')].map(b => b.textContent)"
    assert evaluate(chromium, buttons) in ([], ["Kopieren"] * 3)  # none where there is no clipboard
    assert chromium.complaints() == []


def test_without_scripts(chromium: Browser, site: str) -> None:
    chromium.screen()
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    chromium.visit(f"{site}/explore.html")
    names = [node.get("name", {}).get("value", "") for node in chromium.tree()]
    assert any("Without scripts this page shows nothing else" in name for name in names)
    assert "CSV" in names
    chromium.visit(f"{site}/views/tail.html")
    nodes = chromium.tree()
    pictures = [n["name"]["value"] for n in nodes if n["role"]["value"] == "image"]
    assert any("people have half of all mentions" in name for name in pictures)
    assert any(node["role"]["value"] == "DisclosureTriangle" for node in nodes)
    assert chromium.complaints() == []
