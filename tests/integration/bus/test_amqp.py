"""`hubbub listen --amqp` and what may happen to a real RabbitMQ, its queue and its publishers.

What every source promises is in tests/contract/test_amqp.py.
"""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from hubbub.collector.amqp.settings import parse_address
from hubbub.store import Store
from tests.support.bus.fedmsg_lab import ListenProcess, StartListener
from tests.support.bus.rabbitmq import Broker, expected, publish
from tests.support.processes import within

pytestmark = pytest.mark.service("rabbitmq")
TOPIC = "org.fedoraproject.dev.wiki.article.edit"
Message = tuple[str, Any, dict[str, Any]]


def messages(n: int, topic: str = TOPIC) -> list[Message]:
    return [
        (topic, {"user": f"u{i}"}, {"message_id": str(uuid.uuid4()), "headers": {
            "sent-at": "2026-11-28T10:00:00+00:00", f"fedora_messaging_user_u{i}": True}})
        for i in range(n)
    ]  # fmt: skip


@pytest.fixture
def url(broker: Broker) -> Iterator[str]:
    address = broker.virtual_host()
    yield address
    broker.delete_virtual_host(address.rpartition("/")[2])


def ids(listening: ListenProcess) -> list[str]:
    with Store.open(listening.store, create=False) as store:
        store.load()
        found: list[str] = store.events().select("id").to_pyarrow().column("id").to_pylist()
    return sorted(found)


def await_stored(listening: ListenProcess, least: int) -> None:
    listening.until(lambda: len(ids(listening)) >= least, 120)


def states(listening: ListenProcess, url: str) -> set[str]:
    with Store.open(listening.store, reading=True) as store:
        return {state for *_, state in store.state.spans(parse_address(url).source, "")}


def test_a_broker_that_restarts_is_consumed_again_without_a_gap(
    url: str, broker: Broker, listen: StartListener
) -> None:
    listening = listen("--amqp", url)
    listening.await_log("connected")
    publish(url, messages(100))
    broker.script("stop")
    listening.until(lambda: any("cannot connect" in name for name in events(listening)))
    broker.start()
    publish(url, messages(100))
    listening.until(lambda: len(ids(listening)) == 200)
    listening.end()
    assert states(listening, url) <= {"unproven"}


def events(listening: ListenProcess) -> set[str]:
    return {json.loads(line)["event"] for line in listening._log.read_text().splitlines()
            if line[:1] == "{"}  # fmt: skip


def test_a_disk_alarm_of_the_broker_stops_nothing_for_long(
    url: str, broker: Broker, listen: StartListener
) -> None:
    listening = listen("--amqp", url)
    listening.await_log("connected")
    publish(url, messages(10))
    broker.evaluate('rabbit_disk_monitor:set_disk_free_limit("1000000GB")')
    time.sleep(1)
    broker.evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB")')
    publish(url, messages(10))
    listening.until(lambda: len(ids(listening)) == 20)
    listening.end()


def test_two_listeners_on_one_queue_lose_and_repeat_nothing_between_them(
    url: str, listen: StartListener, tmp_path: Any
) -> None:
    shared = f"{url}?queue=shared"
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        folder.mkdir()
    first, second = (ListenProcess(folder, "--amqp", shared) for folder in folders)
    try:
        for listening in (first, second):
            listening.await_log("connected")
        sent = messages(2000)
        publish(url, sent)
        first.until(lambda: len(ids(first)) + len(ids(second)) >= len(sent))
        assert first.end() < within(5)
        assert second.end() < within(5)
        ours, theirs = ids(first), ids(second)
        assert sorted(ours + theirs) == sorted(properties["message_id"] for *_, properties in sent)
        assert ours
        assert theirs
    finally:
        for listening in (first, second):
            listening.process.kill()
            listening.process.wait()


@pytest.mark.service("fedora-messaging")
def test_the_real_publisher_while_the_listener_is_killed(
    broker: Broker, listen: StartListener
) -> None:
    listening = listen("--amqp", broker.url)
    listening.await_log("connected")
    publisher = broker.publisher(0, 600)
    await_stored(listening, 200)
    listening.end(signal.SIGKILL)
    listening = listen("--amqp", broker.url)
    assert publisher.communicate(timeout=120)[0] == "published\n"
    await_stored(listening, 600)
    listening.end()
    stored = Counter(
        (f"org.fedoraproject.dev.{topic}", users[0])
        for topic, users in listening.stored().elements()
    )
    assert stored == expected(0, 600)
