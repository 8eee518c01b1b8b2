"""The progress bar: only on a terminal, with an amount or a text."""

import sys

import pytest

from hubbub.cli.output.progress import Pace, bar


def test_without_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("gathering") as update:
        update(1, 2)
        update(1, 2, "2026-01-01")
    assert capsys.readouterr() == ("", "")


def test_the_time_left_is_shown_once_it_is_known() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    first_wave = []
    for done in range(16):  # of as many connections: one answer of each, after a long time
        now[0] = 10 + done / 100
        first_wave.append(pace.left(done, 1000))
    assert set(first_wave) == {""}
    now[0] = 20.0
    assert pace.left(17, 1000) == "about 10 min left"
    now[0] = 10_000.0
    assert pace.left(990, 1000) == "about 2 min left"
    assert pace.left(999, 1000) == "less than a minute left"
    assert pace.left(10, 20) == "", "another part"
    assert pace.left(10, 0) == "", "its size is not known"


def test_a_text_replaces_the_amount(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with bar("gathering", unit="rows") as update:
        update(1200, 0)
        update(1, 2, "2026-01-01 10:00 of 2026-01-02 00:00")
    shown = capsys.readouterr().err
    assert "gathering" in shown
    assert "2026-01-01 10:00 of 2026-01-02 00:00" in shown
