"""Arbitrary input: decoding gives an event or a known reason; people and signatures never raise.

`HYPOTHESIS_PROFILE=thorough` tries more inputs, and `make fuzz` a million.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.decode import message as decoding
from hubbub.collector.event import Event, Frame, People
from hubbub.collector.names import normalise
from hubbub.collector.people.extract import people, understand
from hubbub.collector.people.lines import people_lines
from hubbub.collector.people.rules import builtin_rules
from hubbub.collector.signatures import x509
from hubbub.collector.signatures.canonical_json import fast_canonical
from hubbub.errors import MessageError
from tests.support import paths
from tests.support.examples import examples

fuzz = settings(max_examples=examples(60))
CAPTURES = paths.CAPTURES
PKI = CAPTURES / "pki"
TRUST = x509.Trust((PKI / "ca.crt").read_bytes(), (PKI / "crl.pem").read_bytes())
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIGNED = [
    base64.b64decode(part)
    for part in json.loads((CAPTURES / "fedmsg-signed-lab.jsonl").read_text().splitlines()[0])[
        "frames"
    ]
]

#: Keys used by rules, so that the generated bodies resemble real ones.
WORDS = [
    "agent", "msg", "commit", "username", "repo", "namespace", "comment", "text", "author", "user",
    "update", "title", "builds", "nvr", "name", "override", "submitter", "stack", "packages",
    "trigger",
    "topic", "owner", "attendees", "vote", "tag", "package", "rating", "ticket", "cc", "page",
    "fas_usernames", "subject", "item", "type", "koji_build", "message", "new", "prev", "distro",
    "Fedora", "package_name", "component", "bug", "event", "who", "creator", "webhook_body", "like",
    "post", "usernames", "differences", "candidate", "person", "original", "task",
    "IPA_API_ACTOR", "IPA_API_PARAMS", "host", "site", "admins", "issue", "assignee",
    "pullrequest", "body", "headers", "id", "chairs",
]  # fmt: skip
TOPICS = [
    "git.receive", "git.branch.a.b", "bodhi.update.comment", "bodhi.masher.start",
    "buildsys.tag", "copr.x", "pagure.issue.x", "pkgdb.x", "hotness.x",
    "anitya.project.map.new", "anitya.project.version.update", "mdapi.x", "trac.x",
    "meetbot.meeting.complete", "fedoratagger.x", "github.x", "bugzilla.x",
    "mailman.receive", "greenwave.x", "ipa.x", "wiki.x", "discourse.like.post_liked",
    "nagios.x", "faf.x", "fas.x", "taskotron.x", "koschei.package.state.change", "x",
]  # fmt: skip

text = st.sampled_from(WORDS) | st.text(max_size=20)
leaf = st.none() | st.booleans() | st.integers() | st.floats() | text
json_values = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | text, inner, max_size=6)
    ),
    max_leaves=30,
)
envelopes = st.dictionaries(
    st.sampled_from(decoding.Envelope.__struct_fields__), json_values, max_size=8
)
topics = st.sampled_from([f"org.fedoraproject.prod.{topic}" for topic in TOPICS])
sources = st.sampled_from(["zmq:x", "amqp:x", "history:x", "fedmsg:x", "jsonl:x", "", ":"])


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def packed(value: Any) -> bytes:
    try:
        return bytes(msgspec.msgpack.encode(value))
    except (ValueError, OverflowError, UnicodeEncodeError):  # not representable in msgpack
        return dumped(value)


def attempt(frame: Frame) -> Event | str:
    """Return the event of a frame or the reason for refusing it; other exceptions are failures."""
    try:
        return understand(frame)
    except MessageError as error:
        return error.reason


def check_invariants(people: People) -> None:
    """Check what every table relies on."""
    for names in (people.users, people.objects):
        assert list(names) == sorted(set(names))
        for name in names:
            assert name == name.strip() != ""
            name.encode()  # no lone surrogate
    for name in people.users:
        assert normalise(name) == name
    assert people.agent is None or normalise(people.agent) == people.agent


@fuzz
@given(sources, st.binary(max_size=40), st.binary(max_size=200))
def test_any_bytes(source, topic, body):
    result = attempt(Frame(source, 1, topic, body))
    assert isinstance(result, Event) or result in decoding.REASONS


@fuzz
@given(sources, envelopes, topics, st.booleans(), json_values)
def test_any_envelope(source, envelope, topic, binary, body):
    for extra in ({}, {"topic": topic, "msg": body, "msg_id": "1", "timestamp": 1}):
        value = envelope | extra
        frame = Frame(source, 1, topic.encode(), packed(value) if binary else dumped(value))
        event = attempt(frame)
        if isinstance(event, str):
            assert event in decoding.REASONS
            continue
        check_invariants(People(event.agent, event.users, event.objects))
        assert event.size >= 0
        assert 0 <= event.time < 7_258_118_400_000_000
        event.id.encode()
        event.topic.encode()


@fuzz
@given(topics, json_values, st.none() | st.dictionaries(text, json_values, max_size=3), json_values)
def test_any_body_in_any_family(topic, body, headers, username):
    directory = {"ralph@example.org": "ralph", "nick": "ralph"}
    for key in ("msg", "body"):
        message = {"topic": topic, key: body, "headers": headers, "username": username}
        check_invariants(people(message, directory=directory))


@fuzz
@given(json_values)
def test_every_rule_accepts_any_body(body):
    rules = builtin_rules()
    for topic in TOPICS:
        for modern in (True, False):
            rule = rules.find(f"a.b.prod.{topic}", modern=modern)
            assert rule is None or rule is rules.find(f"a.b.prod.{topic}", modern=modern)
        check_invariants(people({"topic": f"a.b.prod.{topic}", "body": body, "headers": {}}))


@fuzz
@given(st.lists(st.binary(max_size=60) | envelopes.map(dumped), max_size=5))
def test_one_result_for_each_line(lines):
    results = list(people_lines(lines))
    assert len(results) == len(lines)
    for result in results:
        assert set(result) - {"error"} == {"id", "topic", "agent", "users", "objects"}


@fuzz
@given(st.binary(max_size=40), st.binary(max_size=200))
def test_signatures_of_any_bytes(topic, body):
    assert x509.check(topic, body, TRUST, now=NOW) in x509.REASONS


@fuzz
@given(st.sampled_from(sorted(json.loads(SIGNED[1]))), json_values)
def test_a_signed_message_with_any_part_changed_is_refused(key, value):
    message = json.loads(SIGNED[1])
    assert x509.check(SIGNED[0], dumped(message), TRUST, now=NOW) is None
    if dumped(message[key]) == dumped(value):
        return
    message[key] = value
    assert x509.check(SIGNED[0], dumped(message), TRUST, now=NOW) in x509.REASONS


@fuzz
@given(st.data())
def test_a_signed_message_with_any_byte_changed_is_refused_or_equivalent(data):
    body = bytearray(SIGNED[1])
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] ^= data.draw(st.integers(1, 255))
    if x509.check(SIGNED[0], bytes(body), TRUST, now=NOW) is None:
        # base64 of certificate and signature has insignificant bits and characters
        changed, genuine = json.loads(body), json.loads(SIGNED[1])
        assert x509.canonical(changed) == x509.canonical(genuine)


@fuzz
@given(json_values)
def test_the_fast_parser_agrees_with_the_lenient_one(value):
    try:
        text = json.dumps({"v": value})
    except ValueError:
        pytest.skip("not representable in JSON")
    parsed, plain = x509._parse(text.encode(), text)
    encode = fast_canonical if plain else x509.canonical
    assert encode(parsed) == x509.canonical(json.loads(text))


@fuzz
@given(st.text() | st.none() | st.integers(), st.none() | st.dictionaries(st.text(), st.text()))
def test_normalise_is_idempotent(name, directory):
    once = normalise(name, directory)
    assert once is None or normalise(once) == once
