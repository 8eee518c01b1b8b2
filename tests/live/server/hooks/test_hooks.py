"""Deliveries of webhooks over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from hubbub.collector.decode.deliveries import read
from hubbub.collector.hooks.requests import MAX_BODY
from hubbub.config import Config, HookConfig
from hubbub.errors import NoRoomError, UsageError
from hubbub.live.server.hooks import routes
from hubbub.live.server.settings import serve_settings
from hubbub.store import Store
from hubbub.store.spool import folder, segment
from hubbub.store.spool.writer import SpoolWriter
from tests.support.forges.hook_payloads import DELIVERIES, GUID, sign
from tests.support.http import Served, serving

SECRET = "s3cret"
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
CONFIG = Config(
    hooks={
        **{kind: HookConfig(secret=SECRET) for kind in ("github", "forgejo", "discourse")},
        "gitlab": HookConfig(secret=(SECRET, KEY)),
        "builds": HookConfig(kind="generic", secret=SECRET, signature_header="X-Sum"),
        "open": HookConfig(kind="generic", insecure=True),
    }
)
PUSH = json.dumps({"sender": {"login": "anna"}, "repository": {"full_name": "o/n"}}).encode()


@pytest.fixture
def served(tmp_path: Path):
    with serving(tmp_path / "store", config=CONFIG) as served:
        yield served


def push(served: Served, body: bytes = PUSH, /, **headers: str | None) -> requests.Response:
    return served.post(
        "/hook/github",
        data=body,
        headers={
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": GUID,
            "Content-Type": "application/json",
            **sign("github", SECRET, body),
            **headers,
        },
    )


def frames(served: Served) -> list[segment.Record]:
    found = []
    for waiting in folder.segments(served.server.store_folder / "spool"):
        descriptor = folder.open_segment(waiting)
        assert descriptor is not None
        records = segment.read(descriptor, 0, name="s", live=waiting.live, torn=waiting.torn)
        found += [record for record in records if isinstance(record, segment.Record)]
    return found


def loaded(served: Served) -> list[dict[str, Any]]:
    with Store.open(served.server.store_folder) as store:
        store.load()
        rows: list[dict[str, Any]] = store.events().to_pyarrow().to_pylist()
    return rows


def test_recorded_deliveries(served: Served):
    for recorded in DELIVERIES:
        id_ = f"{recorded.topic} 0123456789"
        headers = {**recorded.headers, **sign(recorded.kind, SECRET, recorded.data)}
        for name in ("x-github-delivery", "idempotency-key", "x-forgejo-delivery"):
            headers |= {name: id_} if name in headers else {}
        answer = served.post(f"/hook/{recorded.kind}", data=recorded.data, headers=headers)
        assert answer.status_code == 202
        assert answer.json()["status"] == "accepted"
    topics = {row["topic"]: row for row in loaded(served)}
    expected = {recorded.topic: recorded for recorded in DELIVERIES}
    discourse = {topic for topic in expected if topic.startswith("discourse")}
    assert set(topics) >= set(expected) - discourse
    assert len(set(topics) & discourse) == 1  # all have the id 28
    assert topics["github.pull_request.opened"]["users"] == ["Codertocat"]


def test_durable_before_it_is_answered(served: Served):
    answer = push(served)
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "id": GUID})
    (record,) = frames(served)
    assert record.frame.source == "hook:github"
    assert record.frame.body == PUSH
    assert read(record.frame)[0].id == GUID
    assert abs(record.frame.arrived / 1e6 - time.time()) < 60


def test_a_redelivery_counts_once(served: Served):
    for _ in range(3):
        assert push(served).status_code == 202
    (row,) = loaded(served)
    assert (row["id"], row["topic"], row["agent"]) == (GUID, "github.push", "anna")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, "bad-signature"),
        ({"X-Hub-Signature-256": None}, "missing-signature"),
        (sign("github", "other", PUSH), "bad-signature"),
        (sign("github", SECRET, PUSH + b" "), "bad-signature"),
    ],
)
def test_unsigned(served: Served, headers, code):
    answer = push(served, **headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == code
    assert SECRET not in answer.text
    assert frames(served) == []


def test_gitlab_signed_and_with_a_token(served: Served):
    body, now = b'{"object_kind": "push"}', str(int(time.time()))

    def signed(timestamp: str) -> dict[str, str]:
        mac = hmac.new(bytes(range(32)), f"id-1.{timestamp}.".encode() + body, hashlib.sha256)
        signature = "v1," + base64.b64encode(mac.digest()).decode()
        return {
            "webhook-id": "id-1", "webhook-timestamp": timestamp, "webhook-signature": signature,
            "X-Gitlab-Event": "Push Hook",
        }  # fmt: skip

    answer = served.post("/hook/gitlab", data=body, headers=signed(now))
    assert (answer.status_code, answer.json()["id"]) == (202, "id-1")
    old = served.post("/hook/gitlab", data=body, headers=signed("1700000000"))
    assert (old.status_code, old.json()["error"]["code"]) == (401, "stale-signature")
    token = {"X-Gitlab-Token": SECRET}
    assert served.post("/hook/gitlab", data=body, headers=token).status_code == 202
    assert served.post("/hook/gitlab", data=body).status_code == 401


def test_forms(served: Served):
    form = b"payload=" + quote(PUSH).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert push(served, form, **kind, **sign("github", SECRET, form)).status_code == 202
    forgejo = {**kind, "X-Forgejo-Event": "push", **sign("forgejo", SECRET, PUSH)}
    assert served.post("/hook/forgejo", data=form, headers=forgejo).status_code == 202
    assert [record.frame.body for record in frames(served)] == [PUSH, PUSH]


def test_own_header_and_unsigned_hooks(served: Served):
    digest = hmac.new(SECRET.encode(), b"{}", "sha256").hexdigest()
    assert served.post("/hook/builds", data=b"{}", headers={"X-Sum": digest}).status_code == 202
    assert served.post("/hook/builds", data=b"{}").status_code == 401
    answer = served.post("/hook/open", data=b'{"action": "done"}', headers={"X-Event": "build"})
    assert answer.json() == {"status": "accepted", "id": None}
    assert {row["topic"] for row in loaded(served)} == {"builds.event", "open.build.done"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not-json"),
        (b"[]", "not-an-object"),
        (b'{"a": 1', "not-json"),
        (b"\xff\xfe", "not-json"),
        (b'{"a":' + b"[" * 200_000, "too-deep"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "too-deep"),
    ],
)
def test_hostile_json(served: Served, body, code):
    answer = push(served, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
    assert frames(served) == []


def test_a_ping_is_answered_and_not_stored(served: Served):
    answer = push(served, **{"X-GitHub-Event": "ping"})
    assert (answer.status_code, answer.json()) == (200, {"status": "pong", "id": GUID})
    assert push(served, b"x", **{"X-GitHub-Event": "ping"}).status_code == 400
    unsigned = {"X-GitHub-Event": "ping", "X-Hub-Signature-256": "sha256=00"}
    assert push(served, **unsigned).status_code == 401
    assert frames(served) == []


@pytest.mark.parametrize("name", ["nothing", "GITHUB", "%2e%2e", "ü"])
def test_unknown_hooks(served: Served, name):
    answer = served.post(f"/hook/{name}", data=b"{}")
    assert answer.status_code == 404
    assert "[hooks.NAME]" in answer.json()["error"]["hint"]


def test_only_post(served: Served):
    answer = served.get("/hook/github")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_token_is_needed(tmp_path: Path):
    settings = serve_settings(CONFIG, port=0, auth="tokens", anonymous="none")
    with serving(tmp_path / "store", config=CONFIG, settings=settings) as served:
        assert push(served).status_code == 202


def test_the_largest_body(served: Served):
    filler = MAX_BODY - len(b'{"sender":{"login":"anna"},"x":""}')
    body = b'{"sender":{"login":"anna"},"x":"' + b"x" * filler + b'"}'
    assert push(served, body).status_code == 202
    assert push(served, body + b" ").status_code == 413
    (row,) = loaded(served)
    assert (row["size"], row["agent"]) == (MAX_BODY, "anna")


def test_a_body_without_a_length_is_bounded(served: Served):
    def chunks():
        for _ in range(27):
            yield b" " * (1 << 20)

    answer = served.post("/hook/github", data=chunks())
    assert answer.status_code == 413


def test_a_client_that_goes_away(served: Served):
    address = urlsplit(served.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as client:
        client.sendall(
            b"POST /hook/github HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        )
    assert push(served).status_code == 202
    assert len(frames(served)) == 1


def test_many_large_bodies_at_once_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(routes, "HELD_BYTES", 1 << 20)
    assert push(served, b'{"x":"' + b"x" * (2 << 20) + b'"}').status_code == 503
    assert push(served).status_code == 202  # what was held is free again


def test_a_full_disk(served: Served, monkeypatch: pytest.MonkeyPatch):
    flush = SpoolWriter.flush

    def full(self: SpoolWriter) -> None:
        if self.name == "hooks":
            raise NoRoomError("the disk is full", where="spool", hint="make room")
        flush(self)

    with monkeypatch.context() as patch:
        patch.setattr(SpoolWriter, "flush", full)
        answer = push(served)
        assert answer.status_code == 503
        assert "disk is full" in answer.json()["error"]["message"]
        assert answer.headers["Retry-After"] == "10"
    assert push(served).status_code == 202
    (row,) = loaded(served)
    assert row["id"] == GUID


def test_concurrent_deliveries_share_an_fsync(served: Served, monkeypatch: pytest.MonkeyPatch):
    flushes = []
    flush = SpoolWriter.flush

    def slow(self: SpoolWriter) -> None:
        time.sleep(0.05)
        flush(self)
        if self.name == "hooks":
            flushes.append(self.durable)

    monkeypatch.setattr(SpoolWriter, "flush", slow)

    def send(number: int) -> None:
        assert push(served, **{"X-GitHub-Delivery": f"{GUID}-{number}"}).status_code == 202

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(frames(served)) == 20
    assert len([n for n in flushes if n]) < 15


def test_bodies_are_stored_if_configured(tmp_path: Path):
    config = Config(hooks=CONFIG.hooks, bodies=True)
    with serving(tmp_path / "store", config=config) as served:
        push(served)
        loaded(served)
    with Store.open(tmp_path / "store") as store:
        assert store.bodies.find([GUID]) == {GUID: PUSH}


def test_mistakes_are_said_at_the_start(tmp_path: Path):
    config = Config(hooks={"github": HookConfig()})
    with (
        pytest.raises(UsageError, match="no secret"),
        serving(tmp_path / "store", config=config),
    ):
        pass
