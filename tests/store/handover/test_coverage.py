"""A listener's coverage is taken over up to what is loaded, and never replaces what is better."""

from pathlib import Path

import pytest

from hubbub.collector.event import alive_key, partial_key
from hubbub.errors import UsageError
from hubbub.store import Store
from hubbub.store.handover import coverage
from hubbub.store.handover.coverage import CoverageDocument, Span, read_documents, take_over
from hubbub.store.handover.incoming import adopt
from tests.support.stores.filling import MakeFrame

SOURCE = "zmq:tcp://bus:9940"
SECOND = 1_000_000


@pytest.fixture
def listener(tmp_path: Path):
    with Store.open(tmp_path / "listener") as store:
        yield store


def spans(store: Store) -> list[tuple[int, int, str]]:
    return [
        (start // SECOND, end // SECOND, state)
        for start, end, state in store.state.spans(SOURCE, "")
    ]


def document(*parts: tuple[int, int, str]) -> CoverageDocument:
    return CoverageDocument(
        [], [Span(SOURCE, "", a * SECOND, b * SECOND, state, "why") for a, b, state in parts]
    )


def test_spans_end_where_something_is_not_loaded(store: Store) -> None:
    given = document((0, 100, "unproven"), (100, 120, "gap"), (120, 200, "unproven"))
    take_over(store.state, given, [150 * SECOND, 170 * SECOND])
    before = [(0, 100, "unproven"), (100, 120, "gap"), (120, 140, "unproven")]
    assert spans(store) == before, "ten seconds less: a message is older than its arrival"
    take_over(store.state, given, [])
    take_over(store.state, given, [])
    assert spans(store) == [*before[:2], (120, 200, "unproven")]


def test_a_gap_replaces_only_what_was_heard(store: Store) -> None:
    for start, end, state in ((0, 100, "unproven"), (20, 40, "healed"), (60, 70, "complete")):
        store.state.span(SOURCE, "", start * SECOND, end * SECOND, state, "here")
    take_over(store.state, document((10, 90, "gap")), [])
    assert spans(store) == [
        (0, 10, "unproven"),
        (10, 20, "gap"),
        (20, 40, "healed"),
        (40, 60, "gap"),
        (60, 70, "complete"),
        (70, 90, "gap"),
        (90, 100, "unproven"),
    ]


def test_from_a_listener_to_a_store(store: Store, listener: Store, frame: MakeFrame) -> None:
    listener.state.set(partial_key(SOURCE), "category=git")
    with listener.spool("listen") as writer:
        writer.put(frame(1))
        writer.flush()
        (name,) = (path.stem for path in listener.spool_folder.glob("*.open"))
        started = coverage.started(name)
        listener.state.span(SOURCE, "", started - 60 * SECOND, started + 5, "unproven", "heard")
        coverage.write_document(listener.state, listener.spool_folder)
        handover = adopt(store, listener.spool_folder)
        assert store.state.get(partial_key(SOURCE)) == "category=git"
        store.load()
        handover.finish()
        ((_, end, _),) = store.state.spans(SOURCE, "")
        assert end == started - 10 * SECOND, "the open segment is not loaded yet"
    handover = adopt(store, listener.spool_folder)
    store.load()
    handover.finish()
    ((_, end, state),) = store.state.spans(SOURCE, "")
    assert (end, state) == (started + 5, "unproven")


def test_limits_of_this_stores_own_listener_are_kept(store: Store) -> None:
    store.state.set(alive_key(SOURCE), 1)
    coverage.take_limits(
        store.state, CoverageDocument([], document((0, 1, "gap")).spans, {SOURCE: "x"})
    )
    assert store.state.get(partial_key(SOURCE)) is None


def test_a_document_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "coverage-1.json").write_text('{"segments": 1}')
    with pytest.raises(UsageError, match="does not state the coverage"):
        read_documents(tmp_path)
