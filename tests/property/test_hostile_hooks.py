"""No delivery of a webhook, however broken, raises anything but a refusal; events are storable."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.decode.reasons import REASONS
from hubbub.collector.event import Event
from hubbub.collector.hooks.requests import delivery, frame_of, is_ping, json_of, signed_bytes
from hubbub.collector.hooks.signatures import KINDS, problem
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.extract import events_of
from hubbub.errors import MessageError
from hubbub.store.loader.batch import _check
from tests.property.test_hostile_items import VALUES, places
from tests.support.examples import examples
from tests.support.forges.hook_payloads import DELIVERIES

NOW = 1_796_000_000
NAMES = sorted(
    {name for recorded in DELIVERIES for name in recorded.headers}
    | {"webhook-id", "webhook-timestamp", "webhook-signature", "x-gitlab-token", "x-event"}
    | {"x-hub-signature-256", "x-forgejo-signature", "x-discourse-event-signature"}
)
#: What a server passes on: bytes of a header, read as Latin-1.
HEADER = st.binary(max_size=40).map(lambda value: value.decode("latin-1"))
HEADERS = st.dictionaries(
    st.sampled_from([*NAMES, "content-type"]),
    st.one_of(HEADER, st.sampled_from(("", "1", "sha256=", "v1,", "application/json",
              "application/x-www-form-urlencoded", "payload=", "post_created", "ping"))),
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    body = copy.deepcopy(draw(st.sampled_from(DELIVERIES)).body)
    for _ in range(draw(st.integers(0, 4))):
        if not places(body):
            break
        path = draw(st.sampled_from(places(body)))
        target: Any = body
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = draw(VALUES)
    return body


@settings(max_examples=examples(300))
@given(bodies(), HEADERS, st.sampled_from(KINDS))
def test_broken_deliveries(body: Any, headers: dict[str, str], kind: Any) -> None:
    frame = frame_of("any-name", delivery(kind, headers), json.dumps(body).encode(), NOW * 10**6)
    refused: list[str] = []
    try:
        (event,) = events_of(frame)
    except MessageError as error:
        refused.append(error.reason)
    if refused:
        assert refused[0] in REASONS
        return
    assert isinstance(event, Event)
    _check(event)
    assert event.id.isprintable()
    assert 0 < len(event.id) <= 255
    assert event.topic.isascii()
    assert event.topic.startswith("any-name.")
    assert event.topic == f"{event.category}.{event.action}"
    assert all(normalise(name) == name for name in event.users)
    assert all(normalise_object(name) == name for name in event.objects)
    assert event.agent is None or event.agent in event.users


@settings(max_examples=examples(300))
@given(HEADERS, st.binary(max_size=200), st.sampled_from(KINDS))
def test_nobody_guesses_a_signature(headers: dict[str, str], body: bytes, kind: Any) -> None:
    is_ping(delivery(kind, headers))
    signed, refused = body, "bad-form"
    try:
        signed = signed_bytes(kind, headers, body)
        json_of(headers, body)
    except MessageError as error:
        refused = error.reason
    assert refused in REASONS
    assert problem(kind, ["a secret that nobody guesses"], headers, signed, NOW) is not None
