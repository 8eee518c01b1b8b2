"""No name looks like another: what cannot be seen is removed from names, whatever they come in."""

import json
import unicodedata
from urllib.parse import quote

import msgspec
import pytest

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import understand
from hubbub.store.state.pseudonyms import Forgotten, units

#: Zero-width, bidirectional, soft hyphen, joiner, variation selector, tag, filler.
INVISIBLE = "\u200b\u200d\u200f\u202e\u2066\u00ad\u2060\ufeff\ufe0f\U000e0061\u3164\u034f"
TIME = "[01/Jan/2026:10:00:00 +0000]"


def log_line(line: str, kind: str = "access-log") -> Event:
    return understand(Frame(f"{kind}:x", 10**15, b"", line.encode(), 1))


def shown(event: Event) -> list[str]:
    """All texts of an event that are shown or filtered by."""
    names = [event.topic, event.category, event.agent, event.action]
    extra = [*(event.extra or {}), *(event.extra or {}).values()]
    return [text for text in (*names, *event.users, *event.objects, *extra) if text]


def assert_visible(event: Event) -> None:
    for text in shown(event):
        assert not set(text) & set(INVISIBLE), ascii(text)
        assert not any(unicodedata.category(c) == "Cf" for c in text), ascii(text)


@pytest.mark.parametrize("hidden", INVISIBLE, ids=ascii)
def test_lines_of_access_logs(hidden: str) -> None:
    plain = log_line(f'192.0.2.1 - alice {TIME} "GET /wiki/x HTTP/1.1" 200 5')
    event = log_line(
        f'a{hidden}.example.org - al{hidden}ice {TIME} "G{hidden}ET /wi{hidden}ki/x HTTP/1.1" 200 5'
    )
    assert_visible(event)
    assert (event.agent, event.users, event.action) == ("alice", ("alice",), plain.action)
    # what a client asked for is another path; it is shown as a client would write it
    assert event.objects == (f"/wi{quote(hidden)}ki",)
    document = {
        "ts": 1767261600.5,
        "request": {"method": "GET", "uri": f"/wi{hidden}ki/x", "remote_ip": "192.0.2.1"},
        "user_id": f"al{hidden}ice",
        "status": 200,
        "size": 5,
    }
    caddy = log_line(json.dumps(document))
    assert_visible(caddy)
    assert caddy.users == ("alice",)


@pytest.mark.parametrize("hidden", INVISIBLE, ids=ascii)
def test_messages(hidden: str) -> None:
    line = {
        "timestamp": 1767261600,
        "topic": "a.b.c.git.receive",
        "users": [f"al{hidden}ice"],
        "agent": f"{hidden}alice",
        "objects": [f"ker{hidden}nel"],
        "action": f"pu{hidden}sh",
    }
    event = log_line(json.dumps(line), "jsonl")
    assert_visible(event)
    assert (event.users, event.agent) == (("alice",), "alice")
    assert (event.objects, event.action) == (("kernel",), "push")
    topic = f"org.fedoraproject.prod.git.re{hidden}ceive"
    body = {"topic": topic, "msg_id": "1", "timestamp": 1767261600, "msg": {}}
    if topic.isprintable():  # others are refused
        assert_visible(
            understand(Frame("zmq:x", 10**15, topic.encode(), json.dumps(body).encode()))
        )


@pytest.mark.parametrize("hidden", INVISIBLE, ids=ascii)
def test_forget_reaches_every_spelling_also_in_bodies(hidden: str) -> None:
    bare = Forgotten(b"k" * 32)
    forgotten = Forgotten(b"k" * 32, {bare.digest("alice"): units("alice")})
    spelling = f"al{hidden}ice"
    for body in (
        spelling.encode(),
        json.dumps({"who": spelling}).encode(),
        json.dumps({"who": spelling}, ensure_ascii=False).encode(),
        quote(f"/~{spelling}/").encode(),
        msgspec.msgpack.encode({"msg": {"who": [spelling]}}),
        msgspec.msgpack.encode({spelling: 1}),
    ):
        assert forgotten.holds(body), body
    section = log_line(f'192.0.2.1 - - {TIME} "GET /~{spelling}/x HTTP/1.1" 200 5')
    assert "ice" not in "".join(shown(forgotten.event(section)))
