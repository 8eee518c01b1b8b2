"""The live page shows what is received, and nothing else; a message cannot change it."""

from __future__ import annotations

import gzip
import time
import unicodedata
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest

from hubbub.live.server.stream.panels import PANELS
from tests.support.browser.keyboard import Keyboard
from tests.support.browser.live_page import LivePage, Writer, event
from tests.support.http import Served

pytestmark = pytest.mark.service("browser")
TOPICS = (
    "org.example.prod.git.receive",
    "org.example.prod.bodhi.comment",
    "org.example.prod.wiki.edit",
)
HOSTILE = (
    '<img src=x onerror="document.title=1">', "</li><script>document.title=1</script>",
    "a\u202egpj.exe", "\u2066b\u2069\u200b\u200f", "c\x1b[31md\x07", "&lt;b&gt;", "'\"`${1}",
    "javascript:alert(1)", "e\u2028f", "x" * 500,
)  # fmt: skip
#: Everything that is written, also on the canvas.
WRITTEN = """[document.body.innerText, document.documentElement.outerHTML, ...window.drawn,
  ...[...document.querySelectorAll('*')].flatMap(e => [e.title, e.ariaLabel])].join('\\n')"""


def test_what_is_received_is_shown_and_counted(
    page: LivePage, served: Served, writer: Writer
) -> None:
    page.open(served.url)
    assert page.until("document.querySelector('.empty').offsetHeight > 0")
    page.watch_lamps()
    writer.receive_topics(TOPICS, 20)
    page.await_messages(20)
    page.until("new Set(window.litKinds).size === 3")
    page.until("document.getElementById('rate-60').textContent !== '-'")
    expected = Counter(TOPICS[n % 3].removeprefix("org.example.prod.") for n in range(20))
    page.await_bars(expected)
    assert page.lamps().keys() == expected.keys()
    # all go out, together, when nothing is received any more
    page.until("document.querySelectorAll('#lights-list .lit').length === 0")
    page.watch_lamps()
    writer.receive(event(TOPICS[1]))
    page.until("window.litKinds.length")
    page.until("document.querySelectorAll('#lights-list .lit').length === 0")
    assert page.lit() == {"bodhi.comment"}
    assert page.chromium.complaints() == []
    hosts = {urlsplit(url).netloc for url in page.chromium.requested()}
    assert hosts == {urlsplit(served.url).netloc}


def test_the_delay_is_measured_from_publishing_or_it_is_said_that_it_cannot(
    page: LivePage, served: Served, writer: Writer
) -> None:
    page.open(served.url)
    page.until("document.getElementById('clock-offset').textContent !== '-'")
    for _ in range(15):
        writer.receive(event(TOPICS[0]) | {"timestamp": time.time()})
        time.sleep(0.02)
    shown = page.until("document.getElementById('delay').textContent.match(/^([0-9,]+) ms$/)?.[1]")
    inbound, onward = (page.text(f"delay-{name}") for name in ("inbound", "onward"))
    assert int(shown.replace(",", "")) >= int(onward.removesuffix(" ms").replace(",", ""))
    assert inbound.endswith(" ms")
    assert int(page.text("clock-offset").split(" ")[0].replace(",", "")) < 2_000
    page.open(f"{served.url}/?category=bodhi")
    page.until("document.getElementById('clock-offset').textContent !== '-'")
    for n in range(15):  # old messages that arrive now do not count
        writer.receive(event(TOPICS[1], n) | {"timestamp": int(time.time())})
        writer.receive(event(TOPICS[1], n) | {"timestamp": time.time() - 86_400.5})
    page.until("document.getElementById('delay').textContent.endsWith(' ms from arrival')")
    assert page.text("delay-inbound") == "unknown: publishers give whole seconds"
    page.open(f"{served.url}/?category=wiki")
    page.until("document.getElementById('clock-offset').textContent !== '-'")
    for n in range(15):
        writer.receive(event(TOPICS[2], n) | {"timestamp": time.time() + 7.5})
    page.until("document.getElementById('delay-median').textContent === "
               "\"unknown: publishers' clocks are ahead\"")  # fmt: skip


def test_a_page_with_everything_is_small_and_asks_only_its_server(
    page: LivePage, served: Served
) -> None:
    page.open(served.url)
    paths = {urlsplit(url).path for url in page.chromium.requested()} - {"/live", "/live/clock"}
    assert {"/", "/static/live/main.js", "/static/live/live.css"} <= paths
    answers = {path: served.get(path) for path in paths}
    assert all(answer.status_code == 200 for answer in answers.values())
    assert {answer.headers["Cache-Control"] for answer in answers.values()} == {"no-cache"}
    sizes = {path: len(gzip.compress(answer.content)) for path, answer in answers.items()}
    assert sum(sizes.values()) <= 100_000, sizes
    transferred = {
        path: int(answer.headers["Content-Length"])
        for path, answer in answers.items()
        if answer.headers.get("Content-Encoding") == "gzip"
    }
    assert set(transferred) == {path for path in paths if len(answers[path].content) > 1_000} - {
        "/"
    }


