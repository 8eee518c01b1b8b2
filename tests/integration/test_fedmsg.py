"""`hubbub listen` against the real fedmsg: everything stored once with the right people.

Also what happens to a service: SIGTERM and kill -9 in the middle, a publisher that restarts,
strangers that send rubbish to the same socket.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
import zmq

from hubbub.store import Store
from tests.support.fedmsg_lab import Start, expected, go

pytestmark = pytest.mark.service("fedmsg")


def test_five_thousand_messages_with_the_right_users(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 5000)
    listening.until(lambda: listening.said("connected"))
    go(publisher)
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.said("stopped")[0]
    assert (last["received"], last["stored"], last["waiting"], last["overflow"]) == (
        5000,
        5000,
        0,
        0,
    )
    assert last["refused"] == {}
    assert listening.stored() == expected(*range(5000))


def test_sigterm_in_the_middle_loses_nothing_that_was_received(
    listen: Start, fedmsg: Start
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 20_000)
    listening.until(lambda: listening.said("connected"))
    go(publisher, wait=False)
    spool = listening.store / "spool"
    listening.until(lambda: any(f.stat().st_size > 100_000 for f in spool.glob("*")))
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.said("stopped")[0]
    assert 0 < last["received"] < 20_000
    assert last["stored"] == last["received"]
    found = listening.stored()  # fedmsg holds 1,000 for a slow reader, and drops the rest itself
    assert found.total() == last["received"]
    assert found <= expected(*range(20_000))


def test_after_kill_9_what_was_flushed_is_there(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 1000)
    listening.until(lambda: listening.said("connected"))
    go(publisher)  # and a second more: every message is at least 0.2 s old
    listening.end(signal.SIGKILL)
    assert listening.stored() == expected(*range(1000))


def test_a_publisher_that_restarts_is_heard_again(listen: Start, fedmsg: Start) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as free:
        port = free.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    listening = listen("--zmq", address)
    first = fedmsg("bind", address, 0, 50)
    listening.until(lambda: listening.said("connected"))
    time.sleep(0.2)  # the subscription follows the handshake
    go(first)
    first.kill()
    first.wait()
    listening.until(lambda: listening.said("connection lost"))
    second = fedmsg("bind", address, 50, 50)
    listening.until(lambda: listening.said("reconnected"))
    time.sleep(0.2)
    go(second)
    assert listening.end() < 5
    assert listening.stored() == expected(*range(100))


def test_rubbish_between_real_messages(listen: Start, fedmsg: Start) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    address = listening.address()
    publisher = fedmsg("connect", address, 0, 500, 500)
    with zmq.Context() as context, context.socket(zmq.PUB) as stranger:
        stranger.connect(address)
        listening.until(lambda: len(listening.said("connected")) == 2)
        time.sleep(0.2)
        go(publisher, wait=False)
        for _ in range(20):
            stranger.send(b"lonely")
            stranger.send_multipart([b"one", b"two", b"three"])
            stranger.send_multipart([b"t", os.urandom(50) + b"\xff"])
            stranger.send_multipart([b"t", b"null"])
            time.sleep(0.02)
        for _ in range(2):
            stranger.send_multipart([b"t", b"x" * (5 << 20)])
        assert publisher.stdout
        assert publisher.stdout.readline() == "published\n"
        listening.end()
    last = listening.said("stopped")[0]
    assert last["received"] == 582
    assert last["refused"] == {"bad-frame-count": 40, "too-large": 2}
    assert listening.stored() == expected(*range(500))
    with Store.open(listening.store, create=False) as store:
        kept = store.state.dead_letter_counts()
    assert kept == {"bad-frame-count": 40, "not-json": 20, "not-an-object": 20, "too-large": 2}
