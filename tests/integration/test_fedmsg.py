"""`hubbub listen` receives from the real fedmsg: every message stored once with its users.

Also: SIGTERM and SIGKILL while receiving, a restarted publisher, another publisher's rubbish.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
import zmq

from hubbub.store import Store
from tests.support.fedmsg_lab import (
    StartListener,
    StartPublisher,
    await_published,
    expected,
    go,
)

pytestmark = pytest.mark.service("fedmsg")


def test_five_thousand_messages_with_the_right_users(
    listen: StartListener, fedmsg: StartPublisher
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 5000)
    listening.await_log("connected")
    go(publisher)
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.log("stopped")[0]
    assert (last["received"], last["stored"], last["waiting"], last["overflow"]) == (
        5000,
        5000,
        0,
        0,
    )
    assert last["refused"] == {}
    assert listening.stored() == expected(*range(5000))


def test_sigterm_in_the_middle_loses_nothing_that_was_received(
    listen: StartListener, fedmsg: StartPublisher
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 20_000)
    listening.await_log("connected")
    go(publisher, wait=False)
    spool = listening.store / "spool"
    listening.until(lambda: any(f.stat().st_size > 100_000 for f in spool.glob("*")))
    assert listening.end() < 5
    assert listening.process.returncode == 0
    last = listening.log("stopped")[0]
    assert 0 < last["received"] < 20_000
    assert last["stored"] == last["received"]
    stored = listening.stored()  # fedmsg itself drops messages beyond 1,000 for a slow subscriber
    assert stored.total() == last["received"]
    assert stored <= expected(*range(20_000))


def test_flushed_messages_survive_kill_9(listen: StartListener, fedmsg: StartPublisher) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 1000)
    listening.await_log("connected")
    go(publisher)  # it waits a second at the end: every message is flushed
    listening.end(signal.SIGKILL)
    assert listening.stored() == expected(*range(1000))


def test_messages_of_a_restarted_publisher_are_received(
    listen: StartListener, fedmsg: StartPublisher
) -> None:
    with zmq.Context() as context, context.socket(zmq.PUB) as free:
        port = free.bind_to_random_port("tcp://127.0.0.1")
    address = f"tcp://127.0.0.1:{port}"
    listening = listen("--zmq", address)
    first = fedmsg("bind", address, 0, 50)
    listening.await_log("connected")
    time.sleep(0.2)  # the subscription follows the handshake
    go(first)
    first.kill()
    first.wait()
    listening.await_log("connection lost")
    second = fedmsg("bind", address, 50, 50)
    listening.await_log("reconnected")
    time.sleep(0.2)
    go(second)
    assert listening.end() < 5
    assert listening.stored() == expected(*range(100))


def test_rubbish_between_real_messages(listen: StartListener, fedmsg: StartPublisher) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    address = listening.address()
    publisher = fedmsg("connect", address, 0, 500, 500)
    with zmq.Context() as context, context.socket(zmq.PUB) as other:
        other.connect(address)
        listening.await_log("connected", 2)
        time.sleep(0.2)
        go(publisher, wait=False)
        for _ in range(20):
            other.send(b"lonely")
            other.send_multipart([b"one", b"two", b"three"])
            other.send_multipart([b"t", os.urandom(50) + b"\xff"])
            other.send_multipart([b"t", b"null"])
            time.sleep(0.02)
        for _ in range(2):
            other.send_multipart([b"t", b"x" * (5 << 20)])
        await_published(publisher)
        listening.end()
    last = listening.log("stopped")[0]
    assert last["received"] == 582
    assert last["refused"] == {"bad-frame-count": 40, "too-large": 2}
    assert listening.stored() == expected(*range(500))
    with Store.open(listening.store, create=False) as store:
        counts = store.state.dead_letter_counts()
    assert counts == {"bad-frame-count": 40, "not-json": 20, "not-an-object": 20, "too-large": 2}
