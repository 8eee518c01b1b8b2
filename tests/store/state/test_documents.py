"""Documents of plugins: durable mappings, separate for each module, without forgotten names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.store import Store
from hubbub.store.privacy.forget import forget
from hubbub.store.state.database import State
from hubbub.store.state.documents import Collection, Documents
from tests.support.examples import examples


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.sqlite") as state:
        yield state


def test_a_collection_is_a_mapping_ordered_by_key(state: State) -> None:
    things = Documents(state, "m")["things"]
    things["b"], things["a"], things["c"] = {"n": 1}, [1, None, "é"], "text"
    assert list(things.items()) == [("a", [1, None, "é"]), ("b", {"n": 1}), ("c", "text")]
    things["b"] = 2
    del things["c"]
    assert (len(things), "c" in things, things.get("b"), things.pop("x", 7)) == (2, False, 2, 7)
    assert things.between("a", "az") == {"a": [1, None, "é"]}
    with pytest.raises(KeyError):
        del things["c"]
    with pytest.raises(TypeError, match="key of a document is a string, not int"):
        things[1] = "x"  # type: ignore[index]
    with pytest.raises(TypeError):
        things["x"] = object()
    things.clear()
    assert dict(things) == {}


def test_documents_outlive_the_process_and_modules_see_only_their_own(tmp_path: Path) -> None:
    with State(tmp_path / "s") as state:
        Documents(state, "m")["one"]["k"] = 1
        Documents(state, "n")["one"]["k"] = 2
    with State(tmp_path / "s") as state:
        assert [Documents(state, m)["one"]["k"] for m in ("m", "n")] == [1, 2]
        Documents(state, "m")["one"].clear()
        assert Documents(state, "m").collections() == []
        assert Documents(state, "n").collections() == ["one"]


def test_a_transaction_is_all_or_nothing(state: State) -> None:
    things = Documents(state, "m")["things"]
    things["a"] = 1

    def half() -> None:
        with things.transaction():
            things["a"] = 2
            things["b"] = 3
            state.set("checkpoint", "b")
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        half()
    assert (dict(things), state.get("checkpoint")) == ({"a": 1}, None)


DELETE = "delete"  # longer than any text of KEYS
KEYS = st.text(st.characters(codec="utf-8"), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(
    max_examples=examples(30),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(KEYS, VALUES | st.just(DELETE)), max_size=8))
def test_a_collection_behaves_like_a_dict(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    plain: dict[str, Any] = {}
    with State(tmp_path_factory.mktemp("s") / "s") as state:
        things: Collection = Documents(state, "m")["x"]
        for key, value in steps:
            for mapping in (plain, things):
                if value == DELETE:
                    mapping.pop(key, None)
                else:
                    mapping[key] = value
        assert dict(things) == plain
        assert (list(things), len(things)) == (sorted(plain), len(plain))


def test_a_forgotten_name_is_replaced_also_in_later_documents(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s") as store:
        things = Documents(store.state, "ann.plugin")["ann"]
        document = {"user": ["ann", "ann-smith"], "text": "hello ann-smith", "n": {"agent": "Ann"}}
        things["by ann"], things["other"] = document, "anna"
        forget(store, "ann")
        [first, second] = [things["by ann"], things["other"]]
        assert first["user"][0].startswith("forgotten-")
        assert (first["user"][1], second) == ("ann-smith", "anna")
        assert "ann" not in first["text"].replace("-smith", "").split()
        assert first["n"]["agent"] not in {
            "Ann",
            first["user"][0],
        }  # still two accounts
        assert "by ann" in things  # looked up by the forgotten name
        assert "ann" not in " ".join(things)
        things["by ann"] = document
        assert (things["by ann"], len(things)) == (first, 2)
    assert b"by ann" not in (tmp_path / "s" / "state.sqlite").read_bytes()
