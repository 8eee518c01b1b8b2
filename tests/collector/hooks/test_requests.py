"""From the request of a webhook to a frame."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from hubbub.collector.decode.deliveries import Delivery, read
from hubbub.collector.hooks.requests import delivery, frame_of, is_ping, json_of, signed_bytes
from hubbub.errors import MessageError

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
JSON = b'{"zen": "Speak like a human.", "n": "\xc3\xbc&="}'


def test_headers():
    headers = {"x-github-event": "issues", "x-github-delivery": "1-2", "x-gitlab-event": "no"}
    assert delivery("github", headers) == Delivery("github", "issues", "", "1-2")
    assert delivery("gitlab", {"x-gitlab-event": "Tag Push Hook"}).event == "Tag Push"
    assert delivery("forgejo", {"x-gitea-event": "push"}).event == "push"
    assert delivery("forgejo", {"x-github-event": "push"}) == Delivery("forgejo")
    assert len(delivery("github", {"x-github-event": "e" * 9999}).event) == 255


def test_a_retry_of_gitlab_has_the_same_id():
    first = {"idempotency-key": "k", "x-gitlab-event-uuid": "u1"}
    assert delivery("gitlab", first).id == "k"
    assert delivery("gitlab", {**first, "webhook-id": "k"}).id == "k"
    assert delivery("gitlab", {"x-gitlab-event-uuid": "u1"}).id == "u1"


def test_pings():
    assert is_ping(delivery("github", {"x-github-event": "ping"}))
    ping = {"x-discourse-event-type": "ping", "x-discourse-event": "ping"}
    assert is_ping(delivery("discourse", ping))
    assert not is_ping(delivery("github", {"x-github-event": "push"}))


def test_json():
    assert json_of({"content-type": "application/json"}, JSON) is JSON
    assert json_of({}, JSON) is JSON
    assert json_of(FORM, b"payload=" + quote(JSON).encode()) == JSON
    assert json_of(FORM, JSON) is JSON  # curl -d


def test_what_is_signed():
    form = b"payload=" + quote(JSON).encode()
    assert signed_bytes("github", FORM, form) is form
    assert signed_bytes("forgejo", FORM, form) == JSON
    assert signed_bytes("forgejo", {}, JSON) is JSON


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, b"", "not-json"),
        ({}, b"\x80", "not-json"),
        ({}, b"null", "not-an-object"),
        ({}, b'{"a":' * 101 + b"1" + b"}" * 101, "too-deep"),
        (FORM, b"", "bad-form"),
        (FORM, b"payload=", "not-json"),
        (FORM, b"payload={}&payload={}", "bad-form"),
        (FORM, b"a=1&" * 17, "bad-form"),
        (FORM, b"payload=1", "not-an-object"),
    ],
)
def test_bodies_that_are_refused(headers, body, reason):
    with pytest.raises(MessageError) as error:
        json_of(headers, body)
    assert error.value.reason == reason


def test_frames():
    what = Delivery("github", "ping", "", "1")
    frame = frame_of("work", what, JSON, 7)
    assert (frame.source, frame.kind, frame.arrived, frame.body) == ("hook:work", "hook", 7, JSON)
    assert read(frame)[0] == what
