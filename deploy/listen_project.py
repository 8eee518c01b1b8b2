"""Turn a copy of pyproject.toml into that of the distribution hubbub-listen.

    python deploy/listen_project.py COPY/pyproject.toml

Building the copied tree then gives a wheel with the same modules and the command `hubbub`, which
depends only on what a listener needs (`[tool.hubbub-listen]`).
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path


def listen_project(text: str) -> str:
    """Return the project file of hubbub-listen.

    Args:
        text: of hubbub's.

    Raises:
        ValueError: a name in `[tool.hubbub-listen]` is no dependency of hubbub.
    """
    project = tomllib.loads(text)
    own = project["tool"]["hubbub-listen"]
    stated = {re.split(r"[^\w.-]", line)[0]: line for line in project["project"]["dependencies"]}
    if unknown := [name for name in own["dependencies"] if name not in stated]:
        raise ValueError(f"these are no dependencies of hubbub: {', '.join(unknown)}")
    needed = "".join(f"  {json.dumps(stated[name])},\n" for name in own["dependencies"])
    for pattern, replacement in (
        (r'^name = "hubbub"$', 'name = "hubbub-listen"'),
        (r'^description = ".*"$', f"description = {json.dumps(own['description'])}"),
        (r"^dependencies = \[.*?^\]$", f"dependencies = [\n{needed}]"),
        (r"^\[project\.optional-dependencies\]\n(?:[^\[\n].*\n)*", ""),
    ):
        found = re.compile(pattern, re.MULTILINE | (re.DOTALL if "?^" in pattern else 0))
        text, count = found.subn(replacement.replace("\\", r"\\"), text, count=1)
        if not count:
            raise ValueError(f"pyproject.toml has no line {pattern}")
    return text


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(listen_project(path.read_text()))
