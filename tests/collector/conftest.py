"""Publishers and receivers that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import zmq

from hubbub.collector.bus.receiver import Receiver
from tests.support.live_bus import Bus, Buses, Heard


@pytest.fixture
def buses() -> Iterator[Buses]:
    made: list[Bus] = []
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def start(address: str = "tcp://127.0.0.1:*", *, bind: bool = True) -> Bus:
        made.append(Bus(context, address, bind))
        return made[-1]

    yield start
    for bus in made:
        bus.socket.close(linger=0)
    context.term()


@pytest.fixture
def bus(buses: Buses) -> Bus:
    return buses()


@pytest.fixture
def hear() -> Iterator[Callable[[Receiver], Heard]]:
    running: list[Heard] = []

    def start(receiver: Receiver) -> Heard:
        receiver.open()
        running.append(Heard(receiver))
        return running[-1]

    yield start
    for one in running:
        one.end()
