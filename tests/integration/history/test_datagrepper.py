"""`hubbub gather` from a real datagrepper with PostgreSQL, while new messages are stored.

HUBBUB_ROWS sets the number of messages (3,000 in continuous integration).
"""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubbub.store import Store

pytestmark = pytest.mark.service("datagrepper")
ROWS = int(os.environ.get("HUBBUB_ROWS", "3000"))
DAYS = 3


@pytest.fixture(scope="module")
def service(datagrepper):
    """A datagrepper with messages of three days up to an hour ago, some hundreds in one second."""
    datagrepper.fill(ROWS, DAYS, int(time.time()) - 3600)
    return datagrepper


def gather(url, folder, start, end, jobs=4):
    """Run `hubbub gather` and return its JSON report."""
    since, until = (datetime.fromtimestamp(time, UTC).isoformat() for time in (start, end))
    process = subprocess.run(
        [Path(sys.executable).with_name("hubbub"), "gather", "--store", folder, "--url", url,
         "--since", since, "--until", until, "--jobs", str(jobs), "--json"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def start_gather(url, folder, start, end, jobs):
    """Start a gather that prints the number of rows received after every batch."""
    script = Path(__file__).parent / "gather_progress.py"
    return subprocess.Popen(
        [sys.executable, script, url, folder, str(start), str(end), str(jobs)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def stored(folder):
    """Load the store and return its ids, with repeats."""
    with Store.open(folder) as store:
        loaded = store.load()
        assert loaded.refused == {}
        return store.events().select("id").to_pyarrow()["id"].to_pylist()


def published(service, start, end):
    """Return the ids that PostgreSQL contains in [start, end), sorted."""
    sql = f"""SELECT DISTINCT msg_id FROM messages WHERE timestamp >= to_timestamp({start})
        AT TIME ZONE 'UTC' AND timestamp < to_timestamp({end}) AT TIME ZONE 'UTC'"""
    return sorted(row[0] for row in service.rows(sql))


def start_storing(service, seed):
    """Start to store new messages of the last minutes in the service."""
    return service.start_script("load.py", 400, "--days", 0.003, "--whole-seconds", "--seed", seed)


@pytest.mark.parametrize("path", ["", "/raw"])
def test_every_message_once_while_new_messages_arrive(service, tmp_path, path):
    start = int(time.time()) - DAYS * 86400 - 7200
    storing = start_storing(service, 11 + len(path))
    try:
        first = gather(service.url + path, tmp_path, start, time.time())
    finally:
        storing.communicate(timeout=200)
    end = int(time.time()) + 1
    second = gather(service.url + path, tmp_path, start, end)  # the part that was settling
    assert second["requests"] < max(first["requests"] / 2, 12)
    assert first["gaps"] == second["gaps"] == 0
    assert first["refused"] == second["refused"] == {}
    assert sorted(stored(tmp_path)) == published(service, start, end)


@pytest.mark.parametrize("jobs", [1, 4])
def test_every_message_once_after_kill_9(service, tmp_path, jobs):
    start, end = int(time.time()) - DAYS * 86400 - 7200, int(time.time()) - 1200
    storing = start_storing(service, 100 + jobs)
    try:
        usual = gather(service.url, tmp_path / "usual", start, end, jobs)
        process = start_gather(service.url, tmp_path / "killed", start, end, jobs)
        with process, process.stdout as progress:
            for line in progress:
                if int(line) > ROWS / 2:
                    break
            process.kill()
        resumed = gather(service.url, tmp_path / "killed", start, end, jobs)
    finally:
        storing.communicate(timeout=200)
    assert resumed["requests"] < usual["requests"] * 0.75
    assert resumed["gaps"] == 0
    assert sorted(stored(tmp_path / "killed")) == published(service, start, end)


def test_search_and_raw_give_the_same_events(service, tmp_path):
    end = int(time.time()) - 1200
    start = end - 86400
    events = []
    for path in ("", "/raw"):
        folder = tmp_path / f"by{path[1:]}"
        gather(service.url + path, folder, start, end)
        with Store.open(folder) as store:
            columns = ["id", "time", "topic", "agent", "users", "objects"]
            events.append(store.events().select(*columns).order_by("id").to_pyarrow().to_pylist())
    assert events[0] == events[1]
    assert len(events[0]) > ROWS / 6
    assert sum(bool(event["users"]) for event in events[0]) > ROWS / 10
