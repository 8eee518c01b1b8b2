"""Docstrings of queries, views and jobs, for help texts, pages and `/openapi.json`."""

from __future__ import annotations

import re

__all__ = ["as_parameters", "split_docstring"]

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes):\s*$")
_ARGUMENT = re.compile(r"^ {4}(\w+)(?: \([^)]*\))?: (.*)$")
_OPTION = re.compile(r"--([a-z][a-z0-9-]*)")


def as_parameters(text: str) -> str:
    """Name parameters as they are written in an address: `not_user` for `--not-user`."""
    return _OPTION.sub(lambda match: match[1].replace("-", "_"), text)


def split_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Split a Google-style docstring into its text and the description of each argument."""
    text: list[str] = []
    arguments: dict[str, str] = {}
    section = last = ""
    for line in doc.splitlines():
        if match := _SECTION.match(line):
            section, last = match[1], ""
        elif section and line and not line.startswith(" "):
            section = ""
            text.append(line)
        elif not section:
            text.append(line)
        elif section == "Args":
            if match := _ARGUMENT.match(line):
                last = match[1].removesuffix("_")  # `from_`, which would be a keyword
                arguments[last] = match[2].strip()
            elif last and line.strip():
                arguments[last] += f" {line.strip()}"
    return "\n".join(text).strip(), arguments
