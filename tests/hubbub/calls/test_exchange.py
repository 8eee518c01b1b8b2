"""Answers as servers give them to each other."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hubbub
from hubbub.calls.exchange import decode, encode


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("tail", {"tz": "Europe/Berlin"}),
        ("volume", {}),
        ("radar", {}),
        ("tail", {"since": "1d"}),
        ("health", {"window": "1d"}),
    ],
)
def test_a_result_arrives_whole(made_store: Path, name: str, parameters: dict[str, Any]) -> None:
    with hubbub.open(made_store) as store:
        result = store.query(name, **parameters)
        arrived = decode(encode(result))
        assert type(arrived) is type(result)
        for field in fields(result):
            before, after = getattr(result, field.name), getattr(arrived, field.name)
            assert after == (tuple(before) if field.name == "columns" else before), field.name
        assert arrived._repr_html_() == result._repr_html_()


def test_an_older_server_names_no_durations(made_store: Path) -> None:
    with hubbub.open(made_store) as store:
        answer = json.loads(encode(store.query("health", window="1d")))
    assert "window" in answer.pop("durations")
    arrived = decode(json.dumps(answer).encode())
    assert (arrived.durations, arrived.diagnostics["window"]) == ((), 86_400)


def test_a_picture_arrives_whole(made_store: Path) -> None:
    with hubbub.open(made_store) as store:
        drawing = store.view.tail()
        arrived = decode(encode(drawing))
        assert arrived.svg() == drawing.svg()
        assert arrived.html() == drawing.html()
        assert arrived.table() == drawing.table()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_a_value_arrives_as_it_is(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.binary())
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(b'{"type":"value","value":' + b"[" * 100_000)
