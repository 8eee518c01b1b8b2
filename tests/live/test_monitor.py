"""/healthz and /metrics: metrics of a store, faults, and robustness of the server."""

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

from hubbub.collector.amqp.receiver import AmqpReceiver
from hubbub.collector.amqp.settings import parse_address
from hubbub.collector.event import Frame
from hubbub.collector.listening.listener import Counts, Listener
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.errors import SourceError, UsageError
from hubbub.live.health import MAX_IDLE, MAX_LAG, MIN_FREE, faults
from hubbub.live.monitor import Monitor
from hubbub.live.vitals import Peer, StoreVitals, Vitals, read_vitals
from hubbub.store import Store
from hubbub.store.loader.progress import Queue
from tests.support.processes import within

HEALTHY = Vitals(
    counts=Counts(seconds=60, received=10, stored=10),
    peers=(Peer("tcp://bus:9940", connected=False, received=10),),
    idle=0.1,
    loader_alive=True,
    restarts=0,
    store=StoreVitals(free=MIN_FREE * 10, size=MIN_FREE * 100),
)


class Loader:
    def __init__(self, alive: bool = True, restarts: int = 0) -> None:
        self.alive, self.restarts = alive, restarts


@pytest.fixture
def serve() -> Iterator[Callable[..., Monitor]]:
    monitors: list[Monitor] = []

    def start(vitals: Callable[[], Vitals]) -> Monitor:
        monitor = Monitor(vitals, "1.2.3", 0)
        monitors.append(monitor)
        monitor.start()
        return monitor

    yield start
    for monitor in monitors:
        monitor.stop()


def metrics(url: str) -> dict[tuple[str, ...], float]:
    """(name, label value, …) → value."""
    response = requests.get(f"{url}/metrics", timeout=10)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_metrics_of_a_listener_and_its_store(tmp_path: Path, serve: Callable[..., Monitor]) -> None:
    body = {"msg": {}, "timestamp": 1_780_000_000, "topic": "a.b.c.d.e", "i": 1}
    arrived = time.time_ns() // 1000
    with Store.open(tmp_path / "s") as store:
        source = "zmq:tcp://127.0.0.1:9"
        with store.spool("t") as sink:
            for message_id in ("x", "x", "y"):
                text = json.dumps(body | {"msg_id": message_id}).encode()
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
        listener = Listener([receiver], sink)
        time.sleep(0.05)
        monitor = serve(lambda: read_vitals(listener, Loader(restarts=2), store))
        values = metrics(monitor.url)
    expected = {
        ("hubbub_info", "1.2.3"): 1,
        ("hubbub_healthy",): 1,
        ("hubbub_store_up",): 1,
        ("hubbub_received_messages_total",): 7,
        ("hubbub_endpoint_up", "tcp://127.0.0.1:9"): 0,  # no publisher there
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
    assert {name: values.get(name) for name in expected} == expected
    assert 0.05 < values["hubbub_lag_seconds",] < 60
    assert values["hubbub_segment_age_seconds",] >= values["hubbub_lag_seconds",]
    assert 0 < values["hubbub_spool_bytes",] < 1000
    assert 0 < values["hubbub_disk_free_bytes",] <= values["hubbub_disk_size_bytes",]
    assert values["process_resident_memory_bytes",] > 0


def test_metrics_and_health_of_a_broker(tmp_path: Path, serve: Callable[..., Monitor]) -> None:
    with Store.open(tmp_path / "s") as store:
        receiver = AmqpReceiver(parse_address("amqp://user:secret@bus/v"), (), store.state)
        endpoint = receiver.endpoint
        endpoint.waiting, endpoint.unacknowledged, endpoint.redelivered = 7, 6, 5
        endpoint.fault = "the broker does not respond"
        listener = Listener([receiver], store.spool("t"))
        monitor = serve(lambda: read_vitals(listener, Loader(), store))
        values = metrics(monitor.url)
        health = requests.get(f"{monitor.url}/healthz", timeout=10)
    address = "amqp://bus/v"
    expected = {
        ("hubbub_endpoint_up", address): 0,
        ("hubbub_queue_waiting_messages", address): 7,
        ("hubbub_unacknowledged_messages", address): 6,
        ("hubbub_redelivered_messages_total", address): 5,
    }
    assert {name: values.get(name) for name in expected} == expected
    connection = health.json()["connections"][address]
    assert (connection["state"], connection["fault"]) == ("waiting", "the broker does not respond")
    assert "secret" not in health.text


def test_no_lag_once_everything_is_loaded(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        listener = Listener([Receiver(["tcp://127.0.0.1:9"])], store.spool("t"))
        vitals = read_vitals(listener, Loader(), store)
    assert vitals.store is not None
    assert vitals.store.queue == Queue()


def test_a_damaged_store_does_not_hide_the_other_metrics(
    tmp_path: Path, serve: Callable[..., Monitor]
) -> None:
    with Store.open(tmp_path / "s") as store:
        (tmp_path / "s" / "spool").rmdir()
        listener = Listener([Receiver(["tcp://127.0.0.1:9"])], store.spool("t"))
        monitor = serve(lambda: read_vitals(listener, Loader(), store))
        values = metrics(monitor.url)
        health = requests.get(f"{monitor.url}/healthz", timeout=10)
    assert (values["hubbub_store_up",], values["hubbub_healthy",]) == (0, 0)
    assert values["hubbub_received_messages_total",] == 0
    assert ("hubbub_lag_seconds",) not in values, "unknown values are omitted, not zero"
    assert health.status_code == 503
    assert [fault["name"] for fault in health.json()["faults"]] == ["store"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"idle": MAX_IDLE + 1}, "stuck"),
        ({"counts": Counts(blocked="the disk is full")}, "blocked"),
        ({"loader_alive": False}, "loader"),
        (
            {"store": StoreVitals(queue=Queue(3, 99, MAX_LAG + 1, MAX_LAG + 1), free=MIN_FREE)},
            "behind",
        ),
        ({"store": StoreVitals(free=MIN_FREE - 1)}, "disk"),
        ({"store": None, "fault": "damaged"}, "store"),
    ],
)
def test_each_fault_has_a_name_and_a_hint(
    change: dict[str, Any], name: str, serve: Callable[..., Monitor]
) -> None:
    vitals = replace(HEALTHY, **change)
    (fault,) = faults(vitals)
    assert fault.name == name
    assert fault.what
    assert fault.hint
    response = requests.get(f"{serve(lambda: vitals).url}/healthz", timeout=10)
    assert (response.status_code, response.json()["status"]) == (503, "failing")
    assert response.json()["faults"] == [{"name": name, "what": fault.what, "hint": fault.hint}]


