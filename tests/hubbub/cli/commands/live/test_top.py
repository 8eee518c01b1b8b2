"""`hubbub top` without a terminal: lines of periods, from each source, and how it ends."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from hubbub.cli.commands.simulation.growing import append_live, timed_requests
from hubbub.live.stream import past
from tests.support.processes import HUBBUB
from tests.support.stores.small_store import fill

LINE = '192.0.2.1 - ann [10/Oct/2026:13:{:02}:{:02} +0000] "GET /{} HTTP/1.1" 200 100\n'
FILE = ("--format", "access-log")
ENDS = (signal.SIGINT, signal.SIGTERM, None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("top") / "store"
    fill(folder)
    return folder


@pytest.fixture
def piped(hubbub: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Return a function that runs `top` with a text as standard input."""
    before = os.dup(0)

    def run(text: str, *arguments: str) -> Any:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        os.dup2(read, 0)
        os.close(read)
        return hubbub("top", *arguments, "-")

    yield run
    os.dup2(before, 0)
    os.close(before)


def test_standard_input_ends_with_its_last_period(piped: Callable[..., Any]) -> None:
    text = LINE.format(0, 1, "docs/\x1b[31mx") + "broken\n" + LINE.format(0, 2, "wiki") * 2
    done = piped(text, *FILE)
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert line.endswith("  3 requests (0.3/s)  300 B  1 user  most active /wiki (2)")


def test_hostile_names(piped: Callable[..., Any]) -> None:
    line = {"timestamp": 1, "topic": "org.x.prod.\x1b[31m\u202egit|a\n.receive"}
    done = piped(f"{json.dumps(line)}\n", "--format", "jsonl")
    assert done.code == 0
    assert done.out.rstrip("\n").isprintable()


def test_json_and_csv(piped: Callable[..., Any]) -> None:
    text = LINE.format(0, 1, "wiki") * 2 + LINE.format(0, 1, "")
    document = json.loads(piped(text, *FILE, "--json").out)
    assert document.pop("end").endswith("Z")
    assert document == {
        "total_hits": 3, "total_bytes": 300, "max_section": "/wiki", "max_hit": 2,
        "without_section": 0, "sections": [["/wiki", 2], ["/", 1]],
    }  # fmt: skip
    (row,) = csv.DictReader(io.StringIO(piped(text, *FILE, "--csv").out))
    assert (row["total_hits"], row["max_section"]) == ("3", "/wiki")
    assert piped(text, *FILE, "--json", "--csv").code == 2
    assert "  2 requests" in piped(text, *FILE, "--object", "/w*").out


