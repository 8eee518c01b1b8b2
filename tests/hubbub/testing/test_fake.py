"""FakeBus, the bus for testing plugins."""

from datetime import UTC, datetime

import pytest

import hubbub.testing
from hubbub.errors import UsageError
from hubbub.testing import FakeBus

TOPIC = "org.fedoraproject.prod.bodhi.update.comment"


@pytest.fixture
def bus(tmp_path):
    with FakeBus(tmp_path) as fake:
        yield fake


def messages_by_user(bus):
    return {row["user"]: row["messages"] for row in bus.query("users").data}


def test_stated_users_and_users_extracted_by_the_people_rules(bus):
    bus.publish(TOPIC, users=["ana", "ben"], objects=["bash"], agent="ana")
    bus.publish(TOPIC, {"comment": {"user": "ana", "text": "", "update_title": "vim-9-1"}})
    bus.publish(TOPIC, users=[])
    assert messages_by_user(bus) == {"ana": 2, "ben": 1}
    assert {row["object"] for row in bus.query("objects").data} == {"bash", "vim"}
    bus.publish(TOPIC, users=["ben"])  # after a query too
    assert messages_by_user(bus) == {"ana": 2, "ben": 2}


def test_the_same_id_is_one_event(bus):
    for _ in range(3):
        bus.publish(TOPIC, users=["ana"], identity="once")
    assert messages_by_user(bus) == {"ana": 1}


def test_times(bus):
    bus.publish(TOPIC, users=["ana"], time=datetime(2026, 3, 1, tzinfo=UTC))
    bus.publish(TOPIC, users=["ana"])
    (row,) = bus.query("users").data
    assert (row["first"], row["last"]) == ("2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z")


def test_a_view(bus):
    bus.publish(TOPIC, users=["ana"])
    assert bus.view("tail").svg().startswith(b"<")


def test_a_refused_message(bus):
    bus.publish("", users=["ana"])
    with pytest.raises(UsageError, match="refused"):
        bus.load()


def test_public_names():
    for name in hubbub.testing.__all__:
        assert getattr(hubbub.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="nonsense"):
        hubbub.testing.nonsense  # noqa: B018
