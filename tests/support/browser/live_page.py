"""The live page in a browser, and a listener that writes into the spool of its store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubbub.collector.event import Frame
from hubbub.live.server.stream.feed import Feed
from hubbub.store import Store
from tests.support.browser.devtools import Browser
from tests.support.browser.keyboard import evaluate
from tests.support.http import Served

__all__ = ["LivePage", "Writer", "writing"]

_ROWS = """Object.fromEntries([...document.querySelectorAll('#%s-list li')].map(
  item => [item.querySelector('.name').textContent, item.querySelector('.number').textContent]))"""


_WATCH = """(() => {
  window.litKinds = [];
  window.watcher?.disconnect();
  window.watcher = new MutationObserver(changes => {
    for (const { target } of changes) if (target.matches?.('.bulb.lit'))
      window.litKinds.push(target.parentNode.querySelector('.name').textContent);
  });
  window.watcher.observe(document.getElementById('lights-list'),
    { subtree: true, attributes: true, attributeFilter: ['class'] });
})()"""


class LivePage:
    """The page, or a panel of it, in a browser."""

    def __init__(self, chromium: Browser) -> None:
        self.chromium = chromium

    def open(
        self, url: str, *, width: int = 1200, dark: bool = False, reduced: bool = False
    ) -> None:
        """Visit an address, and wait until the page follows the stream."""
        self.chromium.screen(width=width, dark=dark, reduced=reduced)
        self.chromium.visit(url)
        self.until("document.body.dataset.state === 'connected'")

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        return evaluate(self.chromium, expression)

    def until(self, expression: str, seconds: float = 60) -> Any:
        """Wait until an expression is true in the page; return its value."""
        end = time.monotonic() + seconds
        while not (value := self.value(expression)):
            assert time.monotonic() < end, (expression, self.value("document.body.innerText"))
            time.sleep(0.05)
        return value

    def text(self, name: str) -> str:
        """Return the text of the element with this id."""
        return str(self.value(f"document.getElementById({json.dumps(name)}).textContent"))

    def messages(self) -> int:
        """Return how many messages the header counts."""
        return int(self.text("total").split(" ")[0].replace(",", ""))

    def await_messages(self, number: int) -> None:
        """Wait until the header counts so many messages, and the bars too."""
        shown = "Number(document.getElementById('total').textContent.split(' ')[0].replace(',',''))"
        self.until(f"{shown} === {number}")

    def bars(self) -> dict[str, int]:
        """Return the messages of the last minute by kind, without those of which there are none."""
        rows: Mapping[str, str] = self.value(_ROWS % "bars")
        return {name: n for name, text in rows.items() if (n := int(text.replace(",", "")))}

    def await_bars(self, expected: Mapping[str, int]) -> None:
        """Wait until the bars show these numbers; fail with those that they show at the end."""
        end = time.monotonic() + 90
        while (shown := self.bars()) != expected and time.monotonic() < end:
            time.sleep(0.05)
        assert shown == expected

    def lamps(self) -> dict[str, str]:
        """Return the rate that each lamp shows, by kind."""
        return dict(self.value(_ROWS % "lights"))

    def watch_lamps(self) -> None:
        """Begin to note which lamps are lit, from now on."""
        self.value(_WATCH)

    def lit(self) -> set[str]:
        """Return the kinds whose lamp was lit since `watch_lamps`."""
        return set(self.value("window.litKinds"))


class Writer:
    """A listener as the spool sees it: what it receives is durable at once."""

    def __init__(self, sink: Any) -> None:
        self._sink, self.received = sink, 0

    def receive(self, *events: Mapping[str, Any]) -> None:
        """Append events: fields of jsonl, of which `topic` is needed."""
        for fields in events:
            self.received += 1
            now = time.time_ns() // 1000
            line = {"id": f"live-{now}-{self.received}", "timestamp": now / 1e6, **fields}
            body = json.dumps(line).encode()
            self._sink.put(Frame("jsonl:live", now, b"", body, self.received))
        self._sink.flush()

    def receive_topics(self, topics: Sequence[str], number: int) -> None:
        """Append events of topics, in turn."""
        self.receive(*(event(topics[n % len(topics)], n) for n in range(number)))


def event(topic: str, n: int = 0) -> dict[str, Any]:
    """Return an event of a topic `org.example.prod.CATEGORY.ACTION`."""
    user = f"user-{n % 7}"
    action = topic.removeprefix("org.example.prod.").partition(".")[2]
    return {
        "topic": topic, "agent": user, "users": [user], "objects": [f"rpms/p{n % 5}"],
        "action": action,
    }  # fmt: skip


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """Write into the spool of a store as long as the block runs."""
    with Store.open(folder) as store, store.spool("live") as sink:
        yield Writer(sink)


def clients(served: Served) -> int:
    """Return how many watch."""
    return sum(each.clients for each in served.server.services if isinstance(each, Feed))
