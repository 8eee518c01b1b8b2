"""Write a generated page, or check whether it is stale."""

import argparse
import sys
from pathlib import Path


def write_or_check(page: Path, text: str, description: str | None) -> int:
    """Write a page; with `--check` compare it. Return the exit code: 1 if the page is stale.

    Args:
        page: its file.
        text: what it has to contain.
        description: of the program, for `--help`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="only check; 1 if the page is stale")
    if not parser.parse_args().check:
        page.write_text(text)
        return 0
    if page.exists() and page.read_text() == text:
        return 0
    print(f"{page} is stale: run `make docs`", file=sys.stderr)
    return 1
