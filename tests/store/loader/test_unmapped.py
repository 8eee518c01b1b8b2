"""Unmapped topics are counted once per stored event, also after a crash of the loader."""

from __future__ import annotations

from typing import Any

import pytest

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.loader import recovery
from hubbub.store.loader.unmapped import MOST, REST, VERBS, add, cut, tally, unmapped
from hubbub.store.tables import events
from tests.support.stores.filling import MakeFrame, put

TOPIC = "org.library.prod.loans.out"


def unknown(frame: MakeFrame, n: int, topic: str = TOPIC) -> Frame:
    """A message that no rule matches."""
    fields: dict[str, Any] = {"users": None, "objects": None, "agent": None, "body": {"n": n}}
    return frame(n, topic=topic, **fields)


def counted(store: Store) -> list[tuple[str, str, int]]:
    return [(topic.topic, topic.why, topic.messages) for topic in store.unmapped()]


def test_new_events_only(store: Store, frame: MakeFrame) -> None:
    put(store, unknown(frame, 1), unknown(frame, 1), frame(2))
    store.load()
    assert counted(store) == [(TOPIC, "no-rule", 1)]
    put(store, unknown(frame, 1), unknown(frame, 3))
    store.load()
    assert counted(store) == [(TOPIC, "no-rule", 2)]
    (line,) = store.unmapped()
    assert (line.example, line.example_topic) == ("id-1", TOPIC)


@pytest.mark.parametrize("written", [False, True])
def test_a_loader_that_dies_counts_once(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    """A batch that is not in the table yet is loaded again; any other is finished."""
    put(store, unknown(frame, 1), unknown(frame, 2))

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
    assert counted(store) == [(TOPIC, "no-rule", 2)]


@pytest.mark.parametrize(
    ("topic", "expected"),
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
def test_topics_are_cut_where_a_name_begins(topic: str, expected: str) -> None:
    assert cut(topic) == expected


def test_many_continuations_of_one_verb_are_names_whatever_their_characters() -> None:
    kept = None
    for n in range(VERBS + 3):
        kept = add(kept, tally([("no-rule", f"{TOPIC}.{'a' * (n + 1)}", f"id-{n}")]))
    kept = add(kept, tally([("no-rule", TOPIC, "other"), ("no-fit", f"{TOPIC}.b", "fit")]))
    assert {(topic.topic, topic.why, topic.messages) for topic in unmapped(kept)} == {
        (f"{TOPIC}.*", "no-rule", VERBS + 3),
        (TOPIC, "no-rule", 1),
        (f"{TOPIC}.b", "no-fit", 1),
    }


def test_topics_beyond_the_limit_are_counted_together() -> None:
    kept = None
    for n in range(MOST + 50):
        kept = add(kept, tally([("no-rule", f"a.b.prod.c{n}.d", f"id-{n}")]))
    topics = unmapped(kept)
    assert len(topics) == MOST + 1
    assert (topics[0].topic, topics[0].messages) == (REST, 50)
    kept = add(kept, tally([("no-rule", "a.b.prod.c7.d", "again")]))
    assert next(t.messages for t in unmapped(kept) if t.topic == "a.b.prod.c7.d") == 2


def test_the_owner_of_a_repository_in_a_topic_is_a_name() -> None:
    assert cut("opensuse.src.A-1.push") == "opensuse.src.*"
    assert cut("opensuse.obs.package.build_fail") == "opensuse.obs.package.build_fail"
    topics = [f"opensuse.src.{chr(97 + n)}.push" for n in range(VERBS + 1)]
    document = add(None, tally(("no-fit", topic, topic) for topic in topics))
    assert [(line.topic, line.messages) for line in unmapped(document)] == [
        ("opensuse.src.*", VERBS + 1)
    ]
    assert list(add(None, tally([("no-fit", topics[0], "1")]))) == [f"no-fit {topics[0]}"]
