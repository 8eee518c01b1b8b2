"""The processes that are killed, and the moments at which that is done.

Every process is a real `hubbub …` in a session of its own; what it says goes into a file. One that
ends by itself must end well: whoever comes after a kill finds a store that works.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["Actor", "Failure", "Listener", "Moment", "changes"]

_MAIN = "from hubbub.cli.root import run; run()"
_FINE = {0, 3}  # 3: a gap is known, which is true while the listener is being killed
_DURABLE = re.compile(r"^hubbub_durable_messages_total ([\d.e+]+)$", re.MULTILINE)


class Failure(Exception):  # noqa: N818 - a word of the harness
    """What must not happen did."""


class Actor:
    """One command, until it is killed or has ended."""

    def __init__(self, name: str, arguments: list[str], store: Path, logs: Path) -> None:
        self.name, self.born = name, time.monotonic()
        self.log = logs / f"{time.time_ns()}-{name}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, *arguments,
                 "--store", str(store), "--log-format", "json"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL, now."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def check(self) -> None:
        """It ended by itself: that must have been an end as it should be.

        Raises:
            Failure: it was not.
        """
        code = self.process.returncode
        if code not in _FINE:
            said = self.log.read_text(errors="replace")[-3000:]
            raise Failure(f"`hubbub {self.name}` ended with {code}:\n{said}")

    def said(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        out = []
        for line in self.log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                if isinstance(found := json.loads(line), dict):
                    out.append(found)
        return out


class Listener(Actor):
    """`hubbub listen`, its loader beside it."""

    def __init__(self, bus: str, url: str, store: Path, logs: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        arguments = [
            *("listen", "--zmq", bus, "--backfill", url, "--settle", "1s", "--bodies"),
            *("--metrics-port", str(self.port)),
        ]
        super().__init__("listen", arguments, store, logs)

    def durable(self) -> int:
        """How many messages it says that it has made durable; 0 where it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
                found = _DURABLE.search(page.read().decode())
        except OSError:
            return 0
        return int(float(found[1])) if found else 0

    def loader(self) -> int | None:
        """The loader's process now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(OSError):
            for child in children.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        return None


class Moment:
    """When to kill: after some time, or right after something appeared in a folder.

    Args:
        random: decides.
        store: whose folders.
        longest: s; a random time is shorter.
    """

    PLACES = (
        *("spool", "events/_delta_log", "bodies/_delta_log", "bodies", "ids", "state.sqlite-wal"),
        *("rollups/daily_users/_delta_log", "rollups/weekly_users/_delta_log"),
    )

    def __init__(self, random: Random, store: Path, longest: float) -> None:
        self.place = random.choice(self.PLACES) if random.random() < 0.6 else ""
        self.after = random.choice((0.0, random.uniform(0, 0.03)))
        self.seconds = random.uniform(0.05, longest)
        self._store = store

    def __str__(self) -> str:
        return f"after {self.place}" if self.place else f"after {self.seconds:.2f} s"

    def wait(self, actor: Actor) -> None:
        """Return at this moment, or when it ended before."""
        begun = time.monotonic()
        end = begun + (4.0 if self.place else self.seconds)
        before = changes(self._store, self.place)
        while actor.alive and (left := end - time.monotonic()) > 0:
            if not self.place:
                time.sleep(min(left, 0.05))
            elif changes(self._store, self.place) != before:
                time.sleep(self.after)
                return
            else:
                time.sleep(0.001)


def changes(store: Path, place: str) -> int:
    """Another number after every change of a folder or file."""
    try:
        return (store / place).stat().st_mtime_ns
    except FileNotFoundError:
        return 0
