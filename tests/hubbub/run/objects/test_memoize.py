"""Kept results: `memoize_query` and the `use_…` functions."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub.errors import HubbubError
from hubbub.jobs import Jobs
from hubbub.registry import REGISTRY
from hubbub.run.runner import CommonOptions, Runner
from hubbub.store import Store
from hubbub.store.plugin_data.cache import cache_of
from tests.support.paths import GOLDEN
from tests.support.processes import within
from tests.support.stores import small_store
from tests.support.stores.filling import put

NOW = datetime(2026, 1, 10, tzinfo=UTC)
runs: Counter[str] = Counter()


@pytest.fixture
def opened(tmp_path: Path, registry: None) -> Iterator[Store]:
    runs.clear()
    with Store.open(tmp_path / "store") as store:
        yield store


def ask(store: Store, name: str, **parameters: Any) -> Any:
    return Runner(store, clock=lambda: NOW).query(name, **parameters).bare


@pytest.mark.parametrize("below", [True, False])
def test_one_computation_for_equal_arguments(opened: Store, *, below: bool) -> None:
    def square(n: str, power: int = 2) -> int:
        runs["square"] += 1
        return int(int(n) ** power)

    if below:
        decorated = hubbub.query(hubbub.memoize_query(60)(square))
    else:
        decorated = hubbub.memoize_query(60)(hubbub.query(square))
    assert [ask(opened, "square", n=n) for n in ("5", "5", "6")] == [25, 25, 36]
    assert ask(opened, "square", n="5", power=3) == 125
    assert ask(opened, "square", n="5", power="2") == 25
    assert runs["square"] == 3

    @hubbub.query
    def from_code() -> Any:
        found: list[Any] = [decorated("5"), decorated(n="6"), decorated("7", 1)]
        hubbub.use_clearcache(decorated)("6")
        try:
            hubbub.use_fromcache(decorated)("6")
        except KeyError:
            found.append("not kept")
        return [*found, hubbub.use_fromcache(decorated)(power=2, n="5")]

    assert ask(opened, "from_code") == [25, 36, 7, "not kept", 25]
    assert runs["square"] == 4
    assert ask(opened, "square", n="6") == 36
    assert runs["square"] == 5


def test_empty_results_are_kept_and_values_have_one_form(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def forms(which: str) -> Any:
        runs[which] += 1
        return {"list": [], "none": None, "tuple": (1, 2), "set": {2, 1}, "zero": 0}[which]

    for which, expected in (
        ("list", []),
        ("none", None),
        ("tuple", [1, 2]),
        ("set", [1, 2]),
        ("zero", 0),
    ):
        assert [ask(opened, "forms", which=which) for _ in range(2)] == [expected] * 2
        assert runs[which] == 1


def test_an_entry_lives_for_its_time(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(3)
    def short() -> int:
        runs["short"] += 1
        return runs["short"]

    assert [ask(opened, "short"), ask(opened, "short")] == [1, 1]
    time.sleep(3.1)
    assert ask(opened, "short") == 2


def test_what_fails_is_not_kept_and_leaves_no_lock(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def fails() -> None:
        runs["fails"] += 1
        raise ValueError("on purpose")

    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(HubbubError, match="on purpose"):
            ask(opened, "fails")
    assert runs["fails"] == 2
    assert time.monotonic() - began < within(1)


def test_forcing_computes_anew_and_stores(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def count(db: Any, n: int) -> int:
        runs["count"] += 1
        return runs["count"] * 100 + len(db["any"]) + n

    @hubbub.query
    def force() -> int:
        return int(hubbub.use_forcememoize(count)(1))  # `db` is passed as in any call

    assert [ask(opened, "count", n=1), ask(opened, "force"), ask(opened, "count", n=1)] == [
        101,
        201,
        201,
    ]


def test_injected_objects_are_no_arguments(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def plus(db: Any, cache: Any, n: int) -> int:
        runs["plus"] += 1
        return n + 1

    assert [ask(opened, "plus", n=1), ask(opened, "plus", n=1)] == [2, 2]
    assert runs["plus"] == 1


def test_other_parameters_are_arguments(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def rest(params: dict[str, str]) -> Any:
        return params

    assert ask(opened, "rest", a="1") == {"a": "1"}
    assert ask(opened, "rest", a="2") == {"a": "2"}


def test_a_query_of_events_is_kept_by_range_and_filters(opened: Store) -> None:
    put(opened, *small_store.frames(small_store.lines(40)), load=True)

    @hubbub.query
    @hubbub.memoize_query(60)
    def counted(events: Any) -> int:
        runs["counted"] += 1
        return int(events.count_events())

    def count(*, names: bool = True, **common: Any) -> Any:
        runner = Runner(opened, common=CommonOptions(**common), names=names)
        return runner.query("counted").data

    days: dict[str, Any] = {"since": "2026-01-01", "until": "2026-02-01"}
    assert [count(**days), count(**days)] == [40, 40]
    assert 0 < count(**days, topic=("*.wiki.article.edit",)) < 40
    assert runs["counted"] == 2
    assert count(since="3650d", until="now") == 40
    time.sleep(1.1)
    assert count(since="3650d", until="now") == 40  # `3650d` is the same request, a second later
    assert runs["counted"] == 3


def test_a_direct_call_has_the_range_of_the_function_that_calls(opened: Store) -> None:
    """That of its caller; where that one has no range, what a call by name would have."""
    put(opened, *small_store.frames(small_store.lines(40)), load=True)

    @hubbub.query
    @hubbub.memoize_query(60)
    def ranged(events: Any, since: Any, until: Any, topic: str = "all") -> list[Any]:
        runs["ranged"] += 1
        return [topic, events.count_events(), since.isoformat(), until.isoformat()]

    @hubbub.query
    def without_range() -> Any:
        return ranged("direct")  # type: ignore[call-arg]  # hubbub passes the rest

    @hubbub.query
    def by_name(query: Any) -> Any:
        return query.ranged(topic="direct").data

    @hubbub.query
    def calls_one_without(query: Any, events: Any) -> Any:
        return query.without_range()

    def later(name: str, **parameters: Any) -> Any:
        return (
            Runner(opened, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
            .query(name, **parameters)
            .bare
        )

    whole = later("by_name")
    assert whole[:2] == ["direct", 40]
    assert later("without_range") == whole
    with pytest.raises(HubbubError, match="no parameter"):
        later("without_range", since="2026-01-08")
    week = ["direct", 10, "2026-01-08T00:00:00+00:00", "2026-01-15T00:00:00+00:00"]
    days: dict[str, Any] = {"since": "2026-01-08", "until": "2026-01-15"}
    assert later("by_name", **days) == week
    assert later("calls_one_without", **days) == week


def test_names_of_people_are_kept_apart(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def who(query: Any) -> Any:
        return query.tail(since="2026-01-01", until="2026-02-01").data

    put(opened, *small_store.frames(small_store.lines(40)), load=True)
    named = Runner(opened).query("who").data
    assert named[0]["user"] in small_store.USERS
    hidden = Runner(opened, names=False).query("who").data
    assert hidden[0]["user"] == "person 1"


def test_one_thread_at_a_time_computes(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def slow() -> int:
        time.sleep(0.2)
        runs["slow"] += 1
        return runs["slow"]

    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(opened, "slow"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 4


def test_a_function_may_ask_itself(opened: Store) -> None:
    @hubbub.memoize_query(60)
    def factorial(n: int) -> int:
        return 1 if n == 0 else n * int(factorial(n - 1))

    assert factorial(10) == 3628800  # outside any call: kept in memory


def test_functions_that_one_function_makes_are_kept_apart(opened: Store) -> None:
    def make(value: int) -> Any:
        @hubbub.query(name=f"same_{value}")
        @hubbub.memoize_query(60)
        def same() -> int:
            return value

        return same

    make(1), make(2)
    assert [ask(opened, f"same_{n}") for n in (1, 2, 1)] == [1, 2, 1]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_that_makes_no_sense(seconds: float) -> None:
    with pytest.raises(ValueError, match="how many seconds"):
        hubbub.memoize_query(seconds)


def test_use_functions_need_a_memoized_function() -> None:
    for use in (hubbub.use_fromcache, hubbub.use_forcememoize, hubbub.use_clearcache):
        with pytest.raises(TypeError, match="keeps no results"):
            use(len)


def test_what_json_cannot_hold_is_an_error(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def binary() -> bytes:
        return b"x"

    with pytest.raises(HubbubError, match="cannot return a bytes"):
        ask(opened, "binary")


def test_nothing_is_shared_with_the_cache_of_the_module(opened: Store) -> None:
    @hubbub.query
    @hubbub.memoize_query(60)
    def kept() -> int:
        return 1

    assert ask(opened, "kept") == 1
    assert cache_of(opened.state).get(__name__, "kept") is None


def test_scheduled_functions(opened: Store) -> None:
    functions: dict[str, Any] = {}

    def counting(name: str) -> Any:
        def run() -> int:
            runs[name] += 1
            return runs[name]

        run.__name__ = run.__qualname__ = name
        return run

    memoized, every = hubbub.memoize_query(60), "1s"
    functions["plain"] = hubbub.cron(every)(counting("plain"))
    functions["forced"] = hubbub.cron(every, force_memoize=True)(memoized(counting("forced")))
    functions["unforced"] = memoized(hubbub.cron(every)(counting("unforced")))

    @hubbub.cron(every, force_memoize=True)
    @memoized
    def forced_injected(db: Any) -> int:
        runs["forced_injected"] += 1
        return runs["forced_injected"]

    @hubbub.query
    def call(which: str) -> Any:
        return functions[which]()

    jobs = Jobs(opened, REGISTRY)
    scenario = json.loads((GOLDEN / "insights" / "ins21.json").read_text())
    for step in scenario["steps"]:
        if "scheduler_runs" in step:
            runs_of = [jobs.run(step["scheduler_runs"]) for _ in range(step["times"])]
            assert [(run.error, run.result) for run in runs_of] == [
                (None, value) for value in step["expected"]
            ], step
        else:
            assert ask(opened, "call", which=step["call_from_code"]) == step["expected"], step
