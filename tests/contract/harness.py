"""The other side of a source, and the command that reads from it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubbub.collector.event import Event
from hubbub.store import Store
from tests.support.paths import ROOT
from tests.support.processes import HUBBUB, wait_until

#: Bytes of the largest message; see `Harness.send_unreadable`.
MAX_MESSAGE = 4096
TOPIC = "org.fedoraproject.dev.lab.contract"
#: Columns of an event that do not depend on the way by which it came.
FIELDS = ("id", "time", "topic", "agent", "users", "objects", "size")


class Run:
    """A command that reads from a source.

    Args:
        store: of the command.
        arguments: of the command.
        signalled: arguments of `tests.support.stores.signalled`: signal, moment, nth write.
    """

    def __init__(
        self, store: Path, arguments: Iterable[object], signalled: tuple[object, ...] = ()
    ) -> None:
        # beside the disk, which may be full
        self._log = store.parent.with_name(f"{store.parent.name}-{time.monotonic_ns()}.log")
        self.marker = self._log.with_suffix(".marker")
        command: tuple[object, ...] = HUBBUB
        if signalled:
            module = "tests.support.stores.signalled"
            command = (sys.executable, "-m", module, *signalled, self.marker)
        common = ("--store", store, "--log-format", "json")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*map(str, (*command, *arguments, *common))],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "XDG_CONFIG_HOME": str(store.parent)},
            )  # fmt: skip

    @property
    def output(self) -> str:
        """Everything that it wrote."""
        return self._log.read_text()

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the log entries of an event."""
        lines = [line for line in self.output.splitlines() if line.startswith('{"')]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def until(self, condition: Callable[[], object], seconds: float = 90) -> None:
        """Wait until the condition holds; fail after `seconds` or when the process ends."""
        wait_until(condition, seconds, process=self.process, output=lambda: self.output)

    def end(self, code: int, seconds: float = 90) -> None:
        """Wait for the end of the process, and check its exit code."""
        assert self.process.wait(seconds) == code, self.output


class Harness(ABC):
    """The other side of one source.

    Args:
        folder: of the store; logs and files that are read are written beside it.

    Attributes:
        is_live: messages come once the command is connected; otherwise they are there before.
        keeps_messages: the other side gives again what was not made durable.
        ends: the command ends by itself when everything is read.
        stop_code: exit code after SIGTERM.
        absence: states in the ledger, besides unproven, after the command did not run for a while.
    """

    is_live = False
    keeps_messages = True
    ends = False
    stop_code = 0
    absence: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        self._runs: list[Run] = []

    @property
    @abstractmethod
    def source(self) -> str:
        """The source of the messages, as the ledger names it."""

    @abstractmethod
    def arguments(self) -> list[object]:
        """Return the command line, without the store."""

    @abstractmethod
    def send(self, numbers: Iterable[int], noise: int = 0) -> None:
        """Make numbered messages available.

        Args:
            numbers: of the messages.
            noise: bytes of each that cannot be compressed.
        """

    @abstractmethod
    def send_unreadable(self) -> Counter[str]:
        """Make unreadable messages available; return how many are refused for which reason."""

    def await_ready(self, run: Run) -> None:
        """Wait until messages that are sent reach the command; for a live source."""
        raise NotImplementedError

    def recover(self) -> None:
        """Get from elsewhere what the other side did not keep."""
        assert self.keeps_messages

    def kept(self) -> int | None:
        """Return how many messages the other side still keeps; None: that is not counted."""
        return None

    def number(self, event: dict[str, Any]) -> int:
        """Return the number of the message of an event."""
        return int(event["id"].removeprefix("m"))

    def close(self) -> None:
        """End everything that was started."""
        for run in self._runs:
            run.process.kill()
            run.process.wait()

    def start(self, *signalled: object) -> Run:
        """Start the command; see `Run`."""
        run = self.run(self.arguments(), *signalled)
        if self.is_live:
            self.await_ready(run)
        return run

    def run(self, arguments: Iterable[object], *signalled: object) -> Run:
        """Start a command on the store, which `close` ends."""
        self._runs.append(Run(self.store, arguments, signalled))
        return self._runs[-1]

    def stop(self, run: Run) -> None:
        """Stop the command by SIGTERM."""
        run.process.terminate()
        run.end(self.stop_code)

    def finish(self, run: Run, count: int) -> None:
        """Wait until so many messages are stored; the command then ends, or is stopped."""
        if self.ends:
            run.end(0)
        else:
            run.until(lambda: self.count() >= count)
            self.stop(run)

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Open the store, and load what waits."""
        with Store.open(self.store) as store:
            store.load()
            yield store

    def count(self) -> int:
        """Return the number of stored messages."""
        with self.opened() as store:
            return store.rows()

    def numbers(self) -> list[int]:
        """Return the numbers of the stored messages, with repetitions, sorted."""
        with self.opened() as store:
            rows = store.events().stored.select("id", "time", "objects").to_pyarrow().to_pylist()
        return sorted(map(self.number, rows))

    def events(self) -> list[dict[str, Any]]:
        """Return the fields of every event that do not depend on its way, by id."""
        with self.opened() as store:
            rows = store.events().stored.select(*FIELDS).to_pyarrow().to_pylist()
        return sorted(map(_as_json, rows), key=lambda row: str(row["id"]))

    def dead_letters(self) -> Counter[str]:
        """Return the dead letters by reason."""
        with self.opened() as store:
            return Counter(store.state.dead_letter_counts())

    def states(self) -> set[str]:
        """Return the states of the source in the ledger."""
        with Store.open(self.store, reading=True) as store:
            return {state for *_, state in store.state.spans(self.source, "")}


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "time": row["time"].isoformat(), "users": list(row["users"])}


def fields(event: Event) -> dict[str, Any]:
    """Return the fields of an event that do not depend on its way."""
    row = {name: getattr(event, name) for name in FIELDS}
    return _as_json({**row, "time": event.when, "objects": list(event.objects)})


def noisy(noise: int) -> str:
    """Return text that cannot be compressed."""
    return os.urandom(noise // 2).hex()


def nested(levels: int) -> bytes:
    """Return JSON of so many levels."""
    return b'{"a":' * levels + b"1" + b"}" * levels
