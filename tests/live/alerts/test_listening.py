"""A listener that is killed in between alerts on the golden series, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zmq

from hubbub.store import Store
from hubbub.store.query.selection import Selection
from hubbub.store.state import alerts
from tests.support.paths import GOLDEN
from tests.support.processes import start, wait_until
from tests.support.stores.small_store import START

VECTOR = json.loads((GOLDEN / "statistician" / "alerts" / "al04-step.json").read_text())
TOPIC = "org.example.prod.git.receive"
#: In messages a tick of 10 s, as the vector is in hundreds of bytes.
COUNTS = [amount // 100 for amount in VECTOR["bytes"]]


def publish(bus: zmq.Socket[bytes], ticks: range) -> None:
    for tick in ticks:
        for n in range(COUNTS[tick]):
            body = {
                "i": tick * 10 + n,
                "msg": {},
                "msg_id": f"2026-{tick}-{n}",
                "timestamp": START + tick * 10 + n,
                "topic": TOPIC,
            }
            bus.send_multipart([TOPIC.encode(), json.dumps(body).encode()])


def states(folder: Path) -> list[tuple[Any, ...]]:
    with Store.open(folder) as store:
        return [
            ((change.time // 1_000_000 - START) // 10, change.state, change.measured)
            for change in alerts.changes(store.state)[::-1]
        ]


def test_a_listener_that_is_killed_alerts_once(tmp_path: Path):
    folder, config = tmp_path / "store", tmp_path / "hubbub.toml"
    parameters = VECTOR["params"]
    config.write_text(
        f'store = "{folder}"\n[[alerts]]\nname = "traffic"\nresolution = "10s"\n'
        f"short = {parameters['short_median']}\nlong = {parameters['long_median']}\n"
    )
    expected = [
        (change["tick"], change["kind"], change["short_rate"] / 100)
        for change in VECTOR["expected"]["bytes"]
    ]
    listener: subprocess.Popen[str] | None = None
    with zmq.Context() as context, context.socket(zmq.XPUB) as bus:
        bus.set(zmq.SNDHWM, 0)
        bus.set(zmq.XPUB_VERBOSE, 1)
        port = bus.bind_to_random_port("tcp://127.0.0.1")
        command = ("listen", "--config", config, "--zmq", f"tcp://127.0.0.1:{port}")
        try:
            listener = start(*command, stderr=subprocess.DEVNULL)
            assert bus.poll(60_000)
            bus.recv()
            wait_until(lambda: (folder / "state.sqlite").exists() and checkpoint(folder))
            publish(bus, range(14))
            wait_until(lambda: states(folder))
            os.killpg(listener.pid, signal.SIGKILL)
            listener.wait()
            listener = start(*command, stderr=subprocess.DEVNULL)
            while bus.poll(60_000) and bus.recv()[0] != 1:
                continue  # the end of the first subscription
            publish(bus, range(14, len(COUNTS)))
            wait_until(lambda: len(states(folder)) > 1)
            os.killpg(listener.pid, signal.SIGTERM)
            assert listener.wait(90) == 0
        finally:
            if listener is not None and listener.poll() is None:
                os.killpg(listener.pid, signal.SIGKILL)
                listener.wait()
    assert states(folder) == expected
    with Store.open(folder) as store:
        store.load()
        found = store.events(Selection(topic=("hubbub.alert.*",))).stored.to_pyarrow()
        assert sorted(found["id"].to_pylist()) == ["hubbub-alert-1", "hubbub-alert-2"]


def clock(tick: int) -> datetime:
    return datetime.fromtimestamp(START + tick * 10, UTC)


def test_a_log_that_grows_alerts_too(tmp_path: Path):
    folder, config, log = tmp_path / "store", tmp_path / "hubbub.toml", tmp_path / "access.log"
    config.write_text(
        f'store = "{folder}"\n[[alerts]]\nname = "traffic"\nmeasure = "bytes"\n'
        'filter = { topic = "http.access" }\nshort = 2\nlong = 4\n'
    )
    lines = [
        f'198.51.100.1 - - [{clock(tick):%d/%b/%Y:%H:%M:%S %z}] "GET / HTTP/1.1" 200 {amount}\n'
        for tick, amount in enumerate(VECTOR["bytes"])
    ]
    log.write_text("".join(lines[:5]))
    importer = start("import", log, "--format", "access-log", "--follow", "--config", config)
    try:
        wait_until(lambda: (folder / "state.sqlite").exists() and checkpoint(folder))
        with log.open("a") as file:
            file.write("".join(lines[5:]))
        wait_until(lambda: len(states(folder)) > 1)
        os.killpg(importer.pid, signal.SIGTERM)
        assert importer.wait(90) == 0
    finally:
        if importer.poll() is None:
            os.killpg(importer.pid, signal.SIGKILL)
        importer.communicate()
    assert states(folder) == [
        (change["tick"], change["kind"], change["short_rate"])
        for change in VECTOR["expected"]["bytes"]
    ]


def checkpoint(folder: Path) -> bool:
    """Whether the rule has begun: what is published before may be its past."""
    with Store.open(folder) as store:
        return store.state.get("alert:traffic") is not None
