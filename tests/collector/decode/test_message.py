"""Decoding frames: the formats, the limits, and the reason of every refusal."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hubbub.collector.decode.line_reading import Reading, pack
from hubbub.collector.decode.message import MAX_DEPTH, REASONS, decode
from hubbub.collector.decode.rejected import LARGEST
from hubbub.collector.event import Frame
from hubbub.errors import MessageError

TOPIC = "org.fedoraproject.prod.git.receive"
ENVELOPE: dict[str, Any] = {
    "i": 3,
    "msg": {"commit": {"username": "ralph"}},
    "msg_id": "2026-1",
    "timestamp": 1795297552,
    "topic": TOPIC,
    "username": "apache",
}
FEDORA: dict[str, Any] = {
    "id": "uuid",
    "topic": TOPIC,
    "headers": {"sent-at": "2026-11-21T21:43:51+00:00", "fedora_messaging_user_ralph": True},
    "body": {"agent": "ralph"},
}
LINE: dict[str, Any] = {"timestamp": 1441584303.01, "topic": "a.b", "users": ["x"], "size": 329}


def frame(value: Any, source: str = "zmq:tcp://x", topic: bytes = b"", seq: int = 0) -> Frame:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Frame(source, 77, topic, body, seq)


def reason(value: Any, source: str = "zmq:tcp://x", topic: bytes = b"") -> str:
    with pytest.raises(MessageError) as caught:
        decode(frame(value, source, topic))
    assert caught.value.reason in REASONS
    assert str(caught.value) != caught.value.reason  # a sentence, not a code
    return caught.value.reason


def without(value: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in keys}


class TestFormats:
    def test_fedmsg(self):
        message = decode(frame(ENVELOPE, topic=TOPIC.encode()))
        assert (message.id, message.topic, message.seq) == ("2026-1", TOPIC, 3)
        assert message.time == 1795297552 * 10**6
        assert message.username == "apache"
        assert message.headers is None
        assert message.size == len(b'{"commit":{"username":"ralph"}}')

    def test_msgpack_gives_the_same(self):
        packed = frame(msgspec.msgpack.encode(ENVELOPE))
        assert decode(packed) == decode(frame(ENVELOPE))
        many = ENVELOPE | {f"key{n}": n for n in range(20)}  # a map with a longer head
        assert decode(frame(msgspec.msgpack.encode(many))) == decode(frame(ENVELOPE))

    def test_fedora_messaging(self):
        message = decode(frame(FEDORA, "history:https://x"))
        assert (message.id, message.body) == ("uuid", {"agent": "ralph"})
        assert message.time == 1795297431 * 10**6
        assert message.headers == FEDORA["headers"]

    def test_amqp_without_id_and_headers(self):
        first = decode(frame(without(FEDORA, "id", "headers"), "amqp:x"))
        second = decode(frame(without(FEDORA, "id", "headers"), "amqp:x", seq=5))
        assert first.id == second.id  # delivered twice, one message
        assert first.time == 77
        assert first.headers is None or first.headers == {}

    def test_both_forms_of_a_history_row_without_an_id_are_the_same_event(self):
        headers = {"sent-at": "2026-11-22T02:37:11.5+00:00"}
        body = {"b": [1.5, "\u2603"], "a": None}
        search = {"id": None, "topic": "a.b", "headers": headers, "body": body, "queue": None}
        raw: Any = {"msg_id": None, "topic": "a.b", "headers": headers, "timestamp": 1795315031.0,
               "msg": dict(reversed(body.items())), "i": 0, "users": []}  # fmt: skip
        source = "history:https://x"
        first, second = decode(frame(search, source)), decode(frame(raw, source))
        assert (first.id, first.time, first.size) == (second.id, second.time, second.size)
        assert first.id.startswith("sha256-")
        later = search | {"headers": {"sent-at": "2026-11-22T02:37:12.5+00:00"}}
        assert decode(frame(later, source)).id != first.id
        assert decode(frame(search | {"body": {}}, source)).id != first.id

    @pytest.mark.parametrize("headers", [None, {}, {"fedora_messaging_severity": 20}])
    @pytest.mark.parametrize("id_", [None, "", "own"])
    def test_both_forms_of_a_row_stored_without_the_time_it_was_sent_have_one_id(
        self, headers, id_
    ):
        """`/v2/search` fills in the time of the database, `/raw` states its second."""
        filled = (headers or {}) | {"sent-at": "2026-11-22T02:37:11.748213+00:00"}
        search = {"id": id_, "topic": "a.b", "headers": filled, "body": {"a": 1}, "queue": None}
        raw: Any = {"msg_id": id_, "topic": "a.b", "headers": headers, "timestamp": 1795315031.0,
               "msg": {"a": 1}, "i": 0, "users": []}  # fmt: skip
        first, second = (decode(frame(row, "history:https://x")) for row in (search, raw))
        assert first.id == second.id
        assert first.time // 10**6 == second.time // 10**6

    def test_jsonl(self):
        message = decode(frame(LINE, "jsonl:f", seq=4))
        assert message.time == 1441584303010000
        assert (message.users, message.objects, message.size) == (("x",), None, 329)
        assert message.id.startswith("sha256-")
        full = LINE | {"id": "own", "agent": "y", "objects": ["o"], "action": "did", "body": {}}
        message = decode(frame(full, "jsonl:f", seq=4))
        assert (message.id, message.agent, message.action) == ("own", "y", "did")

    def test_jsonl_ids_depend_on_source_line_and_occurrence(self):
        line = json.dumps(LINE).encode()
        ids = [
            decode(Frame("jsonl:f", 1, pack(Reading(nth=n)), line + end, seq)).id
            for n in (1, 2)
            for seq, end in ((1, b""), (9, b"\n"))
        ]
        assert ids[0] == ids[1]  # the line's number does not count
        assert ids[2] == ids[3] != ids[0]
        assert decode(frame(line, "jsonl:other", seq=1)).id not in ids

    @pytest.mark.parametrize(("size", "accepted"), [(2**53, True), (2**53 + 1, False)])
    def test_jsonl_size_has_a_bound(self, size, accepted):
        line = LINE | {"size": size}
        if accepted:
            assert decode(frame(line, "jsonl:f")).size == size
        else:
            with pytest.raises(MessageError) as caught:
                decode(frame(line, "jsonl:f"))
            assert caught.value.reason == "bad-size"

    def test_jsonl_size_of_a_body(self):
        assert decode(frame(without(LINE, "size"), "jsonl:f")).size == 0
        assert decode(frame(without(LINE, "size") | {"body": {"a": 1}}, "jsonl:f")).size == 7

    @pytest.mark.parametrize(
        "raw", [b'{"n": NaN}', b'{"n": "\\ud800"}', b'{"n": 1e999}', b'{"n": -0.0}']
    )
    def test_json_that_only_lenient_parsers_accept(self, raw):
        body = b'{"msg_id": "1", "topic": "a.b", "timestamp": 5, "msg": ' + raw + b"}"
        assert set(decode(frame(body)).body) == {"n"}

    def test_a_byte_order_mark_and_repeated_keys(self):
        body = b'\xef\xbb\xbf{"msg_id": "0", "msg_id": "1", "topic": "a", "timestamp": 5, "msg": 1}'
        assert decode(frame(body)).id == "1"
        assert decode(frame(body[3:])).id == "1"


class TestTime:
    @pytest.mark.parametrize(
        ("value", "micros"),
        [
            (0, 0),
            (1795297552, 1795297552 * 10**6),
            (1795297552.25, 1795297552250000),
            ("1795297552", 1795297552 * 10**6),
            ("1795297552.5", 1795297552500000),
            ("2026-11-21T21:45:52Z", 1795297552 * 10**6),
            ("2026-11-21T22:45:52.000001+01:00", 1795297552000001),
            ("2026-11-21 21:45:52", 1795297552 * 10**6),
            ("2026-11-21", 1795219200 * 10**6),
        ],
    )
    def test_forms(self, value, micros):
        assert decode(frame(ENVELOPE | {"timestamp": value})).time == micros

    @pytest.mark.parametrize(
        "value",
        [-1, 1795297552000, True, [], {}, "", "soon", "nan", "inf", "-1", 1e300, "9" * 400,
         7258118400, "0001-01-01T00:00:00+14:00", "1969-12-31", "2200-01-01", float("nan")],
    )  # fmt: skip
    def test_invalid_times(self, value):
        assert reason(ENVELOPE | {"timestamp": value}) == "bad-time"
        assert reason(LINE | {"timestamp": value}, "jsonl:f") == "bad-time"

    def test_sent_at_comes_first_and_timestamp_is_the_fallback(self):
        row = ENVELOPE | {"headers": {"sent-at": "2026-11-21T21:45:52.5+00:00"}}
        assert decode(frame(row)).time == 1795297552500000
        row["headers"] = {"sent-at": "yesterday"}
        assert decode(frame(row)).time == 1795297552 * 10**6
        assert reason(FEDORA | {"headers": {"sent-at": 7e20}}) == "no-time"


class TestRefusals:
    @pytest.mark.parametrize(
        "body", [b"", b" ", b"{", b"\xff\xfe", b"{'a': 1}", b'{"a": 1} x', b"\x81"]
    )
    def test_not_json(self, body):
        assert reason(body) == "not-json"

    @pytest.mark.parametrize("body", [b"null", b"[]", b"7", b'"x"', b"true", b"NaN"])
    def test_not_an_object(self, body):
        assert reason(body) == "not-an-object"

    @pytest.mark.parametrize("pair", [b"[]", (b'{"a":', b"}")])
    @pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 200_000])
    def test_too_deep(self, pair, depth):
        start, end = (pair[:1], pair[1:]) if isinstance(pair, bytes) else pair
        inner = start * depth + (b"1" if start != b"[" else b"") + end * depth
        assert reason(b'{"msg_id": "1", "topic": "a", "timestamp": 5, "msg": ' + inner + b"}") in (
            "too-deep"
        )
        assert reason(b"[" * depth) in ("too-deep", "not-json", "not-an-object")

    def test_as_deep_as_allowed(self):
        inner = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
        body = b'{"msg_id":"1","topic":"a","timestamp":5,"msg":' + inner + b"}"
        assert decode(frame(body)).id == "1"

    def test_too_deep_in_msgpack(self):
        packed = msgspec.msgpack.encode(without(ENVELOPE, "msg"))
        deep = b"\x91" * (MAX_DEPTH + 1) + b"\xc0"
        body = bytes([packed[0] + 1]) + packed[1:] + b"\xa3msg" + deep
        assert reason(body) == "too-deep"

    def test_too_large(self):
        with pytest.raises(MessageError) as caught:
            decode(frame(ENVELOPE), max_message=20)
        assert caught.value.reason == "too-large"
        assert reason(b" " * (LARGEST + 1)) == "too-large"

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (without(ENVELOPE, "msg"), "no-body"),
            (without(ENVELOPE, "topic"), "no-topic"),
            (ENVELOPE | {"topic": ""}, "no-topic"),
            (ENVELOPE | {"topic": 7}, "bad-topic"),
            (ENVELOPE | {"topic": "a\nb"}, "bad-topic"),
            (ENVELOPE | {"topic": "\ud800"}, "bad-topic"),
            (ENVELOPE | {"topic": "x" * 1001}, "bad-topic"),
            (without(ENVELOPE, "msg_id"), "no-id"),
            (ENVELOPE | {"msg_id": ""}, "no-id"),
            (ENVELOPE | {"msg_id": 7}, "bad-id"),
            (ENVELOPE | {"msg_id": "a\x00"}, "bad-id"),
            (ENVELOPE | {"msg_id": "x" * 256}, "bad-id"),
            (without(ENVELOPE, "timestamp"), "no-time"),
        ],
    )
    def test_parts(self, value, why):
        assert reason(value) == why

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (without(LINE, "topic"), "no-topic"),
            (without(LINE, "timestamp"), "no-time"),
            (LINE | {"users": "x"}, "bad-users"),
            (LINE | {"users": ["x", 1]}, "bad-users"),
            (LINE | {"users": ["x"] * 10_001}, "bad-users"),
            (LINE | {"objects": {}}, "bad-objects"),
            (LINE | {"agent": ["x"]}, "bad-agent"),
            (LINE | {"action": 1}, "bad-action"),
            (LINE | {"size": -1}, "bad-size"),
            (LINE | {"size": 1.5}, "bad-size"),
            (LINE | {"size": 2**64}, "bad-size"),
            (LINE | {"size": 2**53 + 1}, "bad-size"),
            (LINE | {"size": True}, "bad-size"),
            (LINE | {"id": 5}, "bad-id"),
        ],
    )
    def test_lines(self, value, why):
        assert reason(value, "jsonl:f") == why

    def test_topic_frame(self):
        assert reason(ENVELOPE, topic=b"other") == "topic-mismatch"
        assert reason(ENVELOPE, topic=b"\xff") == "bad-topic"
        assert decode(frame(ENVELOPE, "history:x", topic=b"other")).topic == TOPIC
        assert decode(frame(without(ENVELOPE, "topic"), topic=b"a.b")).topic == "a.b"

    def test_invalid_optional_fields_are_ignored(self):
        odd = ENVELOPE | {
            "i": "x",
            "username": 7,
            "headers": [],
            "users": 7,
            "meta": [1],
            "size": "x",
        }
        message = decode(frame(odd))
        assert (message.seq, message.username, message.headers) == (0, None, None)

    def test_the_error_contains_topic_and_value(self):
        with pytest.raises(MessageError) as caught:
            decode(frame(ENVELOPE | {"timestamp": "soon"}))
        assert caught.value.where == TOPIC
        assert "soon" in caught.value.what
