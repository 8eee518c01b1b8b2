"""Values of filters that match nothing in the whole store, and the stored names that are near.

A misspelt name gives an empty answer, which looks like an answer: that nothing was done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from hubbub.store.query.engine import brought_here
from hubbub.store.query.globs import matches
from hubbub.store.query.selection import Selection

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.store import Store

__all__ = ["Unmatched", "unmatched"]

_NEAR = 3  # names that are offered
_COMPARED = 500_000  # names that are compared
_LIKE = 0.8  # Jaro-Winkler similarity from which a name is near
_SLIP = 0.9  # similarity at least, where one letter is wrong, missing or in the wrong place
_LONGEST = 200  # characters of a value that are compared
_WILDCARDS = re.compile(r"\[[^\]]*\]|[*?\[]")
_PARTED = frozenset({"topic", "action", "object"})  # names that consist of parts


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A value that matches nothing."""

    filter: str  # the name of the filter: topic, not_user, …
    noun: str  # what the value should match: topic, user, agent, …
    value: str
    near: tuple[str, ...]  # stored names, the nearest first

    def document(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self) | {"near": [*self.near]}

    def __str__(self) -> str:
        near = f"; near: {', '.join(self.near)}" if self.near else ""
        option = f" (--{self.filter.replace('_', '-')})" if self.filter != self.noun else ""
        return f"no {self.noun} matches {self.value!r}{option}{near}"


def unmatched(
    store: Store, given: Mapping[str, Sequence[str]], by: Literal["agent", "users"]
) -> Iterator[Unmatched]:
    """Yield the values that match nothing in the store, whatever the range.

    Rollups answer for all but actions where they can, so that a name counts as long as a query can
    count it.

    Args:
        store: an open store.
        given: globs by the name of their filter; any other name stands for users.
        by: which accounts are users.
    """
    events = store.events(Selection(by=by))
    for name, globs in given.items():
        if name in {"topic", "category"}:
            names = events.daily_topics(summed=False).select(value=name)
        elif name == "object":
            from hubbub.store.query.months.totals import object_totals

            names = object_totals(events).select(value="object")
        elif name == "action":
            names = events.stored.select(value="action")
        else:
            names = events.weekly_users().select(value="user")
        is_user = name not in {"topic", "category", "object", "action"}
        noun = ("agent" if by == "agent" else "user") if is_user else name
        for glob in globs:
            wanted = events.persons.widened([glob]) if is_user else [glob]
            if not names.filter(matches(names.value, wanted)).limit(1).to_pyarrow().num_rows:
                near = _near(store.backend, names, glob, parted=name in _PARTED)
                yield Unmatched(name, noun, glob, near)


@cache
def _similarity() -> Any:
    import ibis

    @ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
    def jaro_winkler_similarity(one: str, other: str) -> float:  # type: ignore[empty-body]
        ...

    @ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
    def damerau_levenshtein(one: str, other: str) -> int:  # type: ignore[empty-body]
        ...

    def similarity(name: Any, text: str) -> Any:
        slip = damerau_levenshtein(name, text) == 1 if len(text) > 1 else ibis.literal(value=False)
        return ibis.greatest(jaro_winkler_similarity(name, text), ibis.ifelse(slip, _SLIP, 0.0))

    return similarity


def _near(backend: Any, names: ir.Table, glob: str, *, parted: bool) -> tuple[str, ...]:
    """Return the stored names that contain the glob's text or resemble it, the nearest first."""
    import ibis

    text = _WILDCARDS.sub("", glob)[:_LONGEST].strip("./ ").lower()
    if not text:
        return ()
    like = _similarity()
    known = names.filter(names.value.notnull()).distinct()
    known = brought_here(backend, known.order_by("value").limit(_COMPARED))
    lower = known.value.lower()
    score = like(lower, text)
    if parted:  # `*.gti.*` is meant to match a part of a topic
        parts = lower.re_split(r"[./]").map(lambda part: like(part, text))
        score = ibis.greatest(score, parts.maxs() * 0.99)  # a whole name is nearer
    score = ibis.ifelse(lower.contains(text), 1.0 + score, score)
    scored = known.mutate(score=score)
    nearest = scored.filter(scored.score >= _LIKE).order_by(ibis.desc("score"), "value")
    found: list[str] = nearest.limit(_NEAR).to_pyarrow()["value"].to_pylist()
    return tuple(found)
