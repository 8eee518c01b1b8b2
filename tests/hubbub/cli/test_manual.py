"""Manual pages and completion."""

import os
import subprocess
import sys
from pathlib import Path

from hubbub.cli.root import COMMANDS
from tests.support.commandline import Run


def test_every_command_has_a_page(hubbub: Run, tmp_path: Path) -> None:
    outcome = hubbub("docs", "man", tmp_path)
    names = {page.name for page in tmp_path.iterdir()}
    assert outcome.out == f"{len(names)} pages in {tmp_path}; man hubbub\n"
    assert {f"hubbub-{name}.1" for name in COMMANDS} <= names
    assert {"hubbub.1", "hubbub-query-longtail.1", "hubbub-alerts-silence.1"} <= names
    page = (tmp_path / "hubbub-query-longtail.1").read_text()
    assert ".SH SYNOPSIS\n.B hubbub query longtail\n" in page
    assert ".TP\n.B \\-\\-since TIME\n" in page
    for text in (path.read_text() for path in tmp_path.iterdir()):
        lines = text.splitlines()
        assert [line for line in lines if line.startswith("'")] == []
        requests = {line.split()[0] for line in lines if line.startswith(".")}
        assert requests <= {".TH", ".SH", ".PP", ".TP", ".B", ".BR", ".nf", ".fi", ".RS", ".RE"}


def test_a_folder_that_cannot_be_written_is_named(hubbub: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    outcome = hubbub("docs", "man", tmp_path / "file" / "man1")
    assert outcome.code == 2
    assert "cannot write manual pages: Not a directory" in outcome.err


def test_completion_in_bash() -> None:
    """The printed script completes a command in a real shell."""
    script = (
        'eval "$(hubbub docs completion bash)"\n'
        "COMP_WORDS=(hubbub config sh) COMP_CWORD=2\n"
        "_hubbub_completion hubbub\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    ran = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert (ran.stdout.split(), ran.returncode) == (["show"], 0), ran.stderr
