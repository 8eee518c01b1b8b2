"""The events of webhooks' deliveries."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest

from hubbub.collector.decode.deliveries import Delivery, pack
from hubbub.collector.event import Event, Frame
from hubbub.collector.hooks.requests import delivery, frame_of
from hubbub.collector.people.extract import events_of
from hubbub.collector.people.hook_events import word
from hubbub.collector.people.lines import people_lines
from hubbub.collector.people.reader import Reader, ReaderConfig, configured
from hubbub.collector.people.rules import Rules, load_rules
from hubbub.config import Config, HookConfig, PeopleConfig
from hubbub.errors import MessageError, UsageError
from hubbub.times import to_micros
from tests.support.forges.hook_payloads import DELIVERIES, GUID, Recorded

ARRIVED = to_micros(datetime.fromisoformat("2026-12-24T18:00:00Z"))


def only(frame: Frame, **how: Any) -> Event:
    (event,) = events_of(frame, **how)
    assert isinstance(event, Event)
    return event


def event_of(kind="generic", body=None, name="builds", rules=None, missed=None, **facts) -> Event:
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return only(frame_of(name, Delivery(kind, **facts), data, ARRIVED), rules=rules, missed=missed)


@pytest.mark.parametrize("recorded", DELIVERIES, ids=str)
def test_recorded(recorded: Recorded):
    what = delivery(recorded.kind, recorded.headers)
    event = only(frame_of(recorded.kind, what, recorded.data, ARRIVED))
    assert event.topic == recorded.topic
    assert event.category == recorded.kind
    assert f"{event.category}.{event.action}" == event.topic
    assert event.agent == recorded.agent
    agent = () if recorded.agent is None else (recorded.agent,)
    assert event.users == (agent if recorded.users is None else recorded.users)
    assert event.objects == recorded.objects
    time = recorded.time and to_micros(datetime.fromisoformat(recorded.time))
    assert event.time == (time or ARRIVED)
    assert event.source == f"hook:{recorded.kind}"
    assert event.size == len(json.dumps(recorded.body, separators=(",", ":")).encode())


def test_ids():
    by_kind = {r.kind: delivery(r.kind, r.headers) for r in DELIVERIES}
    ids = {kind: only(frame_of(kind, what, b"{}", 0)).id for kind, what in by_kind.items()}
    assert ids == {
        "github": GUID,
        "gitlab": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
        "forgejo": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
        "discourse": "discourse:28",
    }


def test_an_id_from_the_body():
    first, again = event_of(body={"a": 1}), event_of(body={"a": 1})
    assert first.id == again.id
    assert first.id.startswith("sha256-")
    others = {event_of(body={"a": 2}).id, event_of(body={"a": 1}, name="tests").id}
    assert len({first.id, *others}) == 3


@pytest.mark.parametrize("stated", ["x" * 300, "a\nb" * 9, "\udc80" * 20])
def test_ids_that_no_table_can_hold(stated):
    assert event_of(body={"id": stated}, rules=RULES).id.startswith("sha256-")


RULES = load_rules(
    {
        "hook": {"builds": {"event": ["type"], "action": ["result.state"], "id": ["id"]}},
        "family": [
            {
                "topics": ["builds.*"],
                "agent": ["by"],
                "users": ["watchers[]"],
                "objects": ["project"],
                "time": ["finished"],
            }
        ],
    }
)
BUILD = {
    "type": "Build Done",
    "result": {"state": "FAILED"},
    "id": 7,
    "by": "anna",
    "watchers": ["ben", "cleo"],
    "project": "web",
    "finished": "2026-03-04T05:06:07Z",
}


def test_own_rules():
    event = event_of(body=BUILD, rules=RULES)
    assert (event.topic, event.id) == ("builds.build_done.failed", "builds:7")
    assert (event.agent, event.users) == ("anna", ("anna", "ben", "cleo"))
    assert event.objects == ("web",)
    assert event.time == to_micros(datetime.fromisoformat("2026-03-04T05:06:07Z"))


def test_own_rules_precede_the_built_in_ones():
    rules = load_rules({"family": [{"topics": ["github.issues.*"], "agent": ["issue.user"]}]})
    body = {"action": "opened", "issue": {"user": "ben"}, "sender": {"login": "anna"}}
    assert event_of("github", body, "github", rules, event="issues").agent == "ben"
    assert event_of("github", body, "github", rules, event="star").agent == "anna"


def test_the_rules_of_a_kind_apply_whatever_the_name_is():
    body = {"action": "opened", "sender": {"login": "anna"}}
    event = event_of("github", body, "work", event="issues")
    assert (event.topic, event.category, event.agent) == ("work.issues.opened", "work", "anna")


def test_rules_of_buses_do_not_apply():
    body = {"agent": "mallory", "sender": {"login": "anna"}}
    assert event_of("github", body, "github", event="push").users == ("anna",)


def test_a_time_from_the_future_is_not_believed():
    day = 86_400
    for seconds, believed in ((day, True), (day + 1, False)):
        at = ARRIVED // 1_000_000 + seconds
        time = event_of(body={**BUILD, "finished": at}, rules=RULES).time
        assert time == (at * 1_000_000 if believed else ARRIVED)


@pytest.mark.parametrize("finished", ["x", None, -1, [], {}, 10**30, float("inf")])
def test_no_time(finished):
    assert event_of(body={**BUILD, "finished": finished}, rules=RULES).time == ARRIVED


def test_unknown_names():
    missed: dict[str, str] = {}
    event = event_of(body={"x": 1}, event="ping", missed=missed)
    assert event.topic == "builds.ping"
    assert missed == {event.id: "no-rule"}
    missed.clear()
    event = event_of(body={"x": 1}, rules=RULES, missed=missed)
    assert missed == {event.id: "no-fit"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pull_request", "pull_request"),
        (" Push Hook ", "push_hook"),
        ("a.b/c", "a_b_c"),
        ("..", ""),
        ("ü", ""),
        ("x" * 1000, "x" * 64),
        (7, ""),
        (None, ""),
    ],
)
def test_words_of_topics(value, expected):
    assert word(value) == expected


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        (pack(Delivery("github")), b"nonsense", "not-json"),
        (pack(Delivery("github")), b"[1]", "not-an-object"),
        (pack(Delivery("github")), b'{"a":' + b"[" * 150 + b"]" * 150 + b"}", "too-deep"),
        (pack(Delivery("github")), b"[" * 100_000, "too-deep"),
        (b"", b"{}", "bad-topic"),
        (b"\xff{", b"{}", "bad-topic"),
        (b'{"event": "x"}', b"{}", "bad-topic"),
    ],
)
def test_frames_that_are_refused(topic, body, reason):
    with pytest.raises(MessageError) as error:
        events_of(Frame("hook:x", 0, topic, body))
    assert error.value.reason == reason


def test_rules_of_one_hook(tmp_path):
    own = tmp_path / "builds.toml"
    own.write_text('[[family]]\ntopics = ["*"]\nagent = ["by"]\n')
    everywhere = tmp_path / "rules.toml"
    everywhere.write_text('[[family]]\ntopics = ["*"]\nagent = ["who"]\n')
    config = Config(
        people=PeopleConfig(rules=str(everywhere)), hooks={"builds": HookConfig(rules=str(own))}
    )
    files = configured(config)
    assert files == ReaderConfig(None, everywhere, (("builds", own),))
    reader = files.reader()
    assert _agent(reader, "builds") == "anna"
    assert _agent(reader, "tests") == "ben"


def _agent(reader: Reader, name: str) -> str | None:
    frame = frame_of(name, Delivery("generic"), b'{"by": "anna", "who": "ben"}', ARRIVED)
    found = reader(frame)
    assert not isinstance(found, Event)
    (event,) = found
    assert isinstance(event, Event)
    return event.agent


@pytest.mark.parametrize(
    ("table", "where", "what"),
    [
        ('[hook.x]\nevnt = ["a"]', "f.toml, hook", "evnt"),
        ('[hook.x]\nevent = ["a > nothing"]', "f.toml: hook x", "unknown transform"),
    ],
)
def test_errors_in_rules(tmp_path, table, where, what):
    file = tmp_path / "f.toml"
    file.write_text(table)
    with pytest.raises(UsageError, match=what) as error:
        load_rules(file)
    assert where in error.value.where


def test_deliveries_survive_the_spool():
    what = Delivery("discourse", "post", "post_created", "28")
    assert msgspec.json.decode(pack(what), type=Delivery) == what


def lines_of(*values: object, rules: Rules | None = None) -> list[dict[str, Any]]:
    return list(people_lines([json.dumps(value).encode() for value in values], rules=rules))


def test_lines_of_a_file():
    github = {
        "id": 12345678,
        "guid": GUID,
        "event": "issues",
        "action": "opened",
        "request": {
            "headers": {"X-GitHub-Event": "issues"},
            "payload": {"action": "opened", "sender": {"login": "anna"}},
        },
    }
    own = {"hook": "builds", "payload": BUILD}
    work = {"hook": "work", "kind": "gitlab", "id": "1" * 20, "payload": {"object_kind": "push"}}
    lines = lines_of(github, own, work, rules=RULES)
    assert lines[0] == {
        "id": GUID, "topic": "github.issues.opened", "agent": "anna", "users": ["anna"],
        "objects": [],
    }  # fmt: skip
    assert (lines[1]["topic"], lines[1]["agent"]) == ("builds.build_done.failed", "anna")
    assert (lines[2]["topic"], lines[2]["id"]) == ("work.push", "1" * 20)


@pytest.mark.parametrize(
    "value",
    [
        {"hook": "builds"},
        {"hook": 1, "payload": {}},
        {"hook": "b", "payload": []},
        {"request": {"payload": 1}},
        {"request": {}},
        {},
    ],
)
def test_lines_that_are_none(value):
    (line,) = lines_of(value)
    assert line["error"].startswith("no-body")


def test_a_line_with_a_lone_surrogate():
    (line,) = people_lines([b'{"hook": "b", "id": "\\udc80", "payload": {"a": "\\udc80"}}'])
    assert line["topic"] == "b.event"
