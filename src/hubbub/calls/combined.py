"""`combine`: several places that answer as one; the first that has a name answers.

In: objects with queries and views. Out: one of the same shape. A place that does not answer does
not hide the names of others; only a name that no other server has is an error that names it.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

from hubbub.calls.adapt import Functions, functions_of, kind_of, parts_of
from hubbub.calls.callables import Callables, Described, Objects, UnknownNameError
from hubbub.errors import RemoteError, UsageError

__all__ = ["combine", "merge"]


class _First(Mapping[str, Described]):
    """The functions of several places, by name of the first that has it."""

    def __init__(self, kind: str, places: tuple[Functions, ...]) -> None:
        self._kind, self._places = kind, places

    def place(self, name: str) -> Functions | None:
        """Return the first place that has the name; None if all say that they do not.

        Raises:
            RemoteError: none that answers has it, and this one does not answer.
        """
        away: RemoteError | None = None
        for place in self._places:
            try:
                if place.has(name):
                    return place
            except RemoteError as error:
                away = away or error
        if away is None:
            return None
        raise away.about(f"no other server has the {self._kind} {name!r}, and this one is needed")

    def __getitem__(self, name: str) -> Described:
        place = self.place(name)
        if place is None:
            raise KeyError(name)
        return place.described[name]

    def _reachable(self) -> dict[str, Described]:
        found: dict[str, Described] = {}
        for place in self._places:
            try:
                for name, function in place.described.items():
                    found.setdefault(name, function)
            except RemoteError:  # said when a name is asked for that only this place can have
                continue
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._reachable()))

    def items(self) -> ItemsView[str, Described]:
        """Return what there is; a place that does not answer has nothing."""
        return self._reachable().items()

    def __len__(self) -> int:
        return len(self._reachable())


def merge(kind: str, objects: list[Any]) -> Callables:
    """Return one object for the queries, or the views, of several places.

    Args:
        kind: query or view.
        objects: the query objects, or the view objects, in the order in which they are asked.
    """
    first = _First(kind, tuple(map(functions_of, objects)))

    def call(name: str, parameters: Mapping[str, Any]) -> Any:
        place = first.place(name)
        if place is None:
            raise UnknownNameError(
                f"there is no {kind} {name!r}", hint=f"there are: {', '.join(first)}"
            )
        return place.call(name, parameters)

    return Callables(kind, first, call)


def combine(*objects: Any) -> Any:
    """Return the queries and views of several places as one; the first that has a name answers.

    Args:
        objects: what `open`, `connect`, `restrict` or `combine` returned, or the `query` or the
            `view` of each.

    Returns:
        An object with `query` and `view`, or only one of them if only these were given.

    Raises:
        UsageError: none was given, or one has no queries and views.
    """
    if not objects:
        raise UsageError("combine needs at least one store or server")
    kinds = {kind_of(each) for each in objects}
    if len(kinds) == 1 and (kind := next(iter(kinds))) is not None:
        return merge(kind, list(objects))
    found = []
    for each in objects:
        parts = parts_of(each)
        if parts is None:
            raise UsageError(
                f"{each!r} has no query and view", hint="give what open or connect returned"
            )
        found.append(parts)
    return Objects(
        merge("query", [query for query, _ in found]), merge("view", [view for _, view in found])
    )
