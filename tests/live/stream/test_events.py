"""Events of the spool are those that the loader stores, seen before it does."""

from pathlib import Path

from hubbub.collector.people.reader import Reader
from hubbub.collector.signatures.guard import TrustFiles
from hubbub.live.stream.events import LiveEvents, matcher, with_persons
from hubbub.store import Store
from hubbub.store.query import identity
from hubbub.store.query.selection import Selection
from hubbub.store.tables.event_rows import to_events
from tests.support.stores.filling import put
from tests.support.stores.small_store import frames, lines


def test_they_are_the_events_that_are_stored(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store, LiveEvents(store, Reader()) as live:
        put(store, *frames(lines(50)))
        seen = [event for event, _ in live.poll()]
        store.load()
        stored = to_events(store.events().table.to_pyarrow())
        assert sorted(seen, key=lambda e: e.id) == sorted(stored, key=lambda e: e.id)
        assert live.poll() == []


def test_what_is_refused_or_cannot_be_checked_is_left_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store, LiveEvents(store, Reader()) as live:
        broken, good = frames(lines(2))
        put(store, type(broken)(broken.source, broken.arrived, b"", b"not json", 1), good)
        assert [event.id for event, _ in live.poll()] == ["small-1-1"]
        trust = TrustFiles(ca=str(tmp_path / "missing.crt"))
        put(store, good, trust=trust)
        assert live.poll() == []


def test_filters_are_those_of_queries(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        put(store, *frames(lines(200)), load=True)
        identity.merge(store.state, "bob", "ann", who="t", why="t", time=1)
        every = to_events(store.events().stored.to_pyarrow())
        for fields in (
            {"topic": ("*.git.*",)}, {"category": ("wiki", "copr")}, {"user": ("ann",)},
            {"object": ("rpms/p[12]",)}, {"action": ("end",)},
            {"user": ("e*",), "category": ("git",)},
        ):  # fmt: skip
            selection = Selection(**fields)
            matches = matcher(selection, store.persons)
            selected = store.events(selection).stored.to_pyarrow()
            assert {event.id for event in every if matches(event)} == set(
                selected["id"].to_pylist()
            ), fields
            assert 0 < selected.num_rows < len(every)
        merged = with_persons(every[0], store.persons)
        assert "bob" not in merged.users
