"""The events that explain a cell give its number, whatever the store, the query and its options."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.analyzers.explained import EXPLANATIONS, REASONS, Column, cell
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY
from hubbub.run.explain import PAGE, Explainer
from hubbub.run.explained import Explained
from hubbub.run.scope import CommonOptions
from hubbub.store import Store
from hubbub.store.query import identity
from tests.support.examples import examples
from tests.support.stores.filling import put
from tests.support.stores.small_store import START, frames

load_builtins()
DAYS = 75
AFFILIATIONS = "account,organisation,from,to\nann,Example,,\nbob,Sample,,2026-02-01\n"
OBJECTS = ("vim", "kernel", "/a", "/b")
PEOPLE = ("ann", "bob", "bobby", "cid", "dora", "releng", "eve")
TOPICS = ("org.x.prod.git.receive", "org.x.prod.git.branch", "org.x.prod.wiki.edit", "http.access",
          "notebook.access")  # fmt: skip

#: Options of each query that are drawn; a list holds alternatives.
OPTIONS: Mapping[str, Mapping[str, list[Any]]] = {
    "volume": {"per": ["hour", "day", "week"], "axis": [None, "topic", "category"]},
    "diff": {"per": ["day", "week"], "axis": ["topic", "category"], "last": [None, 3]},
    "daily_users": {"per": ["hour", "day", "week"]},
    "active_users": {"per": ["d", "w", "m", "q", "y"]},
    "recipients": {"per": ["w", "m"], "object": [None, ["vim"]]},
    "organisations": {"per": ["d", "w", "m"]},
    "radar": {"axis": ["category", "topic"], "user": [None, ["bob*"]]},
    "traffic": {"period": ["1h", "6h"]},
    "alerts": {"short": [2], "long": [4], "resolution": ["6h"], "measure": ["messages", "bytes"]},
    "event_activity": {"from": ["2026-02-05"], "to": ["2026-02-12"], "around": [None, "3d"]},
    "longtail": {"window": ["24h", "7d", "5h"], "step": ["24h", "3d", "10h"]},
    "cohorts": {"window": ["14d", "21d"], "step": ["7d", "3d"]},
    "health": {"window": ["9d", None]},
    "users_per_object": {"frames": [5, 30]},
    "what_if": {"without": [["ann"], ["b*", "cid"]]},
    "daily_metrics": {"accounts": ["all"]},
}
COMMON: Mapping[str, list[Any]] = {
    "tz": ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"],
    "by": ["users", "agent"],
    "bots": [True, False],
    "not_user": [None, ["dora"]],
    "object": [None, None, ["vim", "k*"]],
    "since": [None, None, "2026-01-11T07:30Z"],
    "until": [None, None, "2026-03-10"],
}


def lines(seed: int) -> list[dict[str, Any]]:
    """Return random events of 75 days, with pauses, programs and merged accounts."""
    chance = random.Random(seed)
    found = []
    for n in range(260):
        agent = chance.choice(PEOPLE)
        topic = chance.choice(TOPICS)
        users = sorted({agent, *chance.sample(PEOPLE, chance.randrange(3))})
        found.append(
            {
                "id": f"e{seed}-{n}",
                "timestamp": START + chance.randrange(DAYS * 86_400),
                "topic": topic,
                "agent": agent if chance.random() < 0.9 else None,
                "users": users if chance.random() < 0.9 else [],
                "objects": sorted(
                    chance.sample(("vim", "kernel", "/a", "/b"), chance.randrange(3))
                ),
                "action": chance.choice(("open", "killing", None)),
                "size": chance.randrange(1_000),
            }
        )
    return found


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Two stores: in the second a person has two accounts."""
    with ExitStack() as stack:
        opened = []
        for seed in (1, 2):
            folder = tmp_path_factory.mktemp("explained")
            store = stack.enter_context(Store.open(folder / "store"))
            events = lines(seed)
            put(store, *frames(events[:220]), load=True)
            put(store, *frames(events[220:], "jsonl:later"), load=True, writer="later")
            (folder / "who.csv").write_text(AFFILIATIONS)
            opened.append(store)
        identity.merge(store.state, "bobby", "bob", who="t", why="same", time=1)
        yield opened[0], opened[1]


def recomputed(column: Column, events: list[Mapping[str, Any]]) -> Any:
    """Compute a number from the listed events; None where this needs more than the events."""
    by_function: Mapping[Any, Callable[[], Any]] = {
        cell.number: lambda: sum(event["counts"] for event in events),
        cell.distinct_users: lambda: len({u for event in events for u in event["for_users"]}),
        cell.distinct_objects: lambda: len({o for event in events for o in event["for_objects"]}),
        cell.bytes_of: lambda: sum(event["size"] * event["counts"] for event in events),
    }
    compute = by_function.get(column.number)
    return None if compute is None else compute()


def all_events(explain: Callable[..., Explained], first: Explained) -> list[Mapping[str, Any]]:
    pages = [first, *(explain(page=page) for page in range(2, first.pages + 1))]
    assert [len(page.events) for page in pages[:-1]] == [PAGE] * (len(pages) - 1)
    return [event for page in pages for event in page.events]


@pytest.mark.parametrize("name", sorted(EXPLANATIONS))
@settings(
    max_examples=examples(3),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(number=st.integers(0, 1), data=st.data())
def test_explained_events_give_the_cell(
    name: str, stores: tuple[Store, Store], number: int, data: st.DataObject
) -> None:
    store = stores[number]

    def drawn(alternatives: Mapping[str, list[Any]]) -> dict[str, Any]:
        chosen = {key: data.draw(st.sampled_from(v), key) for key, v in alternatives.items()}
        return {key: value for key, value in chosen.items() if value is not None}

    common = drawn(COMMON)
    if name == "recipients":
        common.pop("object", None)
    options = common | drawn(OPTIONS.get(name, {}))
    explainer = Explainer(store, affiliations=store.path.parent / "who.csv")
    rows = explainer.explain(name, {}, **options).rows
    if not rows:
        return
    row = data.draw(st.sampled_from(rows), "row")
    columns = {n: c for n, c in EXPLANATIONS[name].columns.items() if row[n] is not None}
    if not columns:
        return
    column = data.draw(st.sampled_from(sorted(columns)), "column")
    wanted = {key: "" if row[key] is None else str(row[key]) for key in EXPLANATIONS[name].keys}

    def explain(page: int = 1) -> Explained:
        return explainer.explain(name, wanted, column=column, page=page, **options)

    first = explain()
    assert first.row == row
    assert first.equal, (first.cell, first.number)
    listed = all_events(explain, first)
    assert len(listed) == len({event["id"] for event in listed}) == first.total
    assert [e["time"] for e in listed] == sorted((e["time"] for e in listed), reverse=True)
    alone = recomputed(columns[column], listed)
    assert alone is None or alone == first.cell


def test_every_query_is_explained_or_says_why_not() -> None:
    assert not set(EXPLANATIONS) & set(REASONS)
    queries = REGISTRY.queries.items()
    built_in = {name for name, q in queries if q.module.startswith("hubbub.analyzers.")}
    assert set(EXPLANATIONS) | set(REASONS) == built_in


def test_the_zones_and_options_are_those_of_the_query(stores: tuple[Store, Store]) -> None:
    explainer = Explainer(stores[0], common=CommonOptions(tz="Asia/Kolkata"))
    [row, *_] = explainer.explain("volume", {}).rows
    assert row["start"].endswith("+05:30")
    day = row["start"][:10]
    assert explainer.explain("volume", {"start": day}).cell == row["messages"]
