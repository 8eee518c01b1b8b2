"""Globs as Ibis predicates, for any engine: `*`, `?`, `[abc]`, `[!abc]`; case-sensitive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["fits", "literal", "matches", "pattern"]


def pattern(glob: str) -> str | None:
    """Translate a glob to an RE2 expression for the whole text; None if it is a plain text."""
    if not re.search(r"[*?\[]", glob):
        return None
    out, i = "", 0
    while i < len(glob):
        char = glob[i]
        brackets = _BRACKETS.match(glob, i) if char == "[" else None
        if brackets and (characters := _character_class(brackets[1])):
            out += characters
            i = brackets.end()
            continue
        out += {"*": ".*", "?": "."}.get(char, re.escape(char))
        i += 1
    return f"(?s)^(?:{out})$"


def fits(text: str, globs: Iterable[str]) -> bool:
    """Whether a text matches one of the globs: `matches` for a single value."""
    for glob in globs:
        expression = pattern(glob)
        if text == glob if expression is None else re.search(expression, text):
            return True
    return False


def literal(text: str) -> str:
    """Escape a text: return the glob that matches it and no other."""
    return re.sub(r"[*?\[]", r"[\g<0>]", text)


_BRACKETS = re.compile(r"\[(!?[^!\]][^\]]*)\]")


def _character_class(inside: str) -> str | None:
    """Translate the content of brackets; None if it has a reversed range."""
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
    expressions = [p for p in map(pattern, globs) if p is not None]
    predicates = [text.isin(plain)] if plain else []
    predicates += [text.re_search(p) for p in expressions]
    return ibis.or_(*predicates).fill_null(False)  # noqa: FBT003 - Ibis' signature
