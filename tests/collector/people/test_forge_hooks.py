"""Messages of forges on Fedora's bus: hooks of GitHub, Forgejo and GitLab, and pagure's events.

The bodies have the shapes that the forges document, shortened to what rules could look at; logins
and addresses of the forge are in them, since none of these may become a user.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.event import Frame, People
from hubbub.collector.people.extract import people, understand

#: Keys of every event of GitHub beside `repository` and `sender`.
GITHUB: dict[str, dict[str, Any]] = {
    "push": {"ref": "refs/heads/main", "pusher": {"name": "octo", "email": "octo@example.org"}},
    "pull_request": {
        "action": "review_requested",
        "pull_request": {"user": {"login": "author"}, "assignees": [{"login": "assignee"}]},
        "requested_reviewer": {"login": "reviewer"},
    },
    "pull_request_review": {
        "action": "submitted",
        "review": {"user": {"login": "reviewer"}, "state": "approved"},
        "pull_request": {"user": {"login": "author"}, "head": {"repo": {"full_name": "f/fork"}}},
    },
    "pull_request_review_comment": {"comment": {"user": {"login": "reviewer"}}},
    "pull_request_review_thread": {"action": "resolved", "thread": {"comments": []}},
    "issues": {"action": "assigned", "assignee": {"login": "assignee"}, "issue": {"number": 1}},
    "issue_comment": {"comment": {"user": {"login": "octo"}, "body": "ask @ralph"}},
    "release": {"action": "published", "release": {"author": {"login": "octo"}}},
    "create": {"ref": "v1", "ref_type": "tag"},
    "delete": {"ref": "topic", "ref_type": "branch"},
    "fork": {"forkee": {"full_name": "somebody/hub", "owner": {"login": "somebody"}}},
    "star": {"action": "created", "starred_at": "2026-01-01T00:00:00Z"},
    "watch": {"action": "started"},
    "workflow_run": {"action": "completed", "workflow_run": {"actor": {"login": "octo"}}},
    "workflow_job": {"action": "queued", "workflow_job": {"labels": []}},
    "check_run": {"action": "created", "check_run": {"name": "lint"}},
    "check_suite": {"action": "completed", "check_suite": {"head_sha": "0" * 40}},
    "status": {"state": "success", "commit": {"author": {"login": "octo"}}},
    "deployment_status": {"deployment": {"creator": {"login": "octo"}}},
    "discussion": {"action": "created", "discussion": {"user": {"login": "octo"}}},
    "discussion_comment": {"comment": {"user": {"login": "octo"}}},
    "commit_comment": {"comment": {"user": {"login": "octo"}}},
    "label": {"action": "edited", "label": {"name": "bug"}},
    "milestone": {"action": "closed", "milestone": {"creator": {"login": "octo"}}},
    "member": {"action": "added", "member": {"login": "somebody"}},
    "public": {},
    "repository": {"action": "renamed", "changes": {"repository": {"name": {"from": "old"}}}},
    "gollum": {"pages": [{"page_name": "Home"}]},
    "ping": {"zen": "…", "hook": {"id": 1}},
}
FORGEJO: dict[str, dict[str, Any]] = {
    **{kind: GITHUB[kind] for kind in ("push", "pull_request", "issues", "issue_comment")},
    **{kind: GITHUB[kind] for kind in ("create", "delete", "release", "repository")},
    "pull_request_approved": {"action": "reviewed", "review": {"type": "approved"}},
    "pull_request_rejected": {"action": "reviewed", "review": {"type": "rejected"}},
    "pull_request_comment": {"action": "reviewed", "pull_request": {"user": {"login": "author"}}},
    "fork": {"forkee": {"full_name": "infra/original"}},
    "wiki": {"action": "edited", "page": "Home"},
}
GITLAB: dict[str, dict[str, Any]] = {
    "push": {"user_username": "lab", "user_email": "lab@example.org", "commits": []},
    "tag_push": {"user_username": "lab", "ref": "refs/tags/v1"},
    "note": {"object_attributes": {"noteable_type": "Issue"}, "issue": {"assignee_ids": [5]}},
    "confidential_note": {"object_attributes": {"note": "…"}},
    "issue": {"assignees": [{"username": "assignee"}], "object_attributes": {"iid": 1}},
    "confidential_issue": {"object_attributes": {"iid": 2}},
    "merge_request": {
        "reviewers": [{"username": "reviewer"}],
        "object_attributes": {"source": {"path_with_namespace": "f/fork"}},
    },
    "pipeline": {"object_attributes": {"status": "success"}, "builds": [{"user": {}}]},
    "job": {"build_status": "failed", "project_name": "Group / Hub"},
    "release": {"action": "create", "tag": "v1"},
    "wiki_page": {"wiki": {"path_with_namespace": "group/sub/hub.wiki"}},
    "emoji": {"object_attributes": {"name": "thumbsup"}, "note": {"id": 7}},
    "deployment": {"status": "success", "deployable_id": 796},
    "feature_flag": {"object_attributes": {"name": "new", "active": True}},
    "milestone": {"action": "close", "object_attributes": {"title": "1.0"}},
}


def hook(forge: str, kind: str, body: dict[str, Any], agent: str | None) -> dict[str, Any]:
    """Return a message as webhook-to-fedora-messaging publishes it, without names in headers."""
    return {
        "topic": f"org.fedoraproject.prod.{forge}.{kind}",
        "headers": {"fedora_messaging_schema": f"webhook_to_fedora_messaging.{forge}.message_v1"},
        "body": {"body": body, "headers": {f"x-{forge}-event": kind}, "agent": agent},
    }


def github(kind: str) -> dict[str, Any]:
    homepage = {"homepage": "https://hub.example.org/docs"}
    repository = {"name": "hub", "full_name": "group/hub", "owner": {"login": "group"}, **homepage}
    return {**GITHUB[kind], "repository": repository, "sender": {"login": "octo"}}


def forgejo(kind: str) -> dict[str, Any]:
    user = {"login": "fo", "username": "fo", "email": "fo@example.org"}
    return {**FORGEJO[kind], "repository": {"full_name": "group/hub"}, "sender": user}


def gitlab(kind: str) -> dict[str, Any]:
    project = {"name": "Hub", "path_with_namespace": "group/hub", "namespace": "Group"}
    repository = {"name": "Hub", "homepage": "https://lab.example.org/group/hub"}
    user = {"username": "lab", "name": "Lab Rat", "email": "lab@example.org"}
    return {**GITLAB[kind], "project": project, "repository": repository, "user": user}


HOOKS = [
    *(pytest.param("github", kind, github(kind), id=f"github-{kind}") for kind in GITHUB),
    *(pytest.param("forgejo", kind, forgejo(kind), id=f"forgejo-{kind}") for kind in FORGEJO),
    *(pytest.param("gitlab", kind, gitlab(kind), id=f"gitlab-{kind}") for kind in GITLAB),
]


@pytest.mark.parametrize(("forge", "kind", "body"), HOOKS)
def test_the_agent_is_who_the_publisher_found_and_the_object_the_repository(forge, kind, body):
    message = hook(forge, kind, body, "ralph")
    assert people(message) == People("ralph", ("ralph",), ("group/hub",))
    assert people({**message, "headers": {}}) == People("ralph", ("ralph",), ("group/hub",))
    stated = {**message["headers"], "fedora_messaging_user_ralph": True}
    assert people({**message, "headers": stated}) == People("ralph", ("ralph",), ("group/hub",))


@pytest.mark.parametrize(("forge", "kind", "body"), HOOKS)
def test_without_an_account_there_is_nobody_but_the_repository_remains(forge, kind, body):
    assert people(hook(forge, kind, body, None)) == People(None, (), ("group/hub",))


@pytest.mark.parametrize("result", ["success", "failure", "recover", "cancelled"])
def test_runs_of_forgejo_actions_hold_the_repository(result):
    run = {"repository": {"full_name": "infra/ansible"}, "trigger_user": {"login": "fo"}}
    message = hook("forgejo", f"action_run_{result}", {"action": result, "run": run}, "ralph")
    assert people(message) == People("ralph", ("ralph",), ("infra/ansible",))


@pytest.mark.parametrize(
    ("body", "objects"),
    [
        ({"repository": {"homepage": "https://lab.example.org/group/sub/hub"}}, ("group/sub/hub",)),
        ({"project": {"web_url": "https://lab.example.org/group/hub"}}, ("group/hub",)),
        ({"path_with_namespace": "group/hub"}, ("group/hub",)),
        ({"group": {"full_path": "group"}}, ()),
        ({"project": None, "repository": {"homepage": 7}}, ()),
    ],
)
def test_a_project_of_gitlab_that_is_stated_otherwise(body, objects):
    assert people(hook("gitlab", "job", body, None)).objects == objects


@pytest.mark.parametrize("forge", ["github", "forgejo"])
@pytest.mark.parametrize("repository", [None, {}, {"full_name": None, "name": "x"}, "x", [1]])
def test_a_hook_without_a_repository_has_no_object(forge, repository):
    """Hooks of organisations, for example; the home page of a repository is not its name."""
    body = {"repository": repository, "organization": {"login": "group"}}
    assert people(hook(forge, "organization", body, "ralph")) == People("ralph", ("ralph",), ())


def test_pretix_has_no_repository():
    message = hook("pretix", "event", {"organizer": "community", "event": "flock"}, "ralph")
    assert people(message) == People("ralph", ("ralph",), ())


def test_a_stored_event():
    """A history service that lists no packages says nothing about repositories."""
    message = {**hook("forgejo", "push", forgejo("push"), None), "id": "1", "timestamp": 1}
    for row in (message, {**message, "meta": {"usernames": [], "packages": []}}):
        body = json.dumps(row).encode()
        missed: dict[str, str] = {}
        event = understand(Frame("history:x", 1, b"", body), missed=missed)
        assert (event.category, event.action, event.objects) == ("forgejo", "push", ("group/hub",))
        assert not missed


def project(fullname: str | None, name: str, namespace: str | None) -> dict[str, Any]:
    return {"fullname": fullname, "name": name, "namespace": namespace, "user": {"name": "owner"}}


PACKAGE = project("rpms/bash", "bash", "rpms")
FORK_OF_PACKAGE = project("forks/anna/rpms/bash", "bash", "rpms")
PLAIN = project("pagure", "pagure", None)
OF_GROUP = project("fedora-infra/ansible", "ansible", "fedora-infra")
FORK = project("forks/anna/fedora-infra/ansible", "ansible", "fedora-infra")


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        (PACKAGE, "bash"),
        (FORK_OF_PACKAGE, "bash"),
        (PLAIN, "pagure"),
        (OF_GROUP, "fedora-infra/ansible"),
        (FORK, "forks/anna/fedora-infra/ansible"),
        (project("container/bash", "bash", "container"), "container/bash"),
        (project(None, "bash", "rpms"), "bash"),
    ],
)
@pytest.mark.parametrize(
    ("topic", "where"),
    [
        ("git.receive", "repo"),
        ("git.branch.creation", "repo"),
        ("git.tag.creation", "repo"),
        ("commit.flag.added", "repo"),
        ("project.new", "project"),
        ("project.forked", "project"),
        ("project.user.added", "project"),
        ("issue.new", "project"),
        ("issue.comment.added", "issue.project"),
        ("pull-request.new", "pullrequest.project"),
        ("pull-request.flag.updated", "pullrequest.project"),
        ("request.assigned.added", "request.project"),
    ],
)
def test_a_repository_of_pagure(topic, where, repository, name):
    outer, _, inner = where.partition(".")
    body: dict[str, Any] = {"agent": "anna"}
    body[outer] = {inner: repository, "repo_from": FORK, "user": {"name": "ben"}}
    if not inner:
        body[outer] = repository
    names = people({"topic": f"io.pagure.prod.pagure.{topic}", "headers": {}, "body": body})
    assert names == People("anna", ("anna", "ben") if inner else ("anna",), (name,))


def test_a_repository_that_is_stated_twice_is_one_object():
    body = {"agent": "a", "project": PACKAGE, "pullrequest": {"project": PACKAGE}}
    names = people({"topic": "pagure.pull-request.closed", "headers": {}, "body": body})
    assert names.objects == ("bash",)


def test_a_group_of_pagure_is_no_repository():
    body = {"agent": "anna", "group": {"name": "infra", "fullname": "infra"}}
    names = people({"topic": "pagure.group.edit", "headers": {}, "body": body})
    assert names == People("anna", ("anna",), ())
