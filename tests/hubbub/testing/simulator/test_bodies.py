"""The people rules extract the users and objects of simulated messages, from every source."""

import msgspec
import pytest

from hubbub.collector.event import Frame
from hubbub.collector.names import normalise
from hubbub.collector.people.extract import understand
from hubbub.errors import MessageError
from hubbub.testing.simulator.names import HOSTILE_USERS
from hubbub.testing.simulator.topics import FAMILIES
from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import frames, raw_row, search_row

START = 1_795_190_400_000_000
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def messages():
    return list(Traffic(8, 1_000_000, steady=True).between(START, START + HOUR // 2))


def events(message):
    """Yield the event decoded from a message as each source delivers it."""
    topic, body = frames(message)
    deliveries = [
        ("zmq:here", topic, body),
        ("zmq:here", topic, frames(message, "msgpack")[1]),
        ("history:here", topic, search_row(message)),
        ("history:here", topic, raw_row(message)),
    ]
    for source, frame_topic, content in deliveries:
        event = understand(Frame(source, message.at, frame_topic, content))
        yield msgspec.structs.replace(event, source="", size=0, seq=0)


def test_the_rules_extract_users_and_objects_from_every_source(messages):
    seen = set()
    for message in messages:
        if message.broken is not None:
            continue
        seen.add(message.topic)
        live, packed, search, raw = events(message)
        assert live == packed
        assert search == raw
        if live.category == "pagure":  # only rules of the modern bus name its repository
            search = msgspec.structs.replace(search, objects=live.objects)
        assert live == search
        assert live.id == message.id
        assert live.time == message.time * 1_000_000
        assert live.topic == message.topic
        users = {normalise(name, None) for name in message.users}
        assert set(live.users) == users, message
        assert live.agent == (normalise(message.agent, None) if message.users else None), message
        assert live.objects == tuple(sorted(message.objects)), message
    for topics in FAMILIES.values():
        assert seen.intersection(topics), topics


def test_broken_messages_are_refused(messages):
    broken = [m for m in messages if m.broken is not None]
    reasons = set()
    for message in broken:
        with pytest.raises(MessageError) as caught:
            understand(Frame("zmq:here", message.at, *frames(message)))
        reasons.add(caught.value.reason)
    assert len(broken) > 50
    assert reasons >= {"not-json", "not-an-object", "no-id", "bad-time"}


def test_hostile_names_occur_and_unknown_families_have_no_users(messages):
    assert any(m.users[0] in HOSTILE_USERS for m in messages if m.users)
    unknown = [m for m in messages if m.broken is None and "scrapyard" in m.topic]
    assert unknown
    assert not any(m.users for m in unknown)
