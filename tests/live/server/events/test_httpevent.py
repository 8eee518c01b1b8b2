"""`/httpevent`: what it takes, and that it is stored."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hubbub.config import Config
from hubbub.store import Store
from hubbub.store.journal.journal import Journal
from tests.support.http import Served, serving


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "s") as served:
        yield served


def stored(folder: Path) -> list[Any]:
    with Store.open(folder) as store:
        store.load()
        return list(store.events().order_by("seq", "id").to_pyarrow().to_pylist())


@pytest.mark.parametrize(
    "value",
    [
        {"user": "ann"},
        [{"user": "ann"}],
        json.dumps({"user": "ann"}),
        json.dumps([{"user": "ann"}]),
        [json.dumps({"user": "ann"})],
    ],
)
@pytest.mark.parametrize("name", ["message", "msg"])
def test_every_form_is_taken_every_way(served: Served, value: Any, name: str) -> None:
    text = json.dumps(value)
    answers = [
        served.get("/httpevent", params={name: text}),
        served.post("/httpevent", data={name: text}),
        served.post("/httpevent", json=value),
        served.post("/httpevent?" + name + "=[]", data={name: "nonsense, but the address wins"}),
    ]
    assert [(a.status_code, a.text) for a in answers] == [(200, "Success")] * 4
    with Journal(served.server.store_folder) as journal:
        rows = journal.after(0, 100, 1 << 20)
    assert [row.events() for row in rows] == [[{"user": "ann"}]] * 3


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        '"text"',
        "3",
        "null",
        '[{"a": 1}, 3]',
        '["[1]"]',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"a": ' * 150 + "1" + "}" * 150,
        "[" * 100_000,
        "",
    ],
)
def test_what_is_no_event_is_refused_whole(served: Served, text: str) -> None:
    answer = served.post("/httpevent", data={"message": text})
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "hint"}
    with Journal(served.server.store_folder) as journal:
        assert journal.last() == 0


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data": {"other": "{}"}},
        {"data": b"\xff\xfe{}", "headers": {"Content-Type": "application/json"}},
        {"data": b"message=%ff"},
        {"data": "&".join(f"a{n}=1" for n in range(200))},
    ],
)
def test_requests_without_events_are_refused(served: Served, options: Any) -> None:
    assert served.post("/httpevent", **options).status_code == 400
    assert served.get("/httpevent").status_code == 400


def test_sizes_are_bounded(served: Served) -> None:
    large = json.dumps({"text": "x" * (1 << 20)})
    assert served.post("/httpevent", data={"message": large}).status_code == 413
    much = served.post("/httpevent", data=b"x" * (8 << 20))
    assert much.status_code == 413
    many = json.dumps([{}] * 10_001)
    assert served.post("/httpevent", data={"message": many}).status_code == 400
    fits = json.dumps({"text": "é%" * 50_000})
    assert served.post("/httpevent", data={"message": fits}).status_code == 200


def test_nothing_is_no_batch(served: Served) -> None:
    assert served.get("/httpevent?msg=[]").text == "Success"
    with Journal(served.server.store_folder) as journal:
        assert journal.last() == 0


def test_it_needs_the_scope_to_write(tmp_path: Path) -> None:
    with serving(tmp_path / "s", auth="tokens") as served:
        assert served.post("/httpevent", json={"a": 1}).status_code in {401, 403}
        assert served.get("/httpevent?message={}").status_code in {401, 403}


def test_events_are_stored_once_with_ids_of_their_own(served: Served) -> None:
    for n in range(3):
        served.post("/httpevent", json=[{"user": "ann", "n": n}, {"username": "bob", "n": n}])
    line = {"timestamp": "2026-01-01T00:00:00Z", "topic": "chat.line", "users": ["cid"], "id": "x"}
    served.post("/httpevent", json=line)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        with Journal(served.server.store_folder) as journal:
            if not journal.waiting():
                break
        time.sleep(0.05)
    events = stored(served.server.store_folder)
    assert [event["users"] for event in events] == [["ann"], ["bob"]] * 3 + [["cid"]]
    assert [event["topic"] for event in events] == ["http.event"] * 6 + ["chat.line"]
    assert len({event["id"] for event in events}) == 7
    assert events[-1]["id"] == "x"


def test_feeding_again_after_a_crash_changes_nothing(tmp_path: Path) -> None:
    from hubbub.live.server.events.feeder import feed

    with Store.open(tmp_path / "s") as store, Journal(store.path) as journal:
        journal.append([json.dumps([{"n": n}]) for n in range(5)], 1)
        with store.spool("http") as sink:
            for row in (0, 3):  # killed before the rows were marked
                journal._db.execute("UPDATE facts SET value = ? WHERE name = 'spooled'", (row,))
                assert feed(journal, sink) == 5 - row
        assert journal.delete_passed(None) == 5
    assert len(stored(tmp_path / "s")) == 5


def test_many_clients_at_once(served: Served) -> None:
    def post(n: int) -> int:
        return served.get("/httpevent", params={"message": json.dumps({"n": n})}).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(post, range(300))) == {200}
    with Journal(served.server.store_folder) as journal:
        assert journal.last() == 300


def test_what_was_accepted_is_in_the_spool_when_the_server_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "s", config=Config()) as served:
        served.post("/httpevent", json={"user": "ann"})
    with Store.open(tmp_path / "s") as store, Journal(store.path) as journal:
        assert journal.spooled == 1
        assert store.waiting().records == 1


def test_head_sends_nothing(served: Served) -> None:
    answer = served.session.head(served.url + "/httpevent?message={}", timeout=30)
    assert answer.status_code == 405
    with Journal(served.server.store_folder) as journal:
        assert journal.last() == 0


def test_what_was_taken_and_refused_is_counted(served: Served) -> None:
    served.post("/httpevent", json=[{"n": 1}, {"n": 2}])
    served.post("/httpevent", data={"message": "nonsense"})
    metrics = served.get("/metrics").text
    assert "hubbub_posted_events_total 2.0" in metrics
    assert "hubbub_posted_refused_total 1.0" in metrics
