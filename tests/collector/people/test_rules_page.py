"""docs/rules.md: its example works, and it lists every transform."""

from __future__ import annotations

import json
import re
import tomllib

from hubbub.collector.event import Event, Frame, People
from hubbub.collector.people.extract import events_of, has_rule, people
from hubbub.collector.people.rules import load_rules
from hubbub.collector.people.transforms import TRANSFORMS
from tests.support import paths

PAGE = (paths.ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert match is not None
    return match[1]


def test_the_example():
    rules = load_rules(tomllib.loads(block("toml")))
    message = json.loads(block("json"))
    names = people(message, directory={"card-7": "jonathan"}, rules=rules)
    assert names == People("mina", ("jonathan", "mina"), ("Dracula", "Emma"))
    assert has_rule("org.library.main.hours.changed", rules=rules)
    assert not has_rule("org.library.main.hours.changed")
    message["body"]["kind"] = "reserve"
    assert people(message, rules=rules) == People("mina", ("mina",), ())


def test_every_transform_is_documented():
    documented = set(re.findall(r"`([a-z:-]+(?:GLOB)?)`", PAGE))
    assert documented >= set(TRANSFORMS) | {"without:GLOB"}
    assert "`below:TEXT`" in PAGE


def test_the_example_of_an_event():
    table = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[-1]
    comment = {"id": 1, "written": 5, "author": "mina", "text": "late"}
    item = {"backend_name": "Tracker", "category": "ticket", "origin": "https://t.example.org/a/b",
            "data": {"comments": [comment, comment | {"text": ""}]}}  # fmt: skip
    frame = Frame("perceval:x", 0, b"", json.dumps(item).encode())
    (event,) = events_of(frame, rules=load_rules(tomllib.loads(table)))
    assert isinstance(event, Event)
    assert (event.id, event.topic) == ("t.example.org/a/b comment 1", "tracker.ticket.comment")
    assert (event.users, event.objects) == (("mina",), ("a/b",))
