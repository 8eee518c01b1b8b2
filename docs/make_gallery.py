"""Draw docs/gallery: every built-in view of the simulated bus, and the command that draws it.

The output is deterministic: the simulated past never changes, and the range is fixed. `--check`
writes nothing and fails if the page or the set of pictures is out of date.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from hubbub.charts.report.selection import builtin
from hubbub.cli.root import execute
from hubbub.plugins import load_builtins
from hubbub.registry import REGISTRY

FOLDER = Path(__file__).parent / "gallery"
SINCE, UNTIL, END = "2025-12-01", "2026-04-01", "2026-04-02"
# The bus ends a day after the range: the newest minutes of a history may still change.
BUS = ["simulate", "--days", "122", "--per-day", "300", "--seed", "3", "--until", END]
PORT = "8085"  # fixed, because the view `coverage` shows it
PROGRAM = "import sys; from hubbub.cli import main; sys.exit(main())"
OPTIONS = {"longtail": ["--window", "7d", "--step", "1d"]}
# Requests of a web server are in a separate store.
LOG = ["simulate", "--format", "access-log", "--days", "2", "--per-day", "8000", "--seed", "3"]
LOG += ["--burst", "--until", UNTIL, "-o", "access.log"]
IMPORT = ["import", "access.log", "--format", "access-log", "--store", "web"]
WEB = {"traffic": ["--store", "web"]}
INTRODUCTION = f"""\
# Gallery

Drawn by `docs/make_gallery.py` (`make gallery`) from the simulated bus; do not edit. The pictures
follow the reader's screen, light or dark; how to publish them is in [publish.md](../publish.md).

```sh
hubbub {" ".join(BUS)} --history {PORT} &
hubbub gather --url http://127.0.0.1:{PORT} --since {SINCE} --until {END}
hubbub {" ".join(LOG)}
hubbub {" ".join(IMPORT)}
```
"""


def options(view: str) -> list[str]:
    """Return the options of the command that draws a view."""
    return WEB.get(view) or ["--since", SINCE, "--until", UNTIL, *OPTIONS.get(view, [])]


def page(views: list[str]) -> str:
    """Return the page: description, picture and command of each view."""
    parts = [INTRODUCTION]
    for view in views:
        svg = (FOLDER / f"{view}.svg").read_text(encoding="utf-8")
        title = re.search(r"<title [^>]*>([^<]*)</title>", svg)
        assert title is not None
        command = " ".join(["hubbub chart", view, *options(view), "-o", f"{view}.svg"])
        doc = (REGISTRY.views[view].doc or "").partition("\n")[0]
        parts.append(
            f"## `{view}`\n\n{doc}\n\n![{title[1]}]({view}.svg)\n\n```sh\n{command}\n```\n"
        )
    return "\n".join(parts)


def run(*arguments: str) -> None:
    """Run a hubbub command; exit if it fails."""
    if code := execute(list(arguments)):
        sys.exit(f"hubbub {' '.join(arguments)} ended with {code}")


def draw(views: list[str]) -> None:
    """Start a simulated history server, gather from it, and draw the views."""
    program = [sys.executable, "-c", PROGRAM, *BUS, "--history", PORT]
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-gallery-") as folder,
        chdir(folder),
        subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as bus,  # noqa: S603 (hubbub)
    ):
        os.environ |= {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}
        try:
            assert bus.stdout is not None
            url = bus.stdout.readline().partition(" ")[2].strip()
            if not url:
                sys.exit(f"the simulated bus did not start: is port {PORT} in use?")
            run("gather", "--url", url, "--since", SINCE, "--until", END, "--jobs", "2")
        finally:
            bus.terminate()
        run(*LOG)
        run(*IMPORT)
        FOLDER.mkdir(exist_ok=True)
        for view in views:
            run("chart", view, *options(view), "-o", str(FOLDER / f"{view}.svg"))


def main() -> int:
    """Draw the gallery, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    check = parser.parse_args().check
    load_builtins()
    views = builtin(REGISTRY)
    pictures = {path.stem for path in FOLDER.glob("*.svg")}
    file = FOLDER / "README.md"
    if check:
        if pictures != set(views) or not file.is_file() or file.read_text() != page(views):
            print(f"{FOLDER} is out of date: run `make gallery`", file=sys.stderr)
            return 1
        return 0
    draw(views)
    for name in pictures - set(views):
        (FOLDER / f"{name}.svg").unlink()
    file.write_text(page(views), encoding="utf-8")
    print(f"{len(views)} views in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
