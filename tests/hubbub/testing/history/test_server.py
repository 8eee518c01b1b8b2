"""The simulated history service responds as the real one did (tests/captures)."""

import json
import socket
import threading
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
def messages():
    """The messages that the service must serve: readable ones of two days, ordered by time."""
    return [m for m in traffic().between(NOW - 2 * DAY, NOW + 1) if m.broken is None]


@pytest.fixture(scope="module")
def server():
    with HistoryServer(traffic(), days=2, clock=lambda: NOW) as server:
        yield server


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


@pytest.fixture
def get(server, session):
    def send(path="/v2/search", **parameters):
        return session.get(server.url + path, params=parameters, timeout=10)

    return send


def ids(response):
    return [row.get("id") or row["msg_id"] for row in response.json()["raw_messages"]]


def captured():
    """Return the captured responses to requests that the simulation supports."""
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
    """Return the types of a JSON value; None matches any type."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return type(value).__name__ if value is not None else None


def test_keyset_paging_gives_every_row_once(get, messages):
    received: list[str] = []
    start, requests_sent = 1.0, 0
    while True:
        rows = get(start=start, end=NOW / 1e6, rows_per_page=100, order="asc").json()
        new = [r["id"] for r in rows["raw_messages"] if r["id"] not in received[-300:]]
        requests_sent += 1
        if not new:
            break
        received += new
        last = rows["raw_messages"][-1]["headers"]["sent-at"]
        start = datetime.fromisoformat(last).timestamp()
    assert received == [m.id for m in messages]
    assert requests_sent < len(messages) / 100 * 1.1 + 3


@pytest.mark.parametrize("path", ["/v2/search", "/raw"])
def test_a_window_on_one_page(get, messages, path):
    start, end = messages[100].time, messages[400].time
    expected = [m.id for m in messages if start <= m.time <= end]
    response = get(path, start=start, end=end, rows_per_page=0, order="asc")
    assert ids(response) == expected
    assert response.json()["total"] == response.json()["count"] == len(expected)
    assert response.json()["pages"] == 1
    backwards = get(path, start=start, end=end, rows_per_page=0)
    assert ids(backwards) == expected[::-1]


def test_rows_name_users_and_packages_in_headers_and_raw_rows_as_lists(get, messages):
    window = {
        "start": messages[100].time, "end": messages[400].time, "rows_per_page": 0, "order": "asc",
    }  # fmt: skip
    by_id = {m.id: m for m in messages}
    for row in get("/v2/search", **window).json()["raw_messages"]:
        message = by_id[row["id"]]
        stated = {name for name in row["headers"] if name.startswith("fedora_messaging_user_")}
        assert stated == {f"fedora_messaging_user_{name}" for name in message.users}
    rows = get("/raw", **window).json()["raw_messages"]
    assert any(len(row["users"]) > 1 for row in rows)
    for row in rows:
        message = by_id[row["msg_id"]]
        assert row["users"] == sorted(message.users)
        assert row["packages"] == list(message.objects)
        assert row["msg"] == message.msg
        assert row["i"] == message.i


def test_both_ends_are_inclusive(get, messages):
    second = messages[50].time
    expected = [m.id for m in messages if m.time == second]

    def between(start, end):
        return ids(get(start=start, end=end, rows_per_page=0, order="asc"))

    assert between(second, second) == expected
    assert between(f"{second}.000001", second) == []
    assert between(second, f"{second}.999999") == expected
    iso = datetime.fromtimestamp(second).astimezone().isoformat()
    assert between(iso, iso) == expected
    naive = datetime.fromtimestamp(second, UTC).replace(tzinfo=None).isoformat()
    assert between(naive, naive) == expected  # a naive time is UTC


def test_an_end_without_a_start_is_ignored(get, messages):
    for parameters in ({"end": messages[9].time}, {"start": 0, "end": messages[9].time}, {}):
        assert get(rows_per_page=1, **parameters).json()["total"] == len(messages)
    assert get(start=1, end=messages[9].time, rows_per_page=1).json()["total"] < 20


def test_delta_counts_back_from_now_and_forward_from_a_start(get, messages):
    last = [m for m in messages if m.time >= NOW / 1e6 - 3600]
    response = get(delta=3600, rows_per_page=1).json()
    assert response["total"] == len(last)
    assert response["arguments"]["end"] == NOW / 1e6
    start = messages[0].time
    assert get(start=start, delta=3600).json()["arguments"]["end"] == start + 3600


def test_pages(get, messages):
    total = len(messages)
    first = get(rows_per_page=100).json()
    assert (first["total"], first["pages"], first["count"]) == (total, -(-total // 100), 100)
    third = ids(get(rows_per_page=100, page=3, order="asc"))
    assert third == [m.id for m in messages[200:300]]
    past = get(rows_per_page=100, page=9999).json()
    assert (past["total"], past["count"], past["raw_messages"]) == (total, 0, [])
    window = {"start": messages[0].time, "end": messages[20].time, "rows_per_page": 100}
    assert get(page=2, **window).json()["total"] == 0  # as the real service does


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
def test_filters(get, messages, parameters, accept):
    expected = [m.id for m in messages if accept(m)]
    response = get(rows_per_page=0, order="asc", **parameters)
    assert ids(response) == expected
    start, end = messages[500].time, messages[900].time
    window = get(start=start, end=end, rows_per_page=1, **parameters)
    inside = [m for m in messages if start <= m.time <= end]
    assert window.json()["total"] == sum(1 for m in inside if accept(m))


@pytest.mark.parametrize(
    "row", captured(), ids=lambda row: f"{row['path']}?{row['params']}"[:70].replace("/", "_")
)
def test_responses_have_the_captured_status_and_shape(server, session, row):
    names = {name for name, _ in row["params"]}
    parameters = [(n, v) for n, v in row["params"] if n != "id"]
    if "id" in names and row["status"] == 200:
        parameters.append(("id", next(traffic().between(NOW - DAY, NOW)).id))
    elif "id" in names:
        parameters.append(("id", "nope"))
    response = session.get(server.url + row["path"], params=parameters, timeout=10)
    assert response.status_code == row["status"]
    if not row["content_type"].startswith("application/json"):
        assert response.headers["Content-Type"] == row["content_type"]
        assert response.text == row["body"]
        return
    expected = row["body"] if isinstance(row["body"], dict) else json.loads(row["body"])
    body = response.json()
    assert set(body) == set(expected) - {"_cut_to_3_of"}
    if row["path"] in {"/id", "/v2/id"} and row["status"] == 200:
        assert set(body) == set(expected)
    if "arguments" in expected:
        assert shape(body["arguments"]) == shape(expected["arguments"])
        ends = {"start", "end"} if {"start", "end"} <= names else set()
        for name in {*expected["arguments"]} - {"start", "end", "delta"} | ends:
            assert str(body["arguments"][name]) == str(expected["arguments"][name])
    for expected_row, simulated_row in zip(
        expected.get("raw_messages", ()), body.get("raw_messages", ()), strict=False
    ):
        headers = simulated_row["headers"]
        assert set(expected_row) == set(simulated_row)
        assert isinstance(simulated_row.get("timestamp", 0.0), float)
        assert headers["sent-at"].endswith("+00:00")
        assert headers.keys() >= {"priority", "fedora_messaging_schema", "sent-at"}


def test_the_rest_of_the_interface(get, server, messages):
    assert get("/messagecount").json() == {"messagecount": len(messages)}
    assert get("/healthz/ready").status_code == 200
    assert get("/nosuch").status_code == 404
    assert get("/raw/", rows_per_page=1).json()["count"] == 1
    assert requests.post(server.url + "/raw", data="x", timeout=10).status_code == 405
    head = requests.head(server.url + "/raw", timeout=10)
    assert (head.status_code, head.content) == (200, b"")


def test_connections_are_kept_alive(server):
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


def test_a_second_service_serves_the_same_messages(messages):
    with HistoryServer(traffic(), days=2, clock=lambda: NOW) as second:
        response = requests.get(second.url + "/raw", params={"rows_per_page": 0}, timeout=30)
    assert ids(response) == [m.id for m in messages][::-1]


def test_faults():
    faults = Faults(fail_every=3, lose_every=10, no_search=True, latency=0.05)
    with HistoryServer(traffic(), days=1, clock=lambda: NOW, faults=faults) as server:
        started = time.monotonic()
        first = requests.get(server.url + "/raw", params={"rows_per_page": 50}, timeout=10)
        assert time.monotonic() - started >= 0.05
        assert first.json()["count"] == 45
        assert first.json()["total"] > 50
        assert requests.get(server.url + "/v2/search", timeout=10).status_code == 404
        third = requests.get(server.url + "/raw", timeout=10)
        assert third.status_code == 502
        assert third.headers["Content-Type"].startswith("text/html")


def test_closing_ends_the_threads_of_open_connections():
    before = set(threading.enumerate())
    with HistoryServer(traffic(), days=1, clock=lambda: NOW, faults=Faults(latency=30)) as server:
        port = int(server.url.rpartition(":")[2])
        waiting = socket.create_connection(("127.0.0.1", port))  # whose request never comes
        asking = socket.create_connection(("127.0.0.1", port))
        asking.sendall(b"GET /raw HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 30
        while len(set(threading.enumerate()) - before) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert set(threading.enumerate()) <= before
    waiting.close()
    asking.close()


def test_a_port_in_use(server):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(SourceError, match="cannot start the history service") as caught:
        HistoryServer(traffic(), port=port)
    assert str(port) in str(caught.value)


def test_a_connection_reset_by_the_client_is_not_logged(server, capfd):
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))  # ends by RST
        client.sendall(b"GET /v2/search HT")
    assert requests.get(f"{server.url}/healthz/live", timeout=10).ok
    time.sleep(0.3)
    assert capfd.readouterr().err == ""
