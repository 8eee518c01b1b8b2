"""The sample file, and the configuration that is in effect, as TOML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubbub.config.schema import NAME, Key, Section, toml_key, toml_value

__all__ = ["MASK", "effective", "sample"]

#: Replaces what is secret.
MASK = "(secret)"
_HEAD = """\
# Configuration of hubbub: a sample of every key, each with an example as its value. All keys are
# commented out: remove the "#" before what you need. `hubbub config check` checks the file, and
# `hubbub config path` says where it belongs. Paths are relative to the file. The environment
# variable HUBBUB_SECTION_KEY (HUBBUB_STORE, HUBBUB_LISTEN_ZMQ) sets a key, too.
"""
_WIDTH = 98
#: What NAME is in the sample.
_NAMES = {"hooks": "github", "servers": "builds", "usage": "wiki", "notify": "team"}


def sample(sections: Sequence[Section]) -> str:
    """Return a file with every key as a comment."""
    lines = [_HEAD]
    for section in sections:
        if section.name:
            name = section.name
            for part, chosen in _NAMES.items():
                name = name.replace(f"{part}.{NAME}", f"{part}.{chosen}")
            heading = section.heading.replace(section.name, name)
            lines += ["", *_comment(section.doc), f"# {heading}"]
        for key in section.keys:
            default = f" (default: {key.default})" if key.default else ""
            lines += ["", *_comment(f"{key.doc}{default}")]
            lines.append(f"# {toml_key(key.name)} = {toml_value(key.example)}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"## {line}" for line in textwrap.wrap(text, _WIDTH - 3)]


def effective(
    table: Mapping[str, Any],
    sections: Sequence[Section],
    origin: Mapping[tuple[str, str], str],
    *,
    everything: bool = False,
) -> str:
    """Return the keys that are set as TOML, each with its origin; secrets are masked.

    Args:
        table: the configuration.
        sections: its keys.
        origin: of keys that the file does not set, by section and name.
        everything: also write the keys that are not set, as comments.
    """
    blocks = []
    for section in sections:
        for heading, values in _instances(table, section):
            lines = list(_lines(section, values, origin, everything=everything))
            if lines:
                blocks.append("\n".join([heading, *lines] if heading else lines))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _instances(table: Mapping[str, Any], section: Section) -> Iterator[tuple[str, Any]]:
    """Yield a heading and the values of each table of a section."""
    first, _, own = section.name.partition(".")
    values = table.get(first, {})
    if not first:
        yield "", table
    elif own == NAME:
        for name, value in values.items():
            yield f"[{first}.{toml_key(name)}]", {"url": value} if isinstance(value, str) else value
    elif section.repeatable:
        yield from ((section.heading, value) for value in values)
    else:
        yield section.heading, values


def _lines(
    section: Section,
    values: Mapping[str, Any],
    origin: Mapping[tuple[str, str], str],
    *,
    everything: bool,
) -> Iterator[str]:
    for key in section.keys:
        if key.name in values:
            value = MASK if key.secret else _masked(values[key.name], key)
            source = origin.get((section.name, key.name))
            yield f"{toml_key(key.name)} = {toml_value(value)}" + (
                f"  # {source}" if source else ""
            )
        elif everything:
            yield f"# {toml_key(key.name)} = {key.default or 'not set'}"


def _masked(value: Any, key: Key) -> Any:
    """Return a value without the passwords in its addresses."""
    if isinstance(value, list):
        return [_masked(item, key) for item in value]
    if isinstance(value, str) and "://" in value and "@" in value:
        scheme, _, rest = value.partition("://")
        user, _, host = rest.rpartition("@")
        return f"{scheme}://{user.partition(':')[0]}:{MASK}@{host}" if ":" in user else value
    return value
