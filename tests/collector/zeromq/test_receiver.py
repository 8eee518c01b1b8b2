"""The receiver with real sockets on loopback: frames, prefixes, endpoints, errors."""

from __future__ import annotations

import socket as plain
import threading
import time
from pathlib import Path

import pytest
import zmq

from hubbub.collector.decode.rejected import KEPT_BYTES
from hubbub.collector.listening.backlog import Batch
from hubbub.collector.zeromq import receiver as zeromq
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.errors import SourceError
from tests.support.bus.live_bus import Publisher, StartPublisher, StartReceiver


def test_messages_arrive_complete_in_order_with_source_and_time(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    before = time.time_ns() // 1000
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    sent = [(b"org.x.%d" % n, b'{"i": %d}' % n) for n in range(3000)]
    for message in sent:
        publisher.publish(*message)
    running.until(lambda: running.receiver.received == 3000)
    assert running.messages() == sent
    assert {b.source for b in running.batches} == {f"zmq:{publisher.address}"}
    assert all(before <= b.arrived <= time.time_ns() // 1000 for b in running.batches)
    assert running.receiver.size == sum(len(t) + len(b) for t, b in sent)
    assert sum(b.size for b in running.batches) == running.receiver.size
    assert running.receiver.refused == {}


def test_messages_with_a_wrong_number_of_frames_are_refused_and_kept(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    publisher.publish(b"t1", b"good 1")
    publisher.publish(b"lonely")
    publisher.publish(b"t2", b"good 2")
    publisher.publish(b"a", b"b", b"c")
    publisher.publish(b"t3", b"good 3")
    publisher.publish(b"a", b"b", b"c", b"d")
    publisher.publish(b"lonely")
    publisher.publish(b"lonely too")
    publisher.publish(b"", b"")
    publisher.publish(b"t4", b"good 4")
    running.until(lambda: running.receiver.received == 10)
    assert running.messages() == [
        (b"t1", b"good 1"),
        (b"t2", b"good 2"),
        (b"t3", b"good 3"),
        (b"", b""),
        (b"t4", b"good 4"),
    ]
    assert running.receiver.refused == {"bad-frame-count": 5}
    assert running.messages("bad-frame-count") == [
        (b"lonely", b""),
        (b"a", b"b"),
        (b"a", b"b"),
        (b"lonely", b""),
        (b"lonely too", b""),
    ]


def test_a_too_large_message_is_refused_and_the_connection_stays(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    running = start_receiver(Receiver([publisher.address], max_message=1000))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"x" * 1000)
    publisher.publish(b"t", b"y" * 1001)
    publisher.publish(b"t", b"z")
    running.until(lambda: running.receiver.received == 3)
    assert running.messages() == [(b"t", b"x" * 1000), (b"t", b"z")]
    assert running.messages("too-large") == [(b"t", b"y" * 1001)]
    assert running.receiver.refused == {"too-large": 1}
    assert running.receiver.endpoints[0].losses == 0


def test_only_the_beginning_of_a_far_too_large_message_is_kept(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    running = start_receiver(Receiver([publisher.address], max_message=1 << 20))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"y" * (2 << 20))
    publisher.publish(b"t" * 70_000, b"long topic")
    publisher.publish(b"a", b"b", b"c" * (1 << 20))
    running.until(lambda: running.receiver.received == 3)
    assert [(b.reason, b.size, b.length) for b in running.batches] == [
        ("too-large", KEPT_BYTES + 1, 2 << 20),
        ("too-large", KEPT_BYTES + 10, 10),
        ("bad-frame-count", 2, (1 << 20) + 1),
    ]
    assert running.receiver.size == (2 << 20) + 1 + 70_010 + (1 << 20) + 2


def test_messages_that_trickle_in_are_delivered_in_few_batches(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    running = start_receiver(Receiver([publisher.address], pause=0.5))
    publisher.await_subscriptions()
    for n in range(40):
        publisher.publish(b"t", b"%d" % n)
        time.sleep(0.005)
    running.until(lambda: running.receiver.received == 40)
    assert [body for _, body in running.messages()] == [b"%d" % n for n in range(40)]
    assert len(running.batches) < 20, "without the pause, each message is a batch"


def test_no_pause_while_more_messages_wait(
    publisher: Publisher, start_receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zeromq, "_TURN", 10)
    running = start_receiver(Receiver([publisher.address], pause=3.0))
    publisher.await_subscriptions()
    begun = time.monotonic()
    for n in range(500):
        publisher.publish(b"t", b"%d" % n)
    running.until(lambda: running.receiver.received == 500, 60)
    assert time.monotonic() - begun < 45, "fifty turns with a pause each take 150 s"


def test_a_dropped_batch_does_not_count_as_refused(
    publisher: Publisher, start_receiver: StartReceiver
) -> None:
    receiver = Receiver([publisher.address], max_message=10)
    receiver._deliver(receiver.endpoints[0], Batch("zmq:x", 7, [b"t", b"y"], 2, "too-large", 11),
                   lambda _: False)  # fmt: skip
    assert (receiver.received, receiver.refused) == (1, {})


def test_topic_prefixes(publisher: Publisher, start_receiver: StartReceiver) -> None:
    running = start_receiver(
        Receiver([publisher.address], topics=["org.fedoraproject.", "io.pagure."])
    )
    publisher.await_subscriptions(2)
    for topic in (b"org.centos.x", b"org.fedoraproject.x", b"io.pagure.y", b"org.fedora"):
        publisher.publish(topic, b"{}")
    publisher.publish(b"io.pagure.last", b"{}")
    running.until(lambda: running.receiver.received == 3)
    assert [t for t, _ in running.messages()] == [
        b"org.fedoraproject.x",
        b"io.pagure.y",
        b"io.pagure.last",
    ]


def test_thousands_of_topics_are_all_subscribed_also_after_a_reconnect(
    start_publisher: StartPublisher, start_receiver: StartReceiver
) -> None:
    """libzmq's sending queue holds 1,000 messages by default, subscriptions too."""
    topics = [f"org.example.{n:05}." for n in range(3_000)]
    publisher = start_publisher()
    running = start_receiver(Receiver([publisher.address], topics=topics))
    publisher.await_subscriptions(3_000)
    publisher.publish(b"org.example.02999.x", b"{}")
    running.until(lambda: running.receiver.received == 1)
    publisher.socket.close(linger=0)
    running.until(lambda: running.receiver.endpoints[0].state == "lost")
    restarted = start_publisher(publisher.address)
    restarted.await_subscriptions(3_000)
    running.receiver.subscribe([topic + "new." for topic in topics])
    for _ in range(6_000):  # as many new ones, and as many cancelled
        assert restarted.socket.poll(10_000)
        restarted.socket.recv()
    for topic in topics:
        restarted.publish(f"{topic}new.x".encode(), b"{}")
    running.until(lambda: running.receiver.received == 3_001)


def test_each_of_several_endpoints_has_its_source(
    start_publisher: StartPublisher, start_receiver: StartReceiver
) -> None:
    first, second = start_publisher(), start_publisher()
    receiver = Receiver([first.address, second.address, first.address], ["tcp://127.0.0.1:*"])
    running = start_receiver(receiver)
    bound = start_publisher(receiver.endpoints[2].address, bind=False)
    for n, publisher in enumerate((first, second, bound)):
        publisher.await_subscriptions()
        publisher.publish(b"t", b"%d" % n)
    running.until(lambda: receiver.received == 3)
    assert {(b.source, b.parts[1]) for b in running.batches} == {
        (f"zmq:{first.address}", b"0"),
        (f"zmq:{second.address}", b"1"),
        (receiver.endpoints[2].source, b"2"),
    }
    running.until(lambda: [e.state for e in receiver.endpoints] == ["connected"] * 3)
    assert [e.received for e in receiver.endpoints] == [1, 1, 1]


def test_reconnects_to_a_publisher_that_restarts(
    start_publisher: StartPublisher, start_receiver: StartReceiver
) -> None:
    publisher = start_publisher()
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    running.until(lambda: running.receiver.endpoints[0].state == "connected")
    publisher.socket.close(linger=0)
    running.until(lambda: running.receiver.endpoints[0].state == "lost")
    restarted = start_publisher(publisher.address)
    restarted.await_subscriptions()
    restarted.publish(b"t", b"back")
    running.until(running.messages)
    running.until(lambda: running.receiver.endpoints[0].connects == 2)
    assert [n.what for n in running.notices if "connect" in n.what] == [
        "connected",
        "connection lost",
        "reconnected",
    ]


def test_reconnects_after_a_protocol_error(
    publisher: Publisher, start_receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libzmq never reconnects by itself after a message larger than its own limit."""
    monkeypatch.setattr(zeromq, "_MAX_RECEIVED", 10_000)
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"before")
    publisher.publish(b"t", b"x" * 20_000)
    running.until(lambda: publisher.socket.poll(0))
    assert publisher.socket.recv()[:1] == b"\x00", "the receiver unsubscribes"
    running.until(lambda: publisher.socket.poll(0))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"after")
    running.until(lambda: running.receiver.received == 2)
    assert running.messages() == [(b"t", b"before"), (b"t", b"after")]
    assert running.receiver.endpoints[0].losses == 1


def test_messages_that_arrived_before_the_stop_are_delivered(publisher: Publisher) -> None:
    receiver = Receiver([publisher.address])
    receiver.open()
    batches: list[Batch] = []
    stop = threading.Event()
    hold = threading.Event()

    def put(batch: Batch) -> None:
        batches.append(batch)
        assert hold.wait(60)

    thread = threading.Thread(target=receiver.run, args=(put, stop))
    thread.start()
    publisher.await_subscriptions()
    for n in range(5000):
        publisher.publish(b"t", b"%d" % n)
    time.sleep(1)  # all of it is in libzmq's queue, the loop is held in its first batch
    stop.set()
    hold.set()
    thread.join(60)
    receiver.close()
    assert sum(map(len, batches)) == 5000


def test_a_peer_that_refuses_connections(start_receiver: StartReceiver) -> None:
    with plain.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{taken.getsockname()[1]}"]))
        running.until(lambda: running.notices)
        time.sleep(0.1)
        running.notices += running.receiver.watch(0.01, warn_after=0.05)
    assert [(n.level, n.what) for n in running.notices] == [("warning", "no response for 0.05 s")]
    assert "is the publisher up" in running.notices[0].hint
    assert running.receiver.endpoints[0].state == "waiting"


def test_a_peer_that_is_not_zeromq_and_closes_the_connection(start_receiver: StartReceiver) -> None:
    with plain.create_server(("127.0.0.1", 0)) as server:
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"]))
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 64)
        running.until(lambda: running.receiver.endpoints[0].fault, warn_after=600)
        running.until(lambda: running.notices)
    assert running.notices[0].what == "the peer broke off the ZeroMQ handshake"


def test_a_peer_that_is_not_zeromq_and_stays_silent(start_receiver: StartReceiver) -> None:
    with plain.create_server(("127.0.0.1", 0)) as server:
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{server.getsockname()[1]}"]))
        client, _ = server.accept()
        with client:
            running.until(lambda: running.receiver.endpoints[0]._open, warn_after=600)
            running.until(lambda: running.notices)
    assert "no ZeroMQ handshake for" in running.notices[0].what
    assert running.receiver.endpoints[0].state == "waiting"


def test_a_push_socket_is_not_a_publisher(
    start_publisher: StartPublisher, start_receiver: StartReceiver
) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context.socket(zmq.PUSH) as push:
        port = push.bind_to_random_port("tcp://127.0.0.1")
        running = start_receiver(Receiver([f"tcp://127.0.0.1:{port}"]))
        running.until(lambda: running.receiver.endpoints[0].retries > 1, warn_after=600)
        running.until(lambda: running.notices)
    context.term()
    assert running.notices[0].what.startswith("the peer ")
    assert running.receiver.endpoints[0].state == "waiting"


def test_an_ipc_socket(
    start_publisher: StartPublisher, tmp_path: Path, start_receiver: StartReceiver
) -> None:
    publisher = start_publisher(f"ipc://{tmp_path}/b.sock")
    running = start_receiver(Receiver([publisher.address]))
    publisher.await_subscriptions()
    publisher.publish(b"t", b"x")
    running.until(running.messages)


def test_a_port_in_use(publisher: Publisher) -> None:
    receiver = Receiver(bind=[publisher.address])
    with pytest.raises(SourceError, match="another process listens there") as caught:
        receiver.open()
    assert caught.value.where == publisher.address
    receiver.close()  # may be called again
