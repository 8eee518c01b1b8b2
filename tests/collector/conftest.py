"""Publishers and receivers that are closed at the end of their test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from hubbub.collector.zeromq.receiver import Receiver
from tests.support.bus.live_bus import Publisher, RunningReceiver, StartPublisher, StartReceiver
from tests.support.processes import free_port


@pytest.fixture
def start_publisher() -> Iterator[StartPublisher]:
    publishers: list[Publisher] = []
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def start(address: str = "", *, bind: bool = True) -> Publisher:
        address = address or f"tcp://127.0.0.1:{free_port()}"  # where it may be started again
        publishers.append(Publisher(context, address, bind))
        return publishers[-1]

    yield start
    context.destroy(linger=0)  # also the socket of a publisher that could not bind


@pytest.fixture
def publisher(start_publisher: StartPublisher) -> Publisher:
    return start_publisher()


@pytest.fixture
def start_receiver() -> Iterator[StartReceiver]:
    running: list[RunningReceiver] = []

    def start(receiver: Receiver) -> RunningReceiver:
        receiver.open()
        running.append(RunningReceiver(receiver))
        return running[-1]

    yield start
    for receiver in running:
        receiver.end()
