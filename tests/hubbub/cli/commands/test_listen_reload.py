"""SIGHUP, and what a monitor hears: a real `hubbub listen` under a manager that writes it down."""

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

from hubbub.cli.commands.listen_reload import changed_keys
from hubbub.collector.event import alive_key
from hubbub.config import Config, ListenConfig, PeopleConfig
from hubbub.store import Store

HUBBUB = Path(sys.executable).with_name("hubbub")
TOPIC = "org.x.prod.git.receive"


class Listening:
    """A process, its log as it comes, and what it told systemd."""

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

    def said(self, event: str, after: int = 0) -> dict[str, Any]:
        """The first line of this event after so many lines."""
        found = until(
            lambda: (
                [x for x in self.lines[after:] if x["event"] == event]
                or (self.process.poll() is not None and self.lines)
            )
        )
        assert found[0]["event"] == event, found
        return dict(found[0])

    def reload(self, text: str) -> int:
        """Write another configuration and say so; gives how many lines were there before."""
        (self.folder / "hubbub.toml").write_text(text)
        before = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return before

    def told(self) -> list[str]:
        """What the manager was told by now."""
        self.manager.settimeout(0.05)
        found = []
        try:
            while True:
                found += self.manager.recv(4096).decode().splitlines()
        except TimeoutError:
            return found

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(20)
        self.thread.join(20)
        return code


def until(ask: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := ask()):
        if time.monotonic() > end:
            pytest.fail("it did not happen")
        time.sleep(0.02)
    return found


class Bus:
    def __init__(self, publisher: "zmq.Socket[bytes]") -> None:
        self.publisher = publisher
        self.port = publisher.bind_to_random_port("tcp://127.0.0.1")
        self.sent = 0

    def heard(self) -> bytes:
        assert self.publisher.poll(30_000), "nobody subscribed"
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
        for one in running:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()
            one.thread.join(20)
            assert one.process.stderr is not None
            one.process.stderr.close()


def ids(store: Store) -> set[str]:
    return set(store.events().to_pyarrow()["id"].to_pylist())


def test_topics_bodies_and_rules_change_while_it_listens(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    head = f'[listen]\nzmq = ["tcp://127.0.0.1:{bus.port}"]\n'
    running = start(f'{head}topic = ["org.x.prod.git."]\n')
    assert bus.heard() == b"\x01org.x.prod.git."
    running.said("connected")
    bus.send("1")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1"})
        before = running.reload(f'bodies = true\n{head}topic = ["org.x."]\n')
        done = running.said("the configuration is reloaded, and every file that it names", before)
        assert done["changed"] == ["bodies", "listen.topic"]
        assert {bus.heard(), bus.heard()} == {b"\x01org.x.", b"\x00org.x.prod.git."}
        bus.send("2", "org.x.prod.wiki.edit")
        until(lambda: ids(store) == {"1", "2"})
        assert store.bodies.find(["1"]) == {}
        assert b'"msg_id": "2"' in (store.bodies.find(["2"])["2"] or b"")
        told = running.told()
        assert told[0] == "READY=1"
        assert told.index("RELOADING=1") < len(told) - 1 - told[::-1].index("READY=1")
        assert running.end() == 0
        assert not [line for line in running.lines if line["event"].startswith("the loader died")]
        partial = {span.filters for span in store.spans()}
    assert len(partial) == 2, "what each set of topics covers is told apart"


def test_what_is_wrong_changes_nothing_and_what_needs_a_restart_is_said(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    head = f'[listen]\nzmq = ["tcp://127.0.0.1:{bus.port}"]\n'
    running = start(head)
    assert bus.heard() == b"\x01"
    running.said("connected")
    refused = "the configuration is not reloaded, the one before holds"
    for wrong, what in (
        ("[listne]\n", "unknown key listne"),
        (f'{head}[people]\nrules = "none.toml"\n', "cannot be read"),
        (f'{head}[trust]\nca = "none.crt"\n', "none.crt"),
        (f'{head}[retention]\nevents = "soon"\n', "retention"),
        (f'{head}backfill = "http://127.0.0.1:9"\ntopic = ["org.x"]\n', "whole categories"),
    ):
        said = running.said(refused, running.reload(wrong))
        assert what in f"{said['why']} {said['where']}", said
        assert said["level"] == "error"
        assert running.told()[-1] == "STATUS=listening"
    bus.send("1")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1"})
    before = running.reload('log_level = "warning"\n[listen]\nzmq = ["tcp://127.0.0.1:9"]\n')
    assert running.said("this takes effect after a restart", before)["settings"] == ["listen.zmq"]
    assert not [x for x in running.lines[before:] if x["level"] == "info"], "the level is new"
    sent = time.time()
    bus.send("2")
    with Store.open(tmp_path / "s") as store:
        until(lambda: ids(store) == {"1", "2"})
        assert running.end() == 0
        assert store.state.get(alive_key("")) / 1e6 > sent, "what it hears is still noted"


def test_a_monitor_hears_of_a_running_listener(
    tmp_path: Path, bus: Bus, start: Callable[..., Listening]
) -> None:
    running = start("", "--zmq", f"tcp://127.0.0.1:{bus.port}", "--metrics-port", "0")
    bus.heard()
    running.said("connected")
    answering = running.said("answering monitors")
    for name in ("a", "b", "a"):
        bus.send(name)

    def numbers() -> dict[str, str]:
        text = requests.get(answering["metrics"], timeout=10).text
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")

    loaded = 'hubbub_stored_events_total{kind="zmq"}'
    found = until(lambda: (n := numbers()).get(loaded) == "2.0" and n)
    assert found["hubbub_received_messages_total"] == "3.0"
    assert found["hubbub_durable_messages_total"] == "3.0"
    assert found['hubbub_duplicate_messages_total{kind="zmq"}'] == "1.0"
    assert found[f'hubbub_endpoint_up{{endpoint="tcp://127.0.0.1:{bus.port}"}}'] == "1.0"
    assert float(found["hubbub_lag_seconds"]) == 0
    health = requests.get(answering["health"], timeout=10)
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert running.end() == 0


def test_changes_are_named_as_in_the_file() -> None:
    before = Config(bodies=True, listen=ListenConfig(zmq=("a",)))
    after = Config(bodies=True, listen=ListenConfig(settle="1m"), people=PeopleConfig(bots=("x",)))
    assert changed_keys(before, before) == []
    assert changed_keys(before, after) == ["listen.zmq", "listen.settle", "people.bots"]
