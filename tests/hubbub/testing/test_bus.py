"""The simulated bus: nothing is dropped, live means now, both wire formats."""

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


def published(bus, found, **options):
    stop = Event()
    results = []

    def run():
        bus.wait(stop, 5)
        results.append(play(found, bus, stop, **options))

    thread = Thread(target=run)
    thread.start()
    return thread, results


def test_a_slow_reader_gets_everything(subscribe):
    found = list(Traffic(1, 1_000_000, steady=True).between(START, START + HOUR // 6))
    assert len(found) > 6000
    with Bus("tcp://127.0.0.1:*") as bus:
        socket = subscribe(bus.endpoint)
        thread, results = published(bus, found)
        got = []
        for k in range(len(found)):
            got.append(socket.recv_multipart())
            if k % 1000 == 0:
                time.sleep(0.05)
        thread.join(5)
    assert [topic.decode() for topic, _ in got] == [m.topic for m in found]
    broken = sum(m.broken is not None for m in found)
    assert results[0].broken == broken > 0
    assert results[0].messages == len(found) - broken
    envelopes = [json.loads(b) for (_, b), m in zip(got, found, strict=True) if m.broken is None]
    assert [e["msg_id"] for e in envelopes] == [m.id for m in found if m.broken is None]
    assert set(envelopes[0]) == {"i", "msg", "msg_id", "timestamp", "topic", "username"}
    assert isinstance(envelopes[0]["timestamp"], int)


def test_msgpack_and_prefixes(subscribe):
    found = list(Traffic(1).between(START, START + HOUR // 10))
    prefix = "org.fedoraproject.prod.buildsys"
    with Bus("tcp://127.0.0.1:*", wire="msgpack") as bus:
        socket = subscribe(bus.endpoint, prefix.encode())
        published(bus, found)[0].join(5)
        wanted = [m for m in found if m.topic.startswith(prefix)]
        for message in wanted:
            _, body = socket.recv_multipart()
            if message.broken is None:
                assert msgspec.msgpack.decode(body)["msg"] == message.msg
    assert len(wanted) > 20


def test_connecting_to_a_bound_reader(subscribe, tmp_path):
    endpoint = f"ipc://{tmp_path}/bus"
    socket = subscribe(endpoint, bind=True)
    found = [m for m in Traffic(1, 1000).between(START, START + HOUR) if m.broken is None]
    with Bus(endpoint, connect=True) as bus:
        thread, _ = published(bus, found)
        # A bound socket takes a new peer in only while somebody waits for messages on it.
        assert json.loads(socket.recv_multipart()[1])["msg_id"] == found[0].id
        thread.join(5)


def test_pace_and_live(subscribe):
    found = list(Traffic(1, 50 * 86_400, steady=True).between(START, START + 400_000))
    with Bus("tcp://127.0.0.1:*") as bus:
        subscribe(bus.endpoint)
        assert bus.wait(Event(), 5)
        begun = time.monotonic()
        play(found[:10], bus, Event(), pace=50)
        assert time.monotonic() - begun >= 9 / 50 - 0.01
        now = time.time_ns() // 1000
        soon = list(Traffic(1, 100 * 86_400, steady=True).between(now, now + 200_000))
        play(soon, bus, Event(), live=True)
        assert time.time_ns() // 1000 >= soon[-1].at - 2_000


def test_stop_ends_a_bus_whose_reader_sleeps(subscribe):
    endless = Traffic(1, 10_000_000, steady=True).between(START, START + 100 * HOUR)
    bus = Bus("tcp://127.0.0.1:*")
    subscribe(bus.endpoint)  # reads nothing
    stop = Event()
    bus.wait(stop, 5)
    Timer(0.5, stop.set).start()
    begun = time.monotonic()
    sent = play(endless, bus, stop)
    bus.close(hurry=True)
    assert sent.messages > 10
    assert time.monotonic() - begun < 4


def test_nobody_comes():
    with Bus("tcp://127.0.0.1:*") as bus:
        assert not bus.wait(Event(), 0.3)


@pytest.mark.parametrize("endpoint", ["nonsense", "tcp://300.1.1.1:5"])
def test_a_wrong_endpoint(endpoint):
    with pytest.raises((SourceError, UsageError), match="cannot publish") as caught:
        Bus(endpoint)
    assert caught.value.where == endpoint


def test_an_endpoint_that_is_taken():
    with Bus("tcp://127.0.0.1:*") as bus, pytest.raises(SourceError, match="cannot publish"):
        Bus(bus.endpoint)
