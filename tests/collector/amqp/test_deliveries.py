"""Deliveries become batches in order, and are acknowledged only as far as they are durable."""

from __future__ import annotations

import json
from collections import deque
from types import SimpleNamespace
from typing import Any

from hubbub.collector.amqp.bindings import Topics
from hubbub.collector.amqp.deliveries import Deliveries
from hubbub.collector.decode.rejected import KEPT_BYTES
from hubbub.collector.listening.backlog import Batch

ALL = Topics(("#",))


class Consumption:
    """Deliveries whose batches the test makes durable when it likes."""

    def __init__(self) -> None:
        self.ready: deque[Batch] = deque()
        self.wakes = 0
        self.deliveries = Deliveries("amqp:x", self.ready, self._wake)
        self.tag = 0

    def _wake(self) -> None:
        self.wakes += 1

    def deliver(
        self, body: Any = "{}", topic: str | bytes = "a.b.c.d", *, topics: Topics = ALL,
        **properties: Any,
    ) -> Consumption:  # fmt: skip
        self.tag += 1
        method = SimpleNamespace(routing_key=topic, delivery_tag=self.tag)
        facts = {"message_id": f"id-{self.tag}", "headers": None, "timestamp": None} | properties
        data = body if isinstance(body, bytes) else body.encode()
        self.deliveries.add(method, SimpleNamespace(**facts), data, topics=topics, max_message=1000)
        return self

    def confirm(self) -> Consumption:
        """Make the oldest batch durable."""
        batch = self.ready.popleft()
        assert batch.confirm is not None
        batch.confirm()
        return self


def test_messages_of_a_batch_are_acknowledged_once_it_is_durable() -> None:
    consumption = Consumption().deliver().deliver().deliver()
    consumption.deliveries.seal()
    assert consumption.deliveries.take_acknowledgement() is None
    assert consumption.deliveries.unacknowledged == 3
    consumption.confirm()
    assert consumption.wakes == 1
    assert consumption.deliveries.take_acknowledgement() == 3
    assert consumption.deliveries.take_acknowledgement() is None
    assert consumption.deliveries.unacknowledged == 0
    assert not consumption.deliveries.waits


def test_a_later_batch_does_not_acknowledge_an_earlier_one_that_is_not_durable() -> None:
    consumption = Consumption().deliver()
    consumption.deliveries.seal()
    consumption.deliver()
    consumption.deliveries.seal()
    first, second = consumption.ready
    assert first.confirm is not None
    assert second.confirm is not None
    first.confirm()
    assert consumption.deliveries.take_acknowledgement() == 1
    assert consumption.deliveries.waits
    second.confirm()
    assert consumption.deliveries.take_acknowledgement() == 2


def test_messages_that_are_still_collected_are_not_acknowledged() -> None:
    consumption = Consumption().deliver()
    consumption.deliveries.seal()
    consumption.deliver()
    consumption.confirm()
    assert consumption.deliveries.take_acknowledgement() == 1


def test_a_refused_message_keeps_its_place_and_is_acknowledged_too() -> None:
    consumption = Consumption().deliver().deliver("not json").deliver(b"x" * 2000).deliver()
    consumption.deliveries.seal()
    reasons = [batch.reason for batch in consumption.ready]
    assert reasons == ["", "not-json", "too-large", ""]
    large = consumption.ready[2]
    assert (large.parts[1], large.length) == (b"x" * 2000, 2000)
    for expected in (1, 2, 3, 4):
        assert consumption.confirm().deliveries.take_acknowledgement() == expected


def test_only_the_beginning_of_a_large_message_is_kept() -> None:
    consumption = Consumption().deliver(b"x" * (KEPT_BYTES + 1))
    (batch,) = consumption.ready
    assert (len(batch.parts[1]), batch.length) == (KEPT_BYTES, KEPT_BYTES + 1)


def test_other_topics_are_acknowledged_without_a_batch() -> None:
    topics = Topics(("a.#",), ("a.b.",))
    consumption = Consumption().deliver(topic="a.bc.d", topics=topics)
    assert not consumption.deliveries.waits
    assert consumption.deliveries.take_acknowledgement() == 1
    consumption.deliver(topic="a.b.c", topics=topics).deliver(topic="a.x", topics=topics)
    assert consumption.deliveries.take_acknowledgement() is None  # the first of them waits
    consumption.deliveries.seal()
    consumption.confirm()
    assert consumption.deliveries.take_acknowledgement() == 3


def test_a_confirmation_after_the_connection_was_lost_changes_nothing() -> None:
    before = Consumption().deliver()
    before.deliveries.seal()
    after = Deliveries("amqp:x", before.ready, before._wake)
    before.confirm()
    assert after.take_acknowledgement() is None


def test_batches_are_bounded() -> None:
    consumption = Consumption()
    for _ in range(2500):
        consumption.deliver()
    assert [len(batch) for batch in consumption.ready] == [1000, 1000]
    assert consumption.deliveries.held == sum(batch.size for batch in consumption.ready)
    consumption.deliver("[" + "1," * 400 + "1]")
    assert consumption.deliveries.open_messages == 501


def test_messages_without_an_id_that_arrive_together_are_two() -> None:
    consumption = Consumption().deliver(message_id=None).deliver(message_id=None)
    consumption.deliveries.seal()
    (batch,) = consumption.ready
    ids = {json.loads(body)["id"] for body in batch.parts[1::2]}
    assert len(ids) == 2


def test_bytes_that_are_not_text_do_not_end_the_connection() -> None:
    consumption = Consumption().deliver(topic=b"a\xff.b", message_id=b"\xff")
    consumption.deliveries.seal()
    (batch,) = consumption.ready
    assert batch.parts[0] == b"a\xff.b"
    assert json.loads(batch.parts[1])["id"] == "\\xff"
