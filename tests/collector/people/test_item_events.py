"""The events of items of forges: who, when, what, and ids that are the same in every fetch."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import events_of
from hubbub.collector.people.lines import people_lines
from hubbub.collector.people.rules import load_rules
from hubbub.errors import MessageError, UsageError
from tests.support.forges.archive_events import ARCHIVE, archived
from tests.support.forges.forge_items import ITEMS, github_issue, line

#: item → (topic, time, agent, other users)
EXPECTED: dict[str, list[tuple[str, str, str | None, tuple[str, ...]]]] = {
    "git commit": [("git.commit", "02T17:30:13", "Ada Awl", ("Bo Bell",))],
    "github issue": [
        ("github.issue.opened", "02T10:00:00", "ada", ()),
        ("github.issue.closed", "04T10:00:00", "cy", ()),
        ("github.issue.comment", "03T10:00:00", "bo", ()),
        ("github.issue.comment", "03T10:01:00", "bo", ()),
    ],
    "github issue that is a pull request": [
        ("github.pull_request.opened", "02T10:00:00", "ada", ()),
        ("github.issue.comment", "03T10:00:00", "bo", ()),
    ],
    "github pull request": [
        ("github.pull_request.opened", "02T12:00:00", "ada", ()),
        ("github.pull_request.merged", "05T12:00:00", "cy", ()),
        ("github.pull_request.review", "04T12:00:00", "bo", ()),
        ("github.pull_request.review_comment", "04T13:00:00", "dee", ()),
    ],
    "github pull request, refused": [
        ("github.pull_request.opened", "02T12:00:00", "ada", ()),
        ("github.pull_request.closed", "05T12:00:00", None, ()),
        ("github.pull_request.review", "04T12:00:00", "bo", ()),
    ],
    "gitlab issue": [
        ("gitlab.issue.opened", "02T08:00:00", "ada", ()),
        ("gitlab.issue.closed", "04T08:00:00", "cy", ()),
        ("gitlab.issue.comment", "03T08:00:00", "bo", ()),
    ],
    "gitlab merge request": [
        ("gitlab.merge_request.opened", "02T08:00:00", "ada", ()),
        ("gitlab.merge_request.merged", "04T08:00:00", "cy", ()),
        ("gitlab.merge_request.comment", "03T08:00:00", "bo", ()),
        ("gitlab.merge_request.approved", "03T08:00:00", "dee", ()),
    ],
    "gerrit": [
        ("gerrit.review.opened", "02T10:33:20", "ada", ()),
        ("gerrit.review.patch_set", "02T10:37:30", "eve", ()),
        ("gerrit.review.comment", "02T10:36:40", "dee", ()),
        ("gerrit.review.comment", "02T10:36:40", "dee", ()),
        ("gerrit.review.approval", "02T10:38:20", "bo", ()),
        ("gerrit.review.merged", "02T10:40:00", "cy", ()),
    ],
    "bugzilla": [
        ("bugzilla.bug.opened", "02T09:49:00", "ada", ()),
        ("bugzilla.bug.comment", "03T09:49:00", "bo", ()),
        ("bugzilla.bug.closed", "04T12:00:00", "cy", ()),
        ("bugzilla.bug.changed", "04T12:00:00", "dee", ()),
    ],
    "bugzilla, rest": [
        ("bugzilla.bug.opened", "02T09:44:44", "ada", ()),
        ("bugzilla.bug.comment", "03T09:44:44", "bo", ()),
        ("bugzilla.bug.closed", "04T00:01:29", "cy", ()),
        ("bugzilla.bug.changed", "03T10:00:00", "dee", ()),
    ],
    "mbox": [("mbox.message", "02T13:26:40", "Ada Awl", ())],
    "hyperkitty": [("hyperkitty.message", "02T13:26:40", "Awl, Ada", ())],
    "pipermail": [("pipermail.message", "02T13:26:40", "Ada Awl", ())],
    "nntp": [("nntp.article", "02T13:26:40", "a", ())],
    "discourse": [
        ("discourse.topic.opened", "02T20:07:49", "ada", ()),
        ("discourse.topic.comment", "03T20:07:49", "bo", ()),
        ("discourse.topic.comment", "04T20:07:49", "ada", ()),
    ],
    "pagure": [
        ("pagure.issue.opened", "02T10:33:20", "ada", ()),
        ("pagure.issue.closed", "02T13:20:00", "cy", ()),
        ("pagure.issue.comment", "02T10:50:00", "bo", ()),
    ],
}
OBJECTS = {
    "gitlab": "lantern/ui/panel",
    "gerrit": "lantern/core",
    "bugzilla": "lamp",
    "mbox": "lamps",
    "hyperkitty": "lamps@lists.example.org",
    "pipermail": "lamps",
    "nntp": "org.lamps",
    "discourse": "forum.example.org",
}


def understood(value: Any, form: str = "perceval", **how: Any) -> list[Event]:
    found = events_of(Frame(f"{form}:x", 0, b"", line(value), 7), **how)
    assert all(isinstance(event, Event) for event in found), found
    return [event for event in found if isinstance(event, Event)]


@pytest.mark.parametrize("name", EXPECTED)
def test_the_events_of_an_item(name: str) -> None:
    events = understood(ITEMS[name])
    got = [
        (e.topic, f"{e.when:%Y-%m-%dT%H:%M:%S}", e.agent, tuple(set(e.users) - {e.agent}))
        for e in events
    ]
    assert got == [(t, f"2026-01-{when}", a, others) for t, when, a, others in EXPECTED[name]]
    repository = OBJECTS.get(name.partition(" ")[0].strip(","), "lantern/beacon")
    for event in events:
        assert event.objects == (repository,)
        assert event.agent is None or event.agent in event.users
        assert event.category == event.topic.partition(".")[0]
        assert event.action == event.topic.partition(".")[2]
        assert event.seq == 7
        assert event.size > 0
    assert len({event.id for event in events}) == len(events)


def test_a_repository_was_created_by_a_person_but_not_by_an_organisation() -> None:
    (event,) = understood(ITEMS["github repo"])
    assert (event.topic, event.agent, event.objects) == (
        "github.repository.created", None, ("lantern/beacon",)
    )  # fmt: skip
    value = json.loads(line(ITEMS["github repo"]))
    value["data"]["owner"] = {"login": "ada", "type": "User"}
    assert understood(value)[0].agent == "ada"


@pytest.mark.parametrize("name", ITEMS)
def test_no_address_is_kept(name: str) -> None:
    for event in understood(ITEMS[name]):
        kept = [event.id, event.agent or "", *event.users]
        assert not any("@" in text for text in kept), kept


@pytest.mark.parametrize("name", ITEMS)
def test_a_later_fetch_gives_the_same_ids(name: str) -> None:
    later = {**ITEMS[name], "timestamp": 1.5e9, "updated_on": 1.6e9, "perceval_version": "2"}
    before = [(event.id, event.time, event.agent) for event in understood(ITEMS[name])]
    assert [(event.id, event.time, event.agent) for event in understood(later)] == before


def test_a_newer_fetch_adds_only_what_is_new() -> None:
    before = {e.id for e in understood(github_issue(5, comments=1, closed=False))}
    after = {e.id: e.topic for e in understood(github_issue(5, comments=3))}
    assert before <= set(after)
    new = sorted(topic for id_, topic in after.items() if id_ not in before)
    assert new == ["github.issue.closed", "github.issue.comment", "github.issue.comment"]


def test_both_ways_give_the_same_event_of_github() -> None:
    of_perceval = {
        event.id: (event.topic, event.time, event.objects, event.extra)
        for name in ("github issue", "github pull request", "github pull request, refused")
        for event in understood(ITEMS[name])
    }
    same = ("opened", "closed", "comment", "merged", "refused", "review", "review comment")
    for name in (*same, "pull request"):
        (event,) = understood(ARCHIVE[name], "gharchive")
        assert of_perceval[event.id] == (event.topic, event.time, event.objects, event.extra)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("reopened", "github.issue.reopened"),
        ("push", "github.repository.pushed"),
        ("branch", "github.branch.created"),
        ("tag deleted", "github.tag.deleted"),
        ("fork", "github.repository.forked"),
        ("star", "github.repository.starred"),
        ("public", "github.repository.published"),
        ("wiki", "github.wiki.edited"),
        ("commit comment", "github.commit.comment"),
        ("release", "github.release.published"),
        ("member", "github.member.added"),
        ("sponsor", "github.sponsorshipevent"),
        ("of 2012", "github.issue.opened"),
    ],
)
def test_events_of_gh_archive(name: str, topic: str) -> None:
    (event,) = understood(ARCHIVE[name], "gharchive")
    assert (event.topic, event.agent, event.objects) == (topic, "ada", ("lantern/beacon",))
    assert event.users == (("ada", "bo") if name == "member" else ("ada",))
    if name == "of 2012":
        assert event.when.isoformat() == "2012-03-11T06:00:00+00:00"


def test_events_of_2012_have_no_id_and_are_told_apart_by_their_content() -> None:
    first = {**ARCHIVE["of 2012"], "type": "WatchEvent", "payload": {"action": "started"}}
    ids = {understood(value, "gharchive")[0].id for value in (first, {**first, "actor": "bo"})}
    assert len(ids) == 2
    assert understood(first, "gharchive")[0].id in ids


def test_a_broken_part_is_refused_and_the_others_are_kept() -> None:
    value = json.loads(line(github_issue(1, comments=3)))
    del value["data"]["comments_data"][1]["created_at"]
    found = events_of(Frame("perceval:x", 0, b"", line(value)))
    errors = [error for error in found if isinstance(error, MessageError)]
    assert [error.reason for error in errors] == ["no-time"]
    assert len(found) - len(errors) == 4, "opened, closed and two comments"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "not-json"),
        (b"[]", "not-an-object"),
        (b"{}", "no-item"),
        (b'{"backend_name": "GitHub", "category": "issue"}', "no-item"),
        (b'{"backend_name": "GitHub", "category": "issue", "data": []}', "no-item"),
        (b'{"backend_name": "Unheard", "category": "thing", "data": {}}', "no-rule"),
        (line(archived("IssuesEvent", action=[])), "no-event"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "too-deep"),
    ],
)
def test_lines_that_are_no_items(text: bytes, reason: str) -> None:
    with pytest.raises(MessageError) as caught:
        events_of(Frame("perceval:x", 0, b"", text))
    assert caught.value.reason == reason


def test_gerrit_without_votes_and_an_abandoned_change() -> None:
    value = json.loads(line(ITEMS["gerrit"]))
    value["data"]["patchSets"] = []
    topics = {event.topic: event.agent for event in understood(value)}
    assert topics["gerrit.review.merged"] == "cy", "told by Gerrit's own comment"
    value["data"]["status"] = "ABANDONED"
    value["data"]["comments"][3]["message"] = "Abandoned\n\nno longer needed"
    topics = {event.topic: event.agent for event in understood(value)}
    assert topics["gerrit.review.abandoned"] == "cy"
    assert "gerrit.review.merged" not in topics


def test_deleted_accounts_and_odd_values_are_nobody() -> None:
    opened = understood(github_issue(1, author=None, comments=0, closed=False))[0]
    assert (opened.agent, opened.users) == (None, ())
    odd = github_issue(1, comments=0, closed=False, user={"login": ["x"]}, title="\udce9")
    assert understood(odd)[0].users == ()
    odd["data"]["number"] = "1\udce9"
    (event,) = understood(odd)
    assert event.id.startswith("sha256-"), "an id can be stored and printed"
    assert event.extra is None, "this is no number"


def test_people_prints_a_line_for_each_event() -> None:
    lines = [line(ITEMS["github issue"]), line(ARCHIVE["push"]), b"{}"]
    printed = list(people_lines(lines))
    events = [*understood(ITEMS["github issue"]), *understood(ARCHIVE["push"], "gharchive")]
    assert [(row["id"], row["topic"], row["agent"]) for row in printed[:-1]] == [
        (event.id, event.topic, event.agent) for event in events
    ]
    assert printed[-1]["error"].startswith("no-body")


def test_the_directory_resolves_addresses() -> None:
    (commit,) = understood(ITEMS["git commit"], directory={"ada@example.org": "ada"})
    assert (commit.agent, commit.users) == ("ada", ("Bo Bell", "ada"))


OWN = """
[[event]]
items = ["Unheard thing", "gharchive PushEvent"]
topic = "unheard.thing.{data.verb | type > lower}"
time = ["data.at", "created_at"]
id = ["$content"]
agent = ["data.who | actor.login"]
"""


def test_own_rules_add_items_and_replace_the_built_in_ones(tmp_path: Any) -> None:
    (tmp_path / "rules.toml").write_text(OWN)
    rules = load_rules(tmp_path / "rules.toml")
    thing = {"backend_name": "Unheard", "category": "thing",
             "data": {"verb": "made", "at": 5, "who": "ada"}}  # fmt: skip
    (event,) = understood(thing, rules=rules)
    assert (event.topic, event.time, event.users) == ("unheard.thing.made", 5_000_000, ("ada",))
    (push,) = understood(archived("PushEvent"), "gharchive", rules=rules)
    assert push.topic == "unheard.thing.pushevent"
    assert understood(ITEMS["github issue"], rules=rules) == understood(ITEMS["github issue"])
    bad = {**thing, "data": {**thing["data"], "verb": "a b"}}  # type: ignore[dict-item]
    (refused,) = events_of(Frame("perceval:x", 0, b"", line(bad)), rules=rules)
    assert isinstance(refused, MessageError)
    assert refused.reason == "bad-topic"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("topic =", "topix ="), "event 1"),
        (('["$content"]', "[]"), "needs `id`"),
        (('["$content"]', '["a > nothing"]'), "unknown transform"),
        (("[[event]]", '[[event]]\nnumber = "data.id"'), "belong together"),
        (("[[event]]", '[[event]]\nonly = [{ path = "a" }]'), "needs `is` or `not`"),
    ],
)
def test_errors_in_own_rules(tmp_path: Any, change: tuple[str, str], problem: str) -> None:
    (tmp_path / "rules.toml").write_text(OWN.replace(*change))
    with pytest.raises(UsageError, match=problem):
        load_rules(tmp_path / "rules.toml")
