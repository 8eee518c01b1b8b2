"""Against a real datagrepper with a real PostgreSQL, while messages keep arriving.

HUBBUB_ROWS sets how many messages there are (3,000 in continuous integration).
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
def filled(datagrepper):
    """Messages of three days up to an hour ago, hundreds of them in one second."""
    datagrepper.fill(ROWS, DAYS, int(time.time()) - 3600)
    return datagrepper


def gather(url, folder, start, end, jobs=4):
    """What `hubbub gather` says, as JSON."""
    span = [datetime.fromtimestamp(time, UTC).isoformat() for time in (start, end)]
    done = subprocess.run(
        [Path(sys.executable).with_name("hubbub"), "gather", "--store", folder, "--url", url,
         "--since", span[0], "--until", span[1], "--jobs", str(jobs), "--json"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def begun(url, folder, start, end, jobs):
    """A gather that says after every batch how many rows it has, to be killed."""
    script = Path(__file__).parent / "gather_begun.py"
    return subprocess.Popen(
        [sys.executable, script, url, folder, str(start), str(end), str(jobs)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def stored(folder):
    """The ids in the store, repeats included, after everything is loaded."""
    with Store.open(folder) as store:
        loaded = store.load()
        assert loaded.refused == {}
        return store.events().select("id").to_pyarrow()["id"].to_pylist()


def kept(service, start, end):
    """The ids that PostgreSQL holds in [start, end)."""
    sql = f"""SELECT DISTINCT msg_id FROM messages WHERE timestamp >= to_timestamp({start})
        AT TIME ZONE 'UTC' AND timestamp < to_timestamp({end}) AT TIME ZONE 'UTC'"""
    return sorted(row[0] for row in service.rows(sql))


def arriving(service, seed):
    """Start to store new messages, of now and of the last minutes."""
    return service.python("load.py", 400, "--days", 0.003, "--whole-seconds", "--seed", seed)


@pytest.mark.parametrize("path", ["", "/raw"])
def test_complete_and_once_each_while_new_messages_arrive(filled, tmp_path, path):
    start = int(time.time()) - DAYS * 86400 - 7200
    new = arriving(filled, 11 + len(path))
    try:
        first = gather(filled.url + path, tmp_path, start, time.time())
    finally:
        new.communicate(timeout=200)
    end = int(time.time()) + 1
    again = gather(filled.url + path, tmp_path, start, end)  # the settling part
    assert again["requests"] < max(first["requests"] / 2, 12)
    assert first["gaps"] == again["gaps"] == 0
    assert first["refused"] == again["refused"] == {}
    assert sorted(stored(tmp_path)) == kept(filled, start, end)


@pytest.mark.parametrize("jobs", [1, 4])
def test_complete_and_once_each_after_kill_9_in_the_middle(filled, tmp_path, jobs):
    start, end = int(time.time()) - DAYS * 86400 - 7200, int(time.time()) - 1200
    new = arriving(filled, 100 + jobs)
    try:
        usual = gather(filled.url, tmp_path / "usual", start, end, jobs)
        process = begun(filled.url, tmp_path / "killed", start, end, jobs)
        with process, process.stdout as progress:
            for line in progress:
                if int(line) > ROWS / 2:
                    break
            process.kill()
        rest = gather(filled.url, tmp_path / "killed", start, end, jobs)
    finally:
        new.communicate(timeout=200)
    assert rest["requests"] < usual["requests"] * 0.75
    assert rest["gaps"] == 0
    assert sorted(stored(tmp_path / "killed")) == kept(filled, start, end)


def test_both_ways_give_the_same_events(filled, tmp_path):
    end = int(time.time()) - 1200
    start = end - 86400
    events = []
    for path in ("", "/raw"):
        folder = tmp_path / f"by{path[1:]}"
        gather(filled.url + path, folder, start, end)
        with Store.open(folder) as store:
            columns = ["id", "time", "topic", "agent", "users", "objects"]
            events.append(store.events().select(*columns).order_by("id").to_pyarrow().to_pylist())
    assert events[0] == events[1]
    assert len(events[0]) > ROWS / 6
    assert sum(bool(event["users"]) for event in events[0]) > ROWS / 10
