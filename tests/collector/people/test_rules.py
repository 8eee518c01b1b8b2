"""Paths, custom rules and the built-in rules."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from hubbub.collector.event import People
from hubbub.collector.people.extract import people
from hubbub.collector.people.paths import MAX_VALUES, Source, compile_path
from hubbub.collector.people.rules import builtin_rules, load_rules
from hubbub.errors import UsageError
from tests.support import paths

TABLES = paths.ROOT / "collector" / "people"
BODY: dict[str, Any] = {
    "agent": "a",
    "nothing": None,
    "user": {"name": "b", "groups": ["g", "h", None]},
    "list": [{"n": "x", "d": "Fedora"}, {"n": "y", "d": "Mageia"}, {"n": "z", "d": "fedora"}, 7],
    "map": {"k": "v", "l": None},
    "text": "@one, @two; me@three.org",
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("agent", ["a"]),
        ("nothing", []),
        ("missing", []),
        ("agent.name", []),
        ("user.name", ["b"]),
        ("user.groups[]", ["g", "h"]),
        ("user.name[]", []),
        ("list[].n", ["x", "y", "z"]),
        ("list[d=FEDORA].n", ["x", "z"]),
        ("map.*", ["v"]),
        ("map.@", ["k", "l"]),
        ("missing | user.name | agent", ["b"]),
        ("missing | 'literal'", ["literal"]),
        ("$username", ["apache"]),
        ("$topic", ["a.b.prod.git.receive.x.y.main"]),
        ("$spread", ["x.y"]),
        ("text > mentions", ["one", "two"]),
        ("user > name", ["b"]),
        ("user.groups[] > without:g", ["h"]),
        ("map > first-key", ["k"]),
        ("agent > directory", [None]),
        ("agent > nick", ["a"]),
        ("'Some-Name-1.0-2' > nvr > lower", ["some-name"]),
        ("$body > keys:agent/text", ["a/@one, @two; me@three.org"]),
        ("list[] > keys:n/d", ["x/Fedora", "y/Mageia", "z/fedora", ""]),
        ("list[] > keys:n/missing", ["x", "y", "z", ""]),
    ],
)
def test_paths(path, values):
    source = Source(BODY, "a.b.prod.git.receive.x.y.main", "apache", {})
    assert compile_path(path)(source) == values


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a..b",
        "a > nonsense",
        "$nonsense",
        "a[b",
        "a |",
        "a > without:",
        "a > keys:",
        "a > keys:b//c",
    ],
)
def test_invalid_paths(path):
    with pytest.raises(UsageError) as caught:
        compile_path(path)
    assert caught.value.hint


def test_values_are_limited():
    source = Source({"a": [["x", "y"]] * 20_000})
    assert len(compile_path("a[]")(source)) == MAX_VALUES
    long = Source({"a": "@x " * 20_000})
    assert len(compile_path("a > mentions")(long)) == MAX_VALUES


#: Rules for a bus without built-in rules: a library whose desks announce loans.
CUSTOM = """
[[family]]
topics = ["org.library.*.loans.*"]
agent = ["desk.clerk"]
users = ["desk.clerk", "reader.card > directory"]
objects = [{ path = "books[].title", when = "kind", is = ["lend", "return"] }]

