"""Peers that are not what they should be: they hang up, encrypt, fall silent, or have only IPv6."""

from __future__ import annotations

import socket as plain
import threading
import time
from types import SimpleNamespace

import pytest
import zmq

from hubbub.collector.zeromq import receiver as receivers
from hubbub.collector.zeromq import resolver
from hubbub.collector.zeromq.receiver import Receiver
from tests.support.bus.live_bus import Publisher, StartPublisher, StartReceiver
from tests.support.processes import free_port, wait_until


def test_a_peer_that_accepts_and_hangs_up_is_reported_and_asked_ever_more_rarely(
    start_receiver: StartReceiver,
) -> None:
    accepted: list[float] = []

    def hang_up() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            accepted.append(time.monotonic())
            connection.close()

    with plain.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, daemon=True).start()
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"]))
        running.until(lambda: running.receiver.endpoints[0].fault, warn_after=600)
        begun = time.monotonic()
        running.until(lambda: time.monotonic() - begun > 8, 20)
        server.shutdown(plain.SHUT_RDWR)
    assert len(running.notices) == 1
    assert running.notices[0].what in {
        "the peer closes the connection: not a ZeroMQ publisher",
        "the peer broke off the ZeroMQ handshake",
    }
    assert running.receiver.endpoints[0].state == "waiting"
    assert len(accepted) < 12, "libzmq alone connects ten times a second"
    assert sum(moment > begun + 4 for moment in accepted) <= 4


def test_it_is_connected_once_the_peer_has_become_a_publisher(
    start_receiver: StartReceiver, start_publisher: StartPublisher
) -> None:
    with plain.create_server(("127.0.0.1", free_port())) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        running = start_receiver(Receiver([address]))
        for _ in range(4):
            server.accept()[0].close()
            running.until(lambda: True)
    publisher = start_publisher(address)
    running.until(lambda: running.receiver.endpoints[0].state == "connected", 30)
    publisher.await_subscriptions()
    publisher.publish(b"t", b"x")
    running.until(running.messages)


def test_a_publisher_that_requires_curve_is_named_as_such(start_receiver: StartReceiver) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.PUB) as publisher:
        public, secret = zmq.curve_keypair()
        publisher.curve_server, publisher.curve_secretkey = True, secret
        publisher.curve_publickey = public
        port = publisher.bind_to_random_port("tcp://127.0.0.1")
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{port}"]))
        # the end of the connection may overtake the answer that names the reason
        running.until(lambda: any("CURVE" in n.what + n.hint for n in running.notices))
    context.term()


@pytest.mark.parametrize(
    ("families", "only_ipv6"),
    [
        ({plain.AF_INET6}, True),
        ({plain.AF_INET6, plain.AF_INET}, False),
        ({plain.AF_INET}, False),
        (set(), False),
    ],
)
def test_ipv6_is_used_only_where_there_is_nothing_else(
    families: set[plain.AddressFamily], only_ipv6: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(host: str, *_: object, **__: object) -> list[tuple[plain.AddressFamily, str]]:
        assert host == "bus.example.org"
        if not families:
            raise plain.gaierror("no such name at present")
        return [(family, "") for family in families]

    monkeypatch.setattr(plain, "getaddrinfo", look_up)
    endpoint = Receiver(["tcp://bus.example.org:9940"]).endpoints[0]
    names = resolver.Resolver([endpoint])
    assert names._resolve(endpoint) is bool(families)
    assert endpoint.only_ipv6 is only_ipv6
    assert endpoint.take_pause() is only_ipv6  # to connect again


def test_a_peer_that_falls_silent_without_closing_is_noticed_by_heartbeats(
    start_receiver: StartReceiver, publisher: Publisher
) -> None:
    port = int(publisher.address.rpartition(":")[2])
    silent = threading.Event()
    with plain.create_server(("127.0.0.1", 0)) as server:

        def relay() -> None:
            inner, outer = plain.create_connection(("127.0.0.1", port)), server.accept()[0]
            kept.extend((inner, outer))
            for source, target in ((inner, outer), (outer, inner)):
                threading.Thread(target=pump, args=(source, target), daemon=True).start()

        def pump(source: plain.socket, target: plain.socket) -> None:
            try:
                while data := source.recv(65536):
                    if not silent.is_set():
                        target.sendall(data)
            except OSError:
                return

        kept: list[plain.socket] = []
        threading.Thread(target=relay, daemon=True).start()
        receiver = Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"], heartbeat=0.2)
        running = start_receiver(receiver)
        publisher.await_subscriptions()
        running.until(lambda: receiver.endpoints[0].state == "connected")
        begun = time.monotonic()
        running.until(lambda: time.monotonic() - begun > 1.5)
        assert receiver.endpoints[0].losses == 0
        silent.set()
        running.until(lambda: receiver.endpoints[0].losses == 1)
        for connection in kept:
            connection.close()
    assert Receiver(["tcp://127.0.0.1:9"]).endpoints[0].heartbeat == (5.0, 10.0)


def test_heartbeats_are_given_up_for_a_peer_that_does_not_know_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    endpoint = Receiver(["tcp://127.0.0.1:9"], heartbeat=5.0).endpoints[0]
    whats = []
    for _ in range(2):
        endpoint._open, endpoint._greeted, endpoint._greeted_at = {7}, True, now[0]
        now[0] += 15
        notice = endpoint._disconnected(7)
        assert notice is not None
        whats.append(notice.what)
    assert whats[0] == "connection lost"
    assert "answers no heartbeats" in whats[1]
    assert endpoint.heartbeat is None
    assert endpoint.unnoticed > 75
    assert endpoint.take_pause()
    assert not endpoint.take_reconnect()
    now[0] += 1
    assert endpoint.take_reconnect()


def test_a_loop_that_stood_still_says_when(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], time_ns=time.time_ns)
    monkeypatch.setattr(receivers, "time", clock)
    receiver = Receiver([publisher.address])
    receiver.open()
    held, go = threading.Event(), threading.Event()

    def put(_batch: object) -> None:
        held.set()
        assert go.wait(60)

    stop = threading.Event()
    thread = threading.Thread(target=receiver.run, args=(put, stop))
    thread.start()
    publisher.await_subscriptions()
    assert receiver.standstills() == []
    publisher.publish(b"t", b"x")
    assert held.wait(60)
    now[0] += receivers.STANDSTILL + 1
    assert receiver.standstills() == [(100.0, now[0])], "it lasts"
    now[0] += 1
    go.set()
    wait_until(lambda: receiver.beat == now[0])
    assert receiver.standstills() == [(100.0, now[0])]
    assert receiver.standstills() == []
    stop.set()
    thread.join(60)
    receiver.close()
