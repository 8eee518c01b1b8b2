"""A full disk under a listener: reported by everything that looks at it, and no message lost.

What every source promises on a full disk is in tests/contract/.
"""

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.maintenance.verify import verify
from tests.support.processes import (
    HUBBUB,
    NumberedBus,
    free_port,
    numbered_bus,
    reported,
    start,
    wait_until,
)
from tests.support.stores import small_disk

HINT = re.compile("make room|free (some )?space")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[small_disk.Disk]:
    with small_disk.disk(tmp_path / "disk", 24) as mounted:
        yield mounted


def hubbub(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*HUBBUB, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def health(port: int) -> tuple[int, dict[str, Any]]:
    """Return status and body of /healthz."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def faults(port: int) -> set[str]:
    return {fault["name"] for fault in health(port)[1]["faults"]}


def reachable(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def publish(bus: NumberedBus, n: int) -> None:
    """Publish `n` messages that do not compress."""
    for _ in range(n):
        bus.publish({"commit": {"username": "alice", "noise": os.urandom(1000).hex()}})


def test_a_listener_on_a_disk_that_fills_up(disk: small_disk.Disk) -> None:
    folder = disk.path / "store"
    port = free_port()
    with numbered_bus() as bus:
        process = start(
            "listen", "--bodies", "--zmq", bus.address, "--store", folder, "--log-format", "json",
            "--metrics-port", port,
        )  # fmt: skip
        try:
            bus.await_subscriptions()

            def blocked() -> bool:
                publish(bus, 200)
                return "blocked" in faults(port)

            wait_until(lambda: reachable(port))
            wait_until(blocked)
            code, body = health(port)
            assert code == 503
            assert "the disk is full" in str(body)
            assert HINT.search(str(body))
            status = hubbub("status", "--store", folder)
            assert status.returncode == 0, status.stderr
            assert HINT.search(status.stdout)
            query = hubbub("query", "volume", "--since", "1d", "--store", folder, "--json",
                           "--allow-incomplete")  # fmt: skip
            assert query.returncode == 0, query.stderr
            publish(bus, 200)
            disk.grow(100)
            with Store.open(folder) as store:
                wait_until(lambda: store.rows() == bus.published)
            wait_until(lambda: "blocked" not in faults(port))
            process.terminate()
            _, err = process.communicate(timeout=90)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert process.returncode == 0
    lines = [json.loads(line) for line in err.splitlines()]
    events = [line["event"] for line in lines]
    assert events.count("cannot write, messages wait") == 1
    refusal = "cannot write, messages wait"
    refused: dict[str, Any] = next(line for line in lines if line["event"] == refusal)
    assert "the disk is full" in refused["why"]
    assert "writing again" in events
    assert "the loader died and is restarted" not in events
    assert events.count("stopped") == 1
    counts = reported(lines)
    assert (counts["stored"], counts["overflow"]) == (bus.published, 0)
    with Store.open(folder) as store:
        report = verify(store)
        assert report.clean, report.faults
        assert report.checked["ids"] == report.checked["bodies:rows"] == bus.published


def test_a_listener_that_starts_on_a_full_disk(disk: small_disk.Disk) -> None:
    """As after a reboot: it receives at once, and writes when there is space."""
    folder = disk.path / "store"
    Store.open(folder).close()
    disk.fill()
    with numbered_bus() as bus:
        process = start("listen", "--zmq", bus.address, "--store", folder)
        try:
            bus.await_subscriptions()
            publish(bus, 500)
            time.sleep(2)
            disk.room()
            with Store.open(folder) as store:
                wait_until(lambda: store.rows() == 500)
            process.terminate()
            _, err = process.communicate(timeout=90)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
    assert (process.returncode, "Traceback" in err) == (0, False), err
