"""Deliveries of webhooks as their senders' documentation shows them, shortened to what matters.

Each is (kind, headers in lower case, body, what becomes of it): topic, agent, users, objects, time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from hubbub.collector.hooks.signatures import Kind

__all__ = ["DELIVERIES", "Recorded", "sign"]

GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
REPOSITORY = {"id": 186853002, "name": "Hello-World", "full_name": "Codertocat/Hello-World"}
SENDER = {"login": "Codertocat", "id": 21031067, "type": "User"}
GITEA_USER = {"id": 1, "login": "gitea", "full_name": "", "email": "a@b.c", "username": "gitea"}
PROJECT = {
    "id": 1,
    "name": "Gitlab Test",
    "web_url": "http://example.com/gitlabhq/gitlab-test",
    "path_with_namespace": "gitlabhq/gitlab-test",
}
ROOT = {"id": 1, "name": "Administrator", "username": "root", "email": "admin@example.com"}


@dataclass(frozen=True)
class Recorded:
    """A delivery and the event that it becomes."""

    kind: Kind
    headers: dict[str, str]
    body: dict[str, Any]
    topic: str
    agent: str | None
    objects: tuple[str, ...]
    time: str | None  # ISO 8601; None: of its arrival
    users: tuple[str, ...] | None = field(default=None)  # None: the agent

    @property
    def data(self) -> bytes:
        return json.dumps(self.body, indent=1).encode()

    def __str__(self) -> str:
        return self.topic


def sign(kind: Kind, secret: str, body: bytes) -> dict[str, str]:
    """Return the header of the sender's signature, as its documentation says."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if kind == "forgejo":
        return {"X-Forgejo-Signature": digest, "X-Gitea-Signature": digest}
    if kind == "gitlab":
        return {"X-Gitlab-Token": secret}
    if kind == "discourse":
        return {"X-Discourse-Event-Signature": f"sha256={digest}"}
    return {"X-Hub-Signature-256": f"sha256={digest}"}


def _github(event: str, body: dict[str, Any], action: str = "", **expected: Any) -> Recorded:
    headers = {"x-github-delivery": GUID, "x-github-event": event, "x-github-hook-id": "292430182"}
    facts = {"action": action, **body} if action else body
    return Recorded(
        "github",
        headers,
        {"repository": REPOSITORY, "sender": SENDER, **facts},
        ".".join(filter(None, ("github", event, action))),
        **{"agent": "Codertocat", "objects": ("Codertocat/Hello-World",), **expected},
    )


def _gitlab(header: str, body: dict[str, Any], topic: str, **expected: Any) -> Recorded:
    headers = {
        "x-gitlab-event": header,
        "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e",
        "idempotency-key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
    }
    return Recorded(
        "gitlab",
        headers,
        body,
        topic,
        **{"agent": "root", "objects": ("gitlabhq/gitlab-test",), **expected},
    )


def _forgejo(event: str, body: dict[str, Any], topic: str, **expected: Any) -> Recorded:
    headers = {
        "x-forgejo-delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
        "x-gitea-delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
        "x-forgejo-event": event,
        "x-gitea-event": event,
        "x-github-event": event,
    }
    return Recorded(
        "forgejo",
        headers,
        {"repository": {"full_name": "gitea/webhooks"}, "sender": GITEA_USER, **body},
        topic,
        **{"agent": "gitea", "objects": ("gitea/webhooks",), **expected},
    )


def _discourse(type_: str, event: str, body: dict[str, Any], topic: str, **kw: Any) -> Recorded:
    headers = {
        "x-discourse-instance": "https://forum.example.org",
        "x-discourse-event-id": "28",
        "x-discourse-event-type": type_,
        "x-discourse-event": event,
    }
    return Recorded("discourse", headers, body, topic, **{"objects": (), "time": None, **kw})


POST = {
    "id": 130,
    "username": "anna",
    "created_at": "2026-03-04T05:06:07.891Z",
    "updated_at": "2026-03-05T05:06:07.891Z",
    "topic_id": 78,
    "topic_slug": "release-planning",
    "topic_title": "Release planning",
}
TOPIC = {
    "id": 78,
    "title": "Release planning",
    "slug": "release-planning",
    "created_at": "2026-03-04T05:06:07.000Z",
    "created_by": {"id": 2, "username": "anna"},
}
TIMES = {
    "created_at": "2026-03-01T10:00:00Z",
    "updated_at": "2026-03-02T11:00:00Z",
    "closed_at": "2026-03-02T10:59:59Z",
}
CREATED, UPDATED, CLOSED = TIMES.values()

