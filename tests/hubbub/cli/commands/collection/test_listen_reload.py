"""Reload on SIGHUP and metrics of a real `hubbub listen`, with a simulated service manager."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zmq

from hubbub.cli.commands.collection.listen_reload import changed_keys
from hubbub.collector.event import alive_key
from hubbub.config import Config, ListenConfig, PeopleConfig
from hubbub.store import Store
from tests.support.processes import wait_until

RELOADED = ["READY=1", "STATUS=listening"]
HUBBUB = Path(sys.executable).with_name("hubbub")
TOPIC = "org.x.prod.git.receive"


class Listening:
    """A `hubbub listen` process, its log lines and its notifications to systemd."""

    def __init__(self, folder: Path, manager: socket.socket, *options: str) -> None:
        self.folder, self.manager = folder, manager
        self.lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [HUBBUB, "listen", "--store", folder / "s", "--config", folder / "hubbub.toml",
             "--log-format", "json", *options],
            stderr=subprocess.PIPE, text=True,
            env={"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": str(folder / "notify")},
        )  # fmt: skip
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))

    def wait_for(self, event: str, after: int = 0) -> dict[str, Any]:
        """Return the first log line with this event after the first `after` lines."""
        lines = until(
            lambda: (
                [x for x in self.lines[after:] if x["event"] == event]
                or (self.process.poll() is not None and self.lines)
            )
        )
        assert lines[0]["event"] == event, lines
        return dict(lines[0])

    def reload(self, text: str) -> int:
        """Write another configuration and send SIGHUP; return the number of log lines before."""
        (self.folder / "hubbub.toml").write_text(text)
        before = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return before

    def notifications(self, first: str, last: str) -> list[str]:
        """Return the lines that the manager received, from one line on up to another, both new."""
        self.manager.settimeout(90)
        received: list[str] = []
        while last not in received:
            lines = self.manager.recv(4096).decode().splitlines()
            if received or first in lines:
                received += lines
        return received

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(90)
        self.thread.join(90)
        return code


def until(condition: Callable[[], Any]) -> Any:
    """Return what the condition is, once it holds."""
    value = None

    def holds() -> Any:
        nonlocal value
        value = condition()
        return value

    wait_until(holds)
    return value


class Bus:
    def __init__(self, publisher: "zmq.Socket[bytes]") -> None:
        self.publisher = publisher
        self.port = publisher.bind_to_random_port("tcp://127.0.0.1")
        self.sent = 0

    def subscription(self) -> bytes:
        assert self.publisher.poll(30_000), "no subscription"
        return self.publisher.recv()

    def send(self, name: str, topic: str = TOPIC) -> None:
        self.sent += 1
        body = {"i": self.sent, "msg": {}, "msg_id": name, "topic": topic, "username": "u",
                "timestamp": int(time.time())}  # fmt: skip
        self.publisher.send_multipart([topic.encode(), json.dumps(body).encode()])


@pytest.fixture
def bus() -> Iterator[Bus]:
    with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
        publisher.setsockopt(zmq.LINGER, 0)
        yield Bus(publisher)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Listening]]:
    running: list[Listening] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))

        def make(text: str, *options: str) -> Listening:
            (tmp_path / "hubbub.toml").write_text(text)
            running.append(Listening(tmp_path, manager, *options))
            return running[-1]

        yield make
        for listening in running:
            if listening.process.poll() is None:
                listening.process.kill()
                listening.process.wait()
            listening.thread.join(20)
            assert listening.process.stderr is not None
            listening.process.stderr.close()


def ids(store: Store) -> set[str]:
    return set(store.events().to_pyarrow()["id"].to_pylist())


def test_topics_bodies_and_rules_change_while_it_listens(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    head = f'[listen]\nzmq = ["tcp://127.0.0.1:{bus.port}"]\n'
    running = start(f'{head}topic = ["org.x.prod.git."]\n')
    assert bus.subscription() == b"\x01org.x.prod.git."
    running.wait_for("connected")
    bus.send("1")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1"})
        before = running.reload(f'bodies = true\n{head}topic = ["org.x."]\n')
        line = running.wait_for("configuration reloaded, with all files that it names", before)
        assert line["changed"] == ["bodies", "listen.topic"]
        assert {bus.subscription(), bus.subscription()} == {b"\x01org.x.", b"\x00org.x.prod.git."}
        bus.send("2", "org.x.prod.wiki.edit")
        until(lambda: ids(store) == {"1", "2"})
        assert store.bodies.find(["1"]) == {}
        assert b'"msg_id": "2"' in (store.bodies.find(["2"])["2"] or b"")
        assert running.notifications("READY=1", "RELOADING=1")[1] == "STATUS=listening"
        assert running.notifications("READY=1", "STATUS=listening") == RELOADED
        assert running.end() == 0
        assert not [line for line in running.lines if line["event"].startswith("the loader died")]
        filters = {span.filters for span in store.spans()}
    assert len(filters) == 2, "coverage is recorded separately for each set of topics"


def test_a_mistake_changes_nothing_and_settings_that_need_a_restart_are_logged(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    head = f'[listen]\nzmq = ["tcp://127.0.0.1:{bus.port}"]\n'
    running = start(head)
    assert bus.subscription() == b"\x01"
    running.wait_for("connected")
    refused = "configuration not reloaded, the previous one stays in force"
    for wrong, message in (
        ("[listne]\n", "unknown key listne"),
        (f'{head}[people]\nrules = "none.toml"\n', "cannot be read"),
        (f'{head}[trust]\nca = "none.crt"\n', "none.crt"),
        (f'{head}[retention]\nevents = "soon"\n', "retention"),
        (f'{head}backfill = "http://127.0.0.1:9"\ntopic = ["org.x"]\n', "whole categories"),
    ):
        line = running.wait_for(refused, running.reload(wrong))
        assert message in f"{line['why']} {line['where']}", line
        assert line["level"] == "error"
        notified = running.notifications("RELOADING=1", "STATUS=listening")
        assert notified[-2:] == RELOADED, "after the log says so"
    bus.send("1")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1"})
    before = running.reload('log_level = "warning"\n[listen]\nzmq = ["tcp://127.0.0.1:9"]\n')
    line = running.wait_for("changed settings take effect after a restart", before)
    assert line["settings"] == ["listen.zmq"]
    since = [x for x in running.lines[before:] if x["event"].startswith("configuration")]
    assert since == [], "the new level applies"
    sent = time.time()
    bus.send("2")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1", "2"})
        assert running.end() == 0
        assert store.state.get(alive_key("")) / 1e6 > sent, "coverage is still recorded"
    after = running.lines[running.lines.index(line) :]
    assert not [x for x in after if x["level"] == "info"], "and goes on to apply"


def test_metrics_and_health_of_a_running_listener(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    running = start("", "--zmq", f"tcp://127.0.0.1:{bus.port}", "--metrics-port", "0")
    bus.subscription()
    running.wait_for("connected")
    answering = running.wait_for("answering monitors")
    for name in ("a", "b", "a"):
        bus.send(name)

    def numbers() -> dict[str, str]:
        text = requests.get(answering["metrics"], timeout=10).text
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")

    loaded = 'hubbub_stored_events_total{kind="zmq"}'
    metrics = until(lambda: (n := numbers()).get(loaded) == "2.0" and n)
    assert metrics["hubbub_received_messages_total"] == "3.0"
    assert metrics["hubbub_durable_messages_total"] == "3.0"
    assert metrics['hubbub_duplicate_messages_total{kind="zmq"}'] == "1.0"
    assert metrics[f'hubbub_endpoint_up{{endpoint="tcp://127.0.0.1:{bus.port}"}}'] == "1.0"
    assert float(metrics["hubbub_lag_seconds"]) == 0
    health = requests.get(answering["health"], timeout=10)
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert running.end() == 0


def test_changes_are_named_as_in_the_file() -> None:
    before = Config(bodies=True, listen=ListenConfig(zmq=("a",)))
    after = Config(
        bodies=True, listen=ListenConfig(settle="1min"), people=PeopleConfig(bots=("x",))
    )
    assert changed_keys(before, before) == []
    assert changed_keys(before, after) == ["listen.zmq", "listen.settle", "people.bots"]
