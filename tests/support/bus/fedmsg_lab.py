"""The real fedmsg as a publisher, and a `hubbub listen` that receives from it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubbub.store import Store
from tests.support import paths
from tests.support.processes import HUBBUB, wait_until

PEERS = paths.TESTS / "integration" / "peers" / "fedmsg"
PREFIX = "org.fedoraproject.dev."
#: Topic and users of message n of people.py, by n modulo 5.
FAMILIES = [
    ("git.receive", ("user-{}",)),
    ("wiki.article.edit", ("user-{}",)),
    ("fedbadges.badge.award", ("user-{}",)),
    ("copr.build.end", ("user-{}", "user-{}-owner")),
    ("bodhi.update.comment", ("user-{}", "user-{}-owner")),
]
#: Numbers of events by topic and users.
Events = Counter[tuple[str, tuple[str, ...]]]


class ListenProcess:
    """A running `hubbub listen` with its own store and log."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.store, self._log = folder / "store", folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*HUBBUB, "listen", "--store", str(self.store), "--log-format", "json", *options],
                stderr=log, env={**os.environ, "XDG_CONFIG_HOME": str(folder)},
            )  # fmt: skip

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the log entries of an event."""
        lines = [line for line in self._log.read_text().splitlines() if line[:1] == "{"]
        return [entry for entry in map(json.loads, lines) if entry["event"] == event]

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait until the condition holds; fail after `seconds` or when the process ends."""
        wait_until(condition, seconds, process=self.process, output=self._log.read_text)

    def await_log(self, event: str, n: int = 1) -> None:
        """Wait until the log has `n` entries of an event."""
        self.until(lambda: len(self.log(event)) >= n)

    def address(self) -> str:
        """Return the endpoint that it has bound, for `--zmq-bind` with a free port."""
        addresses: list[str] = []

        def bound() -> bool:
            sockets = subprocess.run(
                ["ss", "-ltnpH"], capture_output=True, text=True, check=True
            ).stdout
            pattern = rf"(127\.0\.0\.1:\d+) .*pid={self.process.pid},"
            addresses[:] = re.findall(pattern, sockets)
            return bool(addresses)

        self.until(bound)
        return f"tcp://{addresses[0]}"

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send a signal; return the seconds until the process has ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(90)
        return time.monotonic() - started

    def stored(self) -> Events:
        """Load and count the stored events."""
        with Store.open(self.store, create=False) as store:
            store.load()
            rows = store.events().select("topic", "users").to_pyarrow().to_pylist()
        return Counter(
            (row["topic"].removeprefix(PREFIX), tuple(sorted(row["users"]))) for row in rows
        )


StartListener = Callable[..., ListenProcess]
StartPublisher = Callable[..., subprocess.Popen[str]]


def expected(*numbers: int) -> Events:
    """Return the events of the messages with these numbers."""
    named = ((n, *FAMILIES[n % len(FAMILIES)]) for n in numbers)
    return Counter((topic, tuple(user.format(n) for user in users)) for n, topic, users in named)


def go(publisher: subprocess.Popen[str], *, wait: bool = True) -> None:
    """Let the publisher publish; wait until it has."""
    assert publisher.stdin
    publisher.stdin.write("go\n")
    publisher.stdin.flush()
    if wait:
        await_published(publisher)


def await_published(publisher: subprocess.Popen[str]) -> None:
    """Wait until the publisher has published everything."""
    assert publisher.stdout
    assert publisher.stdout.readline() == "published\n"
