"""Draw the example pictures of docs/metrics that are no view of hubbub: examples/pictures.py.

The same program draws the same bytes: the simulated bus is the same at every instant of the past,
and the notebook server's logs are those of the tests. `--check` fails where a picture is missing,
or has no program.
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
#: Whom the simulated people work for; the file that `[people] affiliations` names.
WHO = "account,organisation,from,to\ngmartin,Example Corp,,\nvcosta,Example Corp,,2026-01-01\n"
WHO += "vcosta,Example University,2026-01-01,\nqmarino,Example University,,\n"
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
    """A command line; what it answers with an error ends the build."""
    if code := execute(list(arguments)):
        sys.exit(f"hubbub {' '.join(arguments)} ended with {code}")


def main() -> int:
    """Draw, or say what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="draw nothing; fail where stale")
    names = re.findall(r"^@view.*\ndef (\w+)", PROGRAM.read_text(encoding="utf-8"), re.MULTILINE)
    if parser.parse_args().check:
        if {path.stem for path in FOLDER.glob("*.svg")} != set(names):
            print(f"{FOLDER} is stale: make gallery", file=sys.stderr)
            return 1
        return 0
    with tempfile.TemporaryDirectory(prefix="hubbub-metrics-") as folder, chdir(folder):
        Path("who.csv").write_text(WHO, encoding="utf-8")
        Path("config.toml").write_text('[people]\naffiliations = "who.csv"\n', encoding="utf-8")
        run(*BUS, "-o", "bus.jsonl")
        run("import", "bus.jsonl", "--format", "fedmsg", "--store", "bus")
        for log, form in (("ev30-medium-clean.events", "events"), ("ct10-medium.counts", "counts")):
            file = str(LOGS / f"{log}.raw")
            run("import", file, "--format", f"notebook-{form}", "--store", "notebooks")
        for name in names:
            file = str(FOLDER / f"{name}.svg")
            more = OPTIONS.get(name, WINTER)
            run("chart", name, "--plugins", str(PROGRAM), *more, "-o", file)
    print(f"{len(names)} pictures in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
