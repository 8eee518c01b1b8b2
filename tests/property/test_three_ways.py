"""A message gives the same event from the live bus, both history services and files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.decode.message import decode
from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import people, understand
from tests.support.examples import examples

NAMES = st.sampled_from(
    ["ralph", "lmacken", "@python", "me@example.org", "None", "Ünal", "10.0.0.1", ""]
)
PACKAGES = st.sampled_from(["vim", "python3.8", "gnome-shell", "None", "lib stdc++"])
TEXT = st.text(max_size=12).filter(lambda text: text.isprintable())
FAMILIES: dict[str, dict[str, list[str] | None]] = {
    "git.receive": {"commit": ["username", "repo", "namespace", "agent"], "agent": None},
    "bodhi.update.comment": {"comment": ["author", "text", "update_title"], "agent": None},
    "buildsys.tag": {"owner": None, "user": None, "name": None},
    "copr.build.end": {"owner": None, "user": None},
    "pagure.issue.edit": {"agent": None, "issue": ["user", "assignee"]},
    "wiki.article.edit": {"user": None, "title": None},
    "fedbadges.badge.award": {"user": ["username"], "person": ["nickname"]},
    "meetbot.meeting.complete": {"attendees": None, "start_user": None},
    "lab.plain": {"agent": None},
}


@st.composite
def bodies(draw: st.DrawFn, family: str) -> dict[str, Any]:
    """A body of a family; each value is a name, a text, a number, null or an object."""
    leaf = NAMES | PACKAGES | TEXT | st.none() | st.integers(-3, 2**60) | st.just({"name": "x"})
    body: dict[str, Any] = {"n": draw(st.floats(allow_nan=False, allow_infinity=False))}
    for key, parts in FAMILIES[family].items():
        if parts is None or draw(st.booleans()):
            body[key] = draw(leaf)
        else:
            body[key] = {part: draw(leaf) for part in parts if draw(st.booleans())}
    return body


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """An id, a time in whole seconds, a topic, a body, and the users stated by the publisher."""
    family = draw(st.sampled_from(sorted(FAMILIES)))
    return {
        "id": draw(st.uuids()).hex,
        "seconds": draw(st.integers(0, 4_000_000_000)),
        "topic": f"org.fedoraproject.prod.{family}",
        "body": draw(bodies(family)),
        "users": draw(st.none() | st.lists(NAMES, max_size=3)),
    }


def comparable(event: Event) -> tuple[Any, ...]:
    """Every field of an event except its source."""
    return (event.id, event.time, event.topic, event.category, event.agent, event.users,
            event.objects, event.action, event.size)  # fmt: skip


def event(source: str, value: Any, topic: str = "") -> tuple[Any, ...]:
    body = value if isinstance(value, bytes) else json.dumps(value, indent=1).encode()
    return comparable(understand(Frame(source, 9, topic.encode(), body, 4)))


@settings(max_examples=examples(60))
@given(messages())
def test_fedmsg(message):
    """There are no headers, and only `/raw` returns the envelope's username."""
    envelope = {
        "i": 1,
        "msg": message["body"],
        "msg_id": message["id"],
        "timestamp": message["seconds"],
        "topic": message["topic"],
        "username": "apache",
    }
    live = event("zmq:tcp://x", envelope, message["topic"])
    assert event("zmq:tcp://x", msgspec.msgpack.encode(envelope), message["topic"]) == live
    assert event("fedmsg:f.jsonl", envelope) == live
    raw = envelope | {"timestamp": float(message["seconds"]), "headers": None, "i": 0}
    raw |= {"users": ["apache"], "packages": [], "source_name": "datanommer", "meta": None}
    assert event("history:https://x", raw) == live
    assert people(envelope) == people(raw) == people(decoded(envelope))


def decoded(envelope: dict[str, Any]) -> Any:
    return decode(Frame("fedmsg:f", 0, b"", json.dumps(envelope).encode()))


@settings(max_examples=examples(60))
@given(messages())
def test_fedora_messaging(message):
    """The headers contain time and names in both services."""
    seconds = message["seconds"]
    headers: dict[str, Any] = {"fedora_messaging_schema": "base.message", "sent-at": iso(seconds)}
    for name in message["users"] or ():
        headers[f"fedora_messaging_user_{name}"] = True
    modern = {"id": message["id"], "topic": message["topic"], "headers": headers}
    modern["body"] = message["body"]
    live = event("amqp:x", modern, message["topic"])
    assert event("history:https://x", modern | {"queue": None, "priority": 0}) == live
    raw = {"i": 0, "msg_id": message["id"], "topic": message["topic"], "timestamp": float(seconds)}
    raw |= {"msg": message["body"], "headers": headers, "username": None, "crypto": None}
    raw |= {"users": message["users"], "packages": []}
    assert event("history:https://x", raw) == live
    assert event("fedmsg:f.jsonl", raw) == live


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
