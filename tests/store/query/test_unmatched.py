"""Values of filters that match nothing, and the names that are near."""

from typing import Any

import pytest

from hubbub.store import Store
from hubbub.store.query import identity
from hubbub.store.query.unmatched import Unmatched, unmatched
from hubbub.store.rollups.refresh import catch_up
from tests.support.stores.filling import MakeEvent

P = "org.fedoraproject.prod"


@pytest.fixture
def filled(store: Store, event: MakeEvent) -> Store:
    users = ("alice", "bob"), ("carol",), ()
    topics = (f"{P}.git.receive", f"{P}.bodhi.update.comment", f"{P}.copr.build.end")
    store.table.append(
        [
            event(n, topic=topic, category=topic.split(".")[3], users=users[n], agent="releng",
                  action=topic.split(".", 4)[4], objects=(f"rpms/vim{n}",))
            for n, topic in enumerate(topics)
        ],
        1,
    )  # fmt: skip
    return store


@pytest.mark.parametrize("rollups", [True, False])
@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("topic", f"{P}.git.receive", None),
        ("topic", "*.git.*", None),
        ("topic", f"{P}.git.recieve", f"{P}.git.receive"),
        ("topic", "git.receive", f"{P}.git.receive"),
        ("topic", f"{P.upper()}.GIT.*", f"{P}.git.receive"),
        ("topic", "*.gti.*", f"{P}.git.receive"),
        ("topic", "zzz", ""),
        ("category", "bodih", "bodhi"),
        ("category", "[bc]o*", None),
        ("user", "Alice", "alice"),
        ("user", "alcie", "alice"),
        ("user", "a*e", None),
        ("user", "", ""),
        ("user", "*zz*", ""),
        ("user", "releng", ""),  # named by no message
        ("not_user", "carrol", "carol"),
        ("without", "bobb", "bob"),
        ("object", "rpms/vmi0", "rpms/vim0"),
        ("object", "rpms/vim?", None),
        ("action", "recieve", "receive"),
    ],
)
def test_what_matches_nothing_is_found_with_the_nearest_name(
    filled: Store, name: str, value: str, near: str | None, rollups: bool
) -> None:
    if rollups:
        with filled.loader_lock():
            catch_up(filled)
    found = list(unmatched(filled, {name: ["*", value]}, "users"))
    assert [(f.filter, f.value) for f in found] == ([] if near is None else [(name, value)])
    assert [f.near[:1] for f in found] == ([] if near is None else [(near,) if near else ()])


def test_by_agent_agents_count(filled: Store) -> None:
    given = {"user": ["releng", "alice"]}
    assert [(f.noun, f.value) for f in unmatched(filled, given, "agent")] == [("agent", "alice")]


def test_an_account_of_a_person_is_found(filled: Store) -> None:
    for account, person in (("alice", "al"), ("zed", "zoe")):
        identity.merge(filled.state, account, person, who="me", why="test", time=1)
    given: Any = {"user": ["alice", "al", "zed", "zoe"]}
    assert [f.value for f in unmatched(filled, given, "users")] == ["zed", "zoe"]


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Unmatched("topic", "topic", "a.b", ()), "no topic matches 'a.b'"),
        (Unmatched("user", "user", "x", ("y", "z")), "no user matches 'x'; near: y, z"),
        (Unmatched("user", "agent", "x", ("y",)), "no agent matches 'x' (--user); near: y"),
        (Unmatched("not_user", "user", "x", ()), "no user matches 'x' (--not-user)"),
    ],
)
def test_the_sentence(found: Unmatched, text: str) -> None:
    assert str(found) == text


def test_names_of_a_hundred_thousand_letters_are_compared_in_part(filled: Store) -> None:
    found = list(unmatched(filled, {"topic": ["x" * 100_000]}, "users"))
    assert [f.near for f in found] == [()]
