"""A period of the live display has the numbers of the statistician's display."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.decode.line_reading import Reading
from hubbub.collector.event import Event, Frame
from hubbub.collector.people.reader import Reader
from hubbub.errors import UsageError
from hubbub.live.stream.direct import LogEvents, PipeEvents, understood
from hubbub.live.terminal.periods import Period, Periods, amount, format_line
from hubbub.live.terminal.records import csv_header, csv_row, period_document
from hubbub.zones import UNIVERSAL
from tests.support.paths import GOLDEN

CASES = sorted((GOLDEN / "statistician" / "display").glob("*.json"))


def line(request: str, size: int) -> bytes:
    return f'192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "{request}" 200 {size}'.encode()


@pytest.mark.parametrize("root", [False, True], ids=["path", "root"])
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_golden(case: Path, root: bool) -> None:
    vector = json.loads(case.read_text())
    reader = Reader()
    wanted = vector["expected_root" if root else "expected"]
    for requests, expected in zip(vector["periods"], wanted, strict=True):
        period = Period(root=root)
        for n, (request, size) in enumerate(requests):
            frame = Frame("access-log:x", 5, b"", line(request, size), n)
            period.add(event for event, _ in understood(frame, reader))
        document = period.document()
        assert {key: document[key] for key in expected} == expected


def test_a_log_is_read_from_its_end_through_rotation(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(line("GET /old HTTP/1.1", 1) + b"\n" + line("GET /half", 1)[:30])
    with LogEvents(str(log), "access-log", Reading(), Reader()) as events:
        assert events.poll() == []
        with log.open("ab") as file:
            file.write(line("GET /half", 1)[30:] + b"\n" + line("GET /new HTTP/1.1", 7) + b"\n")
        assert [event.objects for event, _ in events.poll()] == [("/half",), ("/new",)]
        log.rename(tmp_path / "access.log.1")
        log.write_bytes(line("GET /next HTTP/1.1", 7) + b"\n")
        seen: list[Any] = []
        for _ in range(40):
            seen += [event.objects for event, _ in events.poll()]
            if seen:
                break
            time.sleep(0.1)
        assert seen == [("/next",)]


def test_a_log_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        LogEvents(str(tmp_path / "missing"), "access-log", Reading(), Reader())


def test_a_line_for_people() -> None:
    period = Period(1_767_323_045_000_000)
    period.add([event("git", ("ann",), 1_500), event("wiki", ("ann", "bob"), 500)])
    text = format_line(period, 10, UNIVERSAL)
    assert text == "03:04:05  2 messages (0.2/s)  2.0 kB  2 users  most active git (1)"
    assert [amount(n) for n in (0, 999, 1_000, 2_500_000)] == ["0 B", "999 B", "1.0 kB", "2.5 MB"]


def test_periods_are_cut_by_the_time_of_arrival() -> None:
    periods = Periods(0, 10_000_000)
    received = [(event("git"), second * 1_000_000) for second in (1, 9, 10, 31)]
    ended = [*periods.add(received), *periods.complete(40_000_000)]
    assert [(p.end // 1_000_000, p.hits) for p in ended] == [(10, 2), (20, 1), (30, 0), (40, 1)]
    assert list(periods.complete(49_999_999)) == []


def test_periods_in_which_the_process_slept_are_left_out() -> None:
    periods = Periods(0, 10_000_000)
    ended = list(periods.complete(95_000_000, skip=True))
    assert [p.end // 1_000_000 for p in ended] == [10]
    assert [p.end // 1_000_000 for p in periods.complete(100_000_000, skip=True)] == [100]


def test_a_period_is_bounded_in_memory() -> None:
    period = Period()
    period.add(event(f"c{n}") for n in range(100_010))
    assert (len(period.sections), period.sections["other"]) == (100_001, 10)
    assert period.document()["total_hits"] == 100_010


def test_for_programs() -> None:
    period = Period(1_767_323_045_000_000)
    period.add([event("=cmd\x1b", ("ann",), 1_500)])
    document = period_document(period, UNIVERSAL)
    assert document["end"] == "2026-01-02T03:04:05Z"
    assert document["sections"] == [["=cmd\x1b", 1]]
    assert csv_header() + csv_row(period, UNIVERSAL) == (
        "end,total_hits,total_bytes,max_section,max_hit,without_section\n"
        "2026-01-02T03:04:05Z,1,1500,'=cmd,1,0\n"
    )
    assert csv_row(Period(), UNIVERSAL) == "1970-01-01T00:00:00Z,0,0,,0,0\n"


def test_lines_of_a_pipe() -> None:
    read, write = os.pipe()
    pipe = PipeEvents(read, "access-log", Reading(), Reader())
    assert pipe.poll() == []
    os.write(write, line("GET /a HTTP/1.1", 1) + b"\n\n" + line("GET /b HTTP/1.1", 2)[:30])
    assert [event.objects for event, _ in pipe.poll()] == [("/a",)]
    os.write(write, line("GET /b HTTP/1.1", 2)[30:])
    assert pipe.poll() == []
    os.close(write)
    assert [event.objects for event, _ in pipe.poll()] == [("/b",)]
    assert pipe.ended
    assert pipe.poll() == []
    os.close(read)


def event(category: str, users: tuple[str, ...] = ("ann",), size: int = 10, **fields: Any) -> Event:
    defaults: dict[str, Any] = {
        "id": "1", "time": 1_000_000, "topic": f"org.x.prod.{category}.new", "agent": users[0],
        "objects": (), "action": "new", "source": "zmq:x", "seq": 0,
    }  # fmt: skip
    return Event(category=category, users=users, size=size, **{**defaults, **fields})
