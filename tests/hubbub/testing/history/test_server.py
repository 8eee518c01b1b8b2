"""The simulated history service answers as the real one did (tests/captures)."""

import json
import socket
import time
from datetime import UTC, datetime
from struct import pack

import pytest
import requests

from hubbub.errors import SourceError
from hubbub.testing.history.server import Faults, HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.support import paths

NOW = 1_795_297_655_500_000  # 2026-11-21 21:47:35.5 UTC
DAY = 86_400_000_000
PROD = "org.fedoraproject.prod"
CAPTURES = paths.CAPTURES / "datagrepper-answers.jsonl"


def traffic():
    return Traffic(3, 3000)


@pytest.fixture(scope="module")
def held():
    """What the service must hold: readable messages of two days up to now, by time."""
    return [m for m in traffic().between(NOW - 2 * DAY, NOW + 1) if m.broken is None]


@pytest.fixture(scope="module")
def server():
    with HistoryServer(traffic(), days=2, clock=lambda: NOW) as running:
        yield running


@pytest.fixture(scope="module")
def session():
    with requests.Session() as one:
        yield one


@pytest.fixture
def ask(server, session):
    def get(path="/v2/search", **parameters):
        return session.get(server.url + path, params=parameters, timeout=10)

    return get


def ids(answer):
    return [row.get("id") or row["msg_id"] for row in answer.json()["raw_messages"]]


def captured():
    """The captured answers to requests whose every part is simulated."""
    rows = [json.loads(text) for text in CAPTURES.read_text().splitlines()]
    return [
        row
        for row in rows
        if row["method"] == "GET"
        and row["path"] in {"/raw", "/v2/search", "/id", "/v2/id"}
        and row["req_headers"] == {"Accept": "*/*"}
        and not {"contains", "callback", "meta", "size"} & {name for name, _ in row["params"]}
        and row["content_type"] != "application/json, */*"
    ]


def category(message):
    parts = message.topic.split(".")
    return parts[3] if len(parts) > 3 else ""


