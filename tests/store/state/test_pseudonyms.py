"""Where a name is found, where it is not, and that texts without it stay as they are."""

import unicodedata
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubbub.collector.event import Event
from hubbub.store.state.pseudonyms import NONE_FORGOTTEN, PSEUDONYM, Forgotten, units

Make = Callable[..., Event]


def having(*names: str, key: bytes = b"k" * 32) -> Forgotten:
    bare = Forgotten(key)
    return Forgotten(key, {bare.digest(name): units(name) for name in names})


def test_a_pseudonym_is_stable_keyed_and_no_hash_of_the_name_alone() -> None:
    one = having("bob").pseudonym("bob")
    assert PSEUDONYM.fullmatch(one)
    assert having("bob").pseudonym("bob") == one
    assert having("bob", key=b"other").pseudonym("bob") != one
    assert having("bob").pseudonym("Bob") != one


def test_an_account_is_compared_as_a_whole() -> None:
    forgotten = having("j.doe", "Ångström")
    for name in ("j.doe", "J.DOE", "ÅNGSTRÖM", unicodedata.normalize("NFD", "ångström")):
        assert PSEUDONYM.fullmatch(forgotten.account(name)), name
    for name in ("j.doe2", "xj.doe", "j-doe", "j.doe.x", "j", "doe", ""):
        assert forgotten.account(name) == name


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("bob", "{}"),
        ("forks/bob/rpms/vim", "forks/{}/rpms/vim"),
        ("~bob", "~{}"),
        ("bob-testing/x_bob.spec", "{}-testing/x_{}.spec"),
        ("mail to bob@example.org.", "mail to {}@example.org."),
        ("kabob bobby bob2 2bob ébob", None),
        ("user=bob&user=al", "user={}&user=al"),
        ("", None),
    ],
)
def test_a_text_loses_the_name_where_no_letter_or_digit_touches_it(
    text: str, then: str | None
) -> None:
    forgotten = having("bob")
    expected = text if then is None else then.replace("{}", forgotten.pseudonym("bob"))
    assert forgotten.text(text) == expected
    assert forgotten.text(expected) == expected, "once is enough"


def test_the_longest_name_wins_and_escaped_texts_are_seen() -> None:
    forgotten = having("ann", "ann-lee", "Jörg", "a b")
    assert forgotten.text("x/ann-lee/y") == f"x/{forgotten.pseudonym('ann-lee')}/y"
    assert forgotten.text("x/ann-leeds/y") == f"x/{forgotten.pseudonym('ann')}-leeds/y"
    assert forgotten.text("user=J%C3%B6rg&x=1") == f"user={forgotten.pseudonym('Jörg')}&x=1"
    assert forgotten.text("user=a+b") == f"user={forgotten.pseudonym('a b')}"
    assert forgotten.text("100%25+off") == "100%25+off"


def test_a_topic_keeps_its_structure() -> None:
    forgotten = having("git", "branch", "bob", "a.b")
    name = forgotten.pseudonym
    for topic, then in (
        ("org.fedoraproject.prod.git.branch.bob.main", f"{{}}.{name('bob')}.main"),
        ("org.fedoraproject.prod.git.branch.x.a.b", f"{{}}.x.{name('a.b')}"),
        ("org.fedoraproject.prod.git.branch", "{}"),
    ):
        assert forgotten.topic(topic) == then.format("org.fedoraproject.prod.git.branch")
    assert forgotten.topic("notebook.access.bob") == f"notebook.access.{name('bob')}"


def test_ids_that_were_drawn_hold_no_name() -> None:
    forgotten = having("cafe", "2026", "bob")
    for one in ("2026-cafe0000-0000-4000-8000-00000000cafe", "cafe" * 8, "2026-3"[:0] or "x1"):
        assert forgotten.identifier(one) == one
    assert forgotten.identifier("bob/7") == f"{forgotten.pseudonym('bob')}/7"


@pytest.mark.parametrize(
    "data",
    [
        b'{"user": "bob"}',
        b'{"user": "\\u0062ob"}',
        b'{"text": "hello\\nbob"}',
        b'{"text": "{\\"text\\": \\"hello\\\\nbob\\"}"}',
        b'{"url": "https://x/?u=%62ob"}',
        b"BOB",
        msgspec.msgpack.encode({"user": "bob", "ok": [True, "bob"]}),
        b"\xff\xfebob\xff",
    ],
)
def test_bytes_hold_the_name_however_it_is_written(data: bytes) -> None:
    assert having("bob").holds(data)
    assert not having("bo").holds(data)
    assert not NONE_FORGOTTEN.holds(data)


def test_nobody_forgotten_costs_nothing_and_changes_nothing(event: Make) -> None:
    one = event(1)
    assert NONE_FORGOTTEN.event(one) is one
    assert having("mallory").event(one) is one
    assert not NONE_FORGOTTEN


def test_an_event_that_says_its_own_category_and_action(event: Make) -> None:
    forgotten = having("alice")
    one = forgotten.event(event(1, action="by alice", extra={"alice": "x", "host": "alice"}))
    name = forgotten.pseudonym("alice")
    assert (one.action, one.agent, one.users) == (f"by {name}", name, ("bob", name))
    assert one.extra == {name: "x", "host": name}
    short = forgotten.event(event(1, topic="a.b.alice", category="a.b.alice", action=None))
    assert (short.topic, short.category, short.action) == (f"a.b.{name}", f"a.b.{name}", None)


NAMES = st.text("ab.-_ö", min_size=1, max_size=5).filter(lambda n: any(map(str.isalnum, n)))


@settings(max_examples=300, deadline=None)
@given(name=NAMES, text=st.text("abö.-_/ %+\\", max_size=30))
@example(name="a", text="a%61a")
def test_whatever_the_text_nothing_is_found_twice_and_nothing_else_changes(
    name: str, text: str
) -> None:
    forgotten = having(name)
    once = forgotten.text(text)
    assert forgotten.text(once) == once
    if text.isascii():  # elsewhere bytes are suspected too often rather than too seldom
        assert not forgotten.holds(once.encode()) or "\\" in text or "%" in text
    if not forgotten.holds(text.encode()):
        assert once == text


@settings(max_examples=200, deadline=None)
@given(names=st.lists(st.sampled_from(["bob", "Bob", "al", "bob-x", "é"]), unique=True))
def test_as_many_users_as_before(names: list[str]) -> None:
    forgotten = having("bob", "é")
    event = Event(
        *(
            "1",
            0,
            "a.b.c.d.e",
            "d",
            None,
            tuple(sorted(names)),
            tuple(sorted(names)),
            None,
            0,
            "s",
            0,
        )
    )
    after = forgotten.event(event)
    assert len(after.users) == len(set(after.users)) == len(names)
    assert len(after.objects) == len(names)
    assert list(after.users) == sorted(after.users)


def test_the_key_is_needed_to_test_a_name() -> None:
    listed: dict[bytes, Any] = {Forgotten(b"k").digest("bob"): 1}
    assert Forgotten(b"k", listed).account("bob") != "bob"
    assert Forgotten(b"other", listed).account("bob") == "bob"
