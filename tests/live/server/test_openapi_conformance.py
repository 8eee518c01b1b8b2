"""Schemathesis calls the operations of `/openapi.json` and holds the answers against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.examples import examples
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill, lines

FEW = 2
#: Cases of each operation.
EXAMPLES = examples(FEW)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("conforming") / "store"
    fill(folder, lines(60, days=9))
    with serving(folder) as running:
        yield running


@pytest.fixture(scope="module")
def operations(served: Served) -> dict[str, Any]:
    import schemathesis  # here: every process of a test run imports this module

    described = schemathesis.openapi.from_dict(served.get("/openapi.json").json())
    results: list[Any] = list(described.get_all_operations())
    found = [result.ok() for result in results]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


def checks() -> list[Any]:
    """Return what is held against an answer."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as of_openapi

    return [
        not_a_server_error,
        of_openapi.status_code_conformance,
        of_openapi.content_type_conformance,
        of_openapi.response_schema_conformance,
        of_openapi.response_headers_conformance,
    ]


def check(served: Served, operation: Any, cases: int) -> Counter[int]:
    """Call an operation with generated parameters; return how often each status was answered."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=cases, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        response = case.call(base_url=served.url, session=served.session, timeout=60)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=checks())

    run()
    return statuses


def chosen(operations: Mapping[str, Any]) -> Iterator[tuple[str, Any, int]]:
    """Choose how many examples each operation gets.

    Posted parameters and suffixes lead to the same code: of these, only some. Pictures are slow.
    """
    same = 0
    for name, operation in operations.items():
        if name == "GET /live":  # it never ends
            continue
        function = " /query/" in name or " /view/" in name
        if function and (name.startswith("POST") or name.endswith(".{suffix}")):
            same += 1
            if EXAMPLES == FEW and same % 12:
                continue
        yield name, operation, 1 if EXAMPLES == FEW and " /view/" in name else EXAMPLES


@pytest.mark.filterwarnings("ignore::hubbub.charts.picture.png.FontWarning")
@pytest.mark.timeout(900)
def test_operations_conform(served: Served, operations: dict[str, Any]) -> None:
    failures, statuses = [], Counter[int]()
    for name, operation, cases in chosen(operations):
        try:
            statuses += check(served, operation, cases)
        except BaseExceptionGroup as group:
            failures += [f"{name}: {failure}" for failure in group.exceptions]
    assert not failures, "\n".join(failures)
    assert min(statuses[200], statuses[400]) > 10, statuses


def test_a_wrong_answer_is_noticed(served: Served, operations: dict[str, Any]) -> None:
    wrong = requests.Response()
    wrong.status_code, wrong._content = 200, b'{"status": "asleep"}'
    wrong.headers["Content-Type"] = "application/json"
    wrong.request = requests.Request("GET", f"{served.url}/healthz").prepare()
    wrong.raw = type("Raw", (), {"version": 11, "headers": {}})()
    with pytest.raises(BaseExceptionGroup) as failed:
        operations["GET /healthz"].Case().validate_response(wrong, checks=checks())
    assert "violates schema" in str(failed.value.exceptions)
