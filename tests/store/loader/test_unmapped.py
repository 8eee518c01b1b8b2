"""Topics without a rule, as the loader counts them: once per stored event, also after a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.loader import recovery
from hubbub.store.loader.unmapped import MOST, REST, VERBS, add, cut, tally, unmapped
from hubbub.store.tables import events

Make = Callable[..., Frame]
WAY = "org.library.prod.loans.out"


def put(store: Store, *frames: Frame) -> None:
    with store.spool("test") as sink:
        for frame in frames:
            sink.put(frame)


def strange(frame: Make, n: int, topic: str = WAY) -> Frame:
    nothing: dict[str, Any] = {"users": None, "objects": None, "agent": None, "body": {"n": n}}
    return frame(n, topic=topic, **nothing)


def counted(store: Store) -> list[tuple[str, str, int]]:
    return [(line.topic, line.why, line.messages) for line in store.unmapped()]


def test_new_events_only(store: Store, frame: Make) -> None:
    put(store, strange(frame, 1), strange(frame, 1), frame(2))
    store.load()
    assert counted(store) == [(WAY, "no-rule", 1)]
    put(store, strange(frame, 1), strange(frame, 3))
    store.load()
    assert counted(store) == [(WAY, "no-rule", 2)]
    (line,) = store.unmapped()
    assert (line.example, line.example_topic) == ("id-1", WAY)


@pytest.mark.parametrize("written", [False, True])
def test_a_loader_that_dies_counts_once(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    """Before its batch is in the table it is read again; after that it is finished."""
    put(store, strange(frame, 1), strange(frame, 2))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        if written:
            m.setattr(recovery, "finish", die)
        else:
            m.setattr(events.Events, "append", die)
        with pytest.raises(KeyboardInterrupt):
            store.load()
    assert counted(store) == []
    store.load()
    assert counted(store) == [(WAY, "no-rule", 2)]


@pytest.mark.parametrize(
    ("topic", "kept"),
    [
        ("a.b.prod.c.d", "a.b.prod.c.d"),
        ("a.b.prod.bodhi.update.request.testing", "a.b.prod.bodhi.update.request.testing"),
        ("a.b.prod.builds.done.python3.8.main", "a.b.prod.builds.done.*"),
        ("a.b.prod.builds.done.rubygem-x.f40", "a.b.prod.builds.done.*"),
        ("a.b.prod.builds.done.", "a.b.prod.builds.done.*"),
        ("short", "short"),
        ("", ""),
    ],
)
def test_topics_are_cut_where_a_name_begins(topic: str, kept: str) -> None:
    assert cut(topic) == kept


def test_many_ends_of_one_verb_are_names_whatever_their_letters() -> None:
    kept = None
    for n in range(VERBS + 3):
        kept = add(kept, tally([("no-rule", f"{WAY}.{'a' * (n + 1)}", f"id-{n}")]))
    kept = add(kept, tally([("no-rule", WAY, "other"), ("no-fit", f"{WAY}.b", "fit")]))
    assert {(one.topic, one.why, one.messages) for one in unmapped(kept)} == {
        (f"{WAY}.*", "no-rule", VERBS + 3),
        (WAY, "no-rule", 1),
        (f"{WAY}.b", "no-fit", 1),
    }


def test_beyond_the_most_topics_are_counted_together() -> None:
    kept = None
    for n in range(MOST + 50):
        kept = add(kept, tally([("no-rule", f"a.b.prod.c{n}.d", f"id-{n}")]))
    lines = unmapped(kept)
    assert len(lines) == MOST + 1
    assert (lines[0].topic, lines[0].messages) == (REST, 50)
    kept = add(kept, tally([("no-rule", "a.b.prod.c7.d", "again")]))
    assert next(one.messages for one in unmapped(kept) if one.topic == "a.b.prod.c7.d") == 2
