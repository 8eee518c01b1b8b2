"""`hubbub top --amqp`: what a real RabbitMQ delivers, without a store."""

from __future__ import annotations

import json
import subprocess
import uuid

import pytest

from tests.support.bus.rabbitmq import Broker, publish
from tests.support.processes import HUBBUB

pytestmark = pytest.mark.service("rabbitmq")


def test_messages_of_a_broker(broker: Broker) -> None:
    url = broker.virtual_host()
    messages = [
        ("org.fedoraproject.dev.wiki.article.edit", {"user": f"u{n}"}, {
            "message_id": str(uuid.uuid4()),
            "headers": {"sent-at": "2026-11-28T10:00:00+00:00"},
        })
        for n in range(20)
    ]  # fmt: skip
    command = [*HUBBUB, "top", "--amqp", url, "--period", "1s", "--json", "--no-alerts"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the queue is bound before the first period begins
            publish(url, messages)
            hits = 0
            while hits < len(messages):
                period = json.loads(process.stdout.readline())
                hits += period["total_hits"]
                assert period["max_section"] in {None, "wiki"}
        finally:
            process.terminate()
    assert hits == len(messages)
    assert process.returncode == 0
