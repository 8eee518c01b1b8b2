"""Real publishers, a real listener, the page in a browser: lamps are lit for what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser.live_page import LivePage
from tests.support.bus.fedmsg_lab import FAMILIES, StartListener, StartPublisher, go
from tests.support.bus.rabbitmq import TOPICS, Broker
from tests.support.http import Served, serving

pytestmark = pytest.mark.service("browser")
PREFIX = "org.fedoraproject.dev."


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Served]:
    """A server of the store into which `listen` writes, as a process of its own."""
    with serving(tmp_path / "store") as running:
        yield running


def assert_lit(page: LivePage, sent: Counter[str]) -> None:
    """Check that the page counted what was sent, and that no other lamp was lit."""
    page.await_messages(sent.total())
    page.until(f"new Set(window.litKinds).size === {len(sent)}")
    page.await_bars(sent)
    assert page.lit() == page.lamps().keys() == sent.keys()
    assert page.chromium.complaints() == []


@pytest.mark.service("fedmsg")
def test_the_real_fedmsg(
    page: LivePage, watched: Served, listen: StartListener, fedmsg: StartPublisher
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    page.open(watched.url)
    page.watch_lamps()
    publisher = fedmsg("connect", listening.address(), 0, 100)
    listening.await_log("connected")
    go(publisher)
    assert_lit(page, Counter(FAMILIES[n % len(FAMILIES)][0]
                             for n in range(100)))  # fmt: skip
    page.value("document.getElementById('latest').open = true")
    page.until("[...document.querySelectorAll('#latest-rows td:nth-child(3)')]"
               ".some(cell => cell.textContent === 'user-99')")  # fmt: skip
    assert listening.end() < 30


@pytest.mark.service("rabbitmq")
@pytest.mark.service("fedora-messaging")
def test_the_real_rabbitmq(
    page: LivePage, watched: Served, listen: StartListener, broker: Broker
) -> None:
    listening = listen("--amqp", f"{broker.url}%2F")
    listening.await_log("connected")
    page.open(watched.url)
    page.watch_lamps()
    publisher = broker.publisher(0, 60)
    out, _ = publisher.communicate(timeout=120)
    assert out == "published\n"
    assert_lit(page, Counter(TOPICS[n % 3].removeprefix(PREFIX) for n in range(60)))
    assert listening.end() < 30
