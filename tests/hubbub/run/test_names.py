"""Results for somebody who may not see the names of people."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.charts.chart import Chart
from hubbub.charts.picture.drawing import Drawing
from hubbub.cli.root import execute
from hubbub.errors import NotAllowedError
from hubbub.parameters import shape
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY, Function, Registry
from hubbub.run.names import ACCOUNT_PARAMETERS, Anonymity
from hubbub.run.objects.memoize import memoize_query, use_forcememoize, use_fromcache
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.times import to_micros

load_builtins()
MARK = "zqx"  # in the name of every person, in no other text
BOTS = ("releng", "x-team")
NOW = datetime(2026, 3, 30, tzinfo=UTC)
QUERIES = sorted(n for n, f in REGISTRY.queries.items() if f.module.startswith("hubbub."))
VIEWS = sorted(n for n, f in REGISTRY.views.items() if f.module.startswith("hubbub."))


def lines() -> Iterator[dict[str, Any]]:
    """Events of fourteen weeks of 40 people and two programs, all of whose forms name people."""
    rng = random.Random(7)
    people = [f"{MARK}{n:02}" for n in range(40)]
    for n in range(1500):
        who = people[min(int(rng.expovariate(0.15)), 39)] if rng.random() < 0.9 else BOTS[n % 2]
        at = NOW - timedelta(days=97 * rng.random() ** 1.3, minutes=1)
        line = {
            "id": f"e{n}",
            "timestamp": at.timestamp(),
            "users": sorted({who, people[n % 7]}) if n % 5 == 0 else [who],
            "agent": who,
            "topic": f"org.example.prod.{('git', 'bodhi', 'wiki')[n % 3]}.change.t{n % 5}",
            "objects": [f"rpms/o{n % 11}"],
            "action": "change",
        }
        yield line
        if n % 4 == 0:
            access = {"topic": "notebook.access", "objects": [f"book{n % 6}"], "action": "open"}
            yield {**line, **access, "id": f"n{n}", "users": [who]}


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marked")
    file = folder / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines()))
    store = folder / "store"
    assert execute(["import", str(file), "--format", "jsonl", "--store", str(store)]) == 0
    with Store.open(store) as opened:
        start, end = (to_micros(NOW - timedelta(days=days)) for days in (40, 2))
        opened.state.span("history:https://x", f"user={MARK}01&category=git", start, end,
                          "complete", "12 messages")  # fmt: skip
    return store


@pytest.fixture(scope="module")
def store(marked: Path) -> Iterator[Store]:
    with Store.open(marked) as opened:
        yield opened


def runner(store: Store, names: bool = False, **common: Any) -> Runner:
    options = CommonOptions(since=NOW - timedelta(weeks=14), until=NOW, **common)
    return Runner(store, common=options, clock=lambda: NOW, names=names)


def required(function: Function) -> dict[str, Any]:
    """Return a value for each parameter that is required; times in increasing order."""
    days = (NOW - timedelta(days=d) for d in (30, 20, 10))
    return {
        p.name: next(days) if shape(p.annotation).type is datetime else f"{MARK}03"
        for p in function.parameters
        if p.required
    }


def everything(drawing: Drawing) -> str:
    """Return all texts of a picture: of the SVG, the page, the table and the metadata."""
    parts = [drawing.svg().decode(), drawing.html(), drawing.title, drawing.description]
    return "\n".join([*parts, repr(drawing.table()), repr(drawing.rows), repr(drawing.metadata)])


def test_every_built_in_function_says_whether_it_names_people() -> None:
    functions = [REGISTRY.queries[n] for n in QUERIES] + [REGISTRY.views[n] for n in VIEWS]
    assert [f.name for f in functions if f.names_people is None] == []
    assert len(functions) > 40


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_that_is_said_to_name_nobody_names_nobody(name: str, store: Store) -> None:
    function = REGISTRY.queries[name]
    if function.names_people is True:
        with pytest.raises(NotAllowedError, match="names people") as e:
            runner(store).query(name, **required(function))
        assert "`people`" in e.value.hint
        result = runner(store, names=True).query(name, **required(function))
        assert MARK in repr(result.data)  # otherwise the declaration would be wrong
        return
    result = runner(store).query(name, **required(function))
    assert MARK not in repr((result.document(), result))
    if name not in {"monitor_counts", "usage", "traffic"}:  # of samples, of a job, of a web server
        assert result.data


def test_a_query_may_name_people_with_one_parameter_only(store: Store) -> None:
    assert runner(store).query("overload", people="no").data
    with pytest.raises(NotAllowedError, match="'overload' names people"):
        runner(store).query("overload", people="yes")


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_drawn_without_names(name: str, store: Store) -> None:
    own = {"people": True} if name == "overload" else {}
    hidden = runner(store).view(name, **own)
    named = runner(store, names=True).view(name, **own)
    assert MARK not in everything(hidden)
    assert (MARK in everything(named)) == bool(re.search("person[ +]1", everything(hidden)))
    if MARK not in everything(named):  # a picture that names nobody is the same for everybody
        assert hidden.svg() == named.svg()


@pytest.mark.parametrize("name", ["tail", "heatmap", "radar", "lorenz"])
def test_known_programs_and_objects_keep_their_names(name: str, store: Store) -> None:
    hidden = everything(runner(store, bots=True, by="agent").view(name))
    assert MARK not in hidden
    assert (BOTS[0] in hidden) == (name != "radar")  # which draws the busiest three
    assert ("rpms/o1" in hidden) == (name == "heatmap")


def test_people_are_numbered_by_rank(store: Store) -> None:
    rows = runner(store, names=True).query("tail").data
    hidden = runner(store).view("tail").table()
    assert [row["user"] for row in hidden] == [f"person {n}" for n in range(1, len(rows) + 1)]
    assert [row["messages"] for row in hidden] == [row["count"] for row in rows]


def test_the_people_of_a_radar_are_numbered_by_their_counts(store: Store) -> None:
    queries = Registry()
    queries.queries = REGISTRY.queries

    def view(query: Any) -> Any:
        return query.radar().data["users"]

    queries.add(Function("view", "v", view, __name__))
    hidden = Runner(store, queries, clock=lambda: NOW, names=False).view("v")
    assert list(hidden) == [f"person {n}" for n in range(1, len(hidden) + 1)]
    sums = [sum(user["counts"]) for user in hidden.values()]
    assert sums == sorted(sums, reverse=True)


def test_a_person_has_one_number_in_all_results_of_an_answer(store: Store) -> None:
    def view(query: Any) -> Any:
        users, cells = query.users().data, query.heatmap(top=5, top_objects=50).data
        return {row["user"]: row["messages"] for row in users}, cells

    registry = Registry()
    registry.queries = REGISTRY.queries
    registry.add(Function("view", "v", view, __name__))
    totals, cells = Runner(store, registry, clock=lambda: NOW, names=False).view("v")
    sums: dict[str, int] = {}
    for cell in cells:
        sums[cell["user"]] = sums.get(cell["user"], 0) + cell["messages"]
    assert len(sums) == 5
    assert all(totals[user] == n for user, n in sums.items())


@pytest.mark.parametrize("parameter", sorted(ACCOUNT_PARAMETERS - {"without"}))
def test_names_cannot_be_tried_out(parameter: str, store: Store) -> None:
    for ask in (
        lambda: runner(store).query("volume", **{parameter: [f"{MARK}01"]}),
        lambda: runner(store).view("volume", **{parameter: "nobody"}),
        lambda: runner(store, False, **{parameter: ("x",)}).query("volume"),
    ):
        with pytest.raises(NotAllowedError, match=f"the parameter '{parameter}' takes accounts"):
            ask()
    assert runner(store, names=True).query("volume", **{parameter: [f"{MARK}01"]}).data


def test_the_users_of_a_radar_need_names_too(store: Store) -> None:
    with pytest.raises(NotAllowedError, match="'user' takes accounts"):
        runner(store).view("radar", user=[f"{MARK}01"])


def own_registry(kind: str, call: Any, **facts: Any) -> Registry:
    registry = Registry()
    registry.queries = {name: f for name, f in REGISTRY.queries.items() if name != "mine"}
    registry.add(Function(kind, "mine", call, __name__, **facts))  # type: ignore[arg-type]
    return registry


def test_a_plugin_that_asks_for_events_counts_as_naming_people(store: Store) -> None:
    def mine(events: Any) -> Any:
        return events.count_events()

    def ask(**facts: Any) -> Any:
        return Runner(store, own_registry("query", mine, **facts), names=False).query("mine").data

    with pytest.raises(NotAllowedError, match="query 'mine' names people"):
        ask()
    assert ask(names_people=False) > 1500
    with pytest.raises(NotAllowedError, match="query 'mine' names people"):
        ask(accounts=("user",))


@pytest.mark.parametrize("source", ["events", "past", "ledger", "db", "mongodb", "affiliations"])
def test_what_holds_names_is_a_reason(source: str, store: Store) -> None:
    space: dict[str, Any] = {}
    exec(f"def mine({source}): return 1", space)
    with pytest.raises(NotAllowedError):
        Runner(store, own_registry("query", space["mine"]), names=False).query("mine")


def test_a_plugin_that_asks_for_nothing_takes_any_parameter(store: Store) -> None:
    def mine(user: str) -> str:
        return f"hello {user}"

    registry = own_registry("query", mine)
    assert Runner(store, registry, names=False).query("mine", user="bob").data == "hello bob"


def test_a_view_of_a_plugin_gets_results_without_names(store: Store) -> None:
    def mine(query: Any, chart: Chart) -> Drawing:
        return chart.bars(query.users(), x="user", y="messages")

    drawing = Runner(store, own_registry("view", mine), names=False).view("mine")
    assert MARK not in everything(drawing)
    assert "person 1" in everything(drawing)


def test_a_query_that_hides_nothing_cannot_be_called_by_a_view(store: Store) -> None:
    def mine(query: Any) -> Any:
        return query.raw()

    def raw(events: Any) -> Any:
        return events.unnest_users("time").select("user").limit(3)

    registry = own_registry("view", mine)
    registry.add(Function("query", "raw", raw, __name__))
    with pytest.raises(NotAllowedError, match="query 'raw' names people"):
        Runner(store, registry, names=False).view("mine")


def test_hiding_keeps_the_form_of_the_data() -> None:
    def mine() -> None: ...

    function = Function("query", "mine", mine, __name__, accounts=("user", "known_by"))
    data = [
        {"user": "b", "n": 1, "known_by": ["a", "releng", "b"], "other": "a"},
        {"user": None, "n": None, "known_by": [], "deep": {"user": "a"}},
        {"user": 7, "known_by": {"c": 1, "a": 5}},
    ]
    assert Anonymity(["rel*"]).hide(function, data) == [
        {"user": "person 1", "n": 1, "known_by": ["person 2", "releng", "person 1"], "other": "a"},
        {"user": None, "n": None, "known_by": [], "deep": {"user": "person 2"}},
        {"user": 7, "known_by": {"person 2": 5, "person 3": 1}},
    ]
    assert Anonymity(None).hide(function, data) is data


def test_kept_results_are_not_shown_to_those_who_may_not_see_names(store: Store) -> None:
    registry = Registry()
    registry.queries = {name: f for name, f in REGISTRY.queries.items() if name != "mine"}

    @memoize_query(60, registry)
    def busiest(query: Any) -> Any:
        return query.users(top=3).data

    @memoize_query(60, registry)
    def raw(events: Any) -> Any:
        return events.unnest_users("time").select("user").limit(3)

    def kept(query: Any) -> Any:
        return use_fromcache(raw)()

    def anew(query: Any) -> Any:
        return use_forcememoize(raw)()

    for call in (busiest, kept, anew, raw):
        registry.add(Function("query", call.__name__, call, __name__))

    def ask(name: str, *, names: bool) -> Any:
        return Runner(store, registry, clock=lambda: NOW, names=names).query(name).data

    assert MARK in repr(ask("busiest", names=True))
    assert [row["user"] for row in ask("busiest", names=False)] == [
        *("person 1", "person 2", "person 3")
    ]
    assert MARK in repr(ask("busiest", names=True))
    assert MARK in repr(ask("anew", names=True))
    assert MARK in repr(ask("kept", names=True))
    for name in ("anew", "kept", "raw"):
        with pytest.raises(NotAllowedError, match="names people"):
            ask(name, names=False)
    registry.add(Function("query", "kept", kept, __name__, names_people=False))
    assert ask("kept", names=False)


def test_accounts_within_objects_and_topics_are_numbered() -> None:
    hidden = Anonymity((), ["Ann", "q.doe", "git", "up"], {"git"})
    function = REGISTRY.queries["volume"]
    data = {
        "rows": [
            {"object": "forks/ann/rpms", "name": "git", "sign": "up"},
            {"object": "~q.doe/home", "topic": "org.example.prod.git.branch.q.doe.main"},
            {"object": "up", "name": "rpms/ann", "topic": "users/ann"},
        ],
        "org.example.prod.git.branch.ANN.main": 3,
    }
    assert hidden.hide(function, data) == {
        "rows": [
            {"object": "forks/person 1/rpms", "name": "git", "sign": "up"},
            {"object": "~person 2/home", "topic": "org.example.prod.git.branch.person 2.main"},
            # what a path leads to is a thing, but for folders of people
            {"object": "person 3", "name": "rpms/ann", "topic": "users/person 1"},
        ],
        "org.example.prod.git.branch.person 1.main": 3,
    }
