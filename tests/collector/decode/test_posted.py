"""Events that were posted to the server."""

import json
from typing import Any

import pytest

from hubbub.collector.decode.posted import frame_of
from hubbub.collector.event import Event
from hubbub.collector.people.extract import events_of
from hubbub.errors import MessageError

ARRIVED = 1_768_435_200_000_000


def stored(event: Any, nth: int = 0, row: int = 7) -> Event:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    frame = frame_of(body, key="abc", row=row, nth=nth, received=ARRIVED)
    (found,) = events_of(frame)
    assert isinstance(found, Event)
    return found


def test_any_object_is_an_event() -> None:
    event = stored({})
    assert (event.id, event.time, event.topic) == ("http-abc-7-0", ARRIVED, "http.event")
    assert (event.users, event.agent, event.source, event.seq) == ((), None, "http:abc", 7)


def test_each_has_an_id_of_its_own() -> None:
    same = {"user": "ann"}
    ids = {stored(same, nth, row).id for nth in range(3) for row in (1, 2)}
    assert len(ids) == 6


@pytest.mark.parametrize(
    ("event", "agent", "users"),
    [
        ({"user": "ann"}, "ann", ("ann",)),
        ({"username": "Ann"}, "Ann", ("Ann",)),
        ({"user": {"login": "ann", "id": 3}}, "ann", ("ann",)),
        ({"users": ["bob", "ann"], "agent": "ann"}, "ann", ("ann", "bob")),
        ({"users": [{"name": "bob"}, 3, None]}, "bob", ("bob",)),
        ({"user": 17}, None, ()),
        ({"user": ["ann", "bob"]}, None, ("ann", "bob")),
    ],
)
def test_usual_keys_name_the_people(event: Any, agent: str | None, users: Any) -> None:
    found = stored(event)
    assert (found.agent, found.users) == (agent, users)


def test_a_line_of_the_import_format_is_taken_as_such() -> None:
    event = stored(
        {
            "id": "own",
            "timestamp": "2026-01-01T00:00:00Z",
            "topic": "chat.line",
            "users": ["ann"],
            "agent": "bob",
            "objects": ["room"],
            "action": "said",
        }
    )
    assert (event.id, event.topic, event.agent, event.users) == (
        "own",
        "chat.line",
        "bob",
        ("ann",),
    )
    assert (event.objects, event.action) == (("room",), "said")
    assert event.when.year == 2026


def test_a_topic_alone_is_used_and_its_rule_applies() -> None:
    body = {"topic": "org.fedoraproject.prod.ansible.run", "userid": "ann", "user": "bob"}
    event = stored(body)
    assert (event.topic, event.users) == ("org.fedoraproject.prod.ansible.run", ("ann",))


@pytest.mark.parametrize(
    "event",
    [
        {"topic": 3},
        {"topic": ""},
        {"topic": "a\nb"},
        {"topic": "x" * 2000},
        {"timestamp": "no time", "topic": None},
        {"timestamp": [], "users": 3, "objects": {}},
    ],
)
def test_fields_of_another_form_are_no_fault(event: dict[str, Any]) -> None:
    found = stored(event)
    assert (found.topic, found.time) == ("http.event", ARRIVED)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(MessageError):
        stored(b"[1]")
