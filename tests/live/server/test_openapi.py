"""`/openapi.json` is valid, and says of every route and function what is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from hubbub.live.server.openapi.document import document, undescribed
from hubbub.registry import REGISTRY, Function
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("described") / "store"
    fill(folder)
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def described(served: Served) -> dict[str, Any]:
    response = served.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def test_it_is_valid_openapi(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert described["openapi"] == "3.1.0"


def test_the_validator_notices_a_fault(described: dict[str, Any]) -> None:
    broken = {**described, "paths": {"/x": {"get": {"responses": {"abc": {}}}}}}
    with pytest.raises(OpenAPIValidationError):
        OpenAPIV31SpecValidator(broken).validate()


def test_every_parameter_of_a_built_in_function_is_described(described: dict[str, Any]) -> None:
    own = {
        (path, each["name"]): each.get("description", "")
        for path, item in described["paths"].items()
        if path.startswith(("/query/", "/view/"))
        for each in item["parameters"]
        if "name" in each
    }
    assert len(own) > 100
    assert [key for key, text in own.items() if not text] == []
    assert own["/query/event_activity", "from"] == "Start of the occasion."


def test_every_route_is_described(served: Served) -> None:
    from hubbub.live.server.app import build

    routes = build(served.server).routes
    assert undescribed(routes) == [], "add them to live/server/openapi/operations.py"


def test_every_public_function_has_its_paths(described: dict[str, Any]) -> None:
    for kind in ("query", "view"):
        for name, function in REGISTRY.of(kind).items():
            paths = {f"/{kind}/{name}", f"/{kind}/{name}.{{suffix}}"}
            assert paths <= described["paths"].keys() or not function.public
    assert not [path for path in described["paths"] if "/_" in path]


def test_parameters_have_type_default_choices_and_text(described: dict[str, Any]) -> None:
    def own(name: str) -> dict[str, dict[str, Any]]:
        found = described["paths"][f"/query/{name}"]["parameters"]
        return {p["name"]: p for p in found if "$ref" not in p}

    per = own("volume")["per"]
    assert per["schema"] == {
        "type": "string", "enum": ["hour", "day", "week", "h", "d", "w"], "default": "day",
    }  # fmt: skip
    longtail = own("longtail")
    assert longtail["window"]["schema"]["type"] == "string"
    assert longtail["window"]["schema"]["default"] == "24h"
    assert longtail["interval"]["schema"] == {"type": "boolean", "default": False}
    assert longtail["rarefy"]["schema"] == {"type": "integer"}
    without = own("what_if")["without"]
    assert without["required"] is True
    assert without["schema"]["type"] == "array"
    assert "--" not in str(described["paths"]["/query/volume"])


def test_arguments_are_described_by_the_docstring() -> None:
    def sum_up(events: Any, first: int, names: list[str] | None = None) -> dict[str, int]:
        """Sum something up, like `--not-user`.

        Args:
            first: where to begin;
                see `--per-day`.
        """
        return {"first": first}

    function = Function("query", "sum_up", sum_up, "tests")
    item = document([], [function], anonymous=frozenset())["paths"]["/query/sum_up"]
    first, names = item["parameters"][:2]
    assert first["description"] == "where to begin; see `per_day`."
    assert (first["schema"], first["required"]) == ({"type": "integer"}, True)
    assert names["schema"] == {"type": "array", "items": {"type": "string"}}
    assert "description" not in names
    assert item["get"]["summary"] == "Sum something up, like `not_user`."


PLUGIN = """
from hubbub import query

@query
def greet(name: str, times: int = 1):
    '''Greet somebody.

    Args:
        name: of whom.
    '''
    return [f"hello {name}"] * times
"""


def test_functions_of_plugins_are_described(tmp_path: Path) -> None:
    plugin = tmp_path / "greeting.py"
    plugin.write_text(PLUGIN)
    with serving(tmp_path / "store", plugins=[plugin]) as running:
        described = running.get("/openapi.json").json()
        answered = running.get("/query/greet.json?name=ann&times=2")
    OpenAPIV31SpecValidator(described).validate()
    name, times, *others = described["paths"]["/query/greet"]["parameters"]
    assert (name["description"], name["required"]) == ("of whom.", True)
    assert times["schema"] == {"type": "integer", "default": 1}
    assert others == [{"$ref": "#/components/parameters/query_content_type"}]
    assert answered.json() == ["hello ann", "hello ann"]


def test_a_token_is_needed_where_nobody_may_read_without(served: Served) -> None:
    from hubbub.live.server.app import build

    routes = build(served.server).routes
    functions = [REGISTRY.queries["volume"]]
    closed = document(routes, functions, anonymous=frozenset())
    opened = document(routes, functions, anonymous=frozenset({"read"}))
    assert {} not in closed["paths"]["/query/volume"]["get"]["security"]
    assert {} in opened["paths"]["/query/volume"]["get"]["security"]


def test_it_is_not_sent_again(served: Served) -> None:
    tag = served.get("/openapi.json").headers["etag"]
    assert served.get("/openapi.json", headers={"If-None-Match": tag}).status_code == 304