def test_a_replayed_day_has_the_numbers_of_the_query(
    hubbub: Callable[..., Any], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SPEEDS", (1.0, 1e7))
    replay = ("top", "--store", store, "--replay", "2026-01-05", "--speed", "1e6")
    done = hubbub(*replay, "--period", "1h", "--json", "--no-alerts")
    assert done.code == 0, done.err
    periods = [json.loads(line) for line in done.out.splitlines()]
    hours = [period for period in periods if period["total_hits"]]
    asked = hubbub(
        "query", "volume", "--per", "hour", "--store", store, "--since", "2026-01-05",
        "--until", "2026-01-06", "--format", "json",
    )  # fmt: skip
    rows = [row for row in json.loads(asked.out)["data"] if row["messages"]]
    assert [period["total_hits"] for period in hours] == [row["messages"] for row in rows]
    assert periods[23]["end"] == "2026-01-06T00:00:00Z"


def test_alerts_of_a_replay_stand_between_its_lines(
    hubbub: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SPEEDS", (1.0, 1e7))
    start = 1_767_225_600
    seconds = [n * 60 for n in range(120)] + [n * 60 + k for n in range(60, 70) for k in range(9)]
    events = [
        {"id": str(n), "timestamp": start + second, "topic": "org.x.prod.git.receive"}
        for n, second in enumerate(sorted(seconds))
    ]
    fill(tmp_path / "store", events)
    done = hubbub(
        "top", "--store", tmp_path / "store", "--replay", "2026-01-01", "--speed", "1e6",
        "--period", "1h", "--resolution", "1min", "--short", "2", "--long", "10",
    )  # fmt: skip
    lines = done.out.splitlines()
    alerts = [line for line in lines if "alert" in line]
    assert len(lines) - len(alerts) == 24
    assert [line.split("  ")[0] for line in alerts] == ["01:01:00", "01:09:00"]
    assert "▲ alert raised  5.5 messages/min, 5.5 times the 1 before" in alerts[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.log"], "of which format is it?"),
        ([*FILE], "which file?"),
        ([*FILE, "x.log", "--zmq", "tcp://127.0.0.1:9"], "either a file or a bus"),
        (["--replay", "2026-01-01", "--zmq", "tcp://127.0.0.1:9"], "either a bus or a replay"),
        (["--speed", "3"], "--speed needs --replay"),
        (["--replay", "2026-01-01", "--speed", "0"], "speed cannot be '0'"),
        (["--replay", "soon"], "replay cannot be 'soon'"),
        (["--period", "100ms"], "it lasts one second at least"),
        (["--short", "9", "--long", "3"], "must be longer than the short"),
    ],
)
def test_wrong_usage(hubbub: Callable[..., Any], arguments: list[str], message: str) -> None:
    done = hubbub("top", *arguments)
    assert done.code == 2
    assert message in done.err


def test_a_packed_log_cannot_grow(hubbub: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "access.log.gz").write_bytes(b"\x1f\x8b\x08\x00")
    done = hubbub("top", *FILE, tmp_path / "access.log.gz")
    assert done.code == 2
    assert "gzip file cannot be followed" in done.err


def test_head_and_signals_end_it_cleanly(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    command = [*HUBBUB, "top", *FILE, str(log), "--period", "1s"]
    with ExitStack() as stack:

        def begin() -> tuple[subprocess.Popen[str], IO[str], IO[str]]:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stderr is not None
            return process, process.stdout, process.stderr

        running = [begin() for _ in range(3)]
        for (process, out, _), number in zip(running, ENDS, strict=True):
            assert "0 requests" in out.readline()
            if number is None:
                out.close()  # as `| head -1` does
            else:
                process.send_signal(number)
        for process, _, errors in running:
            assert process.wait(60) == 0
            assert errors.read() == ""


def test_the_view_on_a_terminal_without_colours(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    view = subprocess.Popen(
        [*HUBBUB, "top", *FILE, str(log)], stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1"}, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    written = ""

    def read_until(text: str) -> None:
        nonlocal written
        while text not in written:
            assert select.select([master], [], [], 60)[0], "the view writes nothing more"
            written += os.read(master, 1 << 16).decode(errors="replace")

    try:
        read_until("last minute")
        with log.open("a") as file:
            file.write(LINE.format(0, 1, "wiki/\x1b]0;title\x07"))
        read_until("/wiki")
        os.write(master, b"q")
        read_until("\x1b[?1049l")  # the terminal is restored
        assert view.wait(60) == 0
    finally:
        view.kill()
        view.wait(60)
        os.close(master)
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m", written)
    assert colours == []
    assert "]0;title" not in written


class _Clock:
    """A clock that a stop moves on when it waits, and that ends after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.now, self.end = 1_000_000.0, 1_000_000.0 + seconds

    def __call__(self) -> float:
        return self.now

    def set(self) -> None:
        self.end = self.now

    def is_set(self) -> bool:
        return self.now >= self.end

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return self.is_set()


def test_a_simulated_log_grows_and_is_rotated(tmp_path: Path) -> None:
    log, clock = tmp_path / "access.log", _Clock(10)
    written = append_live(timed_requests(3, 20, clock.now, burst=False), str(log), clock, clock)
    lines = log.read_bytes().splitlines()
    assert len(lines) == written
    assert 100 < written < 300
    log.rename(tmp_path / "access.log.1")
    clock.end += 2
    more = append_live(timed_requests(3, 20, clock.now, burst=False), str(log), clock, clock)
    assert len(log.read_bytes().splitlines()) == more > 0


def test_simulate_live_until_it_is_stopped(tmp_path: Path) -> None:
    log = tmp_path / "messages.jsonl"
    command = [*HUBBUB, "simulate", "-o", "-", "--live", "--rate", "200"]
    with log.open("wb") as out, subprocess.Popen([*command], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        out.write(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(log.read_bytes())["topic"]


@pytest.mark.parametrize(
    "arguments",
    [["--live"], ["--live", "-o", "x.gz"], ["--live", "-o", "x", "--days", "1"]],
)
def test_live_is_for_files_from_now_on(hubbub: Callable[..., Any], arguments: list[str]) -> None:
    assert hubbub("simulate", *arguments).code == 2
