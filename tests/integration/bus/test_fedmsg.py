"""`hubbub listen` receives from the real fedmsg: every message stored once with its users.

Also after a publisher was restarted. What every source promises is in tests/contract/test_zmq.py.
"""

from __future__ import annotations

import time

import pytest

from tests.support.bus.fedmsg_lab import StartListener, StartPublisher, expected, go
from tests.support.processes import free_port, reported, within

pytestmark = pytest.mark.service("fedmsg")


def test_five_thousand_messages_with_the_right_users(
    listen: StartListener, fedmsg: StartPublisher
) -> None:
    listening = listen("--zmq-bind", "tcp://127.0.0.1:*")
    publisher = fedmsg("connect", listening.address(), 0, 5000)
    listening.await_log("connected")
    go(publisher)
    assert listening.end() < within(5)
    assert listening.process.returncode == 0
    (last,) = listening.log("stopped")
    assert last["waiting"] == 0
    assert +reported([*listening.log("listening"), last]) == {"received": 5000, "stored": 5000}
    assert listening.stored() == expected(*range(5000))


def test_messages_of_a_restarted_publisher_are_received(
    listen: StartListener, fedmsg: StartPublisher
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    listening = listen("--zmq", address)
    first = fedmsg("bind", address, 0, 50)
    listening.await_log("connected")
    time.sleep(0.5)  # the subscription follows the handshake
    go(first)
    first.kill()
    first.wait()
    listening.await_log("connection lost")
    second = fedmsg("bind", address, 50, 50)
    listening.await_log("reconnected")
    time.sleep(0.5)
    go(second)
    assert listening.end() < within(5)
    assert listening.stored() == expected(*range(100))
