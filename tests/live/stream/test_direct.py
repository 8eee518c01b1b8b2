"""A bus that is heard directly, without a store of one's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.decode.rejected import MAX_MESSAGE
from hubbub.collector.people.reader import Reader
from hubbub.collector.sources.zmq import ZmqSource
from hubbub.errors import SourceError
from hubbub.live.stream.direct import BusEvents
from hubbub.store import Store
from tests.support.processes import numbered_bus


def test_events_of_a_bus(tmp_path: Path) -> None:
    with numbered_bus() as bus, Store.open(tmp_path / "store") as store:
        source = ZmqSource((bus.address,), (), (), MAX_MESSAGE)
        with BusEvents([source], Reader(), store.state) as events:
            bus.await_subscriptions()
            for name in ("ann", "bob"):
                bus.publish({"commit": {"username": name}})
            heard: list[Any] = []
            end = time.monotonic() + 60
            while len(heard) < 2 and time.monotonic() < end:
                heard += events.poll()
                time.sleep(0.01)
            assert [event.agent for event, _ in heard] == ["ann", "bob"]
            assert all(abs(arrived - event.time) < 60_000_000 for event, arrived in heard)
            assert events.poll() == []
        assert store.state.counts() == {}


def test_an_error_of_the_receiver_is_raised_where_events_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise SourceError("the broker refused the queue")

    monkeypatch.setattr("hubbub.live.stream.direct.Listener.run", broken)
    with (
        numbered_bus() as bus,
        Store.open(tmp_path / "store") as store,
        BusEvents(
            [ZmqSource((bus.address,), (), (), MAX_MESSAGE)], Reader(), store.state
        ) as events,
    ):
        events._thread.join(60)
        with pytest.raises(SourceError, match="refused the queue"):
            events.poll()
