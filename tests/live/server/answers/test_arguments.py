"""Typed parameters and content types over HTTP, as tests/golden/core4 has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from hubbub.registry import REGISTRY, query
from tests.support import paths
from tests.support.http import Served, serving

GOLDEN = paths.GOLDEN / "core4"
ARGUMENTS = json.loads((GOLDEN / "arguments.json").read_text())
NEGOTIATION = json.loads((GOLDEN / "negotiation.json").read_text())
TYPES = {
    t.__name__: t for t in (int, float, bool, dict[str, Any], list[str], dict, list, datetime, str)
}
JSON = {"Accept": "application/json"}


def described(value: Any) -> list[Any]:
    """Return the name of a value's type and the value, times without their zone."""
    name = type(value).__name__
    return [name, value.replace(tzinfo=None).isoformat() if name == "datetime" else value]


PLUGIN = """
from datetime import datetime
from hubbub import query

def described(value):
    name = type(value).__name__
    return [name, value.replace(tzinfo=None).isoformat() if name == "datetime" else value]

@query
def of_plugin_int(x: int): return described(x)
@query
def of_plugin_float(x: float): return described(x)
@query
def of_plugin_bool(x: bool): return described(x)
@query
def of_plugin_dict(x: dict): return described(x)
@query
def of_plugin_list(x: list): return described(x)
@query
def of_plugin_datetime(x: datetime): return described(x)
@query
def of_plugin_str(x: str): return described(x)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    before = dict(REGISTRY.queries)

    @query
    def typed_many(x: list[str], n: int = 0) -> list[Any]:
        return [*x, n]

    for kind, annotation in TYPES.items():

        def call(x: Any) -> list[Any]:
            return described(x)

        call.__annotations__["x"] = annotation
        query(name=f"typed_{kind}")(call)
    try:
        folder = tmp_path_factory.mktemp("arguments")
        (folder / "typed.py").write_text(PLUGIN)
        with serving(folder / "store", plugins=[folder / "typed.py"]) as running:
            yield running
    finally:
        REGISTRY.queries.clear()
        REGISTRY.queries.update(before)


@pytest.mark.parametrize("prefix", ["typed", "of_plugin"])
@pytest.mark.parametrize("case", ARGUMENTS, ids=lambda case: f"{case['type']}-{case['value']}")
def test_parameters_are_converted_by_annotation(
    case: dict[str, Any], prefix: str, served: Served
) -> None:
    path = f"/query/{prefix}_{case['type']}"
    response = served.get(path, params={"x": case["value"]}, headers=JSON)
    expected = case["expected"]
    assert response.status_code == expected["status"], response.text
    if expected["status"] == 200:
        answer = response.json()  # of a plugin's query without events, the bare value
        value = answer["data"] if prefix == "typed" else answer
        assert value == [expected["type"], expected["value"]]
    else:
        assert "x cannot be" in response.json()["error"]["message"]


def test_a_missing_parameter_is_an_error_and_the_last_of_repeated_ones_counts(
    served: Served,
) -> None:
    missing = served.get("/query/typed_int", headers=JSON)
    assert missing.status_code == 400
    assert "needs x" in missing.json()["error"]["message"]
    repeated = served.get("/query/typed_int?x=1&x=2", headers=JSON)
    assert repeated.json()["data"] == ["int", 2]


@pytest.mark.parametrize(
    ("name", "body", "data"),
    [
        ("typed_int", {"x": 5}, ["int", 5]),
        ("typed_int", {"x": "5"}, ["int", 5]),
        ("typed_bool", {"x": True}, ["bool", True]),
        ("typed_str", {"x": "7"}, ["str", "7"]),
        ("typed_dict", {"x": {"a": [1]}}, ["dict", {"a": [1]}]),
        ("typed_list", {"x": [1, None]}, ["list", [1, None]]),
        ("typed_many", {"x": ["a", 2]}, ["a", "2", 0]),
        ("typed_many", {"x": "[1]", "n": None}, ["[1]", 0]),
    ],
)
def test_a_json_body_has_parameters(
    name: str, body: dict[str, Any], data: list[Any], served: Served
) -> None:
    response = served.post(f"/query/{name}", json=body, headers=JSON)
    assert response.status_code == 200, response.text
    assert response.json()["data"] == data


def test_a_json_body_comes_after_the_address_and_a_form_before_it(served: Served) -> None:
    assert served.post("/query/typed_int?x=1", json={"x": 2}).json()["data"] == ["int", 2]
    assert served.post("/query/typed_int?x=1", data={"x": 2}).json()["data"] == ["int", 1]
    assert served.get('/query/typed_many?x=["b"]').json()["data"] == ['["b"]', 0]
    assert served.post("/query/typed_many", json={"x": ["b"]}).json()["data"] == ["b", 0]
    assert served.post("/query/typed_many?x=a", json={"x": ["b"]}).json()["data"] == ["a", "b", 0]


@pytest.mark.parametrize(
    "body",
    [b"[1]", b"{", b"\xff", b'{"x": NaN}', b"[" * 100_000, b'{"x": "\\ud800"}', b'{"x": {}}'],
)
def test_a_body_that_cannot_be_read_is_an_error(body: bytes, served: Served) -> None:
    headers = {"Content-Type": "application/json"}
    response = served.post("/query/typed_int", data=body, headers=headers)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["message"]


@pytest.mark.parametrize("case", NEGOTIATION, ids=lambda c: f"{c['accept']}-{c['content_type']}")
def test_content_types_of_a_query(case: dict[str, Any], served: Served) -> None:
    check(case, served, "/query/active_users")


def check(case: dict[str, Any], served: Served, path: str) -> None:
    """Check the media type of an answer."""
    parameters = {} if case["content_type"] is None else {"content_type": case["content_type"]}
    response = served.get(path, params=parameters, headers={"Accept": case["accept"]})
    assert response.status_code == case["expected"]["status"], response.text
    media_type = response.headers["content-type"].partition(";")[0]
    assert media_type == case["expected"]["media_type"]


@pytest.mark.parametrize(("value", "status"), [("", 200), ("%20", 200), ("xls", 400)])
def test_an_empty_content_type_is_none_and_an_unknown_one_an_error(
    value: str, status: int, served: Served
) -> None:
    response = served.get(f"/query/active_users?content_type={value}", headers={"Accept": "*/*"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
