"""The receiver against real sockets on loopback: frames, prefixes, endpoints, errors."""

from __future__ import annotations

import socket as plain
import threading
import time
from pathlib import Path

import pytest
import zmq

from hubbub.collector.bus import receiver as zeromq
from hubbub.collector.bus.backlog import Batch
from hubbub.collector.bus.receiver import Receiver
from hubbub.collector.decode.rejected import KEPT_BYTES
from hubbub.errors import SourceError
from tests.support.live_bus import Bus, Buses, Hear


def test_messages_come_whole_in_order_with_source_and_time(bus: Bus, hear: Hear) -> None:
    before = time.time_ns() // 1000
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    sent = [(b"org.x.%d" % n, b'{"i": %d}' % n) for n in range(3000)]
    for message in sent:
        bus.say(*message)
    heard.until(lambda: heard.receiver.received == 3000)
    assert heard.messages() == sent
    assert {b.source for b in heard.batches} == {f"zmq:{bus.address}"}
    assert all(before <= b.arrived <= time.time_ns() // 1000 for b in heard.batches)
    assert heard.receiver.size == sum(len(t) + len(b) for t, b in sent)
    assert sum(b.size for b in heard.batches) == heard.receiver.size
    assert heard.receiver.refused == {}


def test_a_wrong_number_of_frames_is_refused_kept_and_harms_no_neighbour(
    bus: Bus, hear: Hear
) -> None:
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    bus.say(b"t1", b"good 1")
    bus.say(b"lonely")
    bus.say(b"t2", b"good 2")
    bus.say(b"a", b"b", b"c")
    bus.say(b"t3", b"good 3")
    bus.say(b"a", b"b", b"c", b"d")
    bus.say(b"lonely")
    bus.say(b"lonely too")
    bus.say(b"", b"")
    bus.say(b"t4", b"good 4")
    heard.until(lambda: heard.receiver.received == 10)
    assert heard.messages() == [
        (b"t1", b"good 1"),
        (b"t2", b"good 2"),
        (b"t3", b"good 3"),
        (b"", b""),
        (b"t4", b"good 4"),
    ]
    assert heard.receiver.refused == {"bad-frame-count": 5}
    assert heard.messages("bad-frame-count") == [
        (b"lonely", b""),
        (b"a", b"bc"),
        (b"a", b"bcd"),
        (b"lonely", b""),
        (b"lonely too", b""),
    ]


def test_the_same_without_the_direct_call(
    bus: Bus, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where libzmq's function cannot be called directly, pyzmq's way gives the same."""

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(zeromq, "import_module", missing)
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    bus.say(b"lonely")
    bus.say(b"t", b"good")
    bus.say(b"a", b"b", b"c")
    bus.say(b"t", b"good")
    heard.until(lambda: heard.receiver.received == 4)
    assert heard.messages() == [(b"t", b"good")] * 2
    assert heard.receiver.refused == {"bad-frame-count": 2}


def test_too_large_is_refused_whole_and_the_connection_stays(bus: Bus, hear: Hear) -> None:
    heard = hear(Receiver([bus.address], max_message=1000))
    bus.subscribed()
    bus.say(b"t", b"x" * 1000)
    bus.say(b"t", b"y" * 1001)
    bus.say(b"t", b"z")
    heard.until(lambda: heard.receiver.received == 3)
    assert heard.messages() == [(b"t", b"x" * 1000), (b"t", b"z")]
    assert heard.messages("too-large") == [(b"t", b"y" * 1001)]
    assert heard.receiver.refused == {"too-large": 1}
    assert heard.receiver.endpoints[0].losses == 0


def test_of_what_is_far_too_large_the_beginning_is_kept(bus: Bus, hear: Hear) -> None:
    heard = hear(Receiver([bus.address], max_message=1 << 20))
    bus.subscribed()
    bus.say(b"t", b"y" * (2 << 20))
    bus.say(b"t" * 70_000, b"long topic")
    bus.say(b"a", b"b", b"c" * (1 << 20))
    heard.until(lambda: heard.receiver.received == 3)
    assert [(b.reason, b.size, b.length) for b in heard.batches] == [
        ("too-large", KEPT_BYTES + 1, 2 << 20),
        ("too-large", KEPT_BYTES + 10, 10),
        ("bad-frame-count", KEPT_BYTES + 1, (1 << 20) + 1),
    ]
    assert heard.receiver.size == (2 << 20) + 1 + 70_010 + (1 << 20) + 2


def test_what_comes_little_by_little_is_handed_over_together(
    bus: Bus, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeromq, "_NAP", 0.5)
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    for n in range(40):
        bus.say(b"t", b"%d" % n)
        time.sleep(0.005)
    heard.until(lambda: heard.receiver.received == 40)
    assert [body for _, body in heard.messages()] == [b"%d" % n for n in range(40)]
    assert len(heard.batches) < 10, "each would have been one by itself"


def test_no_rest_while_there_is_more(bus: Bus, hear: Hear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zeromq, "_NAP", 3.0)
    monkeypatch.setattr(zeromq, "_TURN", 10)
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    begun = time.monotonic()
    for n in range(500):
        bus.say(b"t", b"%d" % n)
    heard.until(lambda: heard.receiver.received == 500, 60)
    assert time.monotonic() - begun < 45, "fifty turns with a rest each take 150 s"


def test_what_overflows_is_no_refusal(bus: Bus, hear: Hear) -> None:
    receiver = Receiver([bus.address], max_message=10)
    receiver._hand(receiver.endpoints[0], Batch("zmq:x", 7, [b"t", b"y"], 2, "too-large", 11),
                   lambda _: False)  # fmt: skip
    assert (receiver.received, receiver.refused) == (1, {})


def test_prefixes_of_topics(bus: Bus, hear: Hear) -> None:
    heard = hear(Receiver([bus.address], topics=["org.fedoraproject.", "io.pagure."]))
    bus.subscribed(2)
    for topic in (b"org.centos.x", b"org.fedoraproject.x", b"io.pagure.y", b"org.fedora"):
        bus.say(topic, b"{}")
    bus.say(b"io.pagure.last", b"{}")
    heard.until(lambda: heard.receiver.received == 3)
    assert [t for t, _ in heard.messages()] == [
        b"org.fedoraproject.x",
        b"io.pagure.y",
        b"io.pagure.last",
    ]


def test_several_endpoints_each_with_its_source(buses: Buses, hear: Hear) -> None:
    one, two = buses(), buses()
    receiver = Receiver([one.address, two.address, one.address], ["tcp://127.0.0.1:*"])
    heard = hear(receiver)
    three = buses(receiver.endpoints[2].address, bind=False)
    for n, bus in enumerate((one, two, three)):
        bus.subscribed()
        bus.say(b"t", b"%d" % n)
    heard.until(lambda: receiver.received == 3)
    assert {(b.source, b.parts[1]) for b in heard.batches} == {
        (f"zmq:{one.address}", b"0"),
        (f"zmq:{two.address}", b"1"),
        (receiver.endpoints[2].source, b"2"),
    }
    heard.until(lambda: [e.state for e in receiver.endpoints] == ["connected"] * 3)
    assert [e.received for e in receiver.endpoints] == [1, 1, 1]


def test_a_publisher_that_restarts_is_heard_again(buses: Buses, hear: Hear) -> None:
    bus = buses()
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    heard.until(lambda: heard.receiver.endpoints[0].state == "connected")
    bus.socket.close(linger=0)
    heard.until(lambda: heard.receiver.endpoints[0].state == "lost")
    again = buses(bus.address)
    again.subscribed()
    again.say(b"t", b"back")
    heard.until(heard.messages)
    heard.until(lambda: heard.receiver.endpoints[0].connects == 2)
    assert [n.what for n in heard.notices if "connect" in n.what] == [
        "connected",
        "connection lost",
        "connected again",
    ]


def test_a_protocol_error_does_not_make_us_deaf(
    bus: Bus, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libzmq never connects again by itself after a message larger than its own bound."""
    monkeypatch.setattr(zeromq, "_MEMORY", 10_000)
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    bus.say(b"t", b"before")
    bus.say(b"t", b"x" * 20_000)
    heard.until(lambda: bus.socket.poll(0))
    assert bus.socket.recv()[:1] == b"\x00", "it unsubscribes"
    heard.until(lambda: bus.socket.poll(0))
    bus.subscribed()
    bus.say(b"t", b"after")
    heard.until(lambda: heard.receiver.received == 2)
    assert heard.messages() == [(b"t", b"before"), (b"t", b"after")]
    assert heard.receiver.endpoints[0].losses == 1


def test_what_has_arrived_before_the_stop_is_handed_over(bus: Bus) -> None:
    receiver = Receiver([bus.address])
    receiver.open()
    batches: list[Batch] = []
    stop = threading.Event()
    hold = threading.Event()

    def put(batch: Batch) -> None:
        batches.append(batch)
        assert hold.wait(10)

    thread = threading.Thread(target=receiver.run, args=(put, stop))
    thread.start()
    bus.subscribed()
    for n in range(5000):
        bus.say(b"t", b"%d" % n)
    time.sleep(0.2)  # all of it is in libzmq's queue, the loop is held in its first batch
    stop.set()
    hold.set()
    thread.join(10)
    receiver.close()
    assert sum(map(len, batches)) == 5000


def test_nobody_answers(hear: Hear) -> None:
    with plain.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        heard = hear(Receiver([f"tcp://127.0.0.1:{taken.getsockname()[1]}"]))
        heard.until(lambda: heard.notices)
        time.sleep(0.1)
        heard.notices += heard.receiver.watch(0.01, patience=0.05)
    assert [(n.level, n.what) for n in heard.notices] == [("warning", "nobody answers for 0.05 s")]
    assert "is the publisher up" in heard.notices[0].hint
    assert heard.receiver.endpoints[0].state == "waiting"


def test_something_else_answers_and_hangs_up(hear: Hear) -> None:
    with plain.create_server(("127.0.0.1", 0)) as server:
        heard = hear(Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"]))
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 64)
        heard.until(lambda: heard.receiver.endpoints[0].fault)
        heard.until(lambda: heard.notices)
    assert heard.notices[0].what == "it answers, but the ZeroMQ handshake broke off"


def test_something_else_answers_and_waits(hear: Hear) -> None:
    with plain.create_server(("127.0.0.1", 0)) as server:
        heard = hear(Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"]))
        client, _ = server.accept()
        with client:
            heard.until(lambda: heard.notices)
    assert "has not said a word of ZeroMQ" in heard.notices[0].what
    assert heard.receiver.endpoints[0].state == "waiting"


def test_a_peer_that_only_pushes_is_no_publisher(buses: Buses, hear: Hear) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.PUSH) as push:
        port = push.bind_to_random_port("tcp://127.0.0.1")
        heard = hear(Receiver([f"tcp://127.0.0.1:{port}"]))
        heard.until(lambda: heard.receiver.endpoints[0].retries > 1)
        heard.until(lambda: heard.notices)
    context.term()
    assert heard.notices[0].what.startswith("it answers, but")
    assert heard.receiver.endpoints[0].state == "waiting"


def test_a_socket_file(buses: Buses, tmp_path: Path, hear: Hear) -> None:
    bus = buses(f"ipc://{tmp_path}/b.sock")
    heard = hear(Receiver([bus.address]))
    bus.subscribed()
    bus.say(b"t", b"x")
    heard.until(heard.messages)


def test_a_port_that_is_taken(bus: Bus) -> None:
    receiver = Receiver(bind=[bus.address])
    with pytest.raises(SourceError, match="another process listens there") as caught:
        receiver.open()
    assert caught.value.where == bus.address
    receiver.close()  # may be called again
