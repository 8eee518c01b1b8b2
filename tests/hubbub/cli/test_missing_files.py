"""Errors about files that cannot be read: which one, why, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commandline import Run


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["status", "--config"], "correct the path, or begin one: hubbub config sample > "),
        (["people", "--rules"], "it must be a TOML file that this user may read (--rules, "),
        (["people", "--directory"], "it must be a JSON file that this user may read (--directory"),
    ],
)
def test_what_to_do_is_said(hubbub: Run, tmp_path: Path, options: list[str], hint: str) -> None:
    missing = tmp_path / "missing"
    done = hubbub(*options, missing, *(["x"] if options[0] == "people" else []))
    assert done.code == 2
    first, second = done.err.splitlines()
    assert first.startswith(f"hubbub: {missing}: ")
    assert second.strip().startswith(hint)
