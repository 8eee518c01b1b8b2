"""The paths that a rule skips for a body's keys would have yielded nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubbub.collector.people.paths import Source, compile_path, first_keys
from hubbub.collector.people.rules import builtin_rules, load_rules

_VALUES = st.sampled_from([None, "", "ann", 1, ["ann", {"name": "bob"}], {"name": "ann", "x": {}}])
_TEXTS = [
    "agent", "a.b | agent > name", "a[].b | $username", "'x'", "*.name", "@", "a[b=c].d | b | c.d",
    "a | b.c | d", "$body > first-key",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d", "agent"]), _VALUES))
def test_a_path_yields_nothing_without_its_first_keys(body: dict[str, Any]) -> None:
    for text in _TEXTS:
        keys = first_keys(text)
        if keys is not None and keys.isdisjoint(body):
            assert compile_path(text)(Source(body, "t", "u")) == [], text


def test_alternatives_of_keys_are_tried_in_order() -> None:
    path = compile_path("a.b | c | d.e")
    for body, expected in (
        ({"a": {"b": 1}, "c": 2}, [1]),
        ({"a": {"b": None}, "c": []}, [[]]),
        ({"a": 1, "d": {"e": False}}, [False]),
        ({"a": {}, "d": "e"}, []),
        ("a", []),
    ):
        assert path(Source(body)) == expected, body


def test_every_rule_yields_the_same_from_its_part_for_a_body() -> None:
    rules = builtin_rules()
    keys = sorted({key for matcher in rules._common for each in matcher.rule.needs.values()
                   for key in each})  # fmt: skip
    bodies: list[Any] = [{}, [], "text", *({key: {"name": "ann"}} for key in keys)]
    reduced = 0
    for matcher in (*rules._common, *rules._modern):
        for body in bodies:
            source, part = Source(body, "org.x.prod.y.z", "u"), matcher.rule.for_body(body)
            for name in ("agent", "users", "objects"):
                full = [path(source) for path in getattr(matcher.rule, name)]
                assert [v for v in full if v] == [
                    v for path in getattr(part, name) if (v := path(source))
                ]
                reduced += len(full) - len(getattr(part, name))
    assert reduced > 1_000, "most paths need no body"


def test_what_is_remembered_of_bodies_is_bounded() -> None:
    rule = load_rules({"family": [{"topics": ["*"], "users": ["a", "b"]}]}).find("t")
    assert rule is not None
    for number in range(1_000):
        assert rule.for_body({"a": 1, f"k{number}": 1}).users == rule.users[:1]
    assert rule.for_body({"k" * 5_000: 1}).users == ()
    assert len(rule._by_shape) <= 64
    assert all(len(key) < 5_000 for shape in rule._by_shape for key in shape)
    assert rule.for_body(dict.fromkeys(map(str, range(100)))) is rule
