"""The contract of the AMQP source: the broker's queue keeps what was not acknowledged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pika
import pytest

from hubbub.collector.amqp.bindings import queue_key
from hubbub.collector.amqp.settings import parse_address
from hubbub.store import Store
from tests.contract import captured as captures
from tests.contract.harness import MAX_MESSAGE, TOPIC, Harness, Run, nested, noisy
from tests.contract.suite import SourceContract
from tests.support.bus.rabbitmq import Broker

pytestmark = pytest.mark.service("rabbitmq")
_SENT_AT = "2026-11-28T10:00:00+00:00"
Delivery = tuple[str, bytes, dict[str, Any]]


class AmqpHarness(Harness):
    """A virtual host of a broker."""

    is_live = True

    def __init__(self, folder: Path, broker: Broker) -> None:
        super().__init__(folder)
        self.broker, self.url = broker, broker.virtual_host()
        self.host = self.url.rpartition("/")[2]

    @property
    def source(self) -> str:
        """Of the virtual host."""
        return parse_address(self.url).source

    def arguments(self) -> list[object]:
        """Listen."""
        return ["listen", "--amqp", self.url, "--max-message", MAX_MESSAGE]

    def await_ready(self, run: Run) -> None:
        """Wait for the queue; what was left in it may be written before that is logged."""
        run.until(lambda: run.log("connected") or run.marker.exists())

    def publish(self, deliveries: Iterable[Delivery]) -> None:
        """Publish topics, bodies, properties."""
        connection = pika.BlockingConnection(pika.URLParameters(self.url))
        channel = connection.channel()
        for topic, body, properties in deliveries:
            kept = pika.BasicProperties(delivery_mode=2, **properties)
            channel.basic_publish("amq.topic", topic, body, kept)
        connection.close()  # returns when the broker has taken them all

    def send(self, numbers: Iterable[int], noise: int = 0) -> None:
        """Publish."""
        self.publish(
            (
                TOPIC,
                json.dumps({"noise": noisy(noise)}).encode(),
                {"message_id": f"m{n}", "headers": {"sent-at": _SENT_AT}},
            )
            for n in numbers
        )

    def send_unreadable(self) -> Counter[str]:
        """Publish what is no message."""
        self.publish((
            (TOPIC, b"not json", {"message_id": "1"}),
            (TOPIC, b"\xff", {"message_id": "2"}),
            (TOPIC, b"x" * (MAX_MESSAGE + 1), {"message_id": "3"}),
            (TOPIC, nested(200), {"message_id": "4"}),
            (TOPIC, nested(100_000)[: MAX_MESSAGE - 1], {"message_id": "5"}),
            ("", b"{}", {"message_id": "6"}),
            (TOPIC, b"{}", {"message_id": "a\nb"}),
        ))  # fmt: skip
        return Counter({"not-json": 3, "too-large": 1, "too-deep": 1, "no-topic": 1, "bad-id": 1})

    def kept(self) -> int:
        """Return the messages of the queue, unacknowledged ones included."""
        return self.broker.messages(self.host)

    def close(self) -> None:
        """Remove the virtual host."""
        super().close()
        self.broker.delete_virtual_host(self.host)


@pytest.fixture
def make_harness(broker: Broker) -> Callable[[Path], AmqpHarness]:
    return lambda folder: AmqpHarness(folder, broker)


@pytest.fixture
def captured(harness: AmqpHarness) -> tuple[Callable[[], None], list[dict[str, Any]]]:
    messages = captures.amqp()

    def send() -> None:
        harness.publish((m.topic, m.body, _properties(m)) for m in messages)

    return send, captures.events(messages)


def _properties(message: captures.Captured) -> dict[str, Any]:
    assert message.properties is not None
    return {key: value for key, value in message.properties.items() if key != "delivery_mode"}


class TestAmqp(SourceContract):
    """The contract."""

    def test_a_deleted_queue_is_made_again_and_leaves_a_gap(self, harness: AmqpHarness) -> None:
        run = harness.start()
        harness.send(range(10))
        run.until(lambda: harness.count() == 10)
        self._delete_queue(harness)
        run.until(lambda: run.log("reconnected"))
        harness.send(range(10, 20))
        run.until(lambda: harness.count() == 20)
        run.until(lambda: "gap" in harness.states())
        assert run.log("the queue was deleted, and what waited in it")
        harness.stop(run)

    def test_a_queue_deleted_while_nobody_listened_leaves_a_gap(self, harness: AmqpHarness) -> None:
        run = harness.start()
        harness.send(range(10))
        run.until(lambda: harness.states() == {"unproven"})
        harness.finish(run, 10)
        self._delete_queue(harness)
        harness.stop(harness.start())
        assert "gap" in harness.states()

    @staticmethod
    def _delete_queue(harness: AmqpHarness) -> None:
        with Store.open(harness.store, reading=True) as store:
            queue = store.state.get(queue_key(harness.source))["name"]
        harness.broker.delete_queue(harness.host, queue)
