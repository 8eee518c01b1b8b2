"""Globs of the command line as Ibis predicates: `*`, `?`, `[abc]`, `[!abc]`; case matters.

Comes in: a text column and globs. Goes out: a predicate. It knows no engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["fits", "literal", "matches", "pattern"]


def pattern(glob: str) -> str | None:
    """The glob as a regular expression of RE2 (whole text); None where it is a plain text."""
    if not re.search(r"[*?\[]", glob):
        return None
    out, at = "", 0
    while at < len(glob):
        char = glob[at]
        inside = _BRACKETS.match(glob, at) if char == "[" else None
        if inside and (characters := _characters(inside[1])):
            out += characters
            at = inside.end()
            continue
        out += {"*": ".*", "?": "."}.get(char, re.escape(char))
        at += 1
    return f"(?s)^(?:{out})$"


def fits(text: str, globs: Iterable[str]) -> bool:
    """Whether a text matches one of the globs, as `matches` says of a column."""
    for glob in globs:
        expression = pattern(glob)
        if text == glob if expression is None else re.search(expression, text):
            return True
    return False


def literal(text: str) -> str:
    """The glob that matches this text and no other."""
    return re.sub(r"[*?\[]", r"[\g<0>]", text)


_BRACKETS = re.compile(r"\[(!?[^!\]][^\]]*)\]")


def _characters(inside: str) -> str | None:
    """The expression for what stands in brackets; None where it is a range that runs backwards."""
    negated = inside.startswith("!")
    out = f"[{'^' * negated}{re.sub(_SPECIAL, _QUOTED, inside[negated:])}]"
    try:
        re.compile(out)
    except re.error:
        return None
    return out


_SPECIAL, _QUOTED = r"([\\\[\]^&~|])", r"\\\1"


def matches(text: Any, globs: Sequence[str]) -> Any:
    """Whether a text column matches one of the globs; never null.

    Args:
        text: an Ibis text column.
        globs: at least one.
    """
    import ibis

    plain = [g for g in globs if pattern(g) is None]
    rest = [p for p in map(pattern, globs) if p is not None]
    found = [text.isin(plain)] if plain else []
    found += [text.re_search(p) for p in rest]
    return ibis.or_(*found).fill_null(False)  # noqa: FBT003 - Ibis' signature
