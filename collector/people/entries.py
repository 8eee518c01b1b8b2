"""The entries of rules: paths, some of them with a condition."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate
from typing import Any

import msgspec

from hubbub.collector.people.paths import Path, Source, compile_path
from hubbub.errors import UsageError

__all__ = [
    "Condition",
    "Conditional",
    "Test",
    "compile_conditions",
    "compile_entry",
    "globs_pattern",
]

Test = Callable[[Source], bool]
_SPECIAL = re.compile(r"[*?\[]")  # in a glob


class Conditional(msgspec.Struct, forbid_unknown_fields=True):
    """A path that is used only if the first value at `when` matches one of `is`, none of `not`."""

    path: str
    when: str | None = None
    patterns: list[str] = msgspec.field(name="is", default_factory=list)
    unwanted: list[str] = msgspec.field(name="not", default_factory=list)


class Condition(msgspec.Struct, forbid_unknown_fields=True):
    """Holds if the first value at the path matches one of `is` and none of `not`."""

    path: str
    patterns: list[str] = msgspec.field(name="is", default_factory=list)
    unwanted: list[str] = msgspec.field(name="not", default_factory=list)


def globs_pattern(globs: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that matches what one of the globs does; nothing if there is none."""
    return re.compile("|".join(translate(glob) for glob in globs) or r"(?!)")


def _first_text(path: Path, source: Source) -> str | None:
    """Return the first value in lower case, "" if there is none, None if it is no text."""
    values = path(source)
    value: Any = values[0] if values else ""
    if isinstance(value, bool | int):
        value = str(value)
    return value.lower() if isinstance(value, str) else None


def _test(text: str, wanted: Sequence[str], unwanted: Sequence[str] = ()) -> Test:
    path = compile_path(text)
    accepts = _accepts(wanted) if wanted else None
    refuses = _accepts(unwanted) if unwanted else None

    def holds(source: Source) -> bool:
        value = _first_text(path, source)
        if value is None or (refuses is not None and refuses(value)):
            return False
        return accepts is None or accepts(value)

    return holds


def _accepts(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a text in lower case matches one of the globs; most are plain words."""
    lower = frozenset(glob.lower() for glob in globs)
    if not any(_SPECIAL.search(glob) for glob in lower):
        return lower.__contains__
    match = globs_pattern(sorted(lower)).match
    return lambda text: match(text) is not None


def compile_entry(entry: str | Conditional) -> Path:
    """Compile an entry of a rule.

    Raises:
        UsageError: an invalid path, or a condition without one of its parts.
    """
    if isinstance(entry, str):
        return compile_path(entry)
    path = compile_path(entry.path)
    if (entry.when is None) != (not entry.patterns and not entry.unwanted):
        raise UsageError(f"the condition of {entry.path!r} needs `when`, and `is` or `not`")
    if entry.when is None:
        return path
    holds = _test(entry.when, entry.patterns, entry.unwanted)
    return lambda source: path(source) if holds(source) else []


def compile_conditions(conditions: Sequence[Condition]) -> Test:
    """Compile conditions of which all must hold.

    Raises:
        UsageError: an invalid path, or a condition without globs.
    """
    for condition in conditions:
        if not (condition.patterns or condition.unwanted):
            raise UsageError(f"the condition of {condition.path!r} needs `is` or `not`")
    tests = [_test(c.path, c.patterns, c.unwanted) for c in conditions]
    return lambda source: all(holds(source) for holds in tests)
