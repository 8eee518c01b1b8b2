"""`hubbub simulate`."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import zmq

HUBBUB = Path(sys.executable).with_name("hubbub")
UNTIL = ["--until", "2026-11-20T12:00Z"]


def simulate(*args, check=0):
    command = [str(HUBBUB), "simulate", *map(str, args)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == check, done.stderr.decode()
    return done


@pytest.fixture
def start():
    running = []

    def run(*args):
        command = [str(HUBBUB), "simulate", *map(str, args)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
        )
        running.append(process)
        return process

    yield run
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def lines_until(process, count):
    return [process.stdout.readline().split() for _ in range(count)]


def test_a_file_is_the_same_twice(tmp_path):
    plain, packed = tmp_path / "one.jsonl", tmp_path / "two.jsonl.gz"
    options = ["--per-day", 3000, "--days", 0.5, "--seed", 4, *UNTIL]
    simulate("-o", plain, *options)
    simulate("-o", packed, *options)
    printed = simulate("-o", "-", *options).stdout
    assert plain.read_bytes() == gzip.decompress(packed.read_bytes()) == printed
    readable = [x for x in printed.splitlines() if x.startswith(b'{"i"') and x.endswith(b"}")]
    envelopes = [json.loads(x) for x in readable]
    assert 1000 < len(envelopes) < 2000
    assert {"i", "msg", "topic"} <= set(envelopes[0])


def test_a_bus_and_a_history_in_two_processes_agree(start):
    options = ["--rate", 100, "--seed", 9]
    bus = start("--zmq", "tcp://127.0.0.1:*", *options)
    history = start("--history", 0, "--days", 0.01, *options)
    (_, endpoint), (_, url) = lines_until(bus, 1)[0], lines_until(history, 1)[0]
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVTIMEO, 5000)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoint)
    received, end = [], time.monotonic() + 2
    while time.monotonic() < end:
        received.append(socket.recv_multipart()[1])
    context.destroy(linger=0)
    envelopes = []
    for body in received:
        try:
            envelopes.append(json.loads(body))
        except ValueError:  # broken on purpose
            continue
    known = [e["msg_id"] for e in envelopes if isinstance(e, dict) and "msg_id" in e]
    assert len(known) > 120
    time.sleep(0.2)
    rows = requests.get(f"{url}/v2/search", params={"delta": 60, "rows_per_page": 0}, timeout=10)
    held = {row["id"] for row in rows.json()["raw_messages"]}
    odd = [e for e in envelopes if isinstance(e, dict) and e.get("timestamp") == "soon"]
    assert set(known) - {e["msg_id"] for e in odd} <= held
    bus.send_signal(signal.SIGTERM)
    rest, _ = bus.communicate(timeout=10)
    assert bus.returncode == 0
    count = re.fullmatch(r"published ([\d,]+) messages and [\d,]+ broken ones?\n", rest)
    assert count
    assert int(count[1].replace(",", "")) >= len(known)


def test_a_replay_waits_for_a_reader_and_ends(start):
    options = ["--per-day", 5000, "--days", 0.2, *UNTIL]
    process = start("--zmq", "tcp://127.0.0.1:*", *options, "--format", "msgpack")
    endpoint = lines_until(process, 1)[0][1]
    time.sleep(0.3)
    assert process.poll() is None
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVTIMEO, 5000)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoint)
    output = ""
    received = 0
    while not output:
        try:
            socket.recv_multipart()
            received += 1
            socket.setsockopt(zmq.RCVTIMEO, 1000)
        except zmq.Again:
            output = process.stdout.readline()
    context.destroy(linger=0)
    assert process.wait(90) == 0
    sent = sum(int(n) for n in re.findall(r"\d+", output.replace(",", "")))
    assert received == sent > 500


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((), 2, "nothing to simulate"),
        (("--zmq", "a", "--zmq-connect", "b"), 2, "exclude each other"),
        (("--history", "0", "--rate", "1", "--per-day", "5"), 2, "exclude each other"),
        (("-o", "x", "--history", "0"), 2, "cannot be combined"),
        (("-o", "x", "--format", "msgpack"), 2, "cannot be written to a file"),
        (("-o", "/nowhere/x"), 2, "/nowhere/x"),
        (("-o", "x", "--until", "soon"), 2, "not a time"),
        (("-o", "x", "--days", "0"), 2, "days"),
        (("--zmq", "tcp://127.0.0.1:*", *UNTIL), 2, "--until"),
        (("--zmq", "nonsense"), 2, "cannot publish on this endpoint"),
        (("--zmq", "tcp://192.0.2.1:1"), 4, "cannot publish on this endpoint"),
        (("--history", "99999"), 2, "range"),
    ],
)
def test_wrong_usage(args, code, message, hubbub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = hubbub("simulate", *args)
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())