@pytest.mark.parametrize("panel", sorted(PANELS.keys() - {"alerts"}))
def test_each_panel_has_an_address(
    panel: str, page: LivePage, served: Served, writer: Writer
) -> None:
    page.open(f"{served.url}/embed/{panel}?category=git")
    assert page.value("document.querySelectorAll('nav, header, button#pause').length") == 0
    assert page.value("document.querySelectorAll('.panel').length") == 1
    writer.receive_topics(TOPICS, 6)
    if panel == "graph":
        page.value("document.querySelector('details').open = true")
        page.until("document.querySelectorAll('#latest-rows tr').length === 2")
    else:
        page.until(f"document.querySelectorAll('#{panel}-list li').length === 1")
    assert page.chromium.complaints() == []
    page.open(f"{served.url}/embed/{panel}?replay=2026-01-02&speed=3600")
    page.until("!document.body.classList.contains('silent')")
    assert page.chromium.complaints() == []


def test_filters_are_chosen_and_removed_and_the_address_is_the_state(
    page: LivePage, served: Served, writer: Writer
) -> None:
    page.open(served.url)
    writer.receive_topics(TOPICS, 9)
    page.await_messages(9)
    keys = Keyboard(page.chromium)
    page.value("document.querySelector('#lights-list button').focus()")
    keys.press("ArrowDown")
    name = page.value("document.activeElement.querySelector('.name').textContent")
    keys.press("Enter")
    chosen = page.until("new URL(location).searchParams.get('topic')")
    assert chosen == f"*.{name}"
    page.until("document.body.dataset.state === 'connected'")
    writer.receive_topics(TOPICS, 6)
    page.await_messages(2)
    page.await_bars({name: 2})
    page.value("document.getElementById('latest').open = true")
    user = page.until("document.querySelector('#latest-rows td:nth-child(3) button')?.textContent")
    page.value("document.querySelector('#latest-rows td:nth-child(3) button').click()")
    assert page.value("new URL(location).searchParams.get('user')") == user
    assert page.value("document.querySelectorAll('#filters button').length") == 2
    page.value("document.querySelector('#filters button').click()")  # the topic
    page.until("document.body.dataset.state === 'connected'")
    writer.receive(event(TOPICS[0]) | {"agent": user, "users": [user]}, event(TOPICS[0], 1) | {
        "agent": "other", "users": ["other"]})  # fmt: skip
    page.await_messages(1)
    page.value("history.back()")
    assert page.until("new URL(location).searchParams.get('topic')") == chosen
    page.until("document.querySelectorAll('#filters button').length === 2")


def hidden(text: str) -> set[str]:
    """Return the characters of a text that are not seen, or that change the order of others."""
    return {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n", "\t"}


def test_nothing_in_a_message_changes_the_page(
    page: LivePage, served: Served, writer: Writer
) -> None:
    drawn = """window.drawn = []; const fill = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        window.drawn.push(text); return fill.call(this, text, ...rest); };"""
    script = page.chromium.send("Page.addScriptToEvaluateOnNewDocument", source=drawn)
    page.open(served.url)
    elements = page.value("document.querySelectorAll('script, img, iframe, style').length")
    events: list[dict[str, Any]] = []
    for n, text in enumerate(HOSTILE):
        topic = f"org.example.prod.git{n}.{text if text.isprintable() else 'x'}"
        names = {"agent": text, "users": [text], "objects": [text, f"rpms/{text}"]}
        events.append({"topic": topic, "action": text, **names})
    writer.receive(*events)
    page.await_messages(len(events))
    page.value("document.getElementById('latest').open = true")
    page.until(f"document.querySelectorAll('#latest-rows tr').length === {len(events)}")
    page.until("window.drawn.some(text => text.includes('javascript'))")
    assert hidden(page.value(WRITTEN)) == set()
    assert page.value("document.querySelectorAll('script, img, iframe, style').length") == elements
    for kind in ("lights", "bars"):
        assert page.value(f"document.querySelectorAll('#{kind}-list li *').length") > len(events)
    # what was chosen is a filter for exactly that, whatever it looks like
    for text in ("agpj.exe", HOSTILE[0]):
        page.value(f"""[...document.querySelectorAll('#latest-rows td:nth-child(3) button')]
          .find(b => b.textContent === {text!r}).click()""")
        assert page.value("document.querySelectorAll('#filters button').length") == 1
        page.until("document.body.dataset.state === 'connected'")
        writer.receive(*events)
        page.await_messages(1)
        assert hidden(page.value(WRITTEN)) == set()
        page.value("document.getElementById('latest').open = true")
        page.value("document.querySelector('#filters button').click()")
        page.until("document.body.dataset.state === 'connected'")
        writer.receive(*events)
        page.await_messages(len(events))
        page.until(f"document.querySelectorAll('#latest-rows tr').length === {len(events)}")
    page.chromium.visit(f"{served.url}/?replay=2026-01-02%E2%80%AE<b>")
    assert page.value("document.querySelectorAll('main b').length") == 0
    assert hidden(page.value("document.body.innerText")) == set()
    page.chromium.send("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
