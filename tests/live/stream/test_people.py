"""People by name, or by number: in no place of an event is a name left."""

import pytest

from hubbub.live.stream.people import Numbered
from tests.live.stream.test_frames import event


def test_people_are_named() -> None:
    people = Numbered(names=True)
    assert people.actor(event(agent="ann")) == "ann"
    assert people.hide("copr/ann", event(agent="ann")) == "copr/ann"


def test_people_are_numbered_as_they_appear() -> None:
    people = Numbered(names=False)
    assert [people.name(n) for n in ("ann", "bob", "ann")] == ["person 1", "person 2", "person 1"]
    assert people.actor(event(agent=None, users=("bob", "ann"))) == "person 2"
    assert people.actor(event(agent=None, users=())) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("copr/ann/vim", "copr/person 1/vim"),
        ("annual", "annual"),
        ("~ann, bob", "~person 1, bob"),
        ("user.ann.new", "user.person 1.new"),
        ("", ""),
    ],
)
def test_users_of_an_event_are_hidden_in_its_objects(text: str, shown: str) -> None:
    assert Numbered(names=False).hide(text, event(agent="ann", users=("ann",))) == shown


def test_people_who_were_seen_before_are_hidden() -> None:
    people = Numbered(names=False)
    people.name("bob@example.org")
    people.name("cy")
    assert people.hide("copr/cy/vim", event(agent="ann")) == "copr/person 2/vim"


def test_names_that_look_like_patterns() -> None:
    people = Numbered(names=False)
    assert people.hide("a/.*(x", event(agent=".*(x", users=())) == "a/person 1"


def test_numbers_are_bounded() -> None:
    people = Numbered(names=False)
    for n in range(10_000):
        people.name(f"u{n}")
    assert people.name("one more") == "someone"
    assert people.name("u9999") == "person 10000"
