"""Forgetting a name stays effective when its messages are gathered or received again."""

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
from tests.support.processes import wait_until
from tests.support.stores.filled_store import places

END = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
START = END - timedelta(days=5)


def gather_days(server: HistoryServer, store: Store, *users: str) -> Gathered:
    """Gather five days, or only the messages of these users."""
    with store.spool("gather", bodies=True) as sink:
        return gather(History(server.url), sink, store.state, start=START, end=END, users=users)


def shape(store: Store) -> list[int]:
    """Return the numbers of events, per user and per object, without names."""
    events = store.events()
    users = events.unnest_users().select("user").to_pyarrow().column(0).to_pylist()
    objects = events.unnest_objects().select("object").to_pyarrow().column(0).to_pylist()
    return [store.rows(), *sorted(Counter(users).values()), *sorted(Counter(objects).values())]


def busiest(users: Iterable[str]) -> str:
    """Return the most active person; names of bots also occur in topics, which are kept."""
    return next(name for name, _ in Counter(users).most_common() if not is_bot(name))


@pytest.mark.timeout(120)
def test_gathering_again_restores_neither_name_nor_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with HistoryServer(Traffic(seed=5, per_day=600), days=6) as server, Store.open(path) as store:
        gather_days(server, store)
        store.load()
        users = store.events().unnest_users().select("user").to_pyarrow().column(0).to_pylist()
        name = busiest(users)
        gather_days(server, store, name)
        store.load()
        assert len(places(path, name)) > 20
        before = shape(store)
        forgotten = forget(store, name)
        assert forgotten.events > 10
        assert places(path, name) == []
        assert shape(store) == before
        with store.state.transaction() as db:
            db.execute("DELETE FROM spans")  # otherwise nothing would be gathered
        assert gather_days(server, store).rows == before[0]
        store.load()
        assert gather_days(server, store, name).rows == 0, "the pseudonym's span is complete"
        store.load()
        assert places(path, name) == []
        assert shape(store) == before


@pytest.mark.timeout(120)
def test_forgetting_while_messages_arrive(tmp_path: Path) -> None:
    """Frames with the name arrive before, during and after its forgetting."""
    path = tmp_path / "store"
    traffic = Traffic(seed=5, per_day=40_000)
    start = 1_768_435_200_000_000
    messages = [m for m in traffic.between(start, start + 3 * 3_600_000_000) if m.broken is None]
    name = busiest(user for m in messages for user in m.users)
    third = len(messages) // 3
    with Store.open(path) as store, LoaderProcess(path, every=0.1):
        sink = store.spool("listen", bodies=True)

        def receive(first: int, last: int) -> None:
            for m in messages[first:last]:
                sink.put(Frame("zmq:tcp://x", m.at, m.topic.encode(), line(m), m.i))
            sink.flush()

        receive(0, third)
        wait_until(lambda: store.rows() >= third, 60)
        receive(third, 2 * third)
        forget(store, name)
        assert places(path, name) == []
        receive(2 * third, len(messages))
        sink.close()
        wait_until(lambda: store.rows() >= len(messages), 60)
    assert store.path == path
    with Store.open(path) as store:
        store.load()
        assert store.rows() == len(messages)
        assert places(path, name) == []
        users = store.events().unnest_users().select("user").to_pyarrow().column(0).to_pylist()
        expected = Counter(user for m in messages for user in m.users)
        assert sorted(Counter(users).values()) == sorted(expected.values())
