"""The command line that gives the same as a page."""

from __future__ import annotations

import shlex

from hubbub.live.server.answers.parameters import Parameters
from hubbub.live.server.explore.described import Described

__all__ = ["command"]

_NO = frozenset({"0", "f", "false", "n", "no", "off"})


def command(described: Described, values: Parameters) -> str:
    """Return the command, quoted for a shell.

    Args:
        described: the query or view.
        values: its parameters, as `canonical` returns them.
    """
    words = ["hubbub", "query" if described.kind == "query" else "chart", described.name]
    known = {asked.name: asked for asked in described.asked}
    for name, texts in values.items():
        flag = name.replace("_", "-")
        if name in known and known[name].word == "yes or no" and not known[name].many:
            words.append(f"--no-{flag}" if texts[-1].lower() in _NO else f"--{flag}")
            continue
        for text in texts:
            # a value that begins with a dash would be read as an option
            words += [f"--{flag}={text}"] if text.startswith("-") else [f"--{flag}", text]
    if described.kind == "view":
        words += ["-o", f"{described.name}.svg"]
    return shlex.join(words)
