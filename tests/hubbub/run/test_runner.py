"""The runner: ranges, coverage, injected objects, nesting, errors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from hubbub.analyzers.result import Result
from hubbub.errors import HubbubError, UsageError
from hubbub.registry import Function, Registry
from hubbub.run.injection import Injector
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store

NOW = datetime(2026, 1, 10, tzinfo=UTC)
DAY = 1767225600_000000  # 2026-01-01 in µs


@pytest.fixture
def opened(store: Path) -> Iterator[Store]:
    with Store.open(store) as opened_store:
        yield opened_store


def runner(opened: Store, *functions: Any, view: Any = None, **common: Any) -> Runner:
    registry = Registry()
    for call in functions:
        registry.add(Function("query", call.__name__, call, __name__))
    if view is not None:
        registry.add(Function("view", view.__name__, view, __name__, title="A title"))
    return Runner(opened, registry, common=CommonOptions(**common), clock=lambda: NOW)


def ask(since: Any, until: Any, by: str, bots: bool, n: int = 3) -> dict[str, Any]:
    return {"since": since, "until": until, "by": by, "bots": bots, "n": n}


def test_range_and_by_are_injected_and_documented(opened: Store) -> None:
    answer = runner(opened, ask, since="8d12h", by="agent").query("ask", n="4")
    start, end = "2026-01-01T12:00:01Z", "2026-01-03T10:00:01Z"
    assert answer.data == {"since": start, "until": end, "by": "agent", "bots": False, "n": 4}
    assert answer.parameters == answer.data
    assert answer.events == 3


def test_parameters_of_the_call_take_precedence_over_common_options(opened: Store) -> None:
    answer = runner(opened, ask, since="2026-01-01", by="agent").query(
        "ask", since=datetime(2026, 1, 2, tzinfo=UTC), by="users", bots="no"
    )
    assert (answer.data["since"], answer.data["by"], answer.data["bots"]) == (
        "2026-01-02T00:00:00Z", "users", False
    )  # fmt: skip


def test_a_function_may_define_a_default_for_by(opened: Store) -> None:
    def mine(events: Any, by: str = "agent") -> Any:
        return events.unnest_users().select("user").order_by("user")

    assert [r["user"] for r in runner(opened, mine).query("mine").data] == [
        "alice", "alice", "bob"
    ]  # fmt: skip


def test_nested_queries_inherit_the_callers_options(opened: Store) -> None:
    def inner(events: Any) -> Any:
        return events.category.nunique()

    def outer(query: Any, since: datetime) -> Any:
        within: Result = query.inner()
        narrow: Result = query.inner(category="git")
        later = query("inner", since=since + timedelta(days=1))
        return [within.data, narrow.data, later.data, within.parameters["by"], within.since]

    instance = runner(
        opened, inner, outer, by="agent", category=("git", "bodhi"), since="2026-01-01"
    )
    assert instance.query("outer").data == [2, 1, 2, "agent", "2026-01-01T00:00:00Z"]


def test_queries_list_and_refuse_names(opened: Store) -> None:
    def inner() -> int:
        """Says one."""
        return 1

    def _hidden() -> int:
        return 2

    def names(query: Any) -> Any:
        with pytest.raises(AttributeError, match="there is no query 'nope'"):
            query.nope()
        return [dir(query), query.inner.__doc__]

    instance = runner(opened, inner, _hidden, names)
    assert instance.query("names").data == [["inner", "names"], "Says one."]
    with pytest.raises(UsageError, match="there is no query '_hidden'"):
        instance.query("_hidden")


def test_a_query_that_calls_itself_is_an_error(opened: Store) -> None:
    def again(query: Any) -> Any:
        return query.again().data

    with pytest.raises(HubbubError, match="calls itself"):
        runner(opened, again).query("again")


def test_params_takes_the_rest_and_only_then(opened: Store) -> None:
    def takes(first: str, params: dict[str, Any]) -> Any:
        return [first, params]

    def strict(first: str = "x") -> str:
        return first

    instance = runner(opened, takes, strict)
    assert instance.query("takes", first="a", other="b").data == ["a", {"other": "b"}]
    with pytest.raises(UsageError, match="has no parameter 'other'"):
        instance.query("strict", other="b")
    with pytest.raises(UsageError, match="did you mean first"):
        instance.query("strict", frist="b")
    with pytest.raises(UsageError, match="needs --first"):
        instance.query("takes")
    with pytest.raises(UsageError, match="has no parameter 'query'"):
        instance.query("takes", first="a", query="b")


def test_data_and_diagnostics(opened: Store) -> None:
    def both() -> Any:
        return [{"a": 1}], {"note": timedelta(minutes=1)}

    def pair() -> Any:
        return (1, "two")

    instance = runner(opened, both, pair)
    answer = instance.query("both")
    assert (answer.data, answer.diagnostics, answer.columns) == ([{"a": 1}], {"note": 60.0}, ("a",))
    assert instance.query("pair").data == [1, "two"]


def test_state_clock_log_and_progress(opened: Store) -> None:
    def keeps(state: Any, clock: Any, log: Any, progress: Any) -> Any:
        state.inc("n", 2)
        state.max("top", 5)
        state.max("top", 3)
        state.set("gone", 1)
        state.delete("gone")
        progress(1, 2)
        log.info("said")
        return [state.get("n"), state.dec("n"), state.get("top"), state.get("gone", "no"), clock()]

    instance = runner(opened, keeps)
    assert instance.query("keeps").data == [2, 1, 5, "no", "2026-01-10T00:00:00Z"]
    assert instance.query("keeps").data[:2] == [3, 2]


def test_an_injected_object_that_is_missing_is_an_error() -> None:
    def wants(fs: Any) -> None: ...

    with pytest.raises(HubbubError, match="cannot inject"):
        Injector(cast("Any", None)).make("fs", Function("query", "wants", wants, __name__))


def test_a_view_gets_chart_with_its_title(opened: Store) -> None:
    def draws(chart: Any, since: datetime) -> str:
        return f"{chart.title} {since:%F}"

    assert runner(opened, view=draws).view("draws") == "A title 2026-01-01"
    with pytest.raises(UsageError, match="there is no view 'nope'"):
        runner(opened, view=draws).view("nope")


@pytest.mark.parametrize(
    ("spans", "state", "gaps"),
    [
        ([], "unproven", 0),
        ([(0, 3, "complete", "")], "complete", 0),
        ([(0, 1, "complete", ""), (1, 3, "healed", "")], "healed", 0),
        ([(0, 1, "complete", ""), (2, 3, "complete", "")], "unproven", 0),
        ([(0, 3, "complete", "category=git")], "unproven", 0),
        ([(0, 1, "complete", ""), (1, 2, "gap", ""), (2, 3, "complete", "")], "unproven", 1),
    ],
)
def test_coverage(opened: Store, spans: list[Any], state: str, gaps: int) -> None:
    for start, end, kind, filters in spans:
        day = 86400_000000
        opened.state.span("history:x", filters, DAY + start * day, DAY + end * day, kind, "why")
    instance = runner(opened, ask, since="2026-01-01", until="2026-01-04")
    answer = instance.query("ask")
    assert (answer.coverage.state, len(answer.coverage.gaps), len(instance.gaps)) == (
        state,
        gaps,
        gaps,
    )


def test_coverage_of_a_filter_counts_for_that_filter(opened: Store) -> None:
    opened.state.span("history:x", "category=git", DAY, DAY + 3 * 86400_000000, "complete", "why")
    instance = runner(opened, ask, since="2026-01-01", until="2026-01-04", category=("git",))
    assert instance.query("ask").coverage.state == "complete"
    other = runner(opened, ask, since="2026-01-01", until="2026-01-04", category=("bodhi",))
    assert other.query("ask").coverage.state == "unproven"


def test_a_range_whose_end_would_lie_before_its_beginning_ends_now(opened: Store) -> None:
    answer = runner(opened, ask, since="2d").query("ask")
    assert (answer.data["since"], answer.data["until"]) == (
        "2026-01-08T00:00:01Z",
        "2026-01-10T00:00:01Z",
    )
    assert answer.events == 0


def test_a_parameter_hides_the_common_filter_that_was_set_elsewhere(opened: Store) -> None:
    def mine(events: Any, category: str = "none") -> Any:
        return [category, events.count_events()]

    answer = runner(opened, mine, category=("git",)).query("mine")
    assert (answer.data, answer.events) == (["none", 5], 5)
    assert answer.parameters["category"] == "none"


def test_a_functions_default_for_by_is_inherited(opened: Store) -> None:
    def inner(by: str) -> str:
        return by

    def outer(query: Any, by: str = "agent") -> Any:
        return [by, query.inner(), query.inner(by="users")]

    instance = runner(opened, inner, outer)
    assert instance.query("outer").data == ["agent", "agent", "users"]
    assert instance.query("inner").data == "users"


def test_coverage_of_a_filter_ends_only_the_range_of_that_filter(opened: Store) -> None:
    opened.state.span("history:x", "category=git", DAY, DAY + 86400_000000, "complete", "why")
    instance = runner(opened, ask)
    assert instance.query("ask").data["until"] == "2026-01-03T10:00:01Z"
    assert instance.query("ask", category="git").data["until"] == "2026-01-02T00:00:00Z"
    assert instance.query("ask", category="g*").data["until"] == "2026-01-03T10:00:01Z"


def test_state_is_separate_for_each_module(opened: Store) -> None:
    def count(state: Any) -> Any:
        return state.inc("n")

    registry = Registry()
    for module in ("one", "two"):
        registry.add(Function("query", f"count_{module}", count, module))
    instance = Runner(opened, registry, clock=lambda: NOW)
    names = ("count_one", "count_one", "count_two")
    assert [instance.query(name).data for name in names] == [1, 2, 1]


def test_a_reserved_name_has_an_underscore_in_python_only(opened: Store) -> None:
    def ask(from_: datetime, n: int = 1) -> Any:
        return [from_, n]

    parameters = {"from": "2026-01-02"}
    answer = runner(opened, ask).query("ask", **parameters)
    assert answer.data == ["2026-01-02T00:00:00Z", 1]
    assert answer.parameters["from"] == "2026-01-02T00:00:00Z"
    assert "from_" not in answer.parameters
    assert runner(opened, ask).query("ask", from_="2026-01-02").data == answer.data
    with pytest.raises(UsageError, match="needs --from"):
        runner(opened, ask).query("ask")


def test_a_function_without_events_has_no_common_options(opened: Store) -> None:
    def bare(db: Any, params: dict[str, str], topic: str = "none") -> Any:
        return [topic, params]

    def strict(text: str) -> str:
        return text

    instance = runner(opened, bare, strict)
    answer = instance.query("bare", user="ann", since="x", topic="git")
    assert answer.bare == ["git", {"user": "ann", "since": "x"}]
    assert answer.parameters == {"topic": "git", "user": "ann", "since": "x"}
    with pytest.raises(UsageError, match="has no parameter 'since'"):
        instance.query("strict", text="a", since="7d")
    with pytest.raises(UsageError, match="has no parameter 'db'"):
        instance.query("bare", db="mine")
