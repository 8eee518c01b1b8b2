"""Merges of accounts: the journal, the persons it gives, and that undoing restores exactly."""

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
from tests.support.examples import examples
from tests.support.stores.filling import MakeEvent


def merge(store: Store, account: str, person: str, **options: Any) -> int:
    fields: dict[str, Any] = {"who": "kevin", "why": "told me", "time": 1} | options
    return identity.merge(store.state, account, person, **fields).number


def undo(store: Store, number: int) -> int:
    return identity.undo(store.state, number, who="kevin", time=2).number


def test_an_entry_keeps_who_why_and_when(store: Store) -> None:
    number = merge(store, " ralph ", "rbean", who="kevin", why="same keys", time=7)
    undo(store, number)
    merged, undone = identity.entries(store.state)
    assert (merged.account, merged.person, merged.who) == ("ralph", "rbean", "kevin")
    assert (merged.why, merged.time, merged.undone) == ("same keys", 7, undone.number)
    assert (undone.undoes, undone.account, undone.time) == (number, "ralph", 2)
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
    assert store.persons.names == {"x": "a"}, "the merge of x and a still holds"


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
    for account, person in (("c", "a"), ("b", "a"), ("a", "c")):
        with pytest.raises(UsageError, match="already one person, called 'c'"):
            merge(store, account, person)
    assert len(identity.entries(store.state)) == 2


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "a"), "same account"),
        (("", "a"), "not an account name"),
        (("a", "None"), "not an account name"),
    ],
)
def test_invalid_merges_are_refused(store: Store, names: tuple[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        merge(store, *names)
    with pytest.raises(UsageError, match="records why"):
        merge(store, "a", "b", why=" ")
    assert not identity.entries(store.state)


def test_only_a_merge_in_force_can_be_undone(store: Store) -> None:
    merged = merge(store, "a", "b")
    undone = undo(store, merged)
    with pytest.raises(UsageError, match=f"was already undone by entry {undone}"):
        undo(store, merged)
    with pytest.raises(UsageError, match="cannot be undone itself"):
        undo(store, undone)
    with pytest.raises(UsageError, match="there is no entry 9"):
        undo(store, 9)
    assert merge(store, "b", "a") == 3, "merged again, the other way round"
    assert store.persons.names == {"b": "a"}


def test_the_journal_is_in_the_store(store: Store) -> None:
    merge(store, "a", "b")
    with Store.open(store.path) as reopened:
        assert reopened.persons.names == {"a": "b"}


names = st.sampled_from("abcdef")


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(names, names), max_size=8), st.data())
def test_undoing_restores_exactly(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    with Store.open(tmp_path_factory.mktemp("s")) as store:
        history = [store.persons]
        merges = []
        for account, person in pairs:
            try:
                merges.append(merge(store, account, person))
            except UsageError:
                continue
            now = store.persons
            assert now != history[-1]
            assert not set(now.names) & set(now.names.values()), "a person's name is not merged"
            history.append(now)
        for _ in range(data.draw(st.integers(0, len(merges)))):
            undo(store, merges.pop())
            history.pop()
            assert store.persons == history[-1]


def test_globs_mean_persons() -> None:
    merged = Persons({"bot-old": "packit", "[x]*": "alice"})
    assert merged.widened(("bot-*",)) == ("bot-*", "packit", "bot-old")
    assert merged.widened(("alice", "bob")) == ("alice", "bob", literal("[x]*"))
    assert merged.widened(()) == ()
    assert literal("[x]*") == "[[]x][*]"
    assert merged.widened(("zoe",)) == ("zoe",)


ACCOUNTS = ("alice", "alice2", "ali", "bob", "bob*", "releng", "carol")
PERSONS = Persons({"alice2": "alice", "ali": "alice", "bob*": "bob"})
people = st.lists(st.sampled_from(ACCOUNTS), max_size=4, unique=True)
filters = st.sampled_from([(), ("alice",), ("ali*",), ("alice2", "carol"), ("bob[*]",), ("*",)])


@settings(max_examples=examples(20))
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
def test_the_engine_agrees_with_a_loop(backend: Any, events: Any, chosen: Selection) -> None:
    from fnmatch import fnmatchcase

    def matches(person: str, globs: tuple[str, ...]) -> bool:
        accounts = [a for a in ACCOUNTS if PERSONS.name(a) == person]
        return any(fnmatchcase(account, glob) for account in accounts for glob in globs)

    from hubbub.store.query import identity_join
    from hubbub.store.tables.event_rows import SCHEMA

    rows = [
        {"id": str(n), "agent": agent, "users": sorted(users), "seq": n}
        for n, (agent, users) in enumerate(events)
    ]
    expected_users, expected_events = [], []
    for row in rows:
        agent = row["agent"] and PERSONS.name(row["agent"])
        users = sorted({PERSONS.name(user) for user in row["users"]})
        counted = [agent] * (agent is not None) if chosen.by == "agent" else users
        if chosen.user and not any(matches(person, chosen.user) for person in counted):
            continue
        expected_events.append((row["id"], agent, users))
        expected_users += [
            (row["id"], person) for person in counted if not matches(person, chosen.removed)
        ]
    import ibis
    import pyarrow as pa

    filled = [dict.fromkeys(SCHEMA.names) | row for row in rows]
    table = ibis.memtable(pa.Table.from_pylist(filled, schema=SCHEMA))
    stored = events_._apply(table, chosen, PERSONS)
    merged = identity_join.merge_accounts(stored, PERSONS)
    selected = events_.Events(merged, chosen, PERSONS, stored=stored)
    assert selected.columns == tuple(SCHEMA.names)
    got = backend.to_pyarrow(selected.select("id", "agent", "users").order_by("id")).to_pylist()
    assert [(r["id"], r["agent"], r["users"]) for r in got] == expected_events
    for unnested in (
        selected.unnest_users("id"),
        selected.unnest_users(),
        selected.filter(selected.seq >= 0).unnest_users(),
    ):
        out = backend.to_pyarrow(unnested.select("id", "user").order_by("id", "user"))
        assert [(r["id"], r["user"]) for r in out.to_pylist()] == sorted(expected_users)


@pytest.fixture(scope="module")
def backend() -> Any:
    return engine.connect()


def test_naming_columns_changes_nothing_else(store: Store, event: MakeEvent) -> None:
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
    with pytest.raises(UsageError, match="already one person"):
        merge(store, "ralph", "rbean")
    merge(store, "ralph-old", "zoe", who="ralph", why="ralph said so")
    later = identity.entries(store.state)[-1]
    assert (later.who, later.why) == (entry.account, f"{entry.account} said so")
