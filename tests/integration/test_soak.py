"""The soak run in its short form: `listen` and `gather` through a bad half-minute.

`bench/soak.py` is the long one. It says itself what is wrong; this holds that it would.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support import paths

SOAK = paths.ROOT / "bench" / "soak.py"
SHORT = ("--minutes", "0.5", "--rate", "1000", "--cut", "5", "--down", "2", "--settle", "5",
         "--gather", "15")  # fmt: skip


def test_a_cut_a_restart_and_two_kills_lose_and_double_nothing(disk_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SOAK, *SHORT, "--folder", disk_path],
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    log = (disk_path / "listen.log").read_text()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log}"
    lines = done.stdout.splitlines()
    said = {name: rest.strip() for name, _, rest in (line.partition(" ") for line in lines)}
    published = int(said["published"].split()[0].replace(",", ""))
    assert published > 29_000
    assert said["stored"] == f"{published:,}"
    assert said["coverage"].startswith("healed, 0 gaps")
    assert said["verify"].startswith("clean: ")
    assert said["reader"].endswith(" 0 failures")
    assert done.stdout.count("the loader is killed") == 2
    assert log.count("the loader died") == 2
    assert "nobody answered" in log or "connection lost" in log
    history = next(line for line in lines if line.strip().startswith("history:"))
    healed = int(history.rpartition(" new")[0].rpartition(", ")[2].replace(",", "").split()[-1])
    assert healed >= 4_000  # the cut, at least
