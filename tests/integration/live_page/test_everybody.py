"""The live page by keyboard and by screen reader, with weak sight, and without motion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.browser.keyboard import Keyboard, faults
from tests.support.browser.live_page import LivePage, Writer
from tests.support.http import Served

pytestmark = pytest.mark.service("browser")
TOPICS = tuple(f"org.example.prod.{kind}" for kind in ("git.receive", "bodhi.comment", "wiki.edit"))
#: Contrast of what is no text (WCAG 2.2, 1.4.11): lamps, bars and legend against their panel.
SHAPES = """(() => {
  const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number).slice(0, 3);
  const light = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  const panel = light(rgb(getComputedStyle(document.querySelector('.panel')).backgroundColor));
  const shapes = [...document.querySelectorAll('.bar, .legend i')];
  return shapes.map(e => ratio(panel, light(rgb(getComputedStyle(e).backgroundColor))));
})()"""


@pytest.fixture
def busy(page: LivePage, served: Served, writer: Writer) -> LivePage:
    """The page after thirty messages, with everything open."""
    return opened(page, served, writer)


def opened(page: LivePage, served: Served, writer: Writer, **options: Any) -> LivePage:
    page.open(served.url, **options)
    writer.receive_topics(TOPICS, 30)
    page.await_messages(30)
    page.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.until("document.querySelectorAll('#latest-rows tr').length === 20")
    return page


def named(page: LivePage, role: str) -> list[str]:
    """Return the accessible names of the elements of a role."""
    nodes = page.chromium.tree()
    return [n.get("name", {}).get("value", "") for n in nodes if n["role"]["value"] == role]


def test_a_screen_reader_reads_every_number(busy: LivePage) -> None:
    busy.until("document.getElementById('rate-60').textContent !== '-'")
    assert all(named(busy, "button"))
    lamps = [name for name in named(busy, "button") if name.endswith("/s")]
    assert len(lamps) == len(TOPICS)
    assert {name.split()[0] for name in lamps} == {"git.receive", "bodhi.comment", "wiki.edit"}
    headings = named(busy, "heading")
    assert headings[0] == "The bus now"
    assert [h.split()[0] for h in headings[1:]] == ["How", "Lights", "Messages", "Bus"]
    assert "Graph of people" in str(named(busy, "image") + named(busy, "img"))
    text = " ".join(named(busy, "StaticText"))
    for figure in ("Messages", "Now", "10 s", "60 s", "Delay (95 %)", "Last 24 h", "Listener"):
        assert figure in text
    rows = busy.value("document.querySelectorAll('#bars-list li').length")
    assert rows == len(TOPICS)
    # only the state of the connection is announced, and politely
    live = busy.value("[...document.querySelectorAll('[aria-live],[role=status],[role=alert]"
                      ",[role=log]')].map(e => e.id + ' ' + (e.ariaLive || e.role))")  # fmt: skip
    assert live == ["state status"]


def test_everything_is_reached_and_worked_by_keyboard(busy: LivePage) -> None:
    keys = Keyboard(busy.chromium)
    seen = [keys.tab()]
    while not (seen[-1]["tag"] == "button" and seen[-1]["text"].startswith("rpms/")):
        seen.append(keys.tab())
        assert len(seen) < 60
    ids = dict.fromkeys(each["id"] for each in seen if each["id"])  # a date has three parts
    assert list(ids) == ["pause", "screen", "replay", "bars-list"]
    summaries = [each["text"] for each in seen if each["tag"] == "summary"]
    assert summaries == [
        "What the figures mean", "Replay a past day", "Last events as a table",
    ]  # fmt: skip
    lamps = [each for each in seen if each["text"].endswith("/s")]
    assert len(lamps) == 1  # arrow keys lead to the others
    busy.value("document.querySelector('#lights-list button').focus()")
    names = []
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        names.append(busy.value("document.activeElement.querySelector('.name').textContent"))
        keys.press(key)
    assert sorted(names) == ["bodhi.comment", "git.receive", "wiki.edit"]
    busy.value("document.getElementById('content').focus()")
    keys.press(" ")
    assert busy.text("state") == "paused"
    assert busy.value("document.getElementById('pause').getAttribute('aria-pressed')") == "true"
    keys.press(" ")
    busy.until("document.getElementById('state').textContent === 'live'")


@pytest.mark.parametrize(
    ("width", "dark"), [(1200, False), (1200, True), (390, False), (390, True)]
)
def test_it_is_read_in_every_theme_and_width(
    width: int, dark: bool, page: LivePage, served: Served, writer: Writer
) -> None:
    opened(page, served, writer, width=width, dark=dark)
    assert faults(page.chromium) == []
    ratios = page.value(SHAPES)
    assert len(ratios) == len(TOPICS) + 3
    assert min(ratios) >= 3
    assert page.chromium.complaints() == []


def test_without_motion_no_panel_is_empty(page: LivePage, served: Served, writer: Writer) -> None:
    opened(page, served, writer, reduced=True)
    assert page.bars()
    page.until(
        "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v))"
        "(document.getElementById('graph-canvas'))"
    )
    pictures = """new Promise(resolve => { const seen = new Set(); const start = performance.now();
      const canvas = document.getElementById('graph-canvas');
      const look = () => { seen.add(canvas.toDataURL());
        if (performance.now() - start < 2500) requestAnimationFrame(look);
        else resolve([seen.size, document.getAnimations().length]); };
      look(); })"""
    answer = page.chromium.send(
        "Runtime.evaluate", expression=pictures, awaitPromise=True, returnByValue=True
    )
    different, animations = answer["result"]["value"]
    assert different <= 2
    assert animations == 0
