"""Where a forgotten name is found and where not; texts without it stay unchanged."""

import json
import random
import time
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubbub.collector.event import Event
from hubbub.store.state.pseudonyms import (
    NONE_FORGOTTEN,
    PSEUDONYM,
    SEARCHED,
    Forgotten,
    _composed,
    units,
)
from tests.support.examples import examples
from tests.support.stores.filling import MakeEvent


def having(*names: str, key: bytes = b"k" * 32) -> Forgotten:
    bare = Forgotten(key)
    return Forgotten(key, {bare.digest(name): units(name) for name in names})


def test_a_pseudonym_is_stable_and_keyed() -> None:
    pseudonym = having("bob").pseudonym("bob")
    assert PSEUDONYM.fullmatch(pseudonym)
    assert having("bob").pseudonym("bob") == pseudonym
    assert having("bob", key=b"other").pseudonym("bob") != pseudonym
    assert having("bob").pseudonym("Bob") != pseudonym


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
def test_a_name_is_replaced_in_a_text_where_no_letter_or_digit_is_adjacent(
    text: str, then: str | None
) -> None:
    forgotten = having("bob")
    expected = text if then is None else then.replace("{}", forgotten.pseudonym("bob"))
    assert forgotten.text(text) == expected
    assert forgotten.text(expected) == expected, "replacing again changes nothing"


def test_the_longest_name_wins_and_escaped_texts_are_decoded() -> None:
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
    for kept in ("opensuse.obs.package.build_fail", "opensuse.src"):
        assert forgotten.topic(kept) == kept
    assert forgotten.topic("opensuse.src.bob.push") == f"opensuse.src.{name('bob')}.push"
    assert forgotten.topic("notebook.access.bob") == f"notebook.access.{name('bob')}"


def test_random_ids_contain_no_name() -> None:
    forgotten = having("cafe", "2026", "bob")
    for message_id in ("2026-cafe0000-0000-4000-8000-00000000cafe", "cafe" * 8, "x1"):
        assert forgotten.identifier(message_id) == message_id
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
def test_a_name_is_found_in_bytes_in_any_encoding(data: bytes) -> None:
    assert having("bob").holds(data)
    assert not having("bo").holds(data)
    assert not NONE_FORGOTTEN.holds(data)


def test_an_event_without_forgotten_names_is_returned_as_it_is(event: MakeEvent) -> None:
    original = event(1)
    assert NONE_FORGOTTEN.event(original) is original
    assert having("mallory").event(original) is original
    assert not NONE_FORGOTTEN


def test_an_event_with_a_category_and_action_that_its_topic_does_not_give(
    event: MakeEvent,
) -> None:
    forgotten = having("alice")
    full = forgotten.event(event(1, action="by alice", extra={"alice": "x", "host": "alice"}))
    name = forgotten.pseudonym("alice")
    assert (full.action, full.agent, full.users) == (f"by {name}", name, ("bob", name))
    assert full.extra == {name: "x", "host": name}
    short = forgotten.event(event(1, topic="a.b.alice", category="a.b.alice", action=None))
    assert (short.topic, short.category, short.action) == (f"a.b.{name}", f"a.b.{name}", None)


NAMES = st.text("ab.-_ö", min_size=1, max_size=5).filter(lambda n: any(map(str.isalnum, n)))


@settings(max_examples=examples(300))
@given(name=NAMES, text=st.text("abö.-_/ %+\\", max_size=30))
@example(name="a", text="a%61a")
def test_replacing_is_idempotent_and_changes_only_texts_with_the_name(name: str, text: str) -> None:
    forgotten = having(name)
    once = forgotten.text(text)
    assert forgotten.text(once) == once
    if text.isascii():  # elsewhere `holds` may give false positives, never false negatives
        assert not forgotten.holds(once.encode()) or "\\" in text or "%" in text
    if not forgotten.holds(text.encode()):
        assert once == text


@settings(max_examples=examples(200))
@given(names=st.lists(st.sampled_from(["bob", "Bob", "al", "bob-x", "é"]), unique=True))
def test_the_number_of_users_does_not_change(names: list[str]) -> None:
    forgotten = having("bob", "é")
    users = tuple(sorted(names))
    event = Event(
        id="1",
        time=0,
        topic="a.b.c.d.e",
        category="d",
        agent=None,
        users=users,
        objects=users,
        action=None,
        size=0,
        source="s",
        seq=0,
    )
    after = forgotten.event(event)
    assert len(after.users) == len(set(after.users)) == len(names)
    assert len(after.objects) == len(names)
    assert list(after.users) == sorted(after.users)


