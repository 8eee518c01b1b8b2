"""A process that is killed while it sends: nothing is sent twice, and nothing is lost silently."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.notifier import Notifier, Notify
from hubbub.store import Store
from tests.live.alerts.delivery.support import Bench
from tests.support.notified import Inbox, inbox
from tests.support.paths import ROOT
from tests.support.stores.crash import run_and_crash

_STEP = """
import sys
from hubbub.live.alerts.delivery import sender
from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.notifier import Notifier, Notify
from hubbub.live.alerts.delivery.outbox import Outbox
from hubbub.store import Store
from tests.live.alerts.delivery.test_crash import Post
from tests.support.stores.crash import kill_at
folder, url, owner, name, after = sys.argv[1:]
kill_at({"Outbox": Outbox, "Post": Post}[owner], name, after=after == "True", nth=3)
with Store.open(folder) as store:
    settings = Notify({"team": Channel("team", url)}, {}, Wording("https://example.org"))
    notifier = Notifier(settings, Post())
    notifier.recover(store)
    notifier.round(store)
"""
_LOOP = """
import sys, threading
from pathlib import Path
from hubbub.live.alerts.delivery.channels import Channel
from hubbub.live.alerts.delivery.message import Wording
from hubbub.live.alerts.delivery.notifier import Notifier, Notify
settings = Notify({"team": Channel("team", sys.argv[2])}, {}, Wording("https://example.org"))
Notifier(settings).run(Path(sys.argv[1]), threading.Event())
"""


class Post:
    """A sender that posts by itself, so that a process that sends starts fast."""

    def send(self, url: str, title: str, body: str):
        import requests

        from hubbub.live.alerts.delivery.sender import Outcome

        address = url.replace("json://", "http://")
        requests.post(address, json={"title": title, "message": body}, timeout=30)
        return Outcome("sent")

    def idle(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def box() -> Iterator[Inbox]:
    with inbox() as box:
        yield box


def raise_alerts(folder: Path, number: int) -> None:
    with Store.open(folder) as store:
        bench = Bench(store)
        bench.now = time.time_ns() // 1000
        for i in range(number):
            bench.change(rule=f"rule {i}")


def finish(folder: Path, url: str) -> list[str]:
    """Send the rest as another process would; return all statuses."""
    with Store.open(folder) as store:
        bench = Bench(store)
        settings = Notify({"team": Channel("team", url)}, {}, Wording("https://example.org"))
        notifier = Notifier(settings, Post())
        notifier.recover(store)
        notifier.round(store)
        return bench.statuses()


@pytest.mark.parametrize(
    ("owner", "name", "after", "received", "unsure"),
    [
        ("Outbox", "begin", False, 2, 0),
        ("Outbox", "begin", True, 2, 1),
        ("Post", "send", True, 3, 1),
        ("Outbox", "sent", False, 3, 1),
        ("Outbox", "sent", True, 3, 0),
    ],
)
def test_killed_at_each_step(
    tmp_path: Path, box: Inbox, owner: str, name: str, after: bool, received: int, unsure: int
) -> None:
    folder = tmp_path / "store"
    raise_alerts(folder, 5)
    run_and_crash(_STEP, folder, box.url, owner, name, after)
    assert len(box.received) == received
    statuses = finish(folder, box.url)
    assert statuses.count("unsure") == unsure
    assert statuses.count("sent") == 5 - unsure
    assert len(set(box.titles)) == len(box.titles), "sent twice"
    assert len(box.titles) >= 5 - unsure


def test_killed_at_random_with_the_real_sender(tmp_path: Path, box: Inbox) -> None:
    folder, number = tmp_path / "store", 60
    choose = random.Random(16)
    raise_alerts(folder, 5)
    for _ in range(2):
        before = len(box.received)
        process = subprocess.Popen([sys.executable, "-c", _LOOP, folder, box.url], cwd=ROOT)
        end = time.monotonic() + 120
        wanted = before + choose.randrange(1, 4)
        while len(box.received) < wanted and time.monotonic() < end:
            with Store.open(folder, reading=True) as store:  # alerts go on being raised
                if "pending" not in Bench(store).statuses():
                    raise_alerts(folder, 5)
            time.sleep(choose.random() * 0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    statuses = finish(folder, box.url)
    assert set(statuses) <= {"sent", "unsure"}
    assert statuses.count("unsure") <= 2, "one for each time that a process was killed"
    bodies = [message["message"].rpartition("/")[2] for message in box.received]
    assert len(set(bodies)) == len(bodies) <= number
    assert len(bodies) >= statuses.count("sent")
