"""Taking apart what a user gives to `combine` or `restrict`.

In: an object with `query` and `view` (of `open`, `connect`, `combine`, `restrict`), one of these
two, or any object whose public methods are to be called by name. Out: `Functions`, or None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hubbub.calls.callables import Call, Callables, Described

__all__ = ["Functions", "functions_of", "kind_of", "parts_of"]


@dataclass(frozen=True, slots=True)
class _Method:
    """A method of an object that is no `Callables`."""

    doc: str
    public: bool = True


class _Methods(Mapping[str, Described]):
    """The public methods of any object."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getitem__(self, name: str) -> Described:
        method = None if name.startswith("_") else getattr(self._target, name, None)
        if not callable(method):
            raise KeyError(name)
        return _Method(method.__doc__ or "")

    def __iter__(self) -> Iterator[str]:
        return (name for name in dir(self._target) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Functions:
    """Functions of one kind: what there is, and how to call it."""

    described: Mapping[str, Described]
    call: Call

    def has(self, name: str) -> bool:
        """Whether there is a public function of this name.

        Raises:
            RemoteError: the server that would know does not answer.
        """
        function = self.described.get(name)
        return function is not None and function.public

    def names(self) -> list[str]:
        """Return the public names, sorted."""
        return sorted(name for name, function in self.described.items() if function.public)


def functions_of(target: Any) -> Functions:
    """Return the functions of a query or view object."""
    if isinstance(target, Callables):
        parts = vars(target)
        return Functions(parts["_functions"], parts["_call"])

    def call(name: str, parameters: Mapping[str, Any]) -> Any:
        return getattr(target, name)(**parameters)

    return Functions(_Methods(target), call)


def kind_of(target: Any) -> str | None:
    """Return whether `target` is a query or a view object; None: it is neither."""
    return vars(target)["_kind"] if isinstance(target, Callables) else None


def parts_of(target: Any) -> tuple[Any, Any] | None:
    """Return the query and the view object of `target`; None if it is one of them itself."""
    if isinstance(target, Callables):
        return None
    query, view = getattr(target, "query", None), getattr(target, "view", None)
    return None if query is None or view is None else (query, view)
