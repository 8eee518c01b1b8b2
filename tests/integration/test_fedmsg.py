"""`hubbub listen` against the real fedmsg: everything stored once with the right people.

Also what happens to a service: SIGTERM and kill -9 in the middle, a publisher that restarts,
strangers that send rubbish to the same socket.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from hubbub.store import Store

pytestmark = pytest.mark.service("fedmsg")
LAB = Path(os.environ.get("LAB_TMP") or Path(tempfile.gettempdir()) / "hublab")
SCRIPT = Path(__file__).parent / "peers/fedmsg/people.py"
PREFIX = "org.fedoraproject.dev."
#: What the script publishes, by number of the message modulo five: topic, and who is named.
FAMILIES = [
    ("git.receive", ("user-{}",)),
    ("wiki.article.edit", ("user-{}",)),
    ("fedbadges.badge.award", ("user-{}",)),
    ("copr.build.end", ("user-{}", "user-{}-owner")),
    ("bodhi.update.comment", ("user-{}", "user-{}-owner")),
]
Start = Callable[..., Any]


class Listening:
    """A `hubbub listen` of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.store, self.log = folder / "store", folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from hubbub.cli.root import run; run()", "listen",
                 "--store", str(self.store), "--log-format", "json", *options],
                stderr=log, env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
            )  # fmt: skip

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == event]

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def address(self) -> str:
        """Where it listens, when it was asked for any free port."""
        found: list[str] = []

        def listening() -> bool:
            out = subprocess.run(
                ["ss", "-ltnpH"], capture_output=True, text=True, check=True
            ).stdout
            mine = rf"(127\.0\.0\.1:\d+) .*pid={self.process.pid},"
            found[:] = re.findall(mine, out)
            return bool(found)

        self.until(listening)
        return f"tcp://{found[0]}"

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send a signal; seconds until it is gone."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - begun

    def stored(self) -> Counter[tuple[str, tuple[str, ...]]]:
        """Topic and users of every stored event."""
        with Store.open(self.store, create=False) as store:
            store.load()
            rows = store.events().select("topic", "users").to_pyarrow().to_pylist()
        return Counter(
            (t.removeprefix(PREFIX), tuple(sorted(u))) for t, u in map(dict.values, rows)
        )


def expected(*numbers: int) -> Counter[tuple[str, tuple[str, ...]]]:
    named = ((n, *FAMILIES[n % len(FAMILIES)]) for n in numbers)
    return Counter((topic, tuple(u.format(n) for u in users)) for n, topic, users in named)


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Start]:
    running: list[Listening] = []

    def start(*options: str) -> Listening:
        running.append(Listening(tmp_path, *options))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def fedmsg(tmp_path: Path) -> Iterator[Start]:
    """Start the real publisher; it waits for `go`."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [LAB / "venv-fmsg/bin/python", SCRIPT, *map(str, arguments)], cwd=tmp_path,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        running.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for one in running:
        one.kill()
        one.communicate()


def go(publisher: subprocess.Popen[str], *, wait: bool = True) -> None:
    assert publisher.stdin
    assert publisher.stdout
    publisher.stdin.write("go\n")
    publisher.stdin.flush()
    if wait:
        assert publisher.stdout.readline() == "published\n"


def test_five_thousand_messages_with_the_right_users(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 5000)
    listening.until(lambda: listening.said("connected"))
    go(publisher)
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.said("stopped")[0]
    assert (last["received"], last["stored"], last["waiting"], last["overflow"]) == (
        5000,
        5000,
        0,
        0,
    )
    assert last["refused"] == {}
    assert listening.stored() == expected(*range(5000))


def test_sigterm_in_the_middle_loses_nothing_that_was_received(
    listen: Start, fedmsg: Start
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 20_000)
    listening.until(lambda: listening.said("connected"))
    go(publisher, wait=False)
    spool = listening.store / "spool"
    listening.until(lambda: any(f.stat().st_size > 100_000 for f in spool.glob("*")))
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.said("stopped")[0]
    assert 0 < last["received"] < 20_000
    assert last["stored"] == last["received"]
    assert listening.stored() == expected(*range(last["received"]))


def test_after_kill_9_what_was_flushed_is_there(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 1000)
    listening.until(lambda: listening.said("connected"))
    go(publisher)  # and a second more: every message is at least 0.2 s old
    listening.end(signal.SIGKILL)
    assert listening.stored() == expected(*range(1000))


def test_a_publisher_that_restarts_is_heard_again(listen: Start, fedmsg: Start) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as free:
        port = free.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    listening = listen("--zmq", address)
    first = fedmsg("bind", address, 0, 50)
    listening.until(lambda: listening.said("connected"))
    time.sleep(0.2)  # the subscription follows the handshake
    go(first)
    first.kill()
    first.wait()
    listening.until(lambda: listening.said("connection lost"))
    second = fedmsg("bind", address, 50, 50)
    listening.until(lambda: listening.said("connected again"))
    time.sleep(0.2)
    go(second)
    assert listening.end() < 5
    assert listening.stored() == expected(*range(100))


def test_rubbish_between_real_messages(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    address = listening.address()
    publisher = fedmsg("connect", address, 0, 500, 500)
    with zmq.Context() as context, context.socket(zmq.PUB) as stranger:
        stranger.connect(address)
        listening.until(lambda: len(listening.said("connected")) == 2)
        time.sleep(0.2)
        go(publisher, wait=False)
        for _ in range(20):
            stranger.send(b"lonely")
            stranger.send_multipart([b"one", b"two", b"three"])
            stranger.send_multipart([b"t", os.urandom(50) + b"\xff"])
            stranger.send_multipart([b"t", b"null"])
            time.sleep(0.02)
        for _ in range(2):
            stranger.send_multipart([b"t", b"x" * (5 << 20)])
        assert publisher.stdout
        assert publisher.stdout.readline() == "published\n"
        listening.end()
    last = listening.said("stopped")[0]
    assert last["received"] == 582
    assert last["refused"] == {"bad-frame-count": 40, "too-large": 2}
    assert listening.stored() == expected(*range(500))
    with Store.open(listening.store, create=False) as store:
        kept = store.state.dead_letter_counts()
    assert kept == {"bad-frame-count": 40, "not-json": 20, "not-an-object": 20, "too-large": 2}
