"""A half-minute run of bench/soak.py: `listen` and `gather` with a cut, a restart and two kills."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import paths

SOAK = paths.ROOT / "bench" / "soak.py"
SHORT = ("--minutes", "0.5", "--rate", "300", "--cut", "5", "--down", "2", "--settle", "5",
         "--gather", "15")  # fmt: skip


def test_a_cut_a_restart_and_two_kills_lose_and_duplicate_nothing(disk_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, SOAK, *SHORT, "--folder", disk_path],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    log = (disk_path / "listen.log").read_text()
    assert process.returncode == 0, f"{process.stdout}\n{process.stderr}\n{log}"
    lines = process.stdout.splitlines()
    report = {name: rest.strip() for name, _, rest in (line.partition(" ") for line in lines)}
    published = int(report["published"].split()[0].replace(",", ""))
    assert published > 8_700
    assert report["stored"] == f"{published:,}"
    assert report["coverage"].startswith("healed, 0 gaps")
    assert report["verify"].startswith("clean: ")
    assert report["reader"].endswith(" 0 failures")
    assert process.stdout.count("the loader is killed") == 2
    assert log.count("the loader died") == 2
    assert "nobody answered" in log or "connection lost" in log
    history = next(line for line in lines if line.strip().startswith("history:"))
    healed = int(history.rpartition(" new")[0].rpartition(", ")[2].replace(",", "").split()[-1])
    assert healed >= 1_200  # the cut, at least
