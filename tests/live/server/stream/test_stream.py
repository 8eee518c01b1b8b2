"""Frames reach a client while events are received, filtered, and replayed from the past."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from hubbub.collector.event import CONNECTIONS_KEY, alive_key
from hubbub.errors import StoreError
from hubbub.live.server.stream import feed
from hubbub.live.stream import past
from hubbub.live.stream.events import LiveEvents
from hubbub.store import Store
from tests.support.http import Served, serving
from tests.support.stores.filling import put
from tests.support.stores.small_store import START, fill, frames, lines


def read(response: requests.Response) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream: name and data."""
    name = "message"
    for line in response.iter_lines():
        if line.startswith(b"event: "):
            name = line[7:].decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])
            name = "message"


class Watching:
    """A client of the stream."""

    def __init__(self, served: Served, query: str = "") -> None:
        self.response = served.session.get(f"{served.url}/live{query}", stream=True, timeout=30)
        self.kinds: list[str] = []
        self.filters: dict[str, dict[str, str]] = {}
        self.hello: dict[str, Any] = {}
        self.users: set[str] = set()
        self._events = read(self.response)

    def frames(self) -> Iterator[dict[str, Any]]:
        """Yield frames to the end of the stream."""
        end = time.monotonic() + 60
        for name, data in self._events:
            assert time.monotonic() < end
            if name == "kinds":
                self.kinds, self.filters = [each for each, _ in data], dict(data)
            elif name == "hello":
                self.hello = data
            elif name == "message":
                self.users |= {sample[3] for sample in data["samples"]}
                yield data

    def until(self, messages: int) -> dict[str, Any]:
        """Read until a frame counts so many messages; return it."""
        return next(frame for frame in self.frames() if frame["messages"] >= messages)

    def last(self) -> dict[str, Any]:
        """Read to the end of the stream; return the last frame."""
        return list(self.frames())[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "store")
    return tmp_path / "store"


def receive(folder: Path, number: int, seed: int) -> list[dict[str, Any]]:
    """Let another writer receive events."""
    events = lines(number, seed=seed)
    with Store.open(folder) as store:
        put(store, *frames(events))
    return events


def test_frames_count_what_is_received(folder: Path) -> None:
    with serving(folder) as served:
        every, wiki = Watching(served), Watching(served, "?category=wiki")
        assert every.response.headers["content-type"].startswith("text/event-stream")
        every.until(0), wiki.until(0)
        events = receive(folder, 100, seed=5)
        frame = every.until(100)
        assert frame["messages"] == sum(frame["counts"]) == 100
        expected = {e["topic"].split(".")[3] + "." + e["action"] for e in events}
        assert set(every.kinds) == expected
        assert wiki.until(1)["messages"] == sum("wiki" in e["topic"] for e in events)
        assert wiki.kinds == ["wiki.edit"]


def test_who_comes_later_gets_the_counts_of_the_last_minute(folder: Path) -> None:
    with serving(folder) as served:
        first = Watching(served)
        first.until(0)
        receive(folder, 30, seed=7)
        counts = first.until(30)["counts"]
        second = Watching(served)
        second.until(30)
        assert (second.hello["messages"], second.hello["counts"]) == (30, counts)
        assert second.hello["since"] == first.hello["since"] <= second.hello["at"]
        recent = [0] * len(counts)
        for _, numbers in second.hello["recent"]:
            for number, n in numbers.items():
                recent[int(number)] += n
        assert recent == counts
        assert second.kinds == first.kinds


def test_the_filters_of_a_kind_select_its_messages_and_no_others(folder: Path) -> None:
    with serving(folder) as served:
        every = Watching(served)
        every.until(0)
        receive(folder, 40, seed=8)
        numbers = every.until(40)["counts"]
        counts = dict(zip(every.kinds, numbers, strict=True))
        assert every.filters["wiki.edit"] == {"topic": "*.wiki.*.edit"}
        only = [Watching(served, f"?{urlencode(every.filters[kind])}") for kind in counts]
        for each in only:
            each.until(0)
        events = receive(folder, 40, seed=9)
        expected = Counter(e["topic"].split(".")[3] + "." + e["action"] for e in events)
        for kind, each in zip(counts, only, strict=True):
            assert each.until(expected[kind])["messages"] == expected[kind]
            assert each.kinds == [kind]


