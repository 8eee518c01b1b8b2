"""The progress bar: only on a terminal, with an amount or a text."""

import sys

import pytest

from hubbub.cli.output.progress import bar


def test_without_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("gathering") as update:
        update(1, 2)
        update(1, 2, "2026-01-01")
    assert capsys.readouterr() == ("", "")


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
