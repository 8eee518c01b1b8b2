"""The command line: one module for each command, imported on use."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

__all__ = ["main"]


def main() -> None:
    """Run the `hubbub` command and exit with one of the documented exit codes."""
    codes: list[int] = []
    atexit.register(_end_process, codes)  # before all others, so that it is called after them

    from hubbub.cli.root import run

    try:
        run()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            codes.append(ended.code)
        raise


def _end_process(codes: list[int]) -> None:
    """End the process with the exit code of the command, if it has ended.

    Otherwise the interpreter would take every object apart: a quarter of a short query.
    """
    for code in codes:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # the command has failed, and has said so: its code counts
                stream.flush()
        os._exit(code)
