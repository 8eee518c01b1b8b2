"""Handlers get each event once, whatever dies."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.live.server.events import dispatcher
from hubbub.live.server.events.service import Events
from hubbub.plugins.process import PluginTimeoutError
from hubbub.store import Store
from hubbub.store.journal.journal import Journal
from hubbub.store.state.documents import Documents
from hubbub.store.stream.places import places
from tests.live.server.events.host import InProcess, died, registry_of


def count(db: Any, state: Any, events: Any) -> None:
    """Keep every event and the length of its list."""
    for event in events:
        db["seen"][f"{len(db['seen']):06}"] = event.get("n", event.get("id"))
    db["batches"][f"{len(db['batches']):06}"] = len(events)
    state.inc("events", len(events))


def failing(db: Any, events: Any) -> None:
    """Raise where an event says so."""
    for event in events:
        db["failing"][str(event.get("n"))] = True
        if event.get("fail"):
            raise ValueError("as the event says")


def after(db: Any, events: Any) -> None:
    """Count."""
    db["after"]["n"] = db["after"].get("n", 0) + len(events)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Store.open(tmp_path / "s").close()
    return tmp_path / "s"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "RETRY", 0.01)
    monkeypatch.setattr(dispatcher, "POLL", 0.05)


def with_events(
    folder: Path,
    host: InProcess | None,
    act: Callable[[Events], Awaitable[object]],
    **options: Any,
) -> None:
    """Run the service while `act` runs."""

    async def main() -> None:
        events = Events(folder, host, **options)
        await events.start()
        try:
            await act(events)
        finally:
            await events.stop()

    asyncio.run(main())


def kept(folder: Path, collection: str = "seen", module: str = "m") -> list[Any]:
    with Store.open(folder) as store:
        return list(Documents(store.state, module)[collection].values())


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.02)


def line(n: int) -> str:
    return json.dumps({"id": f"s{n}", "timestamp": 1_768_435_200 + n, "topic": "bus.message"})


def store_events(folder: Path, *numbers: int) -> None:
    from hubbub.collector.event import Frame

    with Store.open(folder) as store:
        with store.spool("test") as sink:
            for n in numbers:
                sink.put(Frame("jsonl:x", 1, b"", line(n).encode(), n))
        store.load()


def test_batches_come_as_they_were_posted(folder: Path) -> None:
    async def act(events: Events) -> None:
        await events.accept([{"n": 1}])
        await events.accept([{"n": 2}, {"n": 3}, {"n": 4}])
        await events.accept([])
        assert kept(folder) == [1, 2, 3, 4], "accepted is handed over"

    with_events(folder, InProcess(folder, registry_of(count)), act)
    assert kept(folder, "batches") == [1, 3]


def test_a_handler_that_raises_loses_only_what_that_call_did(folder: Path) -> None:
    async def act(events: Events) -> None:
        await events.accept([{"n": 1}])
        await events.accept([{"n": 2}, {"n": 3, "fail": 1}])
        await events.accept([{"n": 4}])

    with_events(folder, InProcess(folder, registry_of(count, failing, after)), act)
    assert kept(folder) == [1, 2, 3, 4]
    assert kept(folder, "after") == [4]
    with Store.open(folder) as store:
        assert sorted(Documents(store.state, "m")["failing"]) == ["1", "4"]
        assert places(store.state)["m:failing"].failed == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_is_called_again_and_nothing_counts_twice(
    folder: Path, when: str
) -> None:
    host = InProcess(folder, registry_of(count, after))
    deaths = iter([True, False, True, True, False, False, True] + [False] * 100)
    setattr(host, when, lambda _: died() if next(deaths) else None)

    async def act(events: Events) -> None:
        for n in range(8):
            await events.accept([{"n": n}])

    with_events(folder, host, act)
    assert kept(folder) == list(range(8))
    assert kept(folder, "after") == [8]


def test_events_of_before_a_crash_are_handed_over_after_it(folder: Path) -> None:
    host = InProcess(folder, registry_of(count))
    with_events(folder, host, lambda events: events.accept([{"n": 0}]))
    with Journal(folder) as journal:  # accepted, and then the server was killed
        journal.append([json.dumps([{"n": n}]) for n in (1, 2)], 1)

    async def act(events: Events) -> None:
        await events.accept([{"n": 3}])

    with_events(folder, host, act)
    assert kept(folder) == [0, 1, 2, 3]


def test_a_batch_that_always_kills_is_passed_and_counted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "PAUSE", 0.05)
    host = InProcess(folder, registry_of(count, after))

    def before(turns: list[dict[str, Any]]) -> None:
        for turn in turns:
            if "m:count" in turn["handlers"] and any(e.get("kill") for e in turn["events"]):
                died()

    host.before = before

    async def act(events: Events) -> None:
        await asyncio.gather(*(events.accept([{"n": n, "kill": n == 2}]) for n in range(5)))
        await until(lambda: len(kept(folder)) == 4)

    with_events(folder, host, act)
    assert sorted(kept(folder)) == [0, 1, 3, 4]
    assert kept(folder, "after") == [5], "the other handler had them all"
    with Store.open(folder) as store:
        place = places(store.state)["m:count"]
    assert place.skipped == 1
    assert sum(1 for turns in host.calls for t in turns if t["events"][0].get("kill")) > 3


def test_stored_events_are_handed_over_in_order_also_those_of_the_meantime(folder: Path) -> None:
    host = InProcess(folder, registry_of(count))

    async def begin(events: Events) -> None:
        await events.accept([{"n": "posted"}])

    with_events(folder, host, begin)
    store_events(folder, 1, 2)
    store_events(folder, 3)

    async def act(_: Events) -> None:
        await until(lambda: len(kept(folder)) == 4)
        store_events(folder, 4)
        await until(lambda: len(kept(folder)) == 5)
        await asyncio.sleep(0.3)

    with_events(folder, host, act)
    assert kept(folder) == ["posted", "s1", "s2", "s3", "s4"], "those posted are not repeated"


def test_the_past_is_handed_over_only_where_it_is_asked_for(folder: Path) -> None:
    store_events(folder, 1, 2)
    now = InProcess(folder, registry_of(count, module="now"))

    async def begin(events: Events) -> None:
        await events.accept([{"n": 3}])

    with_events(folder, now, begin)
    assert kept(folder, module="now") == [3]
    store_events(folder)  # what was posted is stored now
    both = registry_of(count, module="now")
    both.event_handlers |= registry_of(count, module="all").event_handlers
    host = InProcess(folder, both)

    async def act(events: Events) -> None:
        await until(lambda: len(kept(folder, module="all")) == 3)
        await events.accept([{"n": 4}])
        store_events(folder, 5)
        await until(lambda: len(kept(folder, module="all")) == 5)

    with_events(folder, host, act, from_beginning=True)
    assert kept(folder, module="now") == [3, 4, "s5"]
    seen = kept(folder, module="all")
    assert sorted(map(str, seen[:3]))[1:] == ["s1", "s2"]
    assert min(map(str, seen[:3])).startswith("http-")
    assert seen[3:] == [4, "s5"]


def test_somebody_else_changes_the_same_document_meanwhile(folder: Path) -> None:
    host = InProcess(folder, registry_of(after))
    others = iter(range(3))

    def meddle(_: object) -> None:
        if next(others, None) is not None:
            with Store.open(folder) as store:
                document = Documents(store.state, "m")["after"]
                document["n"] = document.get("n", 0) + 100

    host.after = meddle

    async def act(events: Events) -> None:
        await events.accept([{"n": 1}])

    with_events(folder, host, act)
    assert kept(folder, "after") == [301]


def test_two_servers_share_the_handlers(folder: Path) -> None:
    one = InProcess(folder, registry_of(count))
    other = InProcess(folder, registry_of(count))

    async def main() -> None:
        first, second = Events(folder, one), Events(folder, other)
        await first.start()
        await first.accept([{"n": 0}])
        await second.start()
        await asyncio.gather(*(s.accept([{"n": 1}]) for s in (first, second) for _ in range(5)))
        assert len(kept(folder)) == 11
        assert not other.calls
        await first.stop()
        await second.accept([{"n": 2}])  # takes over
        await second.stop()

    asyncio.run(main())
    assert len(kept(folder)) == 12
    assert other.calls


def test_the_journal_is_emptied_once_all_had_it(folder: Path) -> None:
    host = InProcess(folder, registry_of(count))

    async def act(events: Events) -> None:
        for n in range(3):
            await events.accept([{"n": n}])
        with Journal(folder) as journal:
            await until(lambda: not journal.waiting())

    with_events(folder, host, act)


def test_a_handler_that_is_not_run_now_keeps_its_place(folder: Path) -> None:
    host = InProcess(folder, registry_of(count))
    with_events(folder, host, lambda events: events.accept([{"n": 0}]))

    async def without(events: Events) -> None:
        await events.accept([{"n": 1}])
        await asyncio.sleep(1.5)

    with_events(folder, None, without)
    with_events(folder, host, lambda events: events.accept([{"n": 2}]))
    assert kept(folder) == [0, 1, 2]


def test_a_handler_that_lapsed_begins_at_the_present_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from hubbub.store.stream import stream

    host = InProcess(folder, registry_of(count))
    with_events(folder, host, lambda events: events.accept([{"n": 0}]))
    store_events(folder, 1)
    with Store.open(folder) as store:
        later = time.time_ns() // 1000 + 100 * 86_400_000_000
        assert stream.lapse(store.state, folder / stream.FOLDER, later) == ["m:count"]

    async def act(events: Events) -> None:
        await events.accept([{"n": 2}])
        store_events(folder, 3)
        await until(lambda: len(kept(folder)) == 3)

    with_events(folder, host, act)
    assert kept(folder) == [0, 2, "s3"]
    assert "1 event stored" in capsys.readouterr().out


def test_nobody_waits_for_a_handler_that_takes_too_long_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "ATTEMPTS", 10**6)
    monkeypatch.setattr(dispatcher, "RETRY", 0.2)
    host = InProcess(folder, registry_of(count, after))
    stuck = True

    def before(turns: list[dict[str, Any]]) -> None:
        if stuck and any("m:count" in turn["handlers"] for turn in turns):
            raise PluginTimeoutError("it took too long")

    host.before = before

    async def act(events: Events) -> None:
        nonlocal stuck
        for n in range(3):
            async with asyncio.timeout(10):
                await events.accept([{"n": n}])
        await until(lambda: kept(folder, "after") == [3])
        assert kept(folder) == []
        stuck = False
        await until(lambda: kept(folder) == [0, 1, 2])

    with_events(folder, host, act)
