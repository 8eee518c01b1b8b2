"""deploy/grafana: what the dashboard and the alerts expect is what the server answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support import paths
from tests.support.http import Served, serving
from tests.support.stores.small_store import fill, lines

FOLDER = paths.ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "hubbub-dashboard.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "hubbub-alerts.yaml").read_text())
SOURCE = yaml.safe_load((FOLDER / "hubbub-datasource.yaml").read_text())["datasources"][0]
RULES = ALERTS["groups"][0]["rules"]
PANELS = [(panel["title"], target) for panel in DASHBOARD["panels"] for target in panel["targets"]]
ASKED = [(rule["title"], rule["data"][0]["model"]) for rule in RULES]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("grafana") / "store"
    now = datetime.now(UTC).timestamp()
    events = lines(400, days=60)
    shift = now - 60 - max(event["timestamp"] for event in events)
    fill(folder, [{**event, "timestamp": int(event["timestamp"] + shift)} for event in events])
    with serving(folder, auth="tokens", timeout="240s") as running:
        yield running


def macros(text: str) -> str:
    """Replace the macros of Grafana as it does: ISO 8601 in UTC with milliseconds."""
    now = datetime.now(UTC)
    for name, when in (("from", now - timedelta(days=50)), ("to", now)):
        iso = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        text = text.replace(f"${{__{name}:date:iso}}", iso)
    assert "$" not in text
    return text


def rows(document: Any, selector: str) -> list[dict[str, Any]]:
    """Select as the backend parser does: keys with dots between them."""
    for key in selector.split("."):
        document = document[key]
    assert isinstance(document, list), "the backend parser needs an array"
    return document


def fits(value: Any, kind: str) -> bool:
    if kind == "timestamp":
        return bool(datetime.fromisoformat(value).tzinfo)
    if kind == "number":
        return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    return kind == "string" and (value is None or isinstance(value, str))


@pytest.mark.parametrize(("title", "target"), [*PANELS, *ASKED])
def test_a_query_answers_what_its_columns_select(
    served: Served, title: str, target: dict[str, Any]
) -> None:
    kinds = (target["type"], target["source"], target["parser"], target["url_options"]["method"])
    assert kinds == ("json", "url", "backend", "GET")  # the only parser that alerts
    assert target["format"] in {"timeseries", "table"}
    given = [(each["key"], macros(each["value"])) for each in target["url_options"]["params"]]
    answered = served.get(target["url"], params=given)
    assert answered.status_code == 200, answered.text
    found = rows(answered.json(), target["root_selector"])
    columns = {column["selector"]: column["type"] for column in target["columns"]}
    if target["root_selector"] == "data":
        assert found, title
    else:
        assert title == "Known gaps"
        schema = served.get("/openapi.json").json()["components"]["schemas"]["Coverage"]
        assert columns.keys() <= schema["properties"]["gaps"]["items"]["properties"].keys()
    for row in found:
        assert all(fits(row[selector], kind) for selector, kind in columns.items()), row
    for selector, kind in columns.items():  # a column that is always empty shows nothing
        assert kind != "number" or any(row[selector] is not None for row in found), selector
    if target["format"] == "timeseries":
        assert list(columns.values()).count("timestamp") == 1


def test_nothing_names_people(served: Served) -> None:
    """All of it is answered with the scope `read`; the fixture's server gives no more."""
    assert served.get("/query/users.json").status_code == 403


def test_everything_uses_the_provisioned_data_source() -> None:
    assert SOURCE["type"] == "yesoreyeram-infinity-datasource"
    assert SOURCE["jsonData"]["auth_method"] == "bearerToken"
    assert SOURCE["url"] in SOURCE["jsonData"]["allowedHosts"]
    used = {target["datasource"]["uid"] for _, target in PANELS}
    used |= {rule["data"][0]["datasourceUid"] for rule in RULES}
    assert used == {SOURCE["uid"]}
    assert all(target["datasource"]["type"] == SOURCE["type"] for _, target in PANELS)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_alerts_reduce_to_a_number_and_compare_it() -> None:
    for rule in RULES:
        asked, reduced, compared = (each["model"] for each in rule["data"])
        assert (reduced["type"], reduced["expression"]) == ("reduce", asked["refId"])
        assert (compared["type"], compared["expression"]) == ("threshold", reduced["refId"])
        assert rule["condition"] == compared["refId"]
        assert "$" not in json.dumps(asked), "an alert has no variables of a dashboard"
