"""Calls in threads are bounded in time and number, and stopped when nobody waits for them."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hubbub.live.server.engines import Engines
from hubbub.live.server.failures import HttpError
from hubbub.registry import query
from hubbub.store import Store
from tests.support.http import Served, serving
from tests.support.processes import within
from tests.support.stores.filling import put
from tests.support.stores.small_store import fill, frames, lines

#: Takes hours; one statement.
SLOW = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11"


def slow(store: Store) -> Any:
    """One query that takes hours."""
    return store.backend.raw_sql(SLOW).fetchall()


def many(store: Store, started: list[int]) -> None:
    """Many queries, of which none is slow."""
    for n in range(1_000_000):
        store.backend.raw_sql("SELECT count(*) FROM range(3000000)").fetchall()
        started[0] = n


def number(store: Store) -> int:
    """A quick query."""
    return int(store.backend.raw_sql("SELECT 42").fetchone()[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "store", lines(40))
    return tmp_path / "store"


@pytest.fixture
def run(folder: Path) -> Iterator[Callable[..., Any]]:
    """Run a coroutine function with engines."""

    def run(test: Callable[[Engines], Any], **options: Any) -> Any:
        async def main() -> Any:
            engines = Engines(
                lambda: Store.open(folder, reading=True),
                **{"workers": 1, "timeout": 0.5, **options},
            )
            try:
                return await asyncio.wait_for(test(engines), 60)
            finally:
                began = time.monotonic()
                engines.close()
                assert time.monotonic() - began < within(5)

        return asyncio.run(main())

    yield run
    left = [t.name for t in threading.enumerate() if t.name.startswith("engine")]
    assert not left, "threads are left"


async def status(call: Any) -> int:
    with pytest.raises(HttpError) as raised:
        await call
    return raised.value.status


async def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", ["slow", "many"])
def test_a_call_past_its_time_is_stopped_and_the_next_one_works(run: Any, kind: str) -> None:
    arguments: dict[str, list[Any]] = {"slow": [], "many": [[0]]}
    function: Any = {"slow": slow, "many": many}[kind]

    async def test(engines: Engines) -> None:
        began = time.monotonic()
        assert await status(engines.run(function, *arguments[kind])) == 504
        assert time.monotonic() - began < within(5)
        await until(lambda: engines.running == 0)
        engines.timeout = 30
        for _ in range(3):  # nothing of the stop is left for others
            assert await engines.run(number) == 42
        assert engines.stopped["timeout"] == 1

    run(test)
    if kind == "many":
        stopped_at = arguments["many"][0][0]
        time.sleep(0.3)
        assert arguments["many"][0][0] == stopped_at


def test_stops_do_not_hit_the_next_call(run: Any) -> None:
    """Calls that end at about their time limit: whatever wins, the next call is answered."""

    def some(store: Store, seconds: float) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            store.backend.raw_sql("SELECT sum(range) FROM range(10000)").fetchall()
        return "done"

    async def test(engines: Engines) -> None:
        outcomes = set()
        for n in range(40):
            try:
                outcomes.add(await engines.run(some, n % 10 / 100))
            except HttpError as error:
                outcomes.add(error.what)
            engines.timeout = 30
            assert await engines.run(number) == 42
            engines.timeout = 0.04
        assert len(outcomes) == 2

    run(test, timeout=0.04)


def test_the_queue_is_bounded_and_in_order(run: Any) -> None:
    async def test(engines: Engines) -> None:
        release = threading.Event()
        order: list[int] = []

        def wait(_store: Store, n: int) -> None:
            release.wait(30)
            order.append(n)

        calls = [asyncio.ensure_future(engines.run(wait, n)) for n in range(4)]
        await until(lambda: engines.queued == 3)
        refused = engines.run(wait, 9)
        with pytest.raises(HttpError) as raised:
            await refused
        assert (raised.value.status, raised.value.headers["Retry-After"]) == (503, "5")
        release.set()
        await asyncio.gather(*calls)
        assert order == [0, 1, 2, 3]
        assert (engines.queued, engines.stopped["refused"]) == (0, 1)

    run(test, waiting=3, timeout=30)


def test_the_time_in_the_queue_does_not_count(run: Any) -> None:
    async def test(engines: Engines) -> None:
        def nap(_store: Store) -> int:
            time.sleep(0.8)
            return 1

        assert await asyncio.gather(*(engines.run(nap) for _ in range(4))) == [1] * 4

    run(test, timeout=2.5)


def test_a_cancelled_call_is_stopped(run: Any) -> None:
    async def test(engines: Engines) -> None:
        task = asyncio.ensure_future(engines.run(slow))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: engines.running == 0)
        assert await engines.run(number) == 42

    run(test, timeout=60)


def test_closing_stops_what_runs(run: Any) -> None:
    async def test(engines: Engines) -> None:
        task = asyncio.ensure_future(engines.run(slow))
        await until(lambda: engines.running == 1)
        await asyncio.sleep(0.2)
        engines.close()
        assert await status(engines.run(number)) == 503
        with pytest.raises(Exception, match=r"(?i)interrupt|given up"):
            await task

    run(test, timeout=60)


def test_new_events_are_seen_by_open_stores(run: Any, folder: Path) -> None:
    async def test(engines: Engines) -> None:
        assert await engines.run(lambda store: store.events().count_events()) == 40
        with Store.open(folder) as store:
            put(store, *frames(lines(10, seed=2)), load=True)
        assert await engines.run(lambda store: store.events().count_events()) == 50

    run(test, timeout=30)


def test_a_call_that_uses_no_engine_keeps_its_thread_until_it_ends(run: Any) -> None:
    async def test(engines: Engines) -> None:
        def nap(_store: Store) -> None:
            time.sleep(1)

        began = time.monotonic()
        assert await status(engines.run(nap)) == 504
        engines.timeout = 30
        assert engines.running == 1
        assert await engines.run(number) == 42
        assert time.monotonic() - began >= 1

    run(test, timeout=0.1)


def test_threads_are_ready_before_the_first_call(run: Any) -> None:
    async def test(engines: Engines) -> None:
        await engines.warm()
        assert len(engines._stores) == 3
        assert all("backend" in vars(store) for store in engines._stores)

    run(test, workers=3, timeout=30)


def test_an_error_is_raised_where_the_call_is_awaited(run: Any) -> None:
    def fail(_store: Store) -> None:
        raise ValueError("as it is")

    async def test(engines: Engines) -> None:
        with pytest.raises(ValueError, match="as it is"):
            await engines.run(fail)

    run(test, timeout=30)


@pytest.fixture
def served(folder: Path, registry: None) -> Iterator[Served]:
    @query(name="endless")
    def endless(events: Any) -> int:
        return 1

    def slowly(store: Store, *_args: Any, **options: Any) -> Any:
        return slow(store)

    with serving(folder, jobs=1) as running:
        real = running.server.engines.run

        async def run(function: Any, *args: Any, **kwargs: Any) -> Any:
            named = any(getattr(arg, "name", "") == "endless" for arg in args)
            return await real(slowly if named else function, *args, **kwargs)

        running.server.engines.run = run  # type: ignore[method-assign,assignment]
        yield running


def test_a_client_that_goes_away_stops_its_query(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    engines = served.server.engines
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /query/endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        end = time.monotonic() + 90
        while not engines.running:
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.3)
    answered = served.get("/query/volume.json")  # waits for the only thread
    assert answered.status_code == 200
    assert engines.stopped["disconnected"] == 1
    assert json.loads(answered.content)["data"]
