"""Draw the example pictures of docs/metrics that are views of examples/pictures.py.

The output is deterministic: the simulated past never changes, and the logs of the notebook server
are test data. `--check` writes nothing and fails if a picture is missing or has no view.
"""

import argparse
import re
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from hubbub.cli.root import execute

DOCS = Path(__file__).resolve().parent
FOLDER, PROGRAM = DOCS / "metrics", DOCS.parent / "examples" / "pictures.py"
LOGS = DOCS.parent / "tests" / "golden" / "nbhosting"
UNTIL = "2026-04-01"
BUS = ["simulate", "--days", "480", "--per-day", "90", "--seed", "3", "--until", UNTIL]
#: Affiliations of simulated people: the file that `[people] affiliations` names.
AFFILIATIONS = """\
account,organisation,from,to
gmartin,Example Corp,,
vcosta,Example Corp,,2026-01-01
vcosta,Example University,2026-01-01,
qmarino,Example University,,
"""
RANGE = ["--store", "bus", "--config", "config.toml", "--no-bots", "--until", UNTIL]
WINTER = [*RANGE, "--since", "2025-10-01"]
NOTEBOOKS = ["--store", "notebooks"]
OPTIONS = {
    "daily_metrics": NOTEBOOKS,
    "material_usage": NOTEBOOKS,
    "monitor_counts": NOTEBOOKS,
    "year_over_year": RANGE,
    "event_activity": RANGE,
    "suspects": ["--bots" if word == "--no-bots" else word for word in RANGE],
}


def run(*arguments: str) -> None:
    """Run a hubbub command; exit if it fails."""
    if code := execute(list(arguments)):
        sys.exit(f"hubbub {' '.join(arguments)} ended with {code}")


def main() -> int:
    """Draw the pictures, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    names = re.findall(r"^@view.*\ndef (\w+)", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
    if parser.parse_args().check:
        if {path.stem for path in FOLDER.glob("*.svg")} != set(names):
            print(f"{FOLDER} is out of date: run `make gallery`", file=sys.stderr)
            return 1
        return 0
    with tempfile.TemporaryDirectory(prefix="hubbub-metrics-") as folder, chdir(folder):
        Path("who.csv").write_text(AFFILIATIONS, encoding="utf-8")
        Path("config.toml").write_text('[people]\naffiliations = "who.csv"\n', encoding="utf-8")
        run(*BUS, "-o", "bus.jsonl")
        run("import", "bus.jsonl", "--format", "fedmsg", "--store", "bus")
        for log, form in (("ev30-medium-clean.events", "events"), ("ct10-medium.counts", "counts")):
            file = str(LOGS / f"{log}.raw")
            run("import", file, "--format", f"notebook-{form}", "--store", "notebooks")
        for name in names:
            file = str(FOLDER / f"{name}.svg")
            options = OPTIONS.get(name, WINTER)
            run("chart", name, "--plugins", str(PROGRAM), *options, "-o", file)
    print(f"{len(names)} pictures in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
