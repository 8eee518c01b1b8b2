"""Messages of real publishers (tests/captures), and the events that they are."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.paths import CAPTURES, TESTS

_EVENTS = TESTS / "contract" / "captured_events.jsonl"


@dataclass(frozen=True)
class Captured:
    """A message of a real publisher.

    Attributes:
        topic: of the message.
        body: as it was on the wire: a fedmsg envelope, or the body of an AMQP delivery.
        properties: of the delivery; None: of fedmsg.
    """

    topic: str
    body: bytes
    properties: dict[str, Any] | None = None

    @property
    def envelope(self) -> dict[str, Any]:
        """The fedmsg envelope."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        """The publisher's id."""
        if self.properties is None:
            return str(self.envelope["msg_id"])
        return str(self.properties["message_id"])

    @property
    def seconds(self) -> float:
        """The publisher's time."""
        if self.properties is None:
            return float(self.envelope["timestamp"])
        return datetime.fromisoformat(self.properties["headers"]["sent-at"]).timestamp()

    @property
    def row(self) -> bytes:
        """The row of a history service."""
        if self.properties is None:
            kept = {k: v for k, v in self.envelope.items() if k not in {"certificate", "signature"}}
            return json.dumps({**kept, "headers": None, "source_name": "datanommer"}).encode()
        facts = {
            "id": self.id, "topic": self.topic, "headers": self.properties["headers"],
            "queue": None, "priority": 0,
        }  # fmt: skip
        return json.dumps(facts).encode()[:-1] + b', "body": ' + self.body + b"}"


def fedmsg() -> list[Captured]:
    """Return messages of the real fedmsg, signed and unsigned."""
    found = []
    for name in ("signed-lab", "signed-shell", "unsigned"):
        for line in (CAPTURES / f"fedmsg-{name}.jsonl").read_text().splitlines():
            topic, body = map(base64.b64decode, json.loads(line)["frames"])
            found.append(Captured(topic.decode(), body))
    return found


def amqp() -> list[Captured]:
    """Return the deliveries of the real fedora-messaging that have a topic, and one more."""
    deliveries = map(json.loads, (CAPTURES / "amqp-deliveries.jsonl").read_text().splitlines())
    found = [
        Captured(d["routing_key"], base64.b64decode(d["body"]), d["properties"])
        for d in deliveries
        if d["routing_key"]
    ]
    return [*found, _of_no_family(found[0])]


def _of_no_family(message: Captured) -> Captured:
    """Return a message under a topic without rules: its users stand in the headers alone."""
    assert message.properties is not None
    properties = message.properties | {"message_id": f"{message.id}-headers"}
    return Captured("org.fedoraproject.dev.lab.headers", b"{}", properties)


def events(messages: list[Captured]) -> list[dict[str, Any]]:
    """Return the events of these messages, by id, as they were written down once."""
    ids = {message.id for message in messages}
    known = [json.loads(line) for line in _EVENTS.read_text().splitlines()]
    found = [event for event in known if event["id"] in ids]
    assert len(found) == len(messages)
    return found
