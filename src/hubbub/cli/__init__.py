"""The command line: one module for each command, imported on use."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the `hubbub` command and exit with one of the documented exit codes."""
    from hubbub.cli.root import run

    run()
