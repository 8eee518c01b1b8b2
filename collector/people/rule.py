"""`Rule`: the compiled paths of a family of topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubbub.collector.people.paths import Path

__all__ = ["NO_RULE", "Rule"]

_MAX_KEYS = 40  # of a body whose set of keys is remembered
_MAX_SHAPE = 1_000  # characters of these keys
_MAX_SHAPES = 64  # sets of keys of a rule


class Rule(msgspec.Struct, frozen=True):
    """The compiled paths of one family; each returns a list of raw values."""

    agent: tuple[Path, ...]
    users: tuple[Path, ...]
    objects: tuple[Path, ...]
    time: tuple[Path, ...] = ()
    #: path → keys of which a body must have one; a path that is missing here suits any body
    needs: Mapping[Path, frozenset[str]] = {}
    _by_shape: dict[tuple[Any, ...], Rule] = {}  # a cache; each rule has its own

    def for_body(self, body: Any) -> Rule:
        """Return the rule without the paths that yield nothing because the body lacks their keys.

        Messages of a topic have few sets of keys, and most of the paths serve other ones.
        """
        if type(body) is not dict or len(body) > _MAX_KEYS:
            return self
        shape = tuple(body)
        reduced = self._by_shape.get(shape)
        return self._reduced(shape) if reduced is None else reduced

    def _reduced(self, shape: tuple[Any, ...]) -> Rule:
        def kept(paths: tuple[Path, ...]) -> tuple[Path, ...]:
            return tuple(
                path
                for path in paths
                if path not in self.needs or not self.needs[path].isdisjoint(shape)
            )

        reduced = Rule(kept(self.agent), kept(self.users), kept(self.objects))
        if sum(len(key) for key in shape if isinstance(key, str)) <= _MAX_SHAPE:
            if len(self._by_shape) >= _MAX_SHAPES:
                self._by_shape.clear()  # strangers choose the keys
            self._by_shape[shape] = reduced
        return reduced

    @property
    def empty(self) -> bool:
        """Whether messages of the family contain no names at all."""
        return not (self.users or self.objects or self.agent)


#: Yields nothing.
NO_RULE = Rule((), (), ())
