"""The real fedmsg as a publisher, and a `hubbub listen` of its own beside it."""

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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubbub.store import Store

LAB = Path(os.environ.get("LAB_TMP") or Path(tempfile.gettempdir()) / "hublab")
PEERS = Path(__file__).parent / "integration/peers/fedmsg"
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


def go(publisher: subprocess.Popen[str], *, wait: bool = True) -> None:
    assert publisher.stdin
    assert publisher.stdout
    publisher.stdin.write("go\n")
    publisher.stdin.flush()
    if wait:
        assert publisher.stdout.readline() == "published\n"