def test_the_key_is_needed_to_test_a_name() -> None:
    listed: dict[bytes, Any] = {Forgotten(b"k").digest("bob"): 1}
    assert Forgotten(b"k", listed).account("bob") != "bob"
    assert Forgotten(b"other", listed).account("bob") == "bob"


HIDDEN = ["al\u200bice", "a\u00adlice", "\u202eAlice\u202c", "alice\ufe0f", "A\u2060l\u034fice"]


@pytest.mark.parametrize("spelling", HIDDEN)
def test_characters_that_cannot_be_seen_hide_no_name(spelling: str) -> None:
    forgotten = having("alice")
    assert forgotten.account(spelling).startswith("forgotten-")
    assert "forgotten-" in forgotten.text(f"merged because {spelling} said so")
    assert forgotten.holds(f"x {spelling} y".encode())
    assert forgotten.holds(json.dumps({"who": spelling}).encode())
    assert not forgotten.holds(b"malice and alices")
    listed = having(spelling)
    assert listed.account("alice").startswith("forgotten-")


def test_names_in_msgpack_beside_bytes_that_look_like_letters() -> None:
    """The length of a string of 65 characters is an A, and the number 97 an a."""
    forgotten = having("alice")
    for body in (
        {"alice": 97, "b": 1},
        {"text": "alice" + " " * 60},
        {"a": ["alice", 97, 98]},
        {"raw": b"alice"},
        [{"x": {"y": "by alice."}}],
    ):
        assert forgotten.holds(msgspec.msgpack.encode(body)), body
    for other in ({"malice": 97}, {"text": "malice" + " " * 59}, ["alicea"]):
        assert not forgotten.holds(msgspec.msgpack.encode(other)), other


@pytest.mark.parametrize(
    "data",
    [
        "\u0301\u0323" * 60_000,
        "".join(f"{n:x} " for n in range(40_000)),
        "x" * (250 << 10),
        "\u1100\u1161" * 30_000,
        ".".join("abc" * 20_000),
    ],
    ids=["marks", "words", "word", "hangul", "letters"],
)
def test_the_search_of_a_large_body_takes_seconds_at_most(data: str) -> None:
    forgotten = having("alice", "a b-c", "x.y.z")
    start = time.process_time()
    forgotten.holds(data.encode())
    assert time.process_time() - start < 5


def test_larger_bodies_count_as_holding_a_name() -> None:
    assert having("alice").holds(b"x" * (SEARCHED + 1))
    assert not Forgotten().holds(b"x" * (SEARCHED + 1))


def test_many_names_of_many_lengths_do_not_slow_the_search(event: MakeEvent) -> None:
    numbers = random.Random(7)
    names = ["-".join(["n"] * k) + f"{n}" for k in range(1, 12) for n in range(300)]
    forgotten = having(*names)
    start = time.process_time()
    assert forgotten.holds(numbers.randbytes(SEARCHED)), "more places than are searched"
    assert not forgotten.holds(" ".join(f"w{n}" for n in range(4_000)).encode())
    assert forgotten.holds(b"x n-n-n17 y")
    objects = tuple("".join(numbers.choices("abc019.-_/", k=1_000)) for _ in range(4_000))
    changed = forgotten.event(event(0, objects=objects))
    assert time.process_time() - start < 10
    assert all(PSEUDONYM.fullmatch(name) for name in changed.objects)

    usual = ("kernel", "forks/n-n-n17/rpms", *(f"python3-lib{n}" for n in range(3_000)))
    kept = forgotten.event(event(0, objects=usual)).objects
    assert set(usual) - set(kept) == {"forks/n-n-n17/rpms"}
    assert forgotten.text("forks/n-n-n17/rpms") in kept


def test_caches_are_bounded_by_what_they_hold() -> None:
    forgotten = having("alice")
    for n in range(50):
        forgotten.text(f"{n}" + "x" * 100_000)
        forgotten.account(f"{n}" + "y" * 100_000)
    assert not forgotten._texts
    assert sum(map(len, forgotten._pseudonyms)) < 10_000


def test_composing_in_pieces_gives_the_same_text() -> None:
    text = ("Jose\u0301 \u1112\u1161\u11ab " + "e\u0323\u0302" * 9) * 300
    assert _composed(text) == unicodedata.normalize("NFC", text)
