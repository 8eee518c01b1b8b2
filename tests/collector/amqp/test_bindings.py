"""Topics as binding patterns, checked against AMQP's own matching; the remembered queue."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from hubbub.collector.amqp.bindings import Topics, queue_key, remembered_queue
from hubbub.collector.amqp.settings import BUSES, Settings, parse_address
from hubbub.store.state.database import State

BROKER = parse_address("amqp://h")
TOPICS = ("a", "a.b", "a.bc", "a.b.c", "b", "ab.c", "org.fedoraproject.prod.git.receive")


def delivered(key: str, topic: str) -> bool:
    """Whether a topic exchange delivers a topic to a binding: `*` is a word, `#` any number."""
    pattern = r"(?:\.|^)".join(
        {"*": r"[^.]+", "#": r".*"}.get(word, re.escape(word)) for word in key.split(".")
    )
    pattern = pattern.replace(r"(?:\.|^).*", r"(?:(?:\.|^).*)?") if key != "#" else ".*"
    return re.fullmatch(pattern, topic) is not None


@pytest.mark.parametrize("prefix", ["a", "a.", "a.b", "a.b.", "ab", "org.fedoraproject.prod.git."])
def test_a_prefix_keeps_what_begins_with_it(prefix: str) -> None:
    topics = Topics.of([prefix], BROKER)
    kept = [
        topic
        for topic in TOPICS
        if any(delivered(key, topic) for key in topics.keys) and topics.match(topic)
    ]
    assert kept == [topic for topic in TOPICS if topic.startswith(prefix)]


def test_a_pattern_is_bound_as_it_is() -> None:
    topics = Topics.of(["a.*.c", "x."], BROKER)
    assert topics.keys == ("a.*.c", "x.#")
    assert topics.match("a.b.c")


def test_without_topics_those_of_the_bus_or_all() -> None:
    assert Topics.of([], BROKER).keys == ("#",)
    opensuse = Topics.of([], BUSES["opensuse"])
    assert any(delivered(key, "opensuse.obs.package.build_success") for key in opensuse.keys)
    assert any(delivered(key, "opensuse.src.push") for key in opensuse.keys)
    assert not any(delivered(key, "opensuse.obs.metrics") for key in opensuse.keys)


def test_a_long_prefix_fits_a_routing_key() -> None:
    prefix = "é" * 200 + ".x"
    assert Topics.of([prefix], BROKER).keys == ("#",)


@pytest.fixture
def state(tmp_path: Path):
    with State(tmp_path / "state.sqlite") as opened:
        yield opened


def test_the_queue_is_a_uuid_that_is_remembered(state: State) -> None:
    topics = Topics.of([], BROKER)
    name, stale = remembered_queue(BROKER, topics, state)
    assert str(UUID(name)) == name
    assert stale == []
    assert remembered_queue(BROKER, topics, state) == (name, [])
    assert remembered_queue(parse_address("amqp://other"), topics, state)[0] != name


def test_bindings_of_an_earlier_run_are_stale(state: State) -> None:
    remembered_queue(BROKER, Topics.of(["a."], BROKER), state)
    name, stale = remembered_queue(BROKER, Topics.of(["b."], BROKER), state)
    assert stale == ["a.#"]
    assert state.get(queue_key(BROKER.source)) == {"name": name, "keys": ["a.#", "b.#"]}


def test_another_queue_has_no_bindings_yet(state: State) -> None:
    remembered_queue(BROKER, Topics.of(["a."], BROKER), state)
    named = Settings("h", 5672, queue="mine")
    assert remembered_queue(named, Topics.of(["b."], named), state) == ("mine", [])
    assert remembered_queue(BROKER, Topics.of(["b."], BROKER), state) == ("mine", [])
