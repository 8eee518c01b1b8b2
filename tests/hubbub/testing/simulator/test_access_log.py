"""The simulated access log: reproducible, parsable, at its rate, with bursts that raise alerts."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from hubbub.analyzers.alerts.threshold import crossings
from hubbub.cli.root import execute
from hubbub.collector.decode.logs.access_log import Line, parse
from hubbub.testing.simulator.access_log import lines

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())


def fields(line: bytes) -> Line:
    parsed = parse(line.decode())
    assert parsed is not None
    return parsed


def test_a_second_is_the_same_in_every_range():
    minute = list(lines(3, NOON, NOON + 60, 5))
    assert minute == [*lines(3, NOON, NOON + 13, 5), *lines(3, NOON + 13, NOON + 60, 5)]
    assert minute != list(lines(4, NOON, NOON + 60, 5))


def test_rate_users_and_broken_lines():
    for rate in (0.5, 20, 80):
        log = list(lines(1, NOON, NOON + 400, rate))
        assert abs(len(log) - 400 * rate) < 4 * (400 * rate) ** 0.5
    broken = 0
    users: Counter[str] = Counter()
    statuses: Counter[int] = Counter()
    for line in log:
        try:
            parsed = fields(line)
        except ValueError:
            broken += 1
        else:
            users[parsed.user] += 1
            statuses[parsed.status] += 1
            assert NOON <= parsed.when.timestamp() < NOON + 400
    assert 0.001 < broken / len(log) < 0.006
    assert 0.75 < users["-"] / len(log) < 0.85
    assert set(statuses) == {200, 301, 304, 404, 500}


def test_bursts_raise_alerts_and_a_steady_log_raises_none():
    for burst, expected in ((False, []), (True, ["raised", "ended"] * 3)):
        ticks = [0] * 1080
        for line in lines(2, NOON, NOON + 10_800, 4, burst=burst):
            try:
                ticks[(int(fields(line).when.timestamp()) - NOON) // 10] += 1
            except ValueError:
                continue
        alerts = crossings(ticks, short=12, long=120, threshold=1.5, resolution=10)
        assert [alert.state for alert in alerts] == expected


def test_the_command(tmp_path: Path, capfd):
    log = tmp_path / "access.log"
    options = ["--format", "access-log", "--rate", "2", "--days", "0.01"]
    options += ["--until", "2026-11-20T12:00Z"]
    assert execute(["simulate", "-o", str(log), *options]) == 0
    assert log.read_bytes().splitlines() == list(lines(0, NOON - 864, NOON, 2))
    assert "requests" in capfd.readouterr().err
    store = ["--store", str(tmp_path / "store"), "--json"]
    assert execute(["import", str(log), "--format", "access-log", *store]) == 0
    assert json.loads(capfd.readouterr().out)["new"] > 1500


def test_contradictory_options():
    assert execute(["simulate", "--zmq", "tcp://127.0.0.1:*", "--format", "access-log"]) == 2
    assert execute(["simulate", "-o", "-", "--burst"]) == 2
