"""Deliveries of AMQP as the JSON that history returns: real captures, and bodies that are none."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from hubbub.collector.amqp.envelope import wrap
from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.errors import MessageError
from tests.support.paths import CAPTURES


def wrapped(body: bytes = b"{}", topic: str = "a.b.c.d", **options: Any) -> bytes:
    defaults: dict[str, Any] = {"message_id": "i", "headers": {}, "timestamp": None, "arrived": 77}
    return wrap(topic, body, **(defaults | options))


def decoded(data: bytes, topic: str = "a.b.c.d") -> Any:
    return decode(Frame("amqp:x", 77, topic.encode(), data))


def deliveries() -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (CAPTURES / "amqp-deliveries.jsonl").read_text().splitlines()
    ]


@pytest.mark.parametrize("delivery", deliveries(), ids=lambda each: each["routing_key"] or "none")
def test_a_captured_delivery_is_the_event_of_its_history_row(delivery: dict[str, Any]) -> None:
    properties, topic = delivery["properties"], delivery["routing_key"]
    body = base64.b64decode(delivery["body"])
    message_id, headers = properties["message_id"], properties["headers"]
    data = wrapped(body, topic, message_id=message_id, headers=headers)
    live = Frame("amqp:x", 77, topic.encode(), data)
    row = {"id": properties["message_id"], "topic": topic, "headers": properties["headers"],
           "body": json.loads(body), "queue": None}  # fmt: skip
    history = Frame("history:https://x", 0, b"", json.dumps(row).encode())
    if not topic:
        for frame in (live, history):
            with pytest.raises(MessageError, match="no topic"):
                decode(frame)
        return
    assert decode(live) == decode(history)
    assert decode(live).body == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"{} {}", b'1, "id": "other"', b'{}}, "id": {"a": {}', b"\xff",
        b'{"a":1}\x00', "{}".encode("utf-16"), b"not json",
    ],
)  # fmt: skip
def test_a_body_that_is_not_one_json_value_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError) as raised:
        wrapped(body)
    assert raised.value.reason == "not-json"


def test_a_body_cannot_name_another_id_topic_or_publisher() -> None:
    body = b'{"id": "other", "topic": "x", "headers": {"fedora_messaging_user_eve": true}}'
    message = decoded(wrapped(body))
    assert (message.id, message.topic, message.headers) == ("i", "a.b.c.d", {})
    assert message.body == json.loads(body)


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'"\\ud800"', b'\xef\xbb\xbf{"a": 1}', b"[1]"])
def test_what_publishers_send_and_strict_json_forbids_is_kept(body: bytes) -> None:
    message = decoded(wrapped(body))
    expected = json.loads(body.decode("utf-8-sig"))
    assert str(message.body) == str(expected)


def test_a_body_that_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(MessageError) as raised:
        wrapped(b"[" * 100_000)
    assert raised.value.reason == "too-deep"


def test_headers_of_every_type_of_amqp() -> None:
    headers = {
        "bytes": b"\xff\x00a", "time": datetime(2026, 1, 2, tzinfo=UTC), "decimal": Decimal("1.5"),
        "table": {"list": [1, None, True, b"x"]}, "text": "é", "big": 2**70, "surrogate": "\ud800",
    }  # fmt: skip
    message = decoded(wrapped(headers=headers))
    assert message.headers is not None
    assert message.headers["bytes"] == "\\xff\x00a"
    assert message.headers["time"] == "2026-01-02T00:00:00+00:00"
    assert message.headers["decimal"] == "1.5"
    assert message.headers["table"] == {"list": [1, None, True, "x"]}


def test_time_of_a_message() -> None:
    sent = {"sent-at": "2026-11-21T21:20:21+00:00"}
    assert decoded(wrapped(headers=sent, timestamp=5)).time == 1795296021 * 10**6
    assert decoded(wrapped(timestamp=datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC))).time == 9 * 10**6
    assert decoded(wrapped(timestamp=9)).time == 9 * 10**6
    assert decoded(wrapped()).time == 77  # when it arrived


def test_a_message_without_an_id_is_told_apart_by_topic_body_and_time() -> None:
    def id_of(**options: Any) -> str:
        text: str = decoded(wrapped(**({"message_id": None} | options))).id
        return text

    first = id_of(timestamp=9)
    assert first.startswith("sha256-")
    assert id_of(timestamp=9, arrived=99) == first  # delivered again
    assert id_of(timestamp=10) != first
    assert id_of(timestamp=9, body=b"[]") != first
    assert id_of(arrived=1) != id_of(arrived=2)
    assert id_of(message_id="", timestamp=9) == first