def test_an_unreachable_bus_is_not_a_fault(serve: Callable[..., Monitor]) -> None:
    response = requests.get(f"{serve(lambda: HEALTHY).url}/healthz", timeout=10)
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert response.json()["endpoints"] == {"tcp://bus:9940": False}
    assert response.headers["Cache-Control"] == "no-store"


def test_unknown_paths_and_methods(serve: Callable[..., Monitor]) -> None:
    url = serve(lambda: HEALTHY).url
    missing = requests.get(f"{url}/../etc/passwd?x=1", timeout=10)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not-found")
    post = requests.post(f"{url}/metrics", data="x", timeout=10)
    assert (post.status_code, post.json()["error"]["code"]) == (501, "not-implemented")
    head = requests.head(f"{url}/metrics", timeout=10)
    assert (head.status_code, head.text) == (200, "")
    openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = requests.get(f"{url}/metrics", headers=openmetrics, timeout=10)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


def test_silent_clients_do_not_accumulate(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: HEALTHY)
    before = threading.active_count()
    silent = [socket.create_connection(("127.0.0.1", monitor.port), 5) for _ in range(30)]
    try:
        refused = 0
        time.sleep(4)  # a tenth of a second for each one too many
        for client in silent:
            client.settimeout(0.3)
            try:
                refused += client.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionResetError:
                refused += 1
        assert threading.active_count() - before <= 8
        assert refused >= 22
    finally:
        for client in silent:
            client.close()
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            assert requests.get(f"{monitor.url}/healthz", timeout=10).status_code == 200
            break
        except requests.ConnectionError:
            time.sleep(0.05)
    else:
        pytest.fail("the server did not recover")


def test_dripping_clients_do_not_starve_a_probe(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: HEALTHY)
    slow: list[socket.socket] = []
    ending = threading.Event()

    def drip() -> None:
        while not ending.is_set():
            for client in list(slow):
                try:
                    client.send(b"X")
                except OSError:
                    client.close()
                    slow.remove(client)
            while len(slow) < 12:
                slow.append(socket.create_connection(("127.0.0.1", monitor.port), 5))
            time.sleep(0.2)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        time.sleep(0.5)
        for _ in range(10):
            assert requests.get(f"{monitor.url}/healthz", timeout=within(3)).status_code == 200
            time.sleep(0.1)
    finally:
        ending.set()
        thread.join()
        for client in slow:
            client.close()


def test_a_request_has_a_deadline_however_slowly_it_comes(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: HEALTHY)
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", monitor.port), 5) as client:
        client.settimeout(0.5)
        while time.monotonic() - start < 20:
            try:
                client.send(b"G")
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert 4 < time.monotonic() - start < 18


def test_it_listens_on_localhost_by_default(serve: Callable[..., Monitor]) -> None:
    assert serve(lambda: HEALTHY)._server.server_address[0] == "127.0.0.1"


def test_unusable_addresses(serve: Callable[..., Monitor]) -> None:
    monitor = serve(lambda: HEALTHY)
    with pytest.raises(SourceError, match="cannot listen on this address") as taken:
        Monitor(lambda: HEALTHY, "1", monitor.port)
    assert "another process uses this port" in taken.value.hint
    with pytest.raises(UsageError, match="not between 0 and 65535"):
        Monitor(lambda: HEALTHY, "1", 65536)
    with pytest.raises(UsageError, match="unknown host"):
        Monitor(lambda: HEALTHY, "1", 0, "no-such-host.invalid")
