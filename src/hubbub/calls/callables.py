"""`Callables`: queries or views that are called by name, wherever they run.

In: a mapping from names to descriptions, and one function that calls a name. Out: an object with
`objects.NAME(parameter=value)`, `objects("NAME", …)` and `dir(objects)`. It runs nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hubbub.errors import UsageError

__all__ = ["Call", "Callables", "Described", "Objects", "UnknownNameError"]

#: Calls a function: its name, and its parameters by name.
Call = Callable[[str, Mapping[str, Any]], Any]


class UnknownNameError(UsageError, AttributeError):
    """There is no query or view of this name, or it may not be used."""


class Described(Protocol):
    """What is known of a function without calling it."""

    @property
    def doc(self) -> str:
        """The help text."""

    @property
    def public(self) -> bool:
        """Whether users may call it."""


class Callables:
    """Queries or views by name: `query.NAME(parameter=value)` or `query("NAME", …)`.

    Args:
        kind: query or view.
        functions: what there is, by name; may be looked up again for each name.
        call: calls a function.
    """

    def __init__(self, kind: str, functions: Mapping[str, Described], call: Call) -> None:
        self._kind, self._functions, self._call = kind, functions, call

    def __call__(self, name: str, /, **parameters: Any) -> Any:
        """Run the function of that name; the only way for a name with a dot.

        Raises:
            UnknownNameError: there is none.
        """
        return self._call(name, parameters)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        function = self._functions.get(name)
        if function is None or not function.public:
            raise AttributeError(
                f"there is no {self._kind} {name!r}; there are: {', '.join(dir(self))}"
            )

        def run(**parameters: Any) -> Any:
            return self._call(name, parameters)

        run.__name__ = run.__qualname__ = name
        run.__doc__ = function.doc
        return run

    def __dir__(self) -> list[str]:
        return sorted(name for name, function in self._functions.items() if function.public)

    def __repr__(self) -> str:
        return f"<{self._kind} by name: dir() lists them>"


@dataclass(frozen=True, slots=True)
class Objects:
    """The queries and the views of one place."""

    query: Callables
    view: Callables
