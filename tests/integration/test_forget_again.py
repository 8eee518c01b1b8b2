"""Forgetting with a real gather and a running loader: gathered again, the name is nowhere."""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hubbub.collector.event import Frame
from hubbub.collector.history.client import History
from hubbub.collector.history.gather import Gathered, gather
from hubbub.collector.names import is_bot
from hubbub.store import Store
from hubbub.store.loader_process import LoaderProcess
from hubbub.store.privacy.forget import forget
from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import line
from tests.support.filled_store import places

END = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
START = END - timedelta(days=5)


def fetch(server: HistoryServer, store: Store, *users: str) -> Gathered:
    with store.spool("gather", bodies=True) as sink:
        return gather(History(server.url), sink, store.state, start=START, end=END, users=users)


def shape(store: Store) -> list[int]:
    """Events of each user, and of each object, without the names."""
    events = store.events()
    users = events.unnest_users().select("user").to_pyarrow().column(0).to_pylist()
    objects = events.unnest_objects().select("object").to_pyarrow().column(0).to_pylist()
    return [store.rows(), *sorted(Counter(users).values()), *sorted(Counter(objects).values())]


def busiest(users: Iterable[str]) -> str:
    """A person: the names of robots stand in the structure of topics too, which stays."""
    return next(name for name, _ in Counter(users).most_common() if not is_bot(name))


@pytest.mark.timeout(120)
def test_gathered_again_the_name_is_nowhere_and_the_counts_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with HistoryServer(Traffic(seed=5, per_day=600), days=6) as server, Store.open(path) as store:
        fetch(server, store)
        store.load()
        users = store.events().unnest_users().select("user").to_pyarrow().column(0).to_pylist()
        name = busiest(users)
        fetch(server, store, name)
        store.load()
        assert len(places(path, name)) > 20
        before = shape(store)
        done = forget(store, name)
        assert done.events > 10
        assert places(path, name) == []
        assert shape(store) == before
        with store.state.transaction() as db:  # as if nothing of the ledger were known
            db.execute("DELETE FROM spans")
        again = fetch(server, store)
        assert again.rows == before[0]
        store.load()
        assert fetch(server, store, name).rows == 0, "its span is known by the pseudonym"
        store.load()
        assert places(path, name) == []
        assert shape(store) == before


@pytest.mark.timeout(120)
def test_a_running_listener(tmp_path: Path) -> None:
    """Frames with the name arrive before, while and after it is forgotten."""
    path = tmp_path / "store"
    traffic = Traffic(seed=5, per_day=40_000)
    start = 1_768_435_200_000_000
    heard = [m for m in traffic.between(start, start + 3 * 3_600_000_000) if m.broken is None]
    name = busiest(user for m in heard for user in m.users)
    third = len(heard) // 3
    with Store.open(path) as store, LoaderProcess(path, every=0.1):
        sink = store.spool("listen", bodies=True)

        def put(part: slice) -> None:
            for m in heard[part]:
                sink.put(Frame("zmq:tcp://x", m.at, m.topic.encode(), line(m), m.i))
            sink.flush()

        put(slice(third))
        end = time.monotonic() + 60
        while store.rows() < third and time.monotonic() < end:
            time.sleep(0.05)
        put(slice(third, 2 * third))
        forget(store, name)
        assert places(path, name) == []
        put(slice(2 * third, None))
        sink.close()
        while store.rows() < len(heard) and time.monotonic() < end:
            time.sleep(0.05)
    assert store.path == path
    with Store.open(path) as store:
        store.load()
        assert store.rows() == len(heard)
        assert places(path, name) == []
        users = store.events().unnest_users().select("user").to_pyarrow().column(0).to_pylist()
        expected = Counter(user for m in heard for user in m.users)
        assert sorted(Counter(users).values()) == sorted(expected.values())
