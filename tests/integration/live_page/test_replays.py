"""A past day on the live page: by scrubber, keys, steps and speed; its counts are the queries'."""

from __future__ import annotations

from collections import Counter

import pytest

from hubbub.live.stream import past
from tests.support.browser.keyboard import Keyboard, faults
from tests.support.browser.live_page import LivePage
from tests.support.http import Served
from tests.support.stores.small_store import START, lines

pytestmark = pytest.mark.service("browser")
DAY = [e for e in lines() if START + 86_400 <= e["timestamp"] < START + 2 * 86_400]
MIDNIGHT = START + 86_400
ENDED = "document.getElementById('state').textContent === 'the end of the day'"
CLOCK = "document.getElementById('clock').textContent"


def test_the_counts_of_the_whole_day(
    page: LivePage, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SPEEDS", (1.0, 1e6))
    page.open(f"{served.url}/?replay=2026-01-02&speed=100000", reduced=True)
    page.until(ENDED)
    assert page.messages() == len(DAY) > 10
    query = "/query/volume.json?per=day&since=2026-01-02&until=2026-01-03"
    assert served.get(query).json()["data"][0]["messages"] == len(DAY)
    page.await_bars(Counter(f"{e['topic'].split('.')[3]}.{e['action']}" for e in DAY))
    # without motion there is a table of the minutes
    minutes = Counter(int(e["timestamp"]) // 60 for e in DAY)
    page.until(f"document.querySelectorAll('#minutes-rows tr').length === {len(minutes)}")
    rows = page.value("[...document.querySelectorAll('#minutes-rows tr')].map("
                      "r => [r.cells[0].textContent, r.cells[1].textContent])")  # fmt: skip
    expected = [
        [f"{minute % 1440 // 60:02}:{minute % 60:02}", str(n)]
        for minute, n in sorted(minutes.items(), reverse=True)
    ]
    assert rows == expected
    assert faults(page.chromium) == []
    assert page.chromium.complaints() == []


def test_scrubber_speed_and_steps_by_keyboard(page: LivePage, served: Served) -> None:
    page.open(f"{served.url}/?replay=2026-01-02&speed=1")
    keys = Keyboard(page.chromium)
    keys.tab_to(id="scrubber")
    for _ in range(3):
        keys.press("PageUp")
    keys.press("ArrowRight")
    page.until("new URL(location).searchParams.get('at') === '2026-01-02T03:01:00.000Z'")
    page.until(f"{CLOCK} === '2026-01-02 03:01 UTC'")
    assert page.value("document.activeElement.getAttribute('aria-valuetext')") == "03:01"
    keys.tab_to(id="speed")
    keys.press("ArrowDown")
    page.until("new URL(location).searchParams.get('speed') === '10'")
    page.until("document.body.dataset.state === 'connected'")
    page.value("document.getElementById('pause').click()")
    assert page.text("state") == "paused"
    shown = page.value(CLOCK)
    page.value("document.getElementById('back').click()")
    assert page.value(CLOCK) == "2026-01-02 03:00 UTC" != shown
    first = next(e for e in DAY if e["timestamp"] >= MIDNIGHT + 3 * 3_600)
    wanted = int(first["timestamp"]) // 60 * 60 - 60  # a minute before one with a message
    minute = (wanted - MIDNIGHT) // 60
    page.value(f"document.getElementById('scrubber').value = {minute};"
               "document.getElementById('scrubber').dispatchEvent(new Event('input'))")  # fmt: skip
    page.until(
        f"new URL(location).searchParams.get('at').includes('T{minute // 60:02}:{minute % 60:02}')"
    )
    for step in (1, 2):
        page.value("document.getElementById('content').focus()")
        keys.press(".")
        at = minute + step
        page.until(f"{CLOCK}.includes('{at // 60:02}:{at % 60:02}') && "
                   "document.getElementById('state').textContent === 'paused'")  # fmt: skip
    assert page.value("document.querySelectorAll('#bars-list li').length") >= 1
    assert sum(page.bars().values()) >= 1


def test_a_day_without_messages_says_so_and_leads_to_others(page: LivePage, served: Served) -> None:
    page.open(f"{served.url}/?replay=2025-06-01&at=2025-06-01T23:30:00Z&speed=3600")
    page.until("document.getElementById('state').textContent === 'no messages on this day'")
    assert page.value("document.querySelector('.empty').offsetHeight") > 0
    links = page.value("[...document.querySelectorAll('.replay a')].map(a => a.search)")
    assert links == ["?replay=2025-05-31", "?replay=2025-06-02", ""]
    page.chromium.visit(f"{served.url}/?replay=soon")
    assert "replay cannot be 'soon'" in page.value("document.body.innerText")
