"""The filters of a request, held against what the store has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from hubbub.registry import Function
from hubbub.run.scope import CommonOptions
from hubbub.store.query.selection import FILTERS
from hubbub.store.query.unmatched import Unmatched, unmatched

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["FilterCheck"]

#: Own parameters of queries that take accounts.
_ACCOUNTS = frozenset({"without"})


class FilterCheck:
    """Finds the values of filters that match nothing; each value is looked up once.

    Args:
        store: an open store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str, str], Unmatched | None] = {}

    def unmatched(
        self, function: Function, stated: Mapping[str, Any], scope: CommonOptions, by: str
    ) -> list[Unmatched]:
        """Return the values that match nothing.

        Args:
            function: the query or view; a job has no filters of this kind.
            stated: the parameters of the request; of these, the function's own filters.
            scope: the common filters that apply to the function.
            by: `agent` or `users`.
        """
        if function.kind == "cron":
            return []
        given = {name: tuple(getattr(scope, name)) for name in FILTERS}
        for parameter in function.parameters:
            name, value = parameter.name, stated.get(parameter.name)
            if (name in FILTERS or name in _ACCOUNTS) and value:
                values = (value,) if isinstance(value, str) else value
                given[name] = tuple(text for text in values if isinstance(text, str))
        kind: Literal["agent", "users"] = "agent" if by == "agent" else "users"
        new = {
            name: [glob for glob in dict.fromkeys(globs) if (name, glob, kind) not in self._known]
            for name, globs in given.items()
        }
        new = {name: globs for name, globs in new.items() if globs}
        if new:
            self._known |= {(n, glob, kind): None for n, globs in new.items() for glob in globs}
            for value in unmatched(self._store, new, kind):
                self._known[value.filter, value.value, kind] = value
        keys = [(name, glob, kind) for name, globs in given.items() for glob in globs]
        return [found for key in keys if (found := self._known[key]) is not None]
