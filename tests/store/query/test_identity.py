"""Merges: the journal, who is who by it, and that undoing restores exactly."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.errors import UsageError
from hubbub.store import Selection, Store
from hubbub.store.query import engine, identity
from hubbub.store.query import events as events_
from hubbub.store.query.globs import literal
from hubbub.store.query.identity import Persons
from hubbub.store.tables.events import Events as Table

Make = Callable[..., Any]


def merge(store: Store, account: str, person: str, **more: Any) -> int:
    said: dict[str, Any] = {"who": "kevin", "why": "told me", "time": 1} | more
    return identity.merge(store.state, account, person, **said).number


def undo(store: Store, number: int) -> int:
    return identity.undo(store.state, number, who="kevin", time=2).number


def test_an_entry_keeps_who_why_and_when(store: Store) -> None:
    one = merge(store, " ralph ", "rbean", who="kevin", why="same keys", time=7)
    undo(store, one)
    merged, undone = identity.entries(store.state)
    assert (merged.account, merged.person, merged.who) == (
        "ralph",
        "rbean",
        "kevin",
    )
    assert (merged.why, merged.time, merged.undone) == (
        "same keys",
        7,
        undone.number,
    )
    assert (undone.undoes, undone.account, undone.time) == (one, "ralph", 2)
    assert not merged.applies
    assert not undone.applies


def test_chains_lead_to_the_last_name(store: Store) -> None:
    first = merge(store, "a", "b")
    second = merge(store, "b", "c")
    merge(store, "x", "a")
    assert store.persons.names == {"a": "c", "b": "c", "x": "c"}
    undo(store, second)
    assert store.persons.names == {"a": "b", "x": "b"}
    undo(store, first)
    assert store.persons.names == {"x": "a"}, "what was said of x and a still holds"


def test_merging_merged_accounts_joins_the_persons(store: Store) -> None:
    merge(store, "a", "b")
    merge(store, "c", "d")
    last = merge(store, "a", "c")
    assert store.persons.accounts == {"d": ("d", "a", "b", "c")}
    undo(store, last)
    assert store.persons.accounts == {"b": ("b", "a"), "d": ("d", "c")}


def test_cycles_are_refused(store: Store) -> None:
    merge(store, "a", "b")
    merge(store, "b", "c")
    for one, other in (("c", "a"), ("b", "a"), ("a", "c")):
        with pytest.raises(UsageError, match="one person already, called 'c'"):
            merge(store, one, other)
    assert len(identity.entries(store.state)) == 2


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (("a", "a"), "one account already"),
        (("", "a"), "no name"),
        (("a", "None"), "no name"),
    ],
)
def test_what_is_no_merge(store: Store, how: tuple[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        merge(store, *how)
    with pytest.raises(UsageError, match="keeps why"):
        merge(store, "a", "b", why=" ")
    assert not identity.entries(store.state)


def test_what_cannot_be_undone(store: Store) -> None:
    one = merge(store, "a", "b")
    two = undo(store, one)
    with pytest.raises(UsageError, match=f"was undone by entry {two}"):
        undo(store, one)
    with pytest.raises(UsageError, match="cannot be undone itself"):
        undo(store, two)
    with pytest.raises(UsageError, match="there is no entry 9"):
        undo(store, 9)
    assert merge(store, "b", "a") == 3, "merged again, the other way round"
    assert store.persons.names == {"b": "a"}


def test_the_journal_is_in_the_store(store: Store) -> None:
    merge(store, "a", "b")
    with Store.open(store.path) as again:
        assert again.persons.names == {"a": "b"}


names = st.sampled_from("abcdef")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names), max_size=8), st.data())
def test_undoing_restores_exactly(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str]], data: st.DataObject
) -> None:
    with Store.open(tmp_path_factory.mktemp("s")) as store:
        before = [store.persons]
        made = []
        for account, person in said:
            try:
                made.append(merge(store, account, person))
            except UsageError:
                continue
            now = store.persons
            assert now != before[-1]
            assert not set(now.names) & set(now.names.values()), "a name leads to a last one"
            before.append(now)
        for _ in range(data.draw(st.integers(0, len(made)))):
            undo(store, made.pop())
            before.pop()
            assert store.persons == before[-1]


def test_globs_mean_persons() -> None:
    who = Persons({"bot-old": "packit", "[x]*": "alice"})
    assert who.widened(("bot-*",)) == ("bot-*", "packit", "bot-old")
    assert who.widened(("alice", "bob")) == ("alice", "bob", literal("[x]*"))
    assert who.widened(()) == ()
    assert literal("[x]*") == "[[]x][*]"
    assert who.widened(("zoe",)) == ("zoe",)


ACCOUNTS = ("alice", "alice2", "ali", "bob", "bob*", "releng", "carol")
PERSONS = Persons({"alice2": "alice", "ali": "alice", "bob*": "bob"})
people = st.lists(st.sampled_from(ACCOUNTS), max_size=4, unique=True)
filters = st.sampled_from([(), ("alice",), ("ali*",), ("alice2", "carol"), ("bob[*]",), ("*",)])


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.none() | st.sampled_from(ACCOUNTS), people), min_size=1, max_size=8),
    st.builds(
        Selection,
        user=filters,
        not_user=filters,
        by=st.sampled_from(["agent", "users"]),
        bots=st.booleans(),
        bot_names=st.just(("releng",)),
    ),
)
def test_the_engine_agrees_with_a_loop(backend: Any, said: Any, chosen: Selection) -> None:
    from fnmatch import fnmatchcase

    def wanted(person: str, globs: tuple[str, ...]) -> bool:
        its = [a for a in ACCOUNTS if PERSONS.name(a) == person]
        return any(fnmatchcase(account, glob) for account in its for glob in globs)

    from hubbub.store.query import identity_join
    from hubbub.store.tables.events import SCHEMA

    rows = [
        {"id": str(n), "agent": agent, "users": sorted(users), "seq": n}
        for n, (agent, users) in enumerate(said)
    ]
    expected, whole = [], []
    for row in rows:
        agent = row["agent"] and PERSONS.name(row["agent"])
        users = sorted({PERSONS.name(one) for one in row["users"]})
        its = [agent] * (agent is not None) if chosen.by == "agent" else users
        if chosen.user and not any(wanted(one, chosen.user) for one in its):
            continue
        whole.append((row["id"], agent, users))
        expected += [(row["id"], one) for one in its if not wanted(one, chosen.removed)]
    import ibis
    import pyarrow as pa

    filled = [dict.fromkeys(SCHEMA.names) | row for row in rows]
    table = ibis.memtable(pa.Table.from_pylist(filled, schema=SCHEMA))
    kept = events_._apply(table, chosen, PERSONS)
    found = events_.Events(identity_join.table(kept, PERSONS), chosen, PERSONS, stored=kept)
    assert found.columns == tuple(SCHEMA.names)
    got = backend.to_pyarrow(found.select("id", "agent", "users").order_by("id")).to_pylist()
    assert [(r["id"], r["agent"], r["users"]) for r in got] == whole
    for rows_of in (
        found.unnest_users("id"),
        found.unnest_users(),
        found.filter(found.seq >= 0).unnest_users(),
    ):
        out = backend.to_pyarrow(rows_of.select("id", "user").order_by("id", "user"))
        assert [(r["id"], r["user"]) for r in out.to_pylist()] == sorted(expected)


@pytest.fixture(scope="module")
def backend() -> Any:
    return engine.connect()


def test_naming_columns_changes_nothing_else(store: Store, event: Make) -> None:
    Table(store.path / "events").append([event(0), event(1, users=("bob", "zoe"))], 1)
    merge(store, "bob", "alice")
    events = store.events()
    assert events.unnest_users("time").columns == ("time", "user")
    users = events.unnest_users("id", "users").order_by("id", "user").to_pyarrow().to_pylist()
    assert users == [
        {"id": "id-0", "users": ["alice"], "user": "alice"},
        {"id": "id-1", "users": ["alice", "zoe"], "user": "alice"},
        {"id": "id-1", "users": ["alice", "zoe"], "user": "zoe"},
    ]
    assert events.stored.users.to_pyarrow().to_pylist() == [["alice", "bob"], ["bob", "zoe"]]
    assert events.count_events() == 2


def test_a_forgotten_name_stays_forgotten_in_the_journal(store: Store) -> None:
    from hubbub.store.privacy import forget

    merge(store, "ralph", "rbean", why="ralph told me so")
    forget.forget(store, "ralph")
    (entry,) = identity.entries(store.state)
    assert entry.account.startswith("forgotten-")
    assert "ralph" not in entry.why
    assert store.persons.names == {entry.account: "rbean"}
    with pytest.raises(UsageError, match="one person already"):
        merge(store, "ralph", "rbean")
    merge(store, "ralph-old", "zoe", who="ralph", why="ralph said so")
    later = identity.entries(store.state)[-1]
    assert (later.who, later.why) == (entry.account, f"{entry.account} said so")
