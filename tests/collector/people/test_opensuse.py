"""Messages of openSUSE's bus: the build service and its forge.

The bodies hold the keys that the build service's events state, and Gitea's hooks.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.amqp.envelope import wrap
from hubbub.collector.event import Frame, People
from hubbub.collector.people.extract import has_rule, people, understand
from hubbub.collector.people.lines import people_lines
from hubbub.collector.people.rules import load_rules

BASH = {"project": "Base:System", "package": "bash"}
BUILD = {
    **BASH,
    "repository": "openSUSE_Tumbleweed",
    "arch": "x86_64",
    "workerid": "old-cirrus4:2",
    "reason": "source change",
    "versrel": "5.3-1",
    "starttime": "1",
    "endtime": "2",
}
REQUEST = {
    "author": "anna",
    "number": 4242,
    "state": "review",
    "comment": "please",
    "namespace": "openSUSE",
    "actions": [
        {
            "action_id": 1,
            "type": "submit",
            "sourceproject": "Base:System",
            "sourcepackage": "bash",
            "targetproject": "openSUSE:Factory",
            "targetpackage": "bash",
        }
    ],
}
FACTORY = ("openSUSE:Factory/bash",)
ANNA = People("anna", ("anna",), ("Base:System/bash",))
NOBODY = People(None, (), ("Base:System/bash",))
PROJECT = People("anna", ("anna",), ("Base:System",))
QUIET = People(None, (), ("Base:System",))
IN = {"project": "Base:System"}

OBS: list[tuple[str, dict[str, Any], People]] = [
    ("package.build_success", BUILD, NOBODY),
    ("package.build_fail", {**BUILD, "previouslyfailed": "1"}, NOBODY),
    ("package.build_unchanged", {**BUILD, "sender": "_nobody_"}, NOBODY),
    ("package.commit", {**BASH, "user": "anna", "rev": "7", "files": "Modified:\n"}, ANNA),
    ("package.commit", {**BASH, "user": "unknown", "sender": "anna"}, ANNA),
    ("package.upload", {**BASH, "user": "anna", "filename": "bash.changes"}, ANNA),
    ("package.create", {**BASH, "sender": "anna"}, ANNA),
    ("package.create", {**BASH, "sender": "_nobody_"}, NOBODY),
    ("package.update", {**BASH, "sender": "anna"}, ANNA),
    ("package.delete", {**BASH, "sender": "anna", "comment": "old", "requestid": "9"}, ANNA),
    ("package.undelete", {**BASH, "sender": "anna", "comment": None}, ANNA),
    (
        "package.branch",
        {**BASH, "user": "anna", "targetproject": "home:anna", "targetpackage": "bash"},
        ANNA,
    ),
    ("package.version_change", {**BASH, "user": "anna", "newversion": "5.3"}, ANNA),
    ("package.service_success", {**BASH, "user": "anna", "rev": "7"}, ANNA),
    ("package.service_fail", {**BASH, "user": "anna", "error": "@ben: no tarball"}, ANNA),
    ("package.upstream_version_changed", {**BASH, "upstream_version": "5.4"}, NOBODY),
    (
        "package.comment",
        {**BASH, "commenter": "anna", "commenters": ["ben", "cleo"], "comment_body": "@dora"},
        ANNA,
    ),
    ("project.create", {**IN, "sender": "anna"}, PROJECT),
    ("project.update", {**IN, "sender": "anna"}, PROJECT),
    ("project.update_project_conf", {**IN, "sender": "anna", "files": "_config"}, PROJECT),
    ("project.delete", {**IN, "sender": "anna", "requestid": None}, PROJECT),
    ("project.undelete", {**IN, "sender": "unknown"}, QUIET),
    ("project.comment", {**IN, "commenter": "anna", "commenters": [17, 4]}, PROJECT),
    ("repo.published", {**IN, "repo": "standard", "buildid": "1"}, QUIET),
    ("repo.publish_state", {**IN, "repo": "standard", "state": "publishing"}, QUIET),
    ("repo.packtrack", {**IN, "repo": "standard", "payload": "…"}, QUIET),
    ("repo.build_started", {**IN, "repo": "standard", "arch": "x86_64"}, QUIET),
    ("repo.build_finished", {**IN, "repo": "standard", "arch": "x86_64"}, QUIET),
    ("repo.status_report", {**IN, "repo": "standard", "who": "anna", "name": "openQA"}, PROJECT),
    ("container.published", {**IN, "repo": "images", "container": "tumbleweed:1"}, QUIET),
    ("request.create", {**REQUEST, "who": "anna"}, People("anna", ("anna",), FACTORY)),
    ("request.create", REQUEST, People("anna", ("anna",), FACTORY)),
    ("request.change", {**REQUEST, "who": "ben"}, People("ben", ("anna", "ben"), FACTORY)),
    ("request.delete", {**REQUEST, "who": "ben"}, People("ben", ("anna", "ben"), FACTORY)),
    (
        "request.state_change",
        {**REQUEST, "who": "ben", "oldstate": "review", "state": "accepted", "duration": 9},
        People("ben", ("anna", "ben"), FACTORY),
    ),
    (
        "request.review_wanted",
        {**REQUEST, "who": "ben", "by_user": "cleo", "reviewers": [{"user_id": 7}]},
        People("ben", ("anna", "ben", "cleo"), FACTORY),
    ),
    (
        "request.review_changed",
        {**REQUEST, "who": "ben", "by_group": "legal-auto", "reviewers": [{"group_id": 3}]},
        People("ben", ("anna", "ben"), FACTORY),
    ),
    (
        "request.reviews_done",
        {**REQUEST, "who": "_nobody_", "reviewers": ["ben"], "oldstate": "review"},
        People(None, ("anna", "ben"), FACTORY),
    ),
    (
        "request.comment",
        {**REQUEST, "commenter": "cleo", "who": "ben", "comment_body": "@dora?", "diff_ref": None},
        People("cleo", ("anna", "ben", "cleo"), FACTORY),
    ),
    ("request.status_report", {"who": "anna", "number": 1}, People("anna", ("anna",), ())),
    (
        "relationship.create",
        {**BASH, "who": "anna", "user": "ben", "role": "maintainer"},
        People("anna", ("anna", "ben"), ("Base:System/bash",)),
    ),
    ("relationship.delete", {**IN, "who": "anna", "group": "legal-auto"}, PROJECT),
    ("workflow_run.fail", {"id": 1, "token_id": 2}, People(None, (), ())),
]


@pytest.mark.parametrize(("kind", "body", "names"), OBS, ids=[case[0] for case in OBS])
def test_events_of_the_build_service(kind, body, names):
    message = {"topic": f"opensuse.obs.{kind}", "body": body}
    assert has_rule(message["topic"])
    assert people(message) == people({**message, "headers": {}}) == names
    assert people({**message, "topic": f"suse.obs.{kind}"}) == names


def test_every_target_of_a_request_is_an_object():
    actions = [
        {"type": "delete", "targetproject": "openSUSE:Factory", "targetpackage": "zsh"},
        {"type": "delete", "targetproject": "home:anna", "targetpackage": None},
        {"type": "set_bugowner", "targetproject": None, "targetpackage": "x"},
        "nonsense",
    ]
    body = {**REQUEST, "actions": actions}
    names = people({"topic": "opensuse.obs.request.create", "body": body})
    assert names.objects == ("home:anna", "openSUSE:Factory/zsh")


def test_addresses_are_nobody():
    body = {**BASH, "user": "anna@example.org", "sender": "Anna <anna@example.org>"}
    assert people({"topic": "opensuse.obs.package.commit", "body": body}) == NOBODY


def user(login: str) -> dict[str, Any]:
    return {"login": login, "username": login, "email": f"{login}@example.org", "full_name": "X Y"}


SRC: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("push", {"pusher": user("anna"), "commits": [{"author": {"username": "cleo"}}]}, ("anna",)),
    ("pull_request.opened", {"pull_request": {"user": user("anna")}}, ("anna",)),
    ("pull_request.synchronized", {"pull_request": {"user": user("ben")}}, ("anna", "ben")),
    (
        "pull_request_review_request.review_requested",
        {"pull_request": {"user": user("ben")}, "requested_reviewer": user("cleo")},
        ("anna", "ben", "cleo"),
    ),
    (
        "pull_request_review_approved.reviewed",
        {"pull_request": {"user": user("ben")}, "review": {"type": "approved"}},
        ("anna", "ben"),
    ),
    (
        "issues.assigned",
        {"issue": {"user": user("ben"), "assignee": user("cleo")}},
        ("anna", "ben", "cleo"),
    ),
    (
        "issue_comment.created",
        {"issue": {"user": user("ben"), "assignee": None}, "comment": {"user": user("anna")}},
        ("anna", "ben"),
    ),
    ("fork", {"forkee": {"full_name": "pool/zsh"}}, ("anna",)),
    ("create", {"ref": "v1", "ref_type": "tag"}, ("anna",)),
    ("delete", {"ref": "topic", "ref_type": "branch"}, ("anna",)),
    ("release.published", {"release": {"author": user("anna")}}, ("anna",)),
    ("repository.created", {"organization": user("pool")}, ("anna",)),
    ("status", {"context": "ci", "state": "success"}, ("anna",)),
]


@pytest.mark.parametrize(("kind", "body", "users"), SRC, ids=[case[0] for case in SRC])
@pytest.mark.parametrize("owner", ["", "pool.", "A-1."])
def test_events_of_the_forge(kind, body, users, owner):
    whole = {**body, "repository": {"full_name": "pool/bash"}, "sender": user("anna")}
    message = {"topic": f"opensuse.src.{owner}{kind}", "body": whole}
    assert people(message) == People("anna", users, ("pool/bash",))


@pytest.mark.parametrize(("kind", "body", "names"), OBS, ids=[case[0] for case in OBS])
def test_a_delivery_an_import_and_a_line_agree(kind, body, names):
    topic = f"opensuse.obs.{kind}"
    raw = json.dumps(body).encode()
    row = wrap(topic, raw, message_id=None, headers=None, timestamp=7, arrived=9)
    line = json.dumps({"topic": topic, "timestamp": 7, "body": body}).encode()
    missed: dict[str, str] = {}
    heard = understand(Frame("amqp:amqps://rabbit.opensuse.org/", 9, b"", row), missed=missed)
    imported = understand(Frame("jsonl:x", 9, b"", line), missed=missed)
    for event in (heard, imported):
        assert (event.agent, event.users, event.objects) == (
            names.agent,
            names.users,
            names.objects,
        )
        assert event.time == 7_000_000
        assert f"opensuse.{event.category}.{event.action}" == topic
    (printed,) = people_lines([row])
    assert printed["agent"] == names.agent
    assert printed["objects"] == list(names.objects)
    assert not missed


def test_what_is_missing_is_seen():
    assert not has_rule("opensuse.obs.galaxy.explode")
    assert not has_rule("opensuse.toms.dump.create")
    frame = Frame(
        "jsonl:x", 1, b"", b'{"topic":"opensuse.obs.package.create","timestamp":1,"body":{}}'
    )
    missed: dict[str, str] = {}
    understand(frame, missed=missed)
    assert list(missed.values()) == ["no-fit"]


def test_own_rules_precede():
    """Whoever wants packages whatever the project is."""
    rules = load_rules({"family": [{"topics": ["obs.package.*"], "objects": ["package"]}]})
    message = {"topic": "opensuse.obs.package.build_success", "body": BUILD}
    assert people(message, rules=rules) == People(None, (), ("bash",))
