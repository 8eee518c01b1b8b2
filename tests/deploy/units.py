"""Reading and checking the units of systemd in deploy/."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.support import paths

__all__ = ["DEPLOY", "exposure", "faults", "read"]

DEPLOY = paths.ROOT / "deploy"
_PROGRAM = "/opt/hubbub/bin/hubbub"  # as the units name it


def read(name: str) -> configparser.RawConfigParser:
    """Return the sections of a unit."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser


def faults(names: Iterable[str], folder: Path) -> list[str]:
    """Return what systemd says against units; copies of them go to a folder."""
    program = folder / "hubbub"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copies = []
    for name in names:
        copies.append(folder / name)
        copies[-1].write_text((DEPLOY / name).read_text().replace(_PROGRAM, str(program)))
    process = _analyze("verify", "--man=no", "--recursive-errors=no", *map(str, copies))
    lines = [line for line in process.stderr.splitlines() if any(c.name in line for c in copies)]
    return lines if lines or process.returncode == 0 else [process.stderr]


def exposure(name: str) -> float:
    """Return how systemd rates the exposure of a service, 0 to 10."""
    process = _analyze("security", "--offline=yes", "--no-pager", str(DEPLOY / name))
    match = re.search(r"Overall exposure level for \S+: ([\d.]+)", process.stdout)
    assert match is not None, process.stdout + process.stderr
    return float(match[1])


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
