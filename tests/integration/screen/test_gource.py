"""The real Gource draws the log, and a listener's messages reach it live."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.processes import HUBBUB, numbered_bus, start, wait_until
from tests.support.stores.small_store import START, fill, lines

pytestmark = pytest.mark.service("gource")


def draw(log: Path, captions: Path, film: Path) -> subprocess.CompletedProcess[str]:
    command = [
        "xvfb-run", "-a", "gource", "--log-format", "custom", "--viewport", "320x240",
        "--seconds-per-day", "0.1", "--stop-at-end", "--caption-file", captions,
        "--caption-colour", "FF00FF", "--caption-size", "20",
        "--output-framerate", "25", "--output-ppm-stream", film, log,
    ]  # fmt: skip
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=120
    )


HOSTILE: Mapping[str, Any] = {
    "id": "hostile", "timestamp": START - 1, "topic": "org.x.prod.bodhi.|[31m.update.x",
    "agent": "|\r\n\u202eann", "users": ["|\r\n\u202eann"], "objects": ["../..//|\n\x07", "|"],
}  # fmt: skip
SIDES = 320, 240
HEAD = b"P6\n320 240 255\n"


def pictures(film: bytes) -> list[bytes]:
    """Return the pixels of each picture of a film."""
    size = 3 * SIDES[0] * SIDES[1]
    starts = range(0, len(film) - len(HEAD) - size + 1, len(HEAD) + size)
    assert all(film.startswith(HEAD, start) for start in starts)
    return [film[start + len(HEAD) : start + len(HEAD) + size] for start in starts]


def test_a_film_of_the_past(tmp_path: Path) -> None:
    fill(tmp_path / "store", [HOSTILE, *lines(200, days=10)])
    log, captions, film = (tmp_path / name for name in ("log", "captions", "film.ppm"))
    with log.open("w") as out:
        subprocess.run(
            [*HUBBUB, "gource", "--store", tmp_path / "store", "--since", "2025-12-31",
             "--captions", captions, "--releases", "*.update.*"],
            stdout=out, check=True, timeout=60,
        )  # fmt: skip
    written = log.read_text().splitlines()
    assert len(written) == 202  # the hostile event has two objects
    assert re.fullmatch(rf"{START - 1}\|[^|]*ann\|A\|bodhi/[^|]+\|[0-9A-F]{{6}}", written[0])
    releases = [line for line in captions.read_text().splitlines() if "comment" in line]
    assert len(releases) == sum("|bodhi/update-comment" in line for line in written)
    done = draw(log, captions, film)
    assert (done.returncode, done.stderr) == (0, "")
    drawn = pictures(film.read_bytes())
    assert len(drawn) >= 10
    assert sum(1 for value in drawn[-1] if value > 60) > 500, "the last picture is dark"
    captioned = [picture for picture in drawn if picture.count(b"\xff\x00\xff") > 20]
    assert len(captioned) >= 5, "no caption is drawn"


def test_messages_of_a_bus_are_written_as_they_come(tmp_path: Path) -> None:
    store, log, captions = (tmp_path / name for name in ("store", "log", "captions"))
    with numbered_bus() as bus, log.open("w") as out, ExitStack() as stack:
        listener = start("listen", "--zmq", bus.address, "--store", store)
        stack.callback(listener.communicate, timeout=20)
        stack.callback(listener.terminate)

        def begin(*options: object, stdout: IO[str]) -> None:
            command = [*HUBBUB, "gource", "--store", store, *options]
            process = subprocess.Popen(list(map(str, command)), stdout=stdout)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)

        bus.await_subscriptions()
        wait_until((store / "spool").exists)
        begin("--captions", captions, "--releases", "*.receive", stdout=out)

        def written() -> bool:
            bus.publish({"commit": {"username": "alice"}})
            return log.read_text().count("|alice|") >= 3

        wait_until(written)
        wait_until(lambda: captions.read_text().count("|receive") >= 3)
        # what was received before and what is received later, each once
        both = tmp_path / "both"
        begin("--since", "1h", "--follow", stdout=stack.enter_context(both.open("w")))
        wait_until(lambda: "|alice|" in both.read_text())
        for _ in range(5):
            bus.publish({"commit": {"username": "bob"}})
        wait_until(lambda: both.read_text().count("|bob|") >= 5)
        assert len(both.read_text().splitlines()) == bus.published
