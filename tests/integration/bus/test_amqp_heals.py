"""A deleted queue is healed from the real datagrepper, which the real datanommer feeds."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from hubbub.collector.amqp.bindings import queue_key
from hubbub.collector.amqp.settings import parse_address
from hubbub.store import Store
from tests.integration.conftest import Datagrepper
from tests.support.bus.fedmsg_lab import StartListener
from tests.support.bus.rabbitmq import PEERS, Broker

pytestmark = [pytest.mark.service(name) for name in ("rabbitmq", "fedora-messaging", "datagrepper")]


@pytest.fixture
def datanommer(broker: Broker, datagrepper: Datagrepper) -> Iterator[subprocess.Popen[bytes]]:
    """The consumer that stores every message of the broker in datagrepper's database."""
    with (broker.folder / "nommer.log").open("wb") as log:
        process = subprocess.Popen(
            [PEERS / "nommer.sh", f"{broker.url}%2F", datagrepper.database],
            env=broker.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    yield process
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(90)


def test_what_waited_in_a_deleted_queue_is_healed(
    broker: Broker,
    datagrepper: Datagrepper,
    datanommer: subprocess.Popen[bytes],
    listen: StartListener,
) -> None:
    source = parse_address(broker.url).source
    options = ("--amqp", broker.url, "--backfill", datagrepper.url, "--settle", "2s")
    listening = listen(*options)
    listening.await_log("connected")
    listening.until(lambda: "hublab-nommer" in broker.bindings())
    assert datanommer.poll() is None
    before = int(datagrepper.rows("SELECT count(*) FROM messages")[0][0])
    assert broker.publisher(0, 60).communicate(timeout=120)[0] == "published\n"
    time.sleep(6)  # a heartbeat
    listening.end()
    with Store.open(listening.store, reading=True) as store:
        queue = store.state.get(queue_key(source))["name"]
    assert broker.publisher(60, 120).communicate(timeout=120)[0] == "published\n"
    broker.delete_queue("/", queue)
    listening = listen(*options)
    listening.await_log("connected")

    def healed() -> bool:
        with Store.open(listening.store, reading=True) as store:
            states = {state for *_, state in store.state.spans(source, "")}
        return "healed" in states and "gap" not in states

    listening.until(healed, 120)
    assert int(datagrepper.rows("SELECT count(*) FROM messages")[0][0]) == before + 120
    listening.end()
    assert listening.stored().total() == 120