def test_frames_say_how_receiving_goes(folder: Path) -> None:
    now = time.time_ns() // 1000
    with Store.open(folder) as store:
        store.state.span("zmq:x", "", now - 3_600_000_000, now - 60_000_000, "unproven", "heard")
        store.state.span("zmq:x", "", now - 1_800_000_000, now - 1_680_000_000, "gap", "cut")
        store.state.set(alive_key(""), now - 5_000_000)
        store.state.set(CONNECTIONS_KEY, {"zmq:x": {"at": now, "state": "connected"}})
    with serving(folder) as served:
        watching = Watching(served)
        facts = next(f["reception"] for f in watching.frames() if "reception" in f)
        assert (facts["state"], facts["gaps"], facts["missing"]) == ("gap", 1, 120)
        assert (facts["connected"], facts["connections"]) == (1, 1)
        assert 5 <= facts["lag"] < 60


def test_the_spool_is_read_only_while_somebody_watches(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_LINGER", 0.1)
    reading: list[bool] = []
    close = LiveEvents.close

    def closing(self: LiveEvents) -> None:
        reading.append(False)
        close(self)

    def opening(store: Store, reader: Any) -> LiveEvents:
        reading.append(True)
        return LiveEvents(store, reader)

    monkeypatch.setattr(feed, "LiveEvents", opening)
    monkeypatch.setattr(LiveEvents, "close", closing)
    with serving(folder) as served:
        assert served.get("/healthz").status_code == 200
        assert reading == []
        watching = Watching(served)
        watching.until(0)
        receive(folder, 3, seed=10)
        watching.until(3)
        assert reading == [True]
        watching.response.close()
        end = time.monotonic() + 60
        while reading != [True, False]:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_streams_end_when_the_server_stops(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(folder) as served:
        watching, replay = Watching(served), Watching(served, "?replay=2026-01-02&speed=1")
        watching.until(0)
        replay.until(0)
    assert [f for f in (*watching.frames(), *replay.frames()) if f["messages"]] == []
    assert [r for r in caplog.records if r.name == "uvicorn.error" and r.levelname == "ERROR"] == []


def test_streams_end_when_the_spool_cannot_be_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: LiveEvents) -> list[Any]:
        raise StoreError("the disk has gone")

    monkeypatch.setattr(feed, "_RETRY", 0.1)
    with serving(folder) as served:
        watching = Watching(served)
        watching.until(0)
        with monkeypatch.context() as patch:
            patch.setattr(LiveEvents, "poll", fail)
            assert [frame for frame in watching.frames() if frame["messages"]] == []
        again = Watching(served)
        again.until(0)
        receive(folder, 5, seed=11)
        again.until(5)


def test_a_feed_that_falls_behind_begins_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(folder) as served:
        watching = Watching(served)
        watching.until(0)
        with monkeypatch.context() as patch:
            patch.setattr(feed, "_BEHIND", -1)  # whatever arrives has arrived too long ago
            patch.setattr(feed, "_MANY", 1)
            receive(folder, 5, seed=13)
            assert all(frame["messages"] in {0, 5} for frame in watching.frames())  # to its end
        again = Watching(served)
        again.until(0)
        receive(folder, 7, seed=14)
        assert again.until(7)["messages"] == 7


class Fast:
    """A pace of many frames, so that a slow client falls behind at once."""

    def pause(self) -> float:
        """Return how long to wait, s."""
        return 0.002


def test_a_slow_client_gets_the_latest_frame_and_not_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "Pace", Fast)
    with serving(folder) as served, socket.socket() as slow, Store.open(folder) as store:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        port = urlsplit(served.url).port
        slow.connect(("127.0.0.1", port))
        slow.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.settimeout(60)
        read = b""
        while b"event: hello" not in read:
            read += slow.recv(4_096)
        fast, every = Watching(served), lines(4_000, seed=12)
        with store.spool("slow") as sink:
            for start in range(0, 4_000, 20):
                for each in frames(every[start : start + 20]):
                    sink.put(each)
                sink.flush()
                assert fast.until(start + 20)["messages"] == start + 20
        while b'"messages":4000,' not in read:
            read += slow.recv(1 << 16)
        metrics = served.get("/metrics").text
        assert "hubbub_live_clients 2.0" in metrics
        assert "hubbub_live_filters 1.0" in metrics
    assert read.count(b'data: {"at"') < 150  # of 200 at least
    assert len(read) < 400_000


