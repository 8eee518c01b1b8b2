"""`hubbub gather`: what it expects, before it starts."""

import re
from pathlib import Path

from hubbub.testing.history.server import HistoryServer
from hubbub.testing.simulator.traffic import Traffic
from tests.support.commandline import Run


def test_it_says_how_many_requests_it_expects(hubbub: Run, tmp_path: Path) -> None:
    with HistoryServer(Traffic(seed=5, per_day=3000), days=2) as server:
        command = ("gather", "--url", server.url, "--since", "2d", "--store", tmp_path / "s")
        ran = hubbub(*command, "--json")
    (line,) = [line for line in ran.err.splitlines() if line.startswith("gathering ")]
    found = re.fullmatch(
        r"gathering \d{4}-\d\d-\d\d \d\d:\d\d to \d{4}-\d\d-\d\d \d\d:\d\d UTC: "
        r"about ([\d,]+) messages by the service's count, about ([\d,]+) requests",
        line,
    )
    assert found is not None, line
    messages, requests = (int(number.replace(",", "")) for number in found.groups())
    assert ran.json["received"] * 0.9 <= messages <= ran.json["received"] * 1.1
    assert ran.json["requests"] * 0.6 <= requests <= ran.json["requests"] * 1.6
