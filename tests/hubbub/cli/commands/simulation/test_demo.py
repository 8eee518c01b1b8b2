"""`hubbub demo`, with fewer days."""

import json
import re
from datetime import timedelta

import pytest

from hubbub.cli.commands.simulation import demo
from hubbub.cli.root import execute

STEPS = ["gathered", "received", "checked", "result", "open"]


@pytest.fixture
def short(monkeypatch):
    """Two days, of which two hours are received from the bus."""
    monkeypatch.setattr(demo, "_DAYS", timedelta(days=2))
    monkeypatch.setattr(demo, "_LIVE", timedelta(hours=2))


def numbers(text):
    return [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?![\d.])", text)]


def test_the_demo_and_a_second_one(short, tmp_path, capsys):
    out = tmp_path / "demo"
    for _ in range(2):  # the second run replaces the store
        assert execute(["demo", "-o", str(out)]) == 0
        lines = capsys.readouterr().out.splitlines()
        gathered, received, checked, result, last = lines
        assert [line.split()[0] for line in lines] == STEPS
        rows, new = numbers(gathered)[0], numbers(gathered)[-1]
        assert rows == new > 2000
        received_all, received_new, known, broken = numbers(received)
        assert received_all == received_new + known + broken
        assert received_new > 100
        assert known > 50
        assert numbers(checked)[-1] == 0  # the history has no message that the bus lacked
        assert numbers(result)[0] > 50
        assert str(out) in last
    index = (out / "index.html").read_text()
    for name in ("longtail", "tail", "radar", "daily_diff", "volume"):
        assert (out / f"{name}.svg").stat().st_size > 1000
        assert name in index
    assert (out / "index.md").read_text().startswith("# ")
    assert json.loads((out / "data.json").read_text())["views"]
    capsys.readouterr()
    assert execute(["status", "--json", "--store", str(out / "store")]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["events"] == new + received_new


def test_a_store_that_no_demo_created_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "precious").write_text("mine")
    assert execute(["demo", "-o", str(tmp_path)]) == 2
    assert "not created by the demo" in capsys.readouterr().err
    assert (tmp_path / "store" / "precious").read_text() == "mine"


def test_a_chosen_store_is_refused(tmp_path, capsys):
    assert execute(["--store", str(tmp_path / "own"), "demo", "-o", str(tmp_path / "out")]) == 2
    assert "messages in DIR/store" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path, capsys):
    path = tmp_path / "file"
    path.write_text("")
    assert execute(["demo", "-o", str(path)]) == 2
    assert "cannot write here" in capsys.readouterr().err
