"""Whom a simulated message names is what the people rules find, whichever way it comes."""

import msgspec
import pytest

from hubbub.collector.event import Frame
from hubbub.collector.names import normalise
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError
from hubbub.testing.simulator.names import HOSTILE
from hubbub.testing.simulator.topics import FAMILIES
from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import frames, raw_row, search_row

START = 1_795_190_400_000_000
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def found():
    return list(Traffic(8, 1_000_000, steady=True).between(START, START + HOUR // 2))


def events(message):
    topic, body = frames(message)
    ways = [
        ("zmq:here", topic, body),
        ("zmq:here", topic, frames(message, "msgpack")[1]),
        ("history:here", topic, search_row(message)),
        ("history:here", topic, raw_row(message)),
    ]
    for source, top, content in ways:
        event = understand(Frame(source, message.at, top, content))
        yield msgspec.structs.replace(event, source="", size=0, seq=0)


def test_the_rules_find_what_is_there_in_every_way(found):
    families = set()
    for message in found:
        if message.broken is not None:
            continue
        families.add(message.topic)
        live, packed, search, raw = events(message)
        assert live == packed == search == raw
        assert live.id == message.id
        assert live.time == message.time * 1_000_000
        assert live.topic == message.topic
        users = {normalise(name, None) for name in message.users}
        assert set(live.users) == users, message
        assert live.agent == (normalise(message.agent, None) if message.users else None), message
        assert live.objects == tuple(sorted(message.objects)), message
    for topics in FAMILIES.values():
        assert families.intersection(topics), topics


def test_broken_messages_cannot_be_read(found):
    broken = [m for m in found if m.broken is not None]
    reasons = set()
    for message in broken:
        with pytest.raises(MessageError) as caught:
            understand(Frame("zmq:here", message.at, *frames(message)))
        reasons.add(caught.value.reason)
    assert len(broken) > 50
    assert reasons >= {"not-json", "not-an-object", "no-id", "bad-time"}


def test_hostile_names_are_there_and_unknown_families_name_nobody(found):
    assert {m.users[0] for m in found if m.users and m.users[0] in HOSTILE}
    unknown = [m for m in found if m.broken is None and "scrapyard" in m.topic]
    assert unknown
    assert not any(m.users for m in unknown)
