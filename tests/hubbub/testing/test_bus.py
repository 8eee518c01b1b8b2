"""The simulated bus: no message dropped, pace and live times, both wire formats."""

import json
import time
from threading import Event, Thread, Timer

import msgspec
import pytest
import zmq

from hubbub.errors import SourceError, UsageError
from hubbub.testing.bus import Bus, play
from hubbub.testing.simulator.traffic import Traffic

START = 1_795_190_400_000_000
HOUR = 3_600_000_000


@pytest.fixture
def subscribe():
    context = zmq.Context()
    sockets = []

    def make(endpoint, topic=b"", *, bind=False):
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVHWM, 10)
        socket.setsockopt(zmq.RCVTIMEO, 5000)
        socket.setsockopt(zmq.SUBSCRIBE, topic)
        (socket.bind if bind else socket.connect)(endpoint)
        sockets.append(socket)
        return socket

    yield make
    context.destroy(linger=0)


def publish_in_thread(bus, messages):
    """Publish after the first subscription; return the thread, and a list for the result."""
    stop = Event()
    results = []

    def run():
        bus.wait(stop, 5)
        results.append(play(messages, bus, stop))

    thread = Thread(target=run)
    thread.start()
    return thread, results


def test_a_slow_subscriber_receives_everything(subscribe):
    messages = list(Traffic(1, 1_000_000, steady=True).between(START, START + HOUR // 6))
    assert len(messages) > 6000
    with Bus("tcp://127.0.0.1:*") as bus:
        socket = subscribe(bus.endpoint)
        thread, results = publish_in_thread(bus, messages)
        received = []
        for k in range(len(messages)):
            received.append(socket.recv_multipart())
            if k % 1000 == 0:
                time.sleep(0.05)
        thread.join(60)
    assert [topic.decode() for topic, _ in received] == [m.topic for m in messages]
    broken = sum(m.broken is not None for m in messages)
    assert results[0].broken == broken > 0
    assert results[0].messages == len(messages) - broken
    envelopes = [
        json.loads(body)
        for (_, body), m in zip(received, messages, strict=True)
        if m.broken is None
    ]
    assert [e["msg_id"] for e in envelopes] == [m.id for m in messages if m.broken is None]
    assert set(envelopes[0]) == {"i", "msg", "msg_id", "timestamp", "topic", "username"}
    assert isinstance(envelopes[0]["timestamp"], int)


def test_msgpack_and_prefixes(subscribe):
    messages = list(Traffic(1).between(START, START + HOUR // 10))
    prefix = "org.fedoraproject.prod.buildsys"
    with Bus("tcp://127.0.0.1:*", wire="msgpack") as bus:
        socket = subscribe(bus.endpoint, prefix.encode())
        publish_in_thread(bus, messages)[0].join(60)
        expected = [m for m in messages if m.topic.startswith(prefix)]
        for message in expected:
            _, body = socket.recv_multipart()
            if message.broken is None:
                assert msgspec.msgpack.decode(body)["msg"] == message.msg
    assert len(expected) > 20


def test_connecting_to_a_bound_subscriber(subscribe, tmp_path):
    endpoint = f"ipc://{tmp_path}/bus"
    socket = subscribe(endpoint, bind=True)
    messages = [m for m in Traffic(1, 1000).between(START, START + HOUR) if m.broken is None]
    with Bus(endpoint, connect=True) as bus:
        thread, _ = publish_in_thread(bus, messages)
        # A bound socket accepts a new peer only while a receive is waiting on it.
        assert json.loads(socket.recv_multipart()[1])["msg_id"] == messages[0].id
        thread.join(60)


def test_pace_and_live(subscribe):
    messages = list(Traffic(1, 50 * 86_400, steady=True).between(START, START + 400_000))
    with Bus("tcp://127.0.0.1:*") as bus:
        subscribe(bus.endpoint)
        assert bus.wait(Event(), 5)
        started = time.monotonic()
        play(messages[:10], bus, Event(), pace=50)
        assert time.monotonic() - started >= 9 / 50 - 0.01
        now = time.time_ns() // 1000
        upcoming = list(Traffic(1, 100 * 86_400, steady=True).between(now, now + 200_000))
        play(upcoming, bus, Event(), live=True)
        assert time.time_ns() // 1000 >= upcoming[-1].at - 2_000


def test_stop_ends_a_bus_whose_subscriber_does_not_read(subscribe):
    endless = Traffic(1, 10_000_000, steady=True).between(START, START + 100 * HOUR)
    bus = Bus("tcp://127.0.0.1:*")
    subscribe(bus.endpoint)
    stop = Event()
    bus.wait(stop, 5)
    Timer(0.5, stop.set).start()
    started = time.monotonic()
    sent = play(endless, bus, stop)
    bus.close(hurry=True)
    assert sent.messages > 10
    assert time.monotonic() - started < 60, "the traffic goes on for hours"


def test_wait_without_a_subscriber_times_out():
    with Bus("tcp://127.0.0.1:*") as bus:
        assert not bus.wait(Event(), 0.3)


@pytest.mark.parametrize("endpoint", ["nonsense", "tcp://300.1.1.1:5"])
def test_a_malformed_endpoint(endpoint):
    with pytest.raises((SourceError, UsageError), match="cannot publish") as caught:
        Bus(endpoint)
    assert caught.value.where == endpoint


def test_an_endpoint_in_use():
    with Bus("tcp://127.0.0.1:*") as bus, pytest.raises(SourceError, match="cannot publish"):
        Bus(bus.endpoint)
