"""Hundreds of endpoints: what is counted, raised and refused; `close` after half of `open`."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import pytest

from hubbub.collector.zeromq import limits
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.errors import UsageError


def addresses(n: int) -> list[str]:
    return [f"tcp://127.0.{k // 250}.{k % 250 + 1}:9" for k in range(n)]


def test_libzmq_is_asked_for_as_many_sockets_as_are_needed() -> None:
    with Receiver(addresses(400)) as receiver:
        assert len(receiver.endpoints) == 400
    assert limits.sockets(5) == 1023
    assert limits.sockets(1000) >= 3000


def limited(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> list[tuple[int, int]]:
    changes: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: changes.append(limit))
    monkeypatch.setattr(limits, "_open_files", lambda: 20)
    return changes


def test_the_soft_limit_is_raised_to_the_hard_one_only_if_that_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoints = Receiver(addresses(300)).endpoints
    changes = limited(monkeypatch, 1024, 4096)
    limits.make_room(endpoints[:200])
    assert changes == []
    limits.make_room(endpoints)
    assert changes == [(4096, 4096)]
    changes = limited(monkeypatch, 1024, resource.RLIM_INFINITY)
    limits.make_room(endpoints)
    assert changes[0][0] >= 1320
    changes = limited(monkeypatch, resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    limits.make_room(endpoints)
    assert changes == []


def test_more_endpoints_than_files_are_a_usage_error_with_the_number_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoints = Receiver(addresses(300)).endpoints
    limited(monkeypatch, 1024, 1024)
    with pytest.raises(UsageError, match=r"300 endpoints .* 226 would fit") as caught:
        limits.make_room(endpoints)
    assert caught.value.exit_code == 2
    limits.make_room(endpoints[:226])


HALF_OPEN = """
import resource, sys
from pathlib import Path
from hubbub.collector.zeromq import limits
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.errors import UsageError
limits.make_room = lambda endpoints: None
used = sum(1 for _ in Path("/proc/self/fd").iterdir())
resource.setrlimit(resource.RLIMIT_NOFILE, (used + int(sys.argv[1]), 20_000))
try:
    Receiver([f"tcp://127.0.0.1:{20_000 + n}" for n in range(60)]).open()
except UsageError as error:
    print(error.what)
"""


@pytest.mark.parametrize("files", range(18, 27))
def test_close_after_half_of_open_never_blocks(files: int) -> None:
    begun = time.monotonic()
    process = subprocess.run(
        [sys.executable, "-c", HALF_OPEN, str(files)], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert process.stdout.startswith("60 endpoints need more open files"), process.stderr
    assert time.monotonic() - begun < 40
