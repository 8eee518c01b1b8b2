"""No item of a forge, however broken, raises anything but a refusal; every event is storable."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.decode.reasons import REASONS
from hubbub.collector.event import Event, Frame
from hubbub.collector.names import normalise, normalise_object
from hubbub.collector.people.extract import events_of
from hubbub.collector.people.lines import people_lines
from hubbub.errors import MessageError
from hubbub.store.loader.batch import _check
from tests.support.examples import examples
from tests.support.forges.archive_events import ARCHIVE
from tests.support.forges.forge_items import ITEMS

SEEDS = [*ITEMS.values(), *ARCHIVE.values()]
TEXTS = st.sampled_from(
    ("", " ", "\udce9", "\u202e", "@x", "a@b", "<", "<>", "x <y", "http://[", "://", "None",
     "1e999", "2026-13-01", "9" * 500, "Tue Aug 14", "a\nb", "'", "{topic}", "opened", "true", "\0")
)  # fmt: skip
VALUES = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.sampled_from((0, -1, 10**30, 1e300, float("nan"))),
    st.lists(st.one_of(TEXTS, st.none()), max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    return [p for key in keys for p in [(*path, key), *places(value[key], (*path, key))]]


@st.composite
def items(draw: st.DrawFn) -> Any:
    item = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(item)))
        target = item
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = draw(VALUES)
        if not isinstance(item, dict) or not places(item):
            break
    return item


@settings(max_examples=examples(300))
@given(items(), st.sampled_from(("perceval", "gharchive")))
def test_broken_items(item: Any, form: str) -> None:
    body = json.dumps(item).encode()
    try:
        found = events_of(Frame(f"{form}:x", 0, b"", body, 3))
    except MessageError as error:
        found = [error]
    assert found
    events = [event for event in found if isinstance(event, Event)]
    assert all(e.reason in REASONS for e in found if isinstance(e, MessageError))
    assert len({event.id for event in events}) == len(events)
    for event in events:
        _check(event)
        assert event.id.isprintable()
        assert len(event.id) <= 255
        assert all(normalise(name) == name for name in event.users)
        assert all(normalise_object(name) == name for name in event.objects)
    assert len(list(people_lines([body]))) >= 1
