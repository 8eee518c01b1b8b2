"""`what_if` against loops over plain lists."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from hubbub.analyzers.people.what_if import what_if
from hubbub.errors import UsageError
from hubbub.store.query.engine import connect
from hubbub.store.query.events import Events
from hubbub.store.query.events import events as read
from hubbub.store.query.selection import Selection

SINCE = datetime(2015, 9, 7, tzinfo=UTC)


def act(users, objects, hour, topic="a.b.c.git"):
    stamp = (SINCE + timedelta(hours=hour)).timestamp()
    return {"timestamp": stamp, "topic": topic, "users": users, "objects": objects}


def test_an_example(events):
    rows = [
        act(["ann"], ["solo", "both"], 0),
        act(["ann", "bob"], ["both"], 1),
        act(["bob"], ["both"], 2),
        act(["cid"], ["other"], 3),
        act([], ["both"], 4),
    ]
    data, notes = what_if(events(rows), ["ann"])
    assert {name: notes[name] for name in ("messages", "theirs", "lost")} == {
        "messages": 4,
        "theirs": 2,
        "lost": 1,
    }
    assert [tuple(row.values()) for row in data] == [
        ("category", "git", 4, 2, 1, 0.5, 2, ["bob", "cid"], SINCE + timedelta(hours=3)),
        ("object", "solo", 1, 1, 1, 1.0, 0, [], None),
        ("object", "both", 3, 2, 1, 2 / 3, 1, ["bob"], SINCE + timedelta(hours=2)),
    ]
    assert list(data[0]) == [
        "kind", "name", "messages", "theirs", "lost", "share", "others", "known_by", "last_other"
    ]  # fmt: skip


@pytest.mark.parametrize("names", [["user001"], ["user00?", "user015"]])
def test_a_month(names, events, month):
    absent = {f"user00{i}" for i in range(10)} | {"user015"} if len(names) > 1 else set(names)
    data, _ = what_if(events(month), names, top=10_000)
    touched: dict[tuple[str, str], list[list[str]]] = defaultdict(list)
    for e in month:
        if e["users"]:
            touched["category", e["topic"].split(".")[3]].append(e["users"])
            for name in e["objects"]:
                touched["object", name].append(e["users"])
    affected = {
        key: messages
        for key, messages in touched.items()
        if any(absent & set(users) for users in messages)
    }
    assert {(row["kind"], row["name"]) for row in data} == set(affected)
    for row in data:
        messages = affected[row["kind"], row["name"]]
        others = Counter(user for users in messages for user in users if user not in absent)
        assert row["messages"] == len(messages)
        assert row["theirs"] == sum(bool(absent & set(users)) for users in messages)
        assert row["lost"] == sum(absent >= set(users) for users in messages)
        assert row["share"] == row["theirs"] / row["messages"]
        assert row["others"] == len(others)
        most = sorted(others, key=lambda user: (-others[user], user))[:3]
        assert row["known_by"] == most
    order = [(r["kind"], r["others"] > 0, -r["lost"], -r["share"], r["name"]) for r in data]
    assert order == sorted(order)


def test_top_limits_each_kind(events, month):
    data, _ = what_if(events(month), ["user001"], top=2)
    assert [row["kind"] for row in data] == ["category"] * 2 + ["object"] * 2
    with pytest.raises(UsageError, match="0 is too small"):
        what_if(events(month), ["user001"], top=0)


def test_an_unknown_name_and_an_empty_store(events, month):
    for rows in (events(month), read(connect(), 0, [], Selection())):
        data, notes = what_if(rows, ["nobody"])
        assert data == []
        assert notes["note"] == "no user of that name in the range"


@pytest.mark.parametrize("listed", [64, 0])
def test_left_out_users_are_neither_absent_nor_others(events, monkeypatch, listed):
    """Whether their names are compared one by one, or with the globs."""
    from hubbub.analyzers.people import what_if as module

    monkeypatch.setattr(module, "_MAX_LISTED", listed)
    rows = [
        act(["ann", "bot-x"], ["x"], 0),
        act(["bot-x"], ["x"], 1),
        act(["ann", "bot-y", "bob"], ["x", "y"], 2),
        act(["bot-y", "dan"], ["y"], 3),
    ]
    chosen = Selection(bots=False, bot_names=("bot-*",), not_user=("dan",))
    data, notes = what_if(Events(events(rows).table, chosen), ["ann", "bot-x", "d*"])
    assert (notes["messages"], notes["theirs"], notes["lost"]) == (2, 2, 1)
    assert [(row["name"], *list(row.values())[2:]) for row in data] == [
        ("git", 2, 2, 1, 1.0, 1, ["bob"], SINCE + timedelta(hours=2)),
        ("x", 2, 2, 1, 1.0, 1, ["bob"], SINCE + timedelta(hours=2)),
        ("y", 1, 1, 0, 1.0, 1, ["bob"], SINCE + timedelta(hours=2)),
    ]