[[family]]
topics = ["git.receive*"]
users = ["commit.committer"]
"""
LOAN = {
    "id": "1",
    "topic": "org.library.main.loans.out",
    "body": {
        "kind": "Lend",
        "desk": {"clerk": "mina"},
        "reader": {"card": "card-7"},
        "books": [{"title": "Dracula"}, {"title": "Emma"}],
    },
}


def test_custom_rules(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(CUSTOM)
    for rules in (load_rules(file), load_rules(tomllib.loads(CUSTOM))):
        names = people(LOAN, directory={"card-7": "jonathan"}, rules=rules)
        assert names == People("mina", ("jonathan", "mina"), ("Dracula", "Emma"))
    assert people(LOAN) == People(None, (), ())


def test_custom_rules_override_the_built_in_ones():
    rules = load_rules(tomllib.loads(CUSTOM))
    push = {"topic": "o.f.prod.git.receive", "msg": {"commit": {"committer": "a", "username": "b"}}}
    assert people(push, rules=rules).users == ("a",)
    assert people(push).users == ("b",)
    branch = {"topic": "o.f.prod.git.branch", "msg": {"agent": "c", "name": "vim"}}
    assert people(branch, rules=rules) == people(branch) == People("c", ("c",), ("vim",))
    modern = {
        "topic": "o.f.prod.git.receive",
        "headers": {},
        "body": {"commit": {"committer": "a"}},
    }
    assert people(modern, rules=rules).users == ("a",)


@pytest.mark.parametrize(
    ("table", "problem", "place"),
    [
        ("[[family]\n", "not valid TOML", ""),
        ("[[family]]\nusers = 7\n", "Expected `array`", ": family 1, users"),
        ("[[family]]\ntopics = ['a']\n[[family]]\nuser = ['a']\n", "`user`", ": family 2"),
        (
            "[[family]]\nobjects = ['b', { path = 'a', iss = ['x'] }]\n",
            "`iss`",
            ": family 1, objects[1]",
        ),
        (
            "[[family]]\ntopics = ['x.*']\nusers = ['a > nothing']\n",
            "unknown transform",
            ": family 1 (x.*)",
        ),
        ("[[family]]\nschemas = ['s']\nusers = ['a..b']\n", "invalid step", ": family 1 (s)"),
        ("[[family]]\nusers = ['a']\n", "neither topics nor schemas", ": family 1"),
        (
            "[[family]]\ntopics = ['x']\nusers = [{ path = 'a', when = 'b' }]\n",
            "needs `when`, and `is` or `not`",
            ": family 1 (x)",
        ),
        (
            "[[family]]\ntopics = ['x']\nusers = [{ path = 'a', not = ['b'] }]\n",
            "needs `when`, and `is` or `not`",
            ": family 1 (x)",
        ),
        ("[[familie]]\n", "`familie`", ""),
    ],
)
def test_errors_locate_the_mistake_and_have_a_hint(tmp_path, table, problem, place):
    file = tmp_path / "rules.toml"
    file.write_text(table)
    with pytest.raises(UsageError, match=problem) as caught:
        load_rules(file)
    assert caught.value.where == f"{file}{place}"
    assert caught.value.hint


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_rules(tmp_path / "missing.toml")


def test_no_built_in_family_is_shadowed():
    """The first matching family wins, so none may come after one that matches all its topics."""
    for name in ("rules.toml", "rules-modern.toml", "rules-opensuse.toml"):
        families = tomllib.loads((TABLES / name).read_text())["family"]
        seen: list[str] = []
        for family in families:
            for topic in family.get("topics", []):
                fixed = topic.rstrip("*")
                assert not any(fixed.startswith(earlier) for earlier in seen), (name, topic)
            seen += [topic.rstrip("*") for topic in family.get("topics", []) if topic.endswith("*")]


@pytest.mark.parametrize(
    ("kind", "users"), [("lend", ("a",)), ("Lend", ("a",)), ("hold", ()), (None, ("b",)), (7, ())]
)
def test_a_condition_may_say_what_is_not(kind, users):
    entries = [
        {"path": "a", "when": "kind", "not": ["hold", ""], "is": ["[a-z]*"]},
        {"path": "b", "when": "kind", "not": ["?*"]},
    ]
    rules = load_rules({"family": [{"topics": ["x"], "users": entries}]})
    message = {"topic": "x", "body": {"a": "a", "b": "b", "kind": kind}}
    assert people(message, rules=rules).users == users


def test_a_rule_is_found_by_its_schema():
    rules = builtin_rules()
    assert rules.find("", "pagure.issue.edit", modern=True) is not None
    assert rules.find("", "pagure.issue.edit") is None
    assert rules.find("", "no.such.schema", modern=True) is None


def test_the_cache_of_topics_is_bounded():
    rules = load_rules({"family": [{"topics": ["a.*"], "users": ["u"]}]})
    for number in range(70_000):
        rules.find(f"a.{number}")
    assert len(rules._cache) <= 65_536
    assert rules.find("a.1") is rules.find("a.69999")
