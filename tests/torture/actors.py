"""The processes that are killed, and the moments at which they are killed.

Every process is a real `hubbub …` in its own session, with its output in a file. A process that
ends by itself must succeed: the store works after every kill.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from tests.support.processes import free_port

__all__ = ["Actor", "Failure", "Listener", "Moment", "require"]

_MAIN = "from hubbub.cli.root import run; run()"
_SUCCESS = {0, 3}  # 3: incomplete coverage, which is true while the listener is being killed
_DURABLE = re.compile(r"^hubbub_durable_messages_total ([\d.e+]+)$", re.MULTILINE)


class Failure(Exception):  # noqa: N818 - the result of a test, not an error in it
    """An invariant is violated."""


def require(condition: object, message: str) -> None:
    """Check an invariant.

    Raises:
        Failure: the condition is false.
    """
    if not condition:
        raise Failure(message)


class Actor:
    """A running command."""

    def __init__(self, name: str, arguments: list[str], store: Path, logs: Path) -> None:
        self.name = name
        self.log = logs / f"{time.time_ns()}-{name}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, *arguments,
                 "--store", str(store), "--log-format", "json"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self.process.poll() is None

    def kill(self, *, group: bool = False) -> None:
        """Send SIGKILL to the process or to its group, and wait for its end."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def check(self) -> None:
        """Check that the process ended successfully.

        Raises:
            Failure: it did not.
        """
        code = self.process.returncode
        if code not in _SUCCESS:
            output = self.log.read_text(errors="replace")[-3000:]
            raise Failure(f"`hubbub {self.name}` ended with {code}:\n{output}")

    def log_entries(self) -> list[dict[str, Any]]:
        """Return the entries of the log."""
        entries = []
        for line in self.log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                if isinstance(entry := json.loads(line), dict):
                    entries.append(entry)
        return entries


class Listener(Actor):
    """`hubbub listen` with its loader process."""

    def __init__(self, bus: str, url: str, store: Path, logs: Path) -> None:
        self.port = free_port()
        arguments = [
            *("listen", "--zmq", bus, "--backfill", url, "--settle", "1s", "--bodies"),
            *("--metrics-port", str(self.port)),
        ]
        super().__init__("listen", arguments, store, logs)

    def durable(self) -> int:
        """Return the number of durable messages that it reports; 0 if it does not respond yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
                match = _DURABLE.search(page.read().decode())
        except OSError:
            return 0
        return int(float(match[1])) if match else 0

    def loader(self) -> int | None:
        """Return the process id of the current loader, None if there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with suppress(OSError):
            for child in children.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
        return None


class Moment:
    """A random moment at which to kill: after some time, or right after a folder has changed.

    Args:
        random: source of random numbers.
        store: the store's path.
        longest: upper bound of the time in seconds.
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
        """Wait for the moment, or for the actor's end if that comes first."""
        end = time.monotonic() + (4.0 if self.place else self.seconds)
        before = _modified(self._store / self.place)
        while actor.alive and (left := end - time.monotonic()) > 0:
            if not self.place:
                time.sleep(min(left, 0.05))
            elif _modified(self._store / self.place) != before:
                time.sleep(self.after)
                return
            else:
                time.sleep(0.001)


def _modified(path: Path) -> int:
    """Return the time of modification in ns, 0 if the file or folder does not exist."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