def shape(value):
    """Types of a JSON value, lists by their first element; None says nothing."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return type(value).__name__ if value is not None else None


def test_everything_once_by_keyset(ask, held):
    found: list[str] = []
    start, asked = 1.0, 0
    while True:
        rows = ask(start=start, end=NOW / 1e6, rows_per_page=100, order="asc").json()
        new = [r["id"] for r in rows["raw_messages"] if r["id"] not in found[-300:]]
        asked += 1
        if not new:
            break
        found += new
        last = rows["raw_messages"][-1]["headers"]["sent-at"]
        start = datetime.fromisoformat(last).timestamp()
    assert found == [m.id for m in held]
    assert asked < len(held) / 100 * 1.1 + 3


@pytest.mark.parametrize("path", ["/v2/search", "/raw"])
def test_one_page_for_a_window(ask, held, path):
    start, end = held[100].time, held[400].time
    expected = [m.id for m in held if start <= m.time <= end]
    answer = ask(path, start=start, end=end, rows_per_page=0, order="asc")
    assert ids(answer) == expected
    assert answer.json()["total"] == answer.json()["count"] == len(expected)
    assert answer.json()["pages"] == 1
    backwards = ask(path, start=start, end=end, rows_per_page=0)
    assert ids(backwards) == expected[::-1]


def test_rows_state_people_and_packages(ask, held):
    """In the headers, and in `/raw` as lists too."""
    window = {"start": held[100].time, "end": held[400].time, "rows_per_page": 0, "order": "asc"}
    known = {m.id: m for m in held}
    for row in ask("/v2/search", **window).json()["raw_messages"]:
        message = known[row["id"]]
        stated = {name for name in row["headers"] if name.startswith("fedora_messaging_user_")}
        assert stated == {f"fedora_messaging_user_{name}" for name in message.users}
    rows = ask("/raw", **window).json()["raw_messages"]
    assert any(len(row["users"]) > 1 for row in rows)
    for row in rows:
        message = known[row["msg_id"]]
        assert row["users"] == sorted(message.users)
        assert row["packages"] == list(message.objects)
        assert row["msg"] == message.msg
        assert row["i"] == message.i


def test_both_ends_are_inclusive(ask, held):
    second = held[50].time
    here = [m.id for m in held if m.time == second]

    def between(start, end):
        return ids(ask(start=start, end=end, rows_per_page=0, order="asc"))

    assert between(second, second) == here
    assert between(f"{second}.000001", second) == []
    assert between(second, f"{second}.999999") == here
    iso = datetime.fromtimestamp(second).astimezone().isoformat()
    assert between(iso, iso) == here
    naive = datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()
    assert between(naive, naive) == here  # it takes a naive time for UTC


def test_an_end_without_a_start_is_ignored(ask, held):
    for parameters in ({"end": held[9].time}, {"start": 0, "end": held[9].time}, {}):
        assert ask(rows_per_page=1, **parameters).json()["total"] == len(held)
    assert ask(start=1, end=held[9].time, rows_per_page=1).json()["total"] < 20


def test_delta_counts_back(ask, held):
    last = [m for m in held if m.time >= NOW / 1e6 - 3600]
    answer = ask(delta=3600, rows_per_page=1).json()
    assert answer["total"] == len(last)
    assert answer["arguments"]["end"] == NOW / 1e6
    assert ask(start=held[0].time, delta=3600).json()["arguments"]["end"] == held[0].time + 3600


def test_pages(ask, held):
    total = len(held)
    first = ask(rows_per_page=100).json()
    assert (first["total"], first["pages"], first["count"]) == (total, -(-total // 100), 100)
    third = ids(ask(rows_per_page=100, page=3, order="asc"))
    assert third == [m.id for m in held[200:300]]
    past = ask(rows_per_page=100, page=9999).json()
    assert (past["total"], past["count"], past["raw_messages"]) == (total, 0, [])
    window = {"start": held[0].time, "end": held[20].time, "rows_per_page": 100}
    assert ask(page=2, **window).json()["total"] == 0  # as the real one


@pytest.mark.parametrize(
    ("parameters", "accept"),
    [
        ({"category": "git"}, lambda m: category(m) == "git"),
        ({"category": ["git", "pagure"]}, lambda m: category(m) in {"git", "pagure"}),
        ({"not_category": "buildsys"}, lambda m: category(m) != "buildsys"),
        (
            {"topic": f"{PROD}.git.receive"},
            lambda m: m.topic == f"{PROD}.git.receive",
        ),
        ({"topic": f"{PROD}.git"}, lambda _: False),
        ({"topic": f"{PROD}.git.*"}, lambda _: False),
        ({"user": ["koschei", "bodhi"]}, lambda m: {"koschei", "bodhi"} & set(m.users)),
        ({"user": "koschei", "category": "git"}, lambda _: False),
        ({"user": "koschei", "not_user": "koschei"}, lambda _: False),
        ({"not_user": "koschei"}, lambda m: "koschei" not in m.users),
        ({"package": "kernel"}, lambda m: "kernel" in m.objects),
        ({"agent": "koschei", "frobnicate": "1"}, lambda _: True),
    ],
)
def test_filters(ask, held, parameters, accept):
    expected = [m.id for m in held if accept(m)]
    answer = ask(rows_per_page=0, order="asc", **parameters)
    assert ids(answer) == expected
    window = ask(start=held[500].time, end=held[900].time, rows_per_page=1, **parameters)
    assert window.json()["total"] == sum(
        1 for m in held if held[500].time <= m.time <= held[900].time and accept(m)
    )


@pytest.mark.parametrize(
    "row", captured(), ids=lambda row: f"{row['path']}?{row['params']}"[:70].replace("/", "_")
)
def test_answers_have_the_captured_status_and_shape(server, session, row):
    names = {name for name, _ in row["params"]}
    parameters = [(n, v) for n, v in row["params"] if n != "id"]
    if "id" in names and row["status"] == 200:
        parameters.append(("id", next(traffic().between(NOW - DAY, NOW)).id))
    elif "id" in names:
        parameters.append(("id", "nope"))
    answer = session.get(server.url + row["path"], params=parameters, timeout=10)
    assert answer.status_code == row["status"]
    if not row["content_type"].startswith("application/json"):
        assert answer.headers["Content-Type"] == row["content_type"]
        assert answer.text == row["body"]
        return
    body = row["body"] if isinstance(row["body"], dict) else json.loads(row["body"])
    mine = answer.json()
    assert set(mine) == set(body) - {"_cut_to_3_of"}
    if row["path"] in {"/id", "/v2/id"} and row["status"] == 200:
        assert set(mine) == set(body)
    if "arguments" in body:
        assert shape(mine["arguments"]) == shape(body["arguments"])
        given = {"start", "end"} & names if len(names & {"start", "end"}) == 2 else set()
        for name in {*body["arguments"]} - {"start", "end", "delta"} | given:
            assert str(mine["arguments"][name]) == str(body["arguments"][name])
    for theirs, ours in zip(
        body.get("raw_messages", ()), mine.get("raw_messages", ()), strict=False
    ):
        assert set(theirs) == set(ours)
        assert isinstance(ours.get("timestamp", 0.0), float)
        assert ours["headers"]["sent-at"].endswith("+00:00")
        assert ours["headers"].keys() >= {"priority", "fedora_messaging_schema", "sent-at"}


def test_the_rest_of_the_interface(ask, server, held):
    assert ask("/messagecount").json() == {"messagecount": len(held)}
    assert ask("/healthz/ready").status_code == 200
    assert ask("/nosuch").status_code == 404
    assert ask("/raw/", rows_per_page=1).json()["count"] == 1
    assert requests.post(server.url + "/raw", data="x", timeout=10).status_code == 405
    head = requests.head(server.url + "/raw", timeout=10)
    assert (head.status_code, head.content) == (200, b"")


def test_connections_are_kept(server):
    with requests.Session() as session:
        for _ in range(3):
            session.get(server.url + "/messagecount", timeout=10)
        adapter = session.get_adapter(server.url)
        assert isinstance(adapter, requests.adapters.HTTPAdapter)
        pools = adapter.poolmanager.pools
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118


def test_messages_appear_when_the_bus_publishes_them():
    now = [NOW]
    future = [m for m in traffic().between(NOW + 1, NOW + DAY) if m.broken is None][:3]
    with HistoryServer(traffic(), days=1, clock=lambda: now[0]) as server:

        def total():
            return requests.get(server.url + "/messagecount", timeout=10).json()["messagecount"]

        before = total()
        now[0] = future[2].at - 1
        assert total() == before + 2
        now[0] = future[2].at
        assert total() == before + 3


def test_a_second_service_holds_the_same(held):
    with HistoryServer(traffic(), days=2, clock=lambda: NOW) as again:
        answer = requests.get(again.url + "/raw", params={"rows_per_page": 0}, timeout=30)
    assert ids(answer) == [m.id for m in held][::-1]


def test_faults():
    faults = Faults(fail_every=3, lose_every=10, no_search=True, latency=0.05)
    with HistoryServer(traffic(), days=1, clock=lambda: NOW, faults=faults) as server:
        begun = time.monotonic()
        first = requests.get(server.url + "/raw", params={"rows_per_page": 50}, timeout=10)
        assert time.monotonic() - begun >= 0.05
        assert first.json()["count"] == 45
        assert first.json()["total"] > 50
        assert requests.get(server.url + "/v2/search", timeout=10).status_code == 404
        third = requests.get(server.url + "/raw", timeout=10)
        assert third.status_code == 502
        assert third.headers["Content-Type"].startswith("text/html")


def test_a_port_that_is_taken(server):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(SourceError, match="cannot serve history") as caught:
        HistoryServer(traffic(), port=port)
    assert str(port) in str(caught.value)


def test_a_client_that_is_killed_is_not_worth_a_word(server, capfd):
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))  # ends by RST
        client.sendall(b"GET /v2/search HT")
    assert requests.get(f"{server.url}/healthz/live", timeout=10).ok
    time.sleep(0.3)
    assert capfd.readouterr().err == ""