def test_the_clock(folder: Path) -> None:
    with serving(folder) as served:
        before = time.time() * 1000
        at = served.get("/live/clock").json()["at"]
        assert before <= at <= time.time() * 1000


def test_names_are_for_those_who_may_see_them(folder: Path) -> None:
    with serving(folder, auth="tokens") as served:
        anonymous = Watching(served)
        anonymous.until(0)
        receive(folder, 60, seed=6)
        anonymous.until(60)
        assert anonymous.users
        assert all(name.startswith("person ") for name in anonymous.users)
        refused = served.get("/live?user=ann")
        assert refused.status_code in {401, 403}


def test_a_past_day_is_replayed(folder: Path) -> None:
    day = [e for e in lines() if START + 86_400 <= e["timestamp"] < START + 2 * 86_400]
    with serving(folder) as served:
        replay = Watching(served, "?replay=2026-01-02&speed=3600")
        frame = replay.until(1)
        assert frame["replay"] is True
        assert (START + 86_400) * 1000 <= frame["at"] < (START + 2 * 86_400) * 1000
        late = Watching(served, "?replay=2026-01-02&at=2026-01-02T23:30:00Z&speed=3600")
        remaining = [e for e in day if e["timestamp"] >= START + 2 * 86_400 - 1_800]
        assert late.last()["messages"] == len(remaining)
        minute = Watching(
            served,
            "?replay=2026-01-02&at=2026-01-02T10:00:00Z&stop=2026-01-02T11:00:00Z&speed=3600",
        )
        last = minute.last()
        hours = START + 86_400 + 10 * 3_600, START + 86_400 + 11 * 3_600
        assert last["at"] == hours[1] * 1000
        assert last["messages"] == sum(hours[0] <= e["timestamp"] < hours[1] for e in day)


def test_the_counts_of_a_replayed_day_are_those_of_the_queries(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "SPEEDS", (1.0, 1e6))
    with serving(folder) as served:
        replay = Watching(served, "?replay=2026-01-03&speed=100000")
        replay.until(0)
        day = {"start": (START + 2 * 86_400) * 1000, "end": (START + 3 * 86_400) * 1000}
        assert replay.hello["replay"] == day
        last = replay.last()
        options = "per=day&since=2026-01-03&until=2026-01-04"
        total = served.get(f"/query/volume.json?{options}").json()["data"]
        assert (last["messages"], last["bytes"]) == (total[0]["messages"], total[0]["bytes"])
        assert last["at"] == day["end"]
        rows = served.get(f"/query/volume.json?{options}&axis=topic").json()["data"]
        by_topic = {row["name"]: row["messages"] for row in rows if row["messages"]}
        counts = dict(zip(replay.kinds, last["counts"], strict=True))
        assert len(counts) == len(by_topic)
        for topic, messages in by_topic.items():
            category, *_, action = topic.split(".")[3:]
            assert counts[f"{category}.{action}"] == messages


def test_a_day_without_messages_is_replayed_to_its_end(folder: Path) -> None:
    with serving(folder) as served:
        replay = Watching(served, "?replay=2025-06-01&at=2025-06-01T23:00:00Z&speed=3600")
        last = replay.last()
        assert (last["messages"], last["samples"]) == (0, [])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?colour=red", "no parameter 'colour'"),
        ("?replay=yesterdayish", "replay cannot be"),
        ("?replay=2026-01-02&speed=0", "speed cannot be"),
        ("?replay=2026-01-02&speed=nan", "speed cannot be"),
    ],
)
def test_wrong_parameters(folder: Path, query: str, words: str) -> None:
    with serving(folder) as served:
        response = served.get(f"/live{query}")
        assert response.status_code == 400
        assert words in response.json()["error"]["message"]
