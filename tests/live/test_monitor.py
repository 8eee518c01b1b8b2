"""/healthz and /metrics: the numbers of a store, faults, and a server that bears strangers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from hubbub.collector.bus.listener import Counts, Listener
from hubbub.collector.bus.receiver import Receiver
from hubbub.collector.event import Frame
from hubbub.errors import SourceError, UsageError
from hubbub.live.health import BEHIND, FREE, STUCK, faults
from hubbub.live.monitor import Monitor
from hubbub.live.vitals import StoreVitals, Peer, Vitals, read_vitals
from hubbub.store import Store
from hubbub.store.loader.progress import Queue

SOUND = Vitals(
    counts=Counts(seconds=60, received=10, stored=10),
    peers=(Peer("tcp://bus:9940", connected=False, received=10),),
    still=0.1, loading=True, restarts=0, kept=StoreVitals(free=FREE * 10, size=FREE * 100),
)  # fmt: skip


class Loader:
    def __init__(self, alive: bool = True, restarts: int = 0) -> None:
        self.alive, self.restarts = alive, restarts


@pytest.fixture
def serve() -> Iterator[Callable[..., Monitor]]:
    running: list[Monitor] = []

    def make(vitals: Callable[[], Vitals], **more: Any) -> Monitor:
        running.append(Monitor(vitals, "1.2.3", 0, **more))
        running[-1].start()
        return running[-1]

    yield make
    for one in running:
        one.stop()


def metrics(url: str) -> dict[tuple[str, ...], float]:
    """(name, label value, …) → value."""
    answer = requests.get(f"{url}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_numbers_of_a_store_and_of_its_listener(
    tmp_path: Path, serve: Callable[..., Monitor]
) -> None:
    body = {"msg": {}, "timestamp": 1_780_000_000, "topic": "a.b.c.d.e", "i": 1}
    arrived = time.time_ns() // 1000
    with Store.open(tmp_path / "s") as store:
        source = "zmq:tcp://127.0.0.1:9"
        with store.spool("t") as sink:
            for one in ("x", "x", "y"):
                text = json.dumps(body | {"msg_id": one}).encode()
                sink.put(Frame(source, arrived, b"a.b.c.d.e", text))
            sink.put(Frame(source, arrived, b"a", b"no json"))
        store.load()
        store.state.span(source, "", 0, 5_000_000, "gap", "lost")
        store.state.span(source, "", 5_000_000, 6_000_000, "healed", "asked")
        store.state.span(source, "", 6_000_000, 9_000_000, "unproven", "heard")
        store.state.count(source, "skipped", 4)
        with store.spool("t") as sink:
            sink.put(Frame(source, arrived, b"a", b"waits"))
        receiver = Receiver(["tcp://127.0.0.1:9"])
        receiver.received = receiver.endpoints[0].received = 7
        listener = Listener(receiver, sink)
        time.sleep(0.05)
        monitor = serve(lambda: read_vitals(listener, Loader(restarts=2), store))
        found = metrics(monitor.url)
    expected = {
        ("hubbub_info", "1.2.3"): 1,
        ("hubbub_healthy",): 1,
        ("hubbub_store_up",): 1,
        ("hubbub_received_messages_total",): 7,
        ("hubbub_endpoint_up", "tcp://127.0.0.1:9"): 1,
        ("hubbub_loader_up",): 1,
        ("hubbub_loader_restarts_total",): 2,
        ("hubbub_stored_events_total", "zmq"): 2,
        ("hubbub_duplicate_messages_total", "zmq"): 1,
        ("hubbub_refused_messages_total", "zmq", "not-json"): 1,
        ("hubbub_skipped_messages_total",): 4,
        ("hubbub_gaps", "open"): 1,
        ("hubbub_gaps", "healed"): 1,
        ("hubbub_coverage_seconds", "gap"): 5,
        ("hubbub_coverage_seconds", "unproven"): 3,
        ("hubbub_spool_segments",): 1,
    }
    expected.pop(("hubbub_endpoint_up", "tcp://127.0.0.1:9"))
    assert {name: found.get(name) for name in expected} == expected
    assert found["hubbub_endpoint_up", "tcp://127.0.0.1:9"] == 0, "nobody ever answered there"
    assert 0.05 < found["hubbub_lag_seconds",] < 60
    assert found["hubbub_segment_age_seconds",] >= found["hubbub_lag_seconds",]
    assert 0 < found["hubbub_spool_bytes",] < 1000
    assert 0 < found["hubbub_disk_free_bytes",] <= found["hubbub_disk_size_bytes",]
    assert found["process_resident_memory_bytes",] > 0


def test_everything_loaded_is_no_lag(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        listener = Listener(Receiver(["tcp://127.0.0.1:9"]), store.spool("t"))
        kept = read_vitals(listener, Loader(), store).kept
    assert kept is not None
    assert kept.queue == Queue()


def test_a_store_that_cannot_be_read_leaves_the_rest(
    tmp_path: Path, serve: Callable[..., Monitor]
) -> None:
    with Store.open(tmp_path / "s") as store:
        (tmp_path / "s" / "spool").rmdir()
        listener = Listener(Receiver(["tcp://127.0.0.1:9"]), store.spool("t"))
        monitor = serve(lambda: read_vitals(listener, Loader(), store))
        found = metrics(monitor.url)
        health = requests.get(f"{monitor.url}/healthz", timeout=10)
    assert (found["hubbub_store_up",], found["hubbub_healthy",]) == (0, 0)
    assert found["hubbub_received_messages_total",] == 0
    assert ("hubbub_lag_seconds",) not in found, "what is not known is not zero"
    assert health.status_code == 503
    assert [fault["name"] for fault in health.json()["faults"]] == ["store"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"still": STUCK + 1}, "stuck"),
        ({"counts": Counts(blocked="the disk is full")}, "blocked"),
        ({"loading": False}, "loader"),
        ({"kept": StoreVitals(queue=Queue(3, 99, BEHIND + 1, BEHIND + 1), free=FREE)}, "behind"),
        ({"kept": StoreVitals(free=FREE - 1)}, "disk"),
        ({"kept": None, "fault": "damaged"}, "store"),
    ],
)
def test_each_fault_has_a_name_and_says_what_to_do(
    change: dict[str, Any], name: str, serve: Callable[..., Monitor]
) -> None:
    vitals = replace(SOUND, **change)
    (fault,) = faults(vitals)
    assert fault.name == name
    assert fault.what
    assert fault.hint
    answer = requests.get(f"{serve(lambda: vitals).url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert answer.json()["faults"] == [{"name": name, "what": fault.what, "hint": fault.hint}]


def test_a_bus_that_is_away_is_no_fault_of_this_service(serve: Callable[..., Monitor]) -> None:
    answer = requests.get(f"{serve(lambda: SOUND).url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["endpoints"] == {"tcp://bus:9940": False}
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_not_there_and_not_allowed(serve: Callable[..., Monitor]) -> None:
    url = serve(lambda: SOUND).url
    missing = requests.get(f"{url}/../etc/passwd?x=1", timeout=10)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not-found")
    post = requests.post(f"{url}/metrics", data="x", timeout=10)
    assert (post.status_code, post.json()["error"]["code"]) == (501, "not-implemented")
    head = requests.head(f"{url}/metrics", timeout=10)
    assert (head.status_code, head.text) == (200, "")
    openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = requests.get(f"{url}/metrics", headers=openmetrics, timeout=10)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_clients_that_say_nothing_do_not_pile_up(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: SOUND)
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", monitor.port), 5) for _ in range(30)]
    try:
        refused = 0
        for one in silent:
            one.settimeout(0.3)
            try:
                refused += one.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionResetError:
                refused += 1
        assert threading.active_count() - before <= 8
        assert refused >= 22
    finally:
        for one in silent:
            one.close()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            assert requests.get(f"{monitor.url}/healthz", timeout=10).status_code == 200
            break
        except requests.ConnectionError:
            time.sleep(0.05)
    else:
        pytest.fail("it never answered again")


def test_it_is_only_for_this_machine_unless_told_otherwise(serve: Callable[..., Monitor]) -> None:
    assert serve(lambda: SOUND)._server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_or_none(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: SOUND)
    with pytest.raises(SourceError, match="cannot answer there") as taken:
        Monitor(lambda: SOUND, "1", monitor.port)
    assert "another process has this port" in taken.value.hint
    with pytest.raises(UsageError, match="ports end at"):
        Monitor(lambda: SOUND, "1", 65536)
    with pytest.raises(UsageError, match="no such host"):
        Monitor(lambda: SOUND, "1", 0, "no-such-host.invalid")