DELIVERIES = [
    _github("push", {"ref": "refs/tags/x", "repository": {**REPOSITORY, "pushed_at": 1767225600},
            "pusher": {"name": "Codertocat"}}, time="2026-01-01T00:00:00Z"),
    _github("issues", {"issue": {"number": 1, **TIMES, "closed_at": None}}, "opened", time=CREATED),
    _github("issues", {"issue": {"number": 1, **TIMES}}, "closed", time=CLOSED),
    _github("issues", {"issue": {"number": 1, **TIMES}}, "labeled", time=UPDATED),
    _github("issues", {"issue": {"number": 1, **TIMES}}, "deleted", time=None),
    _github("issue_comment", {"issue": TIMES, "comment": {
        "created_at": "2026-03-03T00:00:00Z", "updated_at": "2026-03-03T00:00:00Z",
        "user": {"login": "someone"}}}, "created", time="2026-03-03T00:00:00Z"),
    _github("pull_request", {"number": 2, "pull_request": TIMES}, "opened", time=CREATED),
    _github("pull_request", {"number": 2, "pull_request": {**TIMES, "merged": True}}, "closed",
            time=CLOSED),
    _github("pull_request", {"pull_request": TIMES}, "synchronize", time=UPDATED),
    _github("pull_request_review", {"pull_request": TIMES, "review": {
        "submitted_at": "2026-03-02T10:00:00Z", "state": "approved"}}, "submitted",
            time="2026-03-02T10:00:00Z"),
    _github("release", {"release": {"created_at": "2020-01-01T00:00:00Z",
            "published_at": "2026-03-09T00:00:00Z"}}, "published", time="2026-03-09T00:00:00Z"),
    _github("star", {"starred_at": "2026-03-09T00:00:00Z"}, "created", time="2026-03-09T00:00:00Z"),
    _github("star", {"starred_at": None}, "deleted", time=None),
    _github("fork", {"forkee": {"created_at": CREATED}}, time=CREATED),
    _github("create", {"ref": "branch", "ref_type": "branch"}, time=None),
    _github("status", {"state": "success", "updated_at": UPDATED}, time=UPDATED),
    _github("workflow_run", {"workflow_run": TIMES}, "completed", time=UPDATED),
    _github("organization", {"repository": None, "organization": {"login": "Octo"}}, "member_added",
            objects=(), time=None),
    _gitlab("Push Hook", {"object_kind": "push", "event_name": "push", "user_name": "John Smith",
            "user_username": "jsmith", "user_email": "", "project": PROJECT,
            "commits": [{"timestamp": "2011-12-12T14:27:31+02:00"}]}, "gitlab.push",
            agent="jsmith", time=None),
    _gitlab("Issue Hook", {"object_kind": "issue", "event_type": "issue", "user": ROOT,
            "project": PROJECT, "object_attributes": {"action": "open",
            "created_at": "2026-12-03 17:15:43 UTC", "updated_at": "2026-12-03T17:15:43Z"},
            "assignees": [{"username": "user1"}]}, "gitlab.issue.open",
            time="2026-12-03T17:15:43Z"),
    _gitlab("Issue Hook", {"object_kind": "issue", "user": ROOT, "project": PROJECT,
            "object_attributes": {"action": "close", **TIMES}}, "gitlab.issue.close", time=UPDATED),
    _gitlab("Merge Request Hook", {"object_kind": "merge_request", "user": ROOT,
            "project": PROJECT, "object_attributes": {"action": "merge", **TIMES}},
            "gitlab.merge_request.merge", time=UPDATED),
    _gitlab("Note Hook", {"object_kind": "note", "user": ROOT, "project": PROJECT,
            "object_attributes": {"noteable_type": "Issue", "action": "create", **TIMES}},
            "gitlab.note.create", time=CREATED),
    _gitlab("Pipeline Hook", {"object_kind": "pipeline", "user": ROOT, "project": PROJECT,
            "object_attributes": {"status": "success", "created_at": "2016-08-12 15:23:28 UTC",
            "finished_at": "2016-08-12 15:26:29 UTC"}}, "gitlab.pipeline.success",
            time="2016-08-12T15:26:29Z"),
    _gitlab("Job Hook", {"object_kind": "build", "build_status": "created", "user": ROOT,
            "build_created_at": "2021-02-23T02:41:37.886Z", "build_started_at": None,
            "repository": {"homepage": "http://192.168.64.1:3005/gitlab-org/gitlab-test"}},
            "gitlab.build.created", objects=("gitlab-org/gitlab-test",),
            time="2021-02-23T02:41:37.886Z"),
    _gitlab("Member Hook", {"event_name": "user_add_to_group", "user_username": "test_user",
            "group_path": "webhook-test", "created_at": "2020-12-11T04:57:22Z"},
            "gitlab.user_add_to_group", agent="test_user", objects=(),
            time="2020-12-11T04:57:22Z"),
    _forgejo("push", {"ref": "refs/heads/develop", "pusher": GITEA_USER,
             "head_commit": {"timestamp": "2017-03-13T13:52:11-04:00"}}, "forgejo.push", time=None),
    _forgejo("issues", {"action": "opened", "issue": TIMES}, "forgejo.issues.opened", time=CREATED),
    _forgejo("pull_request", {"action": "closed", "pull_request": TIMES},
             "forgejo.pull_request.closed", time=CLOSED),
    _forgejo("issue_comment", {"action": "created", "issue": TIMES, "comment": {
        "created_at": "2026-03-03T00:00:00+01:00"}}, "forgejo.issue_comment.created",
        time="2026-03-02T23:00:00Z"),
    _forgejo("release", {"action": "published", "release": {"published_at": UPDATED}},
             "forgejo.release.published", time=UPDATED),
    _discourse("post", "post_created", {"post": POST}, "discourse.post.created", agent="anna",
               objects=("release-planning",), time="2026-03-04T05:06:07.891Z"),
    _discourse("post", "post_edited", {"post": POST}, "discourse.post.edited", agent=None, users=(),
               objects=("release-planning",), time="2026-03-05T05:06:07.891Z"),
    _discourse("topic", "topic_created", {"topic": TOPIC}, "discourse.topic.created", agent="anna",
               objects=("release-planning",), time="2026-03-04T05:06:07Z"),
    _discourse("user", "user_logged_in", {"user": {"username": "ben",
               "last_seen_at": "2026-03-04T05:06:07Z"}}, "discourse.user.logged_in", agent="ben",
               time="2026-03-04T05:06:07Z"),
    _discourse("like", "post_liked", {"like": {"post": POST, "user": {"username": "ben"}}},
               "discourse.like.post_liked", agent="ben", objects=("release-planning",)),
    _discourse("solved", "accepted_solution", {"solved": {"username": "anna",
               "topic_slug": "release-planning"}}, "discourse.solved.accepted_solution",
               agent="anna", objects=("release-planning",)),
]  # fmt: skip
